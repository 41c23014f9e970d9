"""Where client and pretend Kling may disagree, and why: every such rule is written here, or it is a mistake.

Three kinds: what Kling does not look at, so that only we refuse it (``idle``); what we refuse although Kling might take
it (``STRICTER``); what we cannot know before we post (``ONLY_KLING_KNOWS``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from kling_mcp.operations.wording import root
from tests.sandbox.shop import picture

from .values import PNG

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_mcp.errors import Problem

    from .values import Json

# --- arguments that Kling ignores --------------------------------------------------------------------------

_NOT_ON_THE_NEW_WIRE = {
    "negative_prompt",
    "cfg_scale",
    "camera_control",
    "static_mask",
    "dynamic_masks",
    "element_list",
    "voice_list",
    "shot_type",
    "multi_prompt",
    "multi_shot",
    "sound",
}
_FROM_A_PICTURE = {"static_mask", "dynamic_masks", "element_list", "voice_list"}
_IGNORE_CFG = {"kling-v2-6", "kling-v2-5-turbo", "kling-v2-1-master", "kling-v2-1", "kling-v2-master"}


def _idle_shots(said: Json) -> set[str]:
    """Shots are looked at where they are asked for. Contract: video.md A1."""
    if str(said.get("multi_shot")).lower() != "true":
        return {"shot_type", "multi_prompt"}
    return {"multi_prompt"} if said.get("shot_type") == "intelligence" else set()


def _idle_in_a_clip(said: Json) -> set[str]:
    """Contract: video.md A1, A2, B1 (unknown keys are ignored) and F.8 (``cfg_scale``)."""
    idle = _idle_shots(said) | ({"aspect_ratio"} if said.get("image") or said.get("image_tail") else _FROM_A_PICTURE)
    if said.get("model_name") == "kling-3.0-turbo":
        idle |= _NOT_ON_THE_NEW_WIRE
    if said.get("model_name") in _IGNORE_CFG:
        idle |= {"cfg_scale"}
    return idle


def _idle_in_an_omni_clip(said: Json) -> set[str]:
    """The length of an edited video is its own. Contract: video.md A3."""
    given = said.get("video_list")
    videos = cast("list[Json]", given) if isinstance(given, list) else []
    edits = bool(videos) and videos[0].get("refer_type", "base") == "base"
    return _idle_shots(said) | ({"duration"} if edits else set())


def _idle_in_an_effect(said: Json) -> set[str]:
    """A scene looks at the one or the other. Contract: video.md A11."""
    return {"image"} if said.get("effect_scene") in {"hug_pro", "kiss", "hug"} else {"images"}


def _idle_in_old_lips(said: Json) -> set[str]:
    """``mode`` decides what is looked at. Contract: video.md A8."""
    mode = said.get("mode") or ("text2video" if said.get("text") else "audio2video")
    if mode == "text2video":
        return {"audio_file", "audio_url"}
    words = {"text", "voice_id", "voice_language", "voice_speed"}
    return words | ({"audio_url"} if said.get("audio_file") else set())  # audio_type names the one that is heard


def _idle_in_omni_pictures(said: Json) -> set[str]:
    """Each count belongs to its own kind of result. Contract: image-audio-general.md section 3."""
    return {"n"} if said.get("result_type") == "series" else {"series_amount"}


IDLE: dict[str, Callable[[Json], set[str]]] = {
    "generate_video": _idle_in_a_clip,
    "generate_omni_video": _idle_in_an_omni_clip,
    "apply_effect": _idle_in_an_effect,
    "lip_sync_classic": _idle_in_old_lips,
    "generate_omni_image": _idle_in_omni_pictures,
    "mark_video_edit": lambda said: {"frame_index", "points"} if said.get("action") == "clear" else set(),
    "create_element": lambda said: {"frontal_image", "refer_images"} if said.get("video_url") else set(),
}
"""Tool → what Kling does not look at in such a request. What has no effect, an agent should not believe in."""

# --- rules of our own --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unshared:
    """A refusal that the other side does not share.

    Attributes:
        why: What it is good for; of Kling's: what only Kling knows.
        says: Its sentence, as a pattern.
        tool: A tool that meets it.
        arguments: With which arguments, right in everything else.
    """

    why: str
    says: str
    tool: str
    arguments: Json

    def covers(self, sentence: str) -> bool:
        return re.search(self.says, sentence) is not None


_KITE = {"prompt": "a kite"}
STRICTER = (
    Unshared(
        "Kling drops keys it does not know, and the agent believes they were heard",
        "is not a known key",
        "create_element",
        {
            "element_name": "Ann",
            "element_description": "A woman",
            "frontal_image": PNG,
            "refer_images": [{"image_url": PNG, "angle": "left"}],
        },
    ),
    Unshared(
        "a misspelled argument of a paid request must not be dropped",
        "is not an argument of",
        "generate_image",
        {**_KITE, "colour": "red"},
    ),
    Unshared(
        "Kling takes digits for text; an agent that gives a number as words is mistaken",
        r"you gave \d+\.\d\)",
        "generate_image",
        {"prompt": 12.5},
    ),
    Unshared(
        "from outside nobody reaches it; the pretend Kling looks at no address",
        "inside a machine or network",
        "recognize_image",
        {"image": "http://localhost/a.png"},
    ),
    Unshared(
        "whoever sees the request would see the password",
        "has a user name or password in its URL",
        "recognize_image",
        {"image": "https://me:secret@cdn.example/a.png"},
    ),
    Unshared(
        "what is cited and not given appears in no clip and is paid for",
        r"cites (<<<|an element)",
        "generate_video",
        {"prompt": "<<<element_1>>> waves"},
    ),
    Unshared(
        "a model without modes drops it, and the agent believes it paid for pro",
        "has no modes: remove",
        "generate_video",
        {**_KITE, "model_name": "kling-v2-master", "mode": "pro"},
    ),
    Unshared(
        "no page of the new wire demands words beside a picture (video.md B3), yet a clip of nothing is an oversight",
        "'prompt' is missing",
        "generate_video",
        {"model_name": "kling-3.0-turbo", "image": PNG},
    ),
    Unshared(
        "Kling bends a speed into its limits (image-audio-general.md 11), and another one is heard",
        "'voice_speed' should be (greater|less)",
        "text_to_speech",
        {"text": "Hello", "voice_speed": 2.5},
    ),
    Unshared(
        "Kling's pages say one decimal; what becomes of a second one nobody knows",
        "takes one decimal",
        "text_to_audio",
        {"prompt": "rain", "duration": 4.55},
    ),
    Unshared(
        "it has nothing to be true to, or the model no such field, so that it changes nothing",
        "_fidelity' (acts only|is given, but)",
        "generate_image",
        {**_KITE, "image_fidelity": 0.5},
    ),
    Unshared(
        "an expansion by nothing is charged like any other",
        "has no effect: the picture",
        "expand_image",
        {"image": PNG, "up_expansion_ratio": 0},
    ),
    Unshared(
        "only a sandbox that serves what is retired still has it",
        "which Kling discontinued",
        "apply_effect",
        {"effect_scene": "kiss", "images": [PNG, PNG]},
    ),
    Unshared(
        "no mask of that shape fits a picture that Kling takes",
        r"mask' is .* its ratio must lie",
        "generate_video",
        {**_KITE, "model_name": "kling-v1", "image": PNG, "static_mask": picture(300, 760)},
    ),
    Unshared(
        "the general limit of pictures holds where no page says otherwise; the pretend Kling reads none for end frames",
        r"image_list\[1\].image_url' is .* its ratio must lie",
        "generate_omni_video",
        {
            **_KITE,
            "image_list": [
                {"image_url": PNG, "type": "first_frame"},
                {"image_url": picture(300, 760), "type": "end_frame"},
            ],
        },
    ),
)
"""What we refuse and Kling would take."""

# --- what only Kling knows ---------------------------------------------------------------------------------

_LIPS = {"face_id": "0", "audio_id": "{speech}", "session_id": "{faces}", "sound_end_time": 2500}
_MARK = {"session_id": "{fresh}", "action": "add", "frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]}
_EDIT = {"session_id": "{edit}", "edit_mode": "removal", "prompt": "remove it"}
ONLY_KLING_KNOWS = (
    Unshared(
        "whether an id exists, and whose it is",
        "(Element id|Voice id|Video|Audio|Session) not found",
        "identify_faces",
        {"video_id": "123456789012345678"},
    ),
    Unshared("what an id or an address leads to", "is not a video", "start_video_edit", {"video_url": "{image_url}"}),
    Unshared(
        "which model made a clip that is named by its id alone",
        "is not supported with video-extend",
        "native_extend",
        {"video_id": "{clip}"},
    ),
    Unshared(
        "what an element was made from",
        "video (character )?elements",
        "generate_omni_image",
        {**_KITE, "model_name": "kling-image-o1", "element_list": ["829836802793406555"]},
    ),
    Unshared(
        "how many elements of a request were made from a video",
        "video character element (size|is supported)|cannot exceed 4",
        "generate_omni_video",
        {**_KITE, "element_list": ["829836802793406555"] * 4},
    ),
    Unshared(
        "which faces a search found, where only its session is named",
        "face_id value",
        "advanced_lip_sync",
        {**_LIPS, "face_id": "7"},
    ),
    Unshared(
        "how long the video of a session is, and when a face is seen",
        "inserted audio cannot exceed|overlap with the face",
        "advanced_lip_sync",
        {**_LIPS, "sound_insert_time": 4000},
    ),
    Unshared(
        "how long a sound is that is named by its id or address alone",
        "cannot exceed the audio duration|Audio duration must be",
        "advanced_lip_sync",
        {**_LIPS, "sound_end_time": 30_000},
    ),
    Unshared(
        "how many frames the video of a session has",
        "frame_index value",
        "mark_video_edit",
        {**_MARK, "frame_index": 100_000},
    ),
    Unshared(
        "what is marked in a session", "same as the added points", "mark_video_edit", {**_MARK, "action": "delete"}
    ),
    Unshared(
        "how long the video of a session is",
        "Video duration must be 7s to 10s",
        "edit_video",
        {**_EDIT, "duration": 10},
    ),
    Unshared(
        "whether anything is marked in a session",
        "selection is required",
        "edit_video",
        {**_EDIT, "session_id": "{fresh}"},
    ),
)
"""What Kling refuses although nothing here can foresee it."""


def unshared(tool: str, means: Json, problems: tuple[Problem, ...]) -> list[Problem]:
    """Those problems that Kling must have as well."""
    idle = IDLE[tool](means) if tool in IDLE else set[str]()
    seen = [problem for problem in problems if root(problem.field) not in idle]
    # One about an ignored argument and another at once: Kling sees only the other.
    seen = [problem for problem in seen if not any(f"'{name}'" in problem.sentence for name in idle)]
    return [problem for problem in seen if not any(rule.covers(problem.sentence) for rule in STRICTER)]


def unforeseeable(words: str) -> bool:
    """Whether a refusal of Kling could not be known before."""
    return any(each.covers(words) for each in ONLY_KLING_KNOWS)
