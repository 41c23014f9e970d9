"""How a clip is continued, decided by what is known of it.

Contract: video.md A7 and part C.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from kling_mcp.operations.model_facts import DEFAULT_VIDEO_MODEL, MODELS
from kling_mcp.operations.sources import Reference, facts_of

if TYPE_CHECKING:
    from kling_mcp.operations.model_facts import ModeFacts, ModelFacts
    from kling_mcp.operations.sources import SourceFacts

Way = Literal["native", "continuation"]

EXTENDED_BY_KLING = frozenset({"kling-v1", "kling-v1-5", "kling-v1-6"})
"""Models whose clips Kling extends."""
WITHOUT_STEERING = frozenset({"kling-v1"})
"""Those it extends without negative_prompt and cfg_scale."""
MADE_BY = frozenset({"generate_video", "extend_video", "native_extend", None})
"""What may have made the clip; None: not known."""
MOST_EXTENDED_S = 175.0
"""Longest clip that may still be extended: the whole may have 3 minutes, and at most 5 s are added."""

_DEFAULT_MODES = {
    "generate_video": "std",
    "generate_omni_video": "pro",
    "motion_control": "std",
    "multi_image_to_video": "std",
}
"""What a tool makes where no mode is asked for."""

_SHORT_SIDES = ((2000, "4k"), (1000, "pro"))
"""A clip whose shorter side has so many pixels was made in this mode: 720p std, 1080p pro; square clips are larger."""


def way_of(video: object) -> Way | None:
    """How this clip is continued; None for a result of ours that is not looked up yet.

    Of a bare id of Kling's neither the model nor a frame is known: only Kling can continue it.
    """
    if isinstance(video, Reference):
        return None
    facts = facts_of(video)
    if facts is None:
        return "native"
    extendable = facts.kling_id and facts.model_name in EXTENDED_BY_KLING and facts.tool in MADE_BY
    return "native" if extendable else "continuation"


def continuing_model(facts: SourceFacts) -> ModelFacts:
    """The model that continues a clip from its last frame: its own where that is current and starts from one."""
    own = MODELS.get(facts.model_name or "")
    if own is None or own.retired or "image2video" not in own.endpoints:
        return MODELS[DEFAULT_VIDEO_MODEL]
    return own


def mode_of(facts: SourceFacts) -> str | None:
    """The mode a clip was made in: as it was asked for, else by its size; None where neither tells."""
    if facts.mode:
        return facts.mode
    if facts.tool in _DEFAULT_MODES:
        return _DEFAULT_MODES[facts.tool]
    if facts.width is None or facts.height is None or facts.model_name in WITHOUT_STEERING:
        return None  # both modes of kling-v1 have 720p
    short = min(facts.width, facts.height)
    return next((mode for least, mode in _SHORT_SIDES if short >= least), "std")


def sound_of(facts: SourceFacts, model: ModelFacts, row: ModeFacts | None) -> str | None:
    """Whether the continuation has sound: as the clip, where the model can; None where there is nothing to say."""
    if not facts.sound or model.always_sound or row is None or not row.sound:
        return None
    return "on"
