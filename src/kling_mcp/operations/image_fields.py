"""The types of arguments that the image tools share. Cross-checks between arguments are rules."""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from kling_mcp.operations.fields import NotBool, Tight
from kling_mcp.operations.image_facts import ALIASES, MODELS, TOOLS, Endpoint
from kling_mcp.operations.model_names import model_name

Prompt = Annotated[str, Field(max_length=2500), Tight]
"""What to make. Contract: image-audio-general.md section 2."""

Count = Annotated[int, Field(ge=1, le=9), NotBool]
"""How many pictures. Contract: image-audio-general.md section 2."""

AspectRatio = Literal["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9"]
"""The shapes every image model makes. Contract: image-audio-general.md section 16."""


def lower(value: object) -> object:
    """A word as Kling writes it."""
    return value.strip().lower() if isinstance(value, str) else value


def model_of(endpoint: Endpoint) -> BeforeValidator:
    """A check for the name of a model of this endpoint, which understands other spellings.

    A retired model passes: Kling may still serve it, and refuses it free of charge.
    """
    rows = MODELS[endpoint]
    elsewhere = {name: TOOLS[other] for other, others in MODELS.items() for name in others if name not in rows}
    retired = [name for name, facts in rows.items() if facts.retired]
    return BeforeValidator(
        model_name(TOOLS[endpoint], tuple(rows), aliases=ALIASES, retired=retired, elsewhere=elsewhere)
    )
