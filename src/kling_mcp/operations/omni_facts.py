"""What the two omni models can do: one table. Nothing else decides it.

Contract: video.md A3, B5, B6, and the omni rows of capabilities.json. Where the pages of the old and the new wire name
different limits, the wider one stands here: what Kling refuses is free, what we refuse it might have taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from kling_mcp.operations.clips import VideoLimits

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class OmniFacts:
    """One model of ``generate_omni_video``.

    Attributes:
        name: What the agent writes, and the legacy ``model_name``.
        wires: Who can carry it, the preferred first.
        v2_name: Its path segment on the new wire.
        modes: Accepted modes.
        durations: Clip lengths accepted, in whole seconds.
        sure_durations: Those all of Kling's pages allow without a plain reference picture (F.2).
        prompt_max: Longest prompt on the old wire, in characters.
        v2_prompt_max: Longest prompt on the new wire.
        sound: Whether a clip can have native sound.
        multi_shot: Whether one clip can have several shots.
        video_characters: Whether elements made from a video are taken.
        frames_with_elements: Whether elements and plain pictures go with a first and a last frame together.
        last_with_feature: Whether a last frame goes with a feature video.
        video: What a given video must be like.
        old_video: The same on the pages of the old wire, which are older and narrower.
    """

    name: str
    wires: tuple[Literal["v1", "v2"], ...]
    v2_name: str
    modes: tuple[str, ...]
    durations: tuple[int, ...]
    sure_durations: tuple[int, ...]
    prompt_max: int
    v2_prompt_max: int
    sound: bool
    multi_shot: bool
    video_characters: bool
    frames_with_elements: bool
    last_with_feature: bool
    video: VideoLimits
    old_video: VideoLimits


DEFAULT_OMNI_MODEL = "kling-v3-omni"
"""Used when the agent names none. Kling's own default is kling-video-o1."""

MAX_ELEMENTS_WITH_FRAMES = 3
MAX_REFERENCES = 7
"""Plain pictures and elements together, without a video."""
MAX_REFERENCES_WITH_VIDEO = 4
"""The same beside a video."""
SURE_REFERENCES_OF_MIXED_KINDS = 4
"""The same without a video, but with elements made from a video among them."""

_3_TO_15 = tuple(range(3, 16))
_3_TO_10 = tuple(range(3, 11))

_TABLE = (
    OmniFacts(
        "kling-v3-omni",
        ("v1", "v2"),
        "kling-3.0-omni",
        modes=("std", "pro", "4k"),
        durations=_3_TO_15,
        sure_durations=_3_TO_15,
        prompt_max=2500,
        v2_prompt_max=3072,
        sound=True,
        multi_shot=True,
        video_characters=True,
        frames_with_elements=True,
        last_with_feature=True,
        video=VideoLimits(((3, 15.5),), (700, 4553), 8_294_400, (0.4, 2.0)),
        old_video=VideoLimits(((3, 15),), (720, 2160)),
    ),
    OmniFacts(
        "kling-video-o1",
        ("v1", "v2"),
        "kling-o1",
        modes=("std", "pro"),
        durations=_3_TO_10,
        sure_durations=(5, 10),
        prompt_max=2500,
        v2_prompt_max=2500,
        sound=False,
        multi_shot=False,
        video_characters=False,
        frames_with_elements=False,
        last_with_feature=False,
        video=VideoLimits(((3, 10),), (700, 2160)),
        old_video=VideoLimits(((3, 10),), (720, 2160)),
    ),
)

OMNI_MODELS: Mapping[str, OmniFacts] = MappingProxyType({facts.name: facts for facts in _TABLE})
"""Every model generate_omni_video can name, best first. None is retired."""

OMNI_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "kling-3.0-omni": "kling-v3-omni",
        "kling-v3.0-omni": "kling-v3-omni",
        "kling-v3-0-omni": "kling-v3-omni",
        "kling-3-omni": "kling-v3-omni",
        "kling-omni": "kling-v3-omni",
        "kling-o1": "kling-video-o1",
        "o1": "kling-video-o1",
    }
)
"""Other spelling → the name in ``OMNI_MODELS``."""
