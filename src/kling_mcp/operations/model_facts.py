"""What each video model can do: one table of facts, by model, endpoint and mode. Nothing else decides it.

Contract: video.md parts B2, B3 and C, and ``legacy_models`` / ``new_models`` of capabilities.json (vendor
documentation of 2026-09-20; retirement as reported by third parties to 2026-09). Only what ``generate_video`` can
name stands here. To follow a change at Kling, change a row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Endpoint = Literal["text2video", "image2video"]

NO_MODE = "*"
"""The mode under which a model without a ``mode`` field keeps its row."""

RESOLUTIONS: Mapping[str, str] = MappingProxyType({"std": "720p", "pro": "1080p", "4k": "4k"})
"""What the new wire calls each mode. Contract: video.md, section 1."""

OLD_WIRE_ONLY = ("negative_prompt", "cfg_scale", "camera_control", "static_mask", "dynamic_masks")
"""Arguments that the new wire has no place for. Contract: video.md B1."""

SHOT_START = re.compile(r"\b(shot\s+\d+)\s*,(?=\s*\d+\s*,)", re.IGNORECASE)
"""How a shot begins in a prompt, ``shot n, m, words;``, where the new wire expands that. Contract: video.md B1."""


@dataclass(frozen=True, slots=True)
class ModeFacts:
    """One row: what a model does at one endpoint in one mode. Durations in whole seconds; empty means never.

    Attributes:
        durations: Clip lengths accepted.
        sound: Whether the clip can have a sound track.
        first_last: Clip lengths accepted with a first and a last frame.
        last_only: Clip lengths accepted with a last frame alone.
        brush: Clip lengths accepted with motion-brush masks.
        camera: Clip lengths accepted with ``camera_control``.
        camera_types: Camera movements accepted.
        voice: Clip lengths accepted with ``voice_list``.
        max_voices: Longest ``voice_list``.
        max_elements: Longest ``element_list``.
        multi_shot: Whether one clip can have several shots.
        silent_with_last: Whether a last frame rules out the sound.
    """

    durations: tuple[int, ...]
    sound: bool = False
    first_last: tuple[int, ...] = ()
    last_only: tuple[int, ...] = ()
    brush: tuple[int, ...] = ()
    camera: tuple[int, ...] = ()
    camera_types: tuple[str, ...] = ()
    voice: tuple[int, ...] = ()
    max_voices: int = 0
    max_elements: int = 0
    multi_shot: bool = False
    silent_with_last: bool = False


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model.

    Attributes:
        name: What the agent writes, and the legacy ``model_name``.
        wires: Who can carry it, the preferred first: ``v1`` legacy, ``v2`` the new standard.
        v2_name: Its path segment on the new wire; None where it does not exist there.
        endpoints: Endpoint → mode → row. An endpoint it lacks is absent. ``NO_MODE``: it has no ``mode`` field.
        retired: Since when it is reported retired (ISO date); None for a current model.
        aspect_ratios: Accepted from text; with an image the picture decides.
        prompt_max: Longest prompt from text on the preferred wire, in characters.
        image_prompt_max: The same with an image.
        v2_prompt_max: Longest prompt on the new wire, where it exists there: a request that is longer than
            ``prompt_max`` and uses nothing of ``OLD_WIRE_ONLY`` goes there.
        image_prompt_sure: Above this length with an image Kling's pages disagree (F.5); None where they do not.
        cfg_scale: ``supported``; ``ignored`` (Kling accepts and drops it, F.8); ``absent`` (no such field).
        negative_prompt: Whether it takes one.
        always_sound: Whether every clip has sound, with no field to switch it off.
        shot_grammar: Whether ``shot n, m, words;`` in a prompt makes several shots, with no field to switch it off.
    """

    name: str
    wires: tuple[Literal["v1", "v2"], ...]
    v2_name: str | None
    endpoints: Mapping[Endpoint, Mapping[str, ModeFacts]]
    retired: str | None = None
    aspect_ratios: tuple[str, ...] = ("16:9", "9:16", "1:1")
    prompt_max: int = 2500
    image_prompt_max: int = 2500
    image_prompt_sure: int | None = None
    v2_prompt_max: int | None = None
    cfg_scale: Literal["supported", "ignored", "absent"] = "ignored"
    negative_prompt: bool = True
    always_sound: bool = False
    shot_grammar: bool = False

    def row(self, endpoint: Endpoint, mode: str | None) -> ModeFacts | None:
        """The row for a mode as the agent wrote it (None: std); None where the model has no such row."""
        modes = self.endpoints.get(endpoint, {})
        return modes.get(NO_MODE) if NO_MODE in modes else modes.get(mode or "std")


DEFAULT_VIDEO_MODEL = "kling-v3"
"""Used when the agent names none: the vendor's own default, kling-v1, is retired (F.1)."""

_3_TO_15 = tuple(range(3, 16))
_5_10 = (5, 10)
_RETIRED = "2026-09-15"
_CAMERA_TYPES = ("simple", "down_back", "forward_up", "right_turn_forward", "left_turn_forward")

_PLAIN = ModeFacts(_5_10)
_FIRST_LAST = ModeFacts(_5_10, first_last=_5_10)
_V1_IMAGE = ModeFacts(_5_10, first_last=(5,), brush=(5,))
_V3_TEXT = ModeFacts(_3_TO_15, sound=True, multi_shot=True)
_V3_IMAGE = ModeFacts(_3_TO_15, sound=True, multi_shot=True, first_last=_3_TO_15, max_elements=3)
_TURBO = ModeFacts(_3_TO_15, sound=True)
_MASTER: Mapping[Endpoint, Mapping[str, ModeFacts]] = MappingProxyType(
    {"text2video": {NO_MODE: _PLAIN}, "image2video": {NO_MODE: _PLAIN}}
)

# Best first, current before retired: the order in which a refusal looks for a model that can do it.
_TABLE = (
    ModelFacts(
        "kling-v3",
        ("v1", "v2"),
        "kling-3.0",
        {
            "text2video": {"std": _V3_TEXT, "pro": _V3_TEXT, "4k": _V3_TEXT},
            # Last frame together with shots: allowed since 2026-05-07 (F.9).
            "image2video": {"std": _V3_IMAGE, "pro": _V3_IMAGE, "4k": _V3_IMAGE},
        },
        v2_prompt_max=3072,
        cfg_scale="supported",  # not excluded by the text, nor confirmed (F.8)
    ),
    ModelFacts(
        "kling-3.0-turbo",
        ("v2",),
        "kling-3.0-turbo",
        {"text2video": {"std": _TURBO, "pro": _TURBO}, "image2video": {"std": _TURBO, "pro": _TURBO}},
        prompt_max=3072,
        image_prompt_max=3072,
        image_prompt_sure=2500,
        v2_prompt_max=3072,
        cfg_scale="absent",
        negative_prompt=False,
        always_sound=True,
        shot_grammar=True,
    ),
    ModelFacts(
        "kling-v2-6",
        ("v1", "v2"),
        "kling-2.6",
        {
            "text2video": {"std": _PLAIN, "pro": ModeFacts(_5_10, sound=True)},
            "image2video": {
                "std": _PLAIN,
                # Silent with a last frame: so say A2 and the map; the new wire's pages ask for 1080p only (F.4).
                "pro": ModeFacts(_5_10, sound=True, first_last=_5_10, voice=_5_10, max_voices=2, silent_with_last=True),
            },
        },
        v2_prompt_max=2500,
    ),
    ModelFacts(
        "kling-v2-5-turbo",
        ("v1", "v2"),
        "kling-2.5-turbo",
        {"text2video": {"std": _PLAIN, "pro": _PLAIN}, "image2video": {"std": _PLAIN, "pro": _FIRST_LAST}},
        v2_prompt_max=2500,
    ),
    ModelFacts("kling-v2-1-master", ("v1",), None, _MASTER, _RETIRED),
    ModelFacts("kling-v2-1", ("v1",), None, {"image2video": {"std": _PLAIN, "pro": _FIRST_LAST}}, _RETIRED),
    ModelFacts("kling-v2-master", ("v1",), None, _MASTER, _RETIRED),
    ModelFacts(
        "kling-v1-6",
        ("v1",),
        None,
        {
            "text2video": {"std": _PLAIN, "pro": _PLAIN},
            "image2video": {"std": _PLAIN, "pro": ModeFacts(_5_10, first_last=_5_10, last_only=_5_10)},
        },
        _RETIRED,
        cfg_scale="supported",
    ),
    ModelFacts(
        "kling-v1-5",
        ("v1",),
        None,
        {
            "image2video": {
                "std": _PLAIN,
                "pro": ModeFacts(
                    _5_10, first_last=_5_10, last_only=_5_10, brush=(5,), camera=(5,), camera_types=("simple",)
                ),
            }
        },
        _RETIRED,
        cfg_scale="supported",
    ),
    ModelFacts(
        "kling-v1",
        ("v1",),
        None,
        {
            "text2video": {"std": ModeFacts(_5_10, camera=(5,), camera_types=_CAMERA_TYPES), "pro": _PLAIN},
            "image2video": {"std": _V1_IMAGE, "pro": _V1_IMAGE},
        },
        _RETIRED,
        cfg_scale="supported",
    ),
)

MODELS: Mapping[str, ModelFacts] = MappingProxyType({facts.name: facts for facts in _TABLE})
"""Every model generate_video can name, best first, current before retired."""

# Spellings agents write: the new wire's names, the marketing names, and the wrong ones seen in the wild (part C).
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "kling-3.0": "kling-v3",
        "kling-v3-0": "kling-v3",
        "kling-v3.0": "kling-v3",
        "kling-3": "kling-v3",
        "kling-v3-turbo": "kling-3.0-turbo",
        "kling-v3-0-turbo": "kling-3.0-turbo",
        "kling-2.6": "kling-v2-6",
        "kling-v2.6": "kling-v2-6",
        "kling-2.5-turbo": "kling-v2-5-turbo",
        "kling-v2.5-turbo": "kling-v2-5-turbo",
        "kling-v2-5": "kling-v2-5-turbo",
        "kling-2.5": "kling-v2-5-turbo",
    }
)
"""Other spelling → the name in ``MODELS``."""
