"""What must hold between the arguments of ``generate_video``, whatever the model. By model: ``video_limits``.

Contract: video.md A1 and A2 (cross-field rules).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Rule, rule
from kling_mcp.operations.pictures import pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_mcp.operations.video import GenerateVideo

_CITED = re.compile(r"<<<(voice|element|image|video)_(\d{1,9})>>>")

# Of these groups only one may be used. Contract: video.md A2, rule 2.
_EXCLUSIVE = (("image_tail",), ("static_mask", "dynamic_masks"), ("camera_control",))
_NEED_A_FRAME = ("static_mask", "dynamic_masks", "element_list", "voice_list")


def given(request: GenerateVideo, *fields: str) -> list[str]:
    """Those of the fields that the agent used."""
    return [name for name in fields if getattr(request, name) is not None]


@rule("prompt", "multi_shot", "shot_type")
def _prompt_is_given(request: GenerateVideo) -> Iterator[Problem]:
    if not request.prompt and not (request.multi_shot and request.shot_type != "intelligence"):
        yield Problem("prompt", "'prompt' is missing: say what happens in the clip.")


@rule("multi_shot", "shot_type")
def _shots_are_announced(request: GenerateVideo) -> Iterator[Problem]:
    if request.multi_shot and request.shot_type is None:
        yield Problem(
            "shot_type",
            "'shot_type' is missing, and multi_shot needs it: 'customize' (you write multi_prompt) or 'intelligence' "
            "(Kling cuts prompt into shots).",
        )
    for name in [] if request.multi_shot else given(request, "shot_type", "multi_prompt"):
        yield Problem(name, f"'{name}' has no effect while multi_shot is not true. Set multi_shot to true.")


@rule("multi_shot", "shot_type")
def _shots_are_written_by_one(request: GenerateVideo) -> Iterator[Problem]:
    if not request.multi_shot:
        return
    if request.shot_type == "customize" and request.multi_prompt is None:
        yield Problem("multi_prompt", "'multi_prompt' is missing: with shot_type 'customize' it lists 1 to 6 shots.")
    if request.shot_type == "intelligence" and request.multi_prompt is not None:
        yield Problem(
            "multi_prompt",
            "'multi_prompt' is given, but with shot_type 'intelligence' Kling cuts the shots from prompt. Remove it, "
            "or set shot_type to 'customize'.",
        )


@rule("multi_prompt")
def _shots_are_numbered(request: GenerateVideo) -> Iterator[Problem]:
    numbers = [shot.index for shot in request.multi_prompt or ()]
    if sorted(numbers) != list(range(1, len(numbers) + 1)):
        told = ", ".join(map(str, numbers))
        yield Problem("multi_prompt", f"'multi_prompt' has the indexes {told}; they must be 1 to {len(numbers)}.")


@rule("multi_prompt", "multi_shot", "shot_type", "duration")
def _shots_fill_the_clip(request: GenerateVideo) -> Iterator[Problem]:
    total = sum(shot.duration for shot in request.shots)
    if request.shots and total != request.duration:
        yield Problem(
            "multi_prompt",
            f"The shots in 'multi_prompt' add up to {total} s, but 'duration' is {request.duration} s. Both must be "
            "equal: change the one or the other.",
        )


@rule()
def _one_way_to_steer(request: GenerateVideo) -> Iterator[Problem]:
    used = [names for names in (given(request, *group) for group in _EXCLUSIVE) if names]
    for names in used[1:]:
        yield Problem(names[0], f"'{names[0]}' cannot be used together with '{used[0][0]}'. Remove one of them.")


@rule()
def _elements_or_voices(request: GenerateVideo) -> Iterator[Problem]:
    if len(given(request, "element_list", "voice_list")) > 1:
        yield Problem("voice_list", "'voice_list' cannot be used together with 'element_list'. Remove one of them.")


@rule()
def _frames_are_there_to_work_on(request: GenerateVideo) -> Iterator[Problem]:
    if request.endpoint == "text2video":
        for name in given(request, *_NEED_A_FRAME):
            yield Problem(name, f"'{name}' works only from a picture. Give 'image' too, or remove it.")


@rule("camera_control")
def _camera_move_has_a_type(request: GenerateVideo) -> Iterator[Problem]:
    camera = request.camera_control
    if camera is not None and camera.type is None and request.endpoint == "image2video":
        yield Problem("camera_control.type", "'camera_control.type' is missing; with an image it must be given.")


@rule("aspect_ratio")
def _picture_decides_the_shape(request: GenerateVideo) -> Iterator[Problem]:
    if request.aspect_ratio is not None and request.endpoint == "image2video":
        yield Problem(
            "aspect_ratio",
            f"'aspect_ratio' is '{request.aspect_ratio}', but with an image the picture decides the shape. Remove it, "
            "and crop the picture if you want another shape.",
        )


def _citations(request: GenerateVideo) -> set[tuple[str, int]]:
    """What the text that Kling will read cites: kind and number."""
    text = "\n".join(shot.prompt for shot in request.shots) if request.shots else request.prompt or ""
    return {(kind, int(number)) for kind, number in _CITED.findall(text)}


def cites_voice(request: GenerateVideo) -> bool:
    """Whether a listed voice is cited, and so speaks and is billed. Contract: video.md A2, rule 4."""
    return bool(request.voice_list) and any(kind == "voice" for kind, _ in _citations(request))


def voice_fields(request: GenerateVideo) -> list[str]:
    """The arguments that ask for a voice."""
    cited = any(kind == "voice" for kind, _ in _citations(request))
    return ["prompt"] * cited + given(request, "voice_list")


@rule("prompt", "multi_prompt", "multi_shot", "shot_type", "element_list", "voice_list")
def _citations_are_listed(request: GenerateVideo) -> Iterator[Problem]:
    lengths = {"voice": len(request.voice_list or ()), "element": len(request.element_list or ())}
    for kind, number in sorted(_citations(request)):
        if kind not in lengths:
            yield Problem("prompt", f"'prompt' cites <<<{kind}_{number}>>>, but generate_video has no {kind} list.")
        elif not 1 <= number <= lengths[kind]:
            yield Problem(
                "prompt",
                f"'prompt' cites <<<{kind}_{number}>>>, but '{kind}_list' has {lengths[kind]} entries, counted from 1.",
            )


@rule("prompt", "multi_prompt", "multi_shot", "shot_type", "sound", "model_name", "mode")
def _voices_are_audible(request: GenerateVideo) -> Iterator[Problem]:
    asking = voice_fields(request)
    if asking and not request.sounds and not request.silenced:
        cause = "a voice cited in the prompt" if "prompt" in asking else "'voice_list'"
        yield Problem("sound", f"'sound' is '{request.sound or 'off'}', but {cause} needs 'on'.")


@rule("image", "static_mask", "dynamic_masks")
def _masks_fit_the_picture(request: GenerateVideo) -> Iterator[Problem]:
    """Only for Base64: what a URL shows, only Kling sees."""
    masks = {f"dynamic_masks[{n}].mask": each.mask for n, each in enumerate(request.dynamic_masks or ())}
    masks |= {"static_mask": request.static_mask} if request.static_mask else {}
    sizes = {name: pixels(mask) for name, mask in masks.items()}
    known = [size for size in sizes.values() if size]
    frame = pixels(request.image) if request.image and known else None
    for name, size in sizes.items():
        if size and size != known[0]:
            yield Problem(name, f"'{name}' is {_px(size)}, but another mask is {_px(known[0])}; all must be equal.")
        if size and frame and not _alike(size, frame):
            yield Problem(name, f"'{name}' is {_px(size)}, 'image' {_px(frame)}; their ratios must be equal.")


def _px(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]} px"


def _alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes have the same ratio, up to a pixel of rounding."""
    return abs(one[0] * other[1] - one[1] * other[0]) <= max(*one, *other)


RULES: tuple[Rule[GenerateVideo], ...] = (
    _prompt_is_given,
    _shots_are_announced,
    _shots_are_written_by_one,
    _shots_are_numbered,
    _shots_fill_the_clip,
    _one_way_to_steer,
    _elements_or_voices,
    _frames_are_there_to_work_on,
    _camera_move_has_a_type,
    _picture_decides_the_shape,
    _citations_are_listed,
    _voices_are_audible,
    _masks_fit_the_picture,
)
"""Every rule that holds whatever the model."""
