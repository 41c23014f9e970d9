"""What must hold between the arguments of ``generate_video``, whatever the model. By model: ``video_limits``.

Contract: video.md A1 and A2 (cross-field rules). What concerns shots is in ``shots``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Rule, rule
from kling_mcp.operations.pictures import pixels
from kling_mcp.operations.shots import SHOT_RULES, citations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_mcp.operations.video import GenerateVideo

# Of these groups only one may be used. Contract: video.md A2, rule 2.
_EXCLUSIVE = (("image_tail",), ("static_mask", "dynamic_masks"), ("camera_control",))
_NEED_A_FRAME = ("static_mask", "dynamic_masks", "element_list", "voice_list")


def given(request: GenerateVideo, *fields: str) -> list[str]:
    """Those of the fields that the agent used."""
    return [name for name in fields if getattr(request, name) is not None]


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


def cites_voice(request: GenerateVideo) -> bool:
    """Whether a listed voice is cited, and so speaks and is billed. Contract: video.md A2, rule 4."""
    return bool(request.voice_list) and any(kind == "voice" for kind, _ in citations(request))


def voice_fields(request: GenerateVideo) -> list[str]:
    """The arguments that ask for a voice."""
    cited = any(kind == "voice" for kind, _ in citations(request))
    return ["prompt"] * cited + given(request, "voice_list")


@rule("prompt", "multi_prompt", "multi_shot", "shot_type", "element_list", "voice_list")
def _citations_are_listed(request: GenerateVideo) -> Iterator[Problem]:
    lengths = {"voice": len(request.voice_list or ()), "element": len(request.element_list or ())}
    for kind, number in sorted(citations(request)):
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
    *SHOT_RULES,
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
