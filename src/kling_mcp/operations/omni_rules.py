"""What must hold between the arguments of ``generate_omni_video``.

Contract: video.md A3, B5 and B6. Where its pages disagree, the wider reading passes and ``omni_quote`` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Rule, rule
from kling_mcp.operations.clips import misfits
from kling_mcp.operations.omni_facts import (
    MAX_ELEMENTS_WITH_FRAMES,
    MAX_REFERENCES,
    MAX_REFERENCES_WITH_VIDEO,
    OMNI_MODELS,
)
from kling_mcp.operations.shots import LONGER, SHOT_RULES, citations
from kling_mcp.operations.wording import listed, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kling_mcp.operations.omni_facts import OmniFacts
    from kling_mcp.operations.omni_video import GenerateOmniVideo


def _another(able: Callable[[OmniFacts], bool]) -> str:
    """Which model can do what the chosen one cannot, as a sentence to append; empty if none can."""
    names = [facts.name for facts in OMNI_MODELS.values() if able(facts)]
    return f" {names[0]} can." if names else ""


@rule("image_list")
def _frames_are_a_first_and_an_end(request: GenerateOmniVideo) -> Iterator[Problem]:
    frames = request.frames
    for kind in ("first_frame", "end_frame"):
        if frames.count(kind) > 1:
            yield Problem("image_list", f"'image_list' has {frames.count(kind)} pictures of type {kind}; only one may.")
    if "end_frame" in frames and "first_frame" not in frames:
        yield Problem(
            "image_list",
            "'image_list' has an end_frame without a first_frame. Add a first_frame, or leave out the end_frame's type "
            "to use it as a plain reference.",
        )


@rule("image_list", "video_list")
def _frames_do_not_go_with_an_edited_video(request: GenerateOmniVideo) -> Iterator[Problem]:
    if request.edits and request.frames:
        yield Problem(
            "image_list",
            f"'image_list' has a {listed(request.frames)}, but a video that is edited (refer_type base) has its own "
            "frames. Leave out the type, or set refer_type to feature.",
        )


@rule("sound", "video_list")
def _a_given_video_rules_out_native_sound(request: GenerateOmniVideo) -> Iterator[Problem]:
    if request.sound == "on" and request.video is not None:
        how = " To keep the video's own sound, set keep_original_sound to yes." if request.edits else ""
        yield Problem("sound", f"'sound' is 'on', but with 'video_list' it must be off.{how}")


@rule("video_list")
def _an_edited_video_keeps_its_length(request: GenerateOmniVideo) -> Iterator[Problem]:
    if request.edits and request.duration is not None:
        yield Problem(
            "duration",
            "'duration' has no effect when a video is edited (refer_type base): the result is as long as the video. "
            "Remove it, or set refer_type to feature.",
        )


@rule("video_list", "multi_shot", "shot_type")
def _shots_go_with_a_video_only_by_kling(request: GenerateOmniVideo) -> Iterator[Problem]:
    if not request.multi_shot or request.video is None:
        return
    if request.edits:
        yield Problem("multi_shot", "'multi_shot' is true, but a video that is edited keeps its shots. Remove it.")
    elif request.shot_type == "customize":
        yield Problem(
            "shot_type",
            "'shot_type' is 'customize', but with a feature video only 'intelligence' is possible: describe the shots "
            "in prompt.",
        )


@rule("image_list", "element_list", "video_list")
def _references_are_few_enough(request: GenerateOmniVideo) -> Iterator[Problem]:
    elements = len(request.element_list or ())
    most = MAX_REFERENCES if request.video is None else MAX_REFERENCES_WITH_VIDEO
    beside = "" if request.video is None else " beside a video"
    if request.plain_images + elements > most:
        field = "image_list" if request.plain_images else "element_list"
        yield Problem(
            field,
            f"'{field}': there are {request.plain_images} reference pictures and {elements} elements; Kling takes at "
            f"most {most} in all{beside}. Remove some.",
        )
    if request.frames and elements > MAX_ELEMENTS_WITH_FRAMES:
        yield Problem(
            "element_list",
            f"'element_list' has {elements} entries; beside a {listed(request.frames)} Kling takes at most "
            f"{MAX_ELEMENTS_WITH_FRAMES}.",
        )


@rule("model_name", "image_list", "element_list")
def _material_goes_with_both_frames(request: GenerateOmniVideo) -> Iterator[Problem]:
    if request.facts.frames_with_elements or set(request.frames) != {"first_frame", "end_frame"}:
        return
    able = _another(lambda facts: facts.frames_with_elements)
    sentence = f"but with a first and an end frame {request.model_name} takes no other material.{able}"
    if request.plain_images:
        yield Problem("image_list", f"'image_list' has plain references too, {sentence}")
    if request.element_list:
        yield Problem("element_list", f"'element_list' is given, {sentence}")


@rule("model_name", "image_list", "video_list")
def _a_last_frame_goes_with_a_feature_video(request: GenerateOmniVideo) -> Iterator[Problem]:
    if request.video is None or request.edits or "end_frame" not in request.frames or request.facts.last_with_feature:
        return
    able = _another(lambda facts: facts.last_with_feature)
    yield Problem(
        "image_list", f"'image_list' has an end_frame, which {request.model_name} does not take beside a video.{able}"
    )


@rule("model_name", "mode")
def _mode_exists(request: GenerateOmniVideo) -> Iterator[Problem]:
    if request.mode is not None and request.mode not in request.facts.modes:
        able = _another(lambda facts: request.mode in facts.modes)
        has = f"{request.model_name} has {listed(request.facts.modes)}"
        yield Problem("mode", f"'mode' is '{request.mode}', but {has}.{able}")


@rule("model_name", "duration")
def _length_exists(request: GenerateOmniVideo) -> Iterator[Problem]:
    if request.duration is not None and request.duration not in request.facts.durations:
        able = _another(lambda facts: request.duration in facts.durations)
        last = f"clips of {request.model_name} last {seconds(request.facts.durations)}"
        longer = LONGER if request.duration > max(request.facts.durations) and not able else ""
        yield Problem("duration", f"'duration' is {request.duration}, but {last}.{able}{longer}")


@rule("model_name", "duration", "image_list", "element_list", "video_list")
def _a_first_frame_alone_has_lengths_of_its_own(request: GenerateOmniVideo) -> Iterator[Problem]:
    """In this all pages agree. About words alone and two frames they do not (F.2), and ``omni_quote`` says so."""
    facts, known = request.facts, request.seconds in request.facts.durations
    beside = request.plain_images or request.element_list or request.video
    if known and request.frames == ("first_frame",) and not beside and request.seconds not in facts.sure_durations:
        able = _another(lambda other: request.seconds in other.sure_durations)
        last = f"with a first frame alone, clips of {facts.name} last {seconds(facts.sure_durations)}"
        yield Problem("duration", f"'duration' is {request.seconds}, but {last}.{able}")


@rule("model_name", "sound", "multi_shot")
def _the_model_can(request: GenerateOmniVideo) -> Iterator[Problem]:
    if request.sound == "on" and not request.facts.sound:
        able = _another(lambda facts: facts.sound)
        yield Problem("sound", f"'sound' is 'on', but {request.model_name} makes silent clips.{able}")
    if request.multi_shot and not request.facts.multi_shot:
        able = _another(lambda facts: facts.multi_shot)
        yield Problem("multi_shot", f"'multi_shot' is true, but {request.model_name} makes one shot only.{able}")


def _keeps_old_wire(request: GenerateOmniVideo) -> bool:
    """Whether it asks for something only the old wire has: the sound of a video that is not edited (B5)."""
    return request.video is not None and not request.edits and request.video.keep_original_sound == "yes"


@rule("model_name", "prompt", "video_list")
def _prompt_fits(request: GenerateOmniVideo) -> Iterator[Problem]:
    facts, length = request.facts, len(request.prompt or "")
    if length > facts.v2_prompt_max:
        able = _another(lambda other: length <= other.v2_prompt_max)
        most = f"{facts.name} takes at most {facts.v2_prompt_max}"
        yield Problem("prompt", f"'prompt' has {length} characters; {most}. Shorten it.{able}")
    elif length > facts.prompt_max and _keeps_old_wire(request):
        yield Problem(
            "prompt",
            f"'prompt' has {length} characters; more than {facts.prompt_max} go only over Kling's new API, which "
            "cannot keep the sound of a feature video. Shorten the prompt, or leave out keep_original_sound.",
        )


@rule("prompt", "multi_prompt", "multi_shot", "shot_type", "image_list", "element_list", "video_list")
def _citations_are_given(request: GenerateOmniVideo) -> Iterator[Problem]:
    lengths = given_material(request)
    where = "multi_prompt" if request.shots else "prompt"
    for kind, number in sorted(citations(request)):
        cites = f"'{where}' cites <<<{kind}_{number}>>>"
        if kind not in lengths:
            yield Problem(where, f"{cites}, but voices come with elements here. Cite the element.")
        elif not 1 <= number <= lengths[kind]:
            yield Problem(where, f"{cites}, but '{kind}_list' has {lengths[kind]} entries, counted from 1.")


def given_material(request: GenerateOmniVideo) -> dict[str, int]:
    """How many there are of each kind that a prompt can cite."""
    return {
        "image": len(request.image_list or ()),
        "element": len(request.element_list or ()),
        "video": len(request.video_list or ()),
    }


@rule("model_name", "video_list")
def _the_video_fits(request: GenerateOmniVideo) -> Iterator[Problem]:
    if request.video is not None:
        yield from misfits("video_list[0].video_url", request.video.video_url, request.facts.video)


RULES: tuple[Rule[Any], ...] = (
    *SHOT_RULES,
    _frames_are_a_first_and_an_end,
    _frames_do_not_go_with_an_edited_video,
    _a_given_video_rules_out_native_sound,
    _an_edited_video_keeps_its_length,
    _shots_go_with_a_video_only_by_kling,
    _references_are_few_enough,
    _material_goes_with_both_frames,
    _a_last_frame_goes_with_a_feature_video,
    _mode_exists,
    _length_exists,
    _a_first_frame_alone_has_lengths_of_its_own,
    _the_model_can,
    _prompt_fits,
    _citations_are_given,
    _the_video_fits,
)
"""Every rule of the tool."""
