"""Which of Kling's two wires carries a request. Decided here by model, features and credential, never by the agent.

The old wire carries whatever it can: it takes either credential and has the longer history. What only the new one has
goes there. Contract: video.md section 1 and parts A, B and C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.model_facts import MODELS
from kling_mcp.operations.omni_facts import OMNI_MODELS
from kling_mcp.providers import official_v2
from kling_mcp.providers.base import Request
from kling_mcp.providers.v2_prompt import shots_are_written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from kling_mcp.providers.base import Wire

OLD_PROMPT_MAX = 2500
"""Longest prompt on the old wire, wherever the new one takes longer. Contract: video.md A1 to A5."""

_NEEDS_KEY = (
    "takes an API key and no KLING_ACCESS_KEY/KLING_SECRET_KEY pair (create a key at https://kling.ai/dev/api-key and "
    "set KLING_API_KEY)"
)


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """Why a wire cannot carry a request.

    Attributes:
        field: The argument at fault.
        what: What cannot run, as the beginning of a sentence.
        why: The rest of a sentence about the wire.
        instead: What to change so that this wire can, a sentence without its capital.
    """

    field: str
    what: str
    why: str
    instead: str


def routed(
    path: str,
    body: Mapping[str, Any],
    wires: AbstractSet[Wire],
    *,
    nameless: bool = False,
    prefers_newer: bool = False,
) -> Request:
    """The request as the chosen wire wants it.

    Args:
        path: Legacy path.
        body: Legacy body.
        wires: Those the credential opens.
        nameless: Whether Kling takes no id of ours with it on the old wire. The new one always takes one.
        prefers_newer: Whether the new wire shall carry it if it can, although the old one might.

    Raises:
        InvalidRequest: Neither wire carries it; the sentence says why of each.
    """
    old, new = _old_obstacle(path, body), official_v2.obstacle(path, body)
    opens_new = new is None and "v2" in wires
    if old is None and "v1" in wires and not (prefers_newer and opens_new):
        return Request("v1", path, body, nameless=nameless)
    if opens_new:
        return Request("v2", *official_v2.rewritten(path, body))
    old = old or _Obstacle("", "This request", "is closed to this credential", "set another credential.")
    way_out = f"{old.instead[0].upper()}{old.instead[1:]}" if new else f"Or {old.instead}"
    raise InvalidRequest.one(
        old.field,
        f"{old.what} cannot run here. Kling's older API {old.why}; its newer one {new or _NEEDS_KEY}. {way_out}",
    )


def _old_obstacle(path: str, body: Mapping[str, Any]) -> _Obstacle | None:
    if path not in official_v2.ENCODERS:
        return None  # the old wire alone has it
    name, length = body.get("model_name", ""), len(body.get("prompt", ""))
    facts = MODELS.get(name) or OMNI_MODELS.get(name)
    if facts is not None and "v1" not in facts.wires:
        instead = next(each for each in MODELS.values() if "v1" in each.wires)
        return _Obstacle(
            "model_name", f"'{name}'", "does not have it", f"choose another model_name, for example {instead.name}."
        )
    if length > OLD_PROMPT_MAX and not shots_are_written(body):
        return _Obstacle(
            "prompt",
            f"A prompt of {length} characters",
            f"takes at most {OLD_PROMPT_MAX}",
            f"shorten the prompt to {OLD_PROMPT_MAX} characters.",
        )
    return None
