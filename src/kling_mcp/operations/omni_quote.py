"""What ``generate_omni_video`` costs, and what an agent should know before it pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.operations.base import Quote
from kling_mcp.operations.omni_facts import MAX_REFERENCES, SURE_REFERENCES_OF_MIXED_KINDS
from kling_mcp.operations.omni_rules import given_material
from kling_mcp.operations.rates import CARD_DATE, units_per_second, whole_seconds
from kling_mcp.operations.shots import citations
from kling_mcp.operations.sources import facts_of
from kling_mcp.operations.wording import listed, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_mcp.operations.omni_video import GenerateOmniVideo
    from kling_mcp.operations.rates import Track

_CASES: dict[Track, str] = {"silent": "silent", "sound": "with sound", "video": "with a video"}


def quoted(request: GenerateOmniVideo) -> Quote:
    """The price of a sound request. Contract: video.md part E."""
    track = _track(request)
    rate = units_per_second(request.model_name, request.effective_mode, track)
    length = _billed_seconds(request)
    case = f"{request.model_name}, {request.effective_mode}, {_CASES[track]}"
    if rate is None:
        return Quote(None, "video", f"no price is known ({case})", CARD_DATE, tuple(_notes(request)))
    if length is None:
        basis = f"{rate} units for each second of the video that is edited, rounded ({case})"
        return Quote(None, "video", basis, CARD_DATE, tuple(_notes(request)))
    return Quote(rate * length, "video", f"{length} s x {rate} units ({case})", CARD_DATE, tuple(_notes(request)))


def _track(request: GenerateOmniVideo) -> Track:
    if request.video is not None:
        return "video"
    return "sound" if request.sound == "on" else "silent"


def _billed_seconds(request: GenerateOmniVideo) -> int | None:
    """The seconds Kling bills; None where a video is edited whose length is not known."""
    if not request.edits:
        return request.seconds
    facts = facts_of(request.video.video_url) if request.video else None
    return None if facts is None or facts.duration_s is None else whole_seconds(facts.duration_s)


def _notes(request: GenerateOmniVideo) -> Iterator[str]:
    yield from _about_shape(request)
    yield from _about_citations(request)
    yield from _about_disagreements(request)
    if request.shots and request.prompt:
        yield "prompt is not sent: with customized shots Kling reads only multi_prompt."
    most = request.facts.prompt_max
    if len(request.prompt or "") > most and not request.shots:
        yield f"A prompt of more than {most} characters goes over Kling's new API, which takes only an API key."
    if request.prefers_newer:
        yield (
            "The pages of Kling's older API allow no video so long or so large, so it goes over the newer one where "
            "there is an API key. A refusal would be free."
        )
    if request.video and not request.edits and request.video.keep_original_sound == "yes":
        yield "Kling promises to keep a video's sound only where it is edited (refer_type base)."


def _about_shape(request: GenerateOmniVideo) -> Iterator[str]:
    if request.needs_shape and request.aspect_ratio is None:
        yield "aspect_ratio was not given: 16:9 is sent."
    if not request.needs_shape and request.aspect_ratio is not None:
        deciding = "video" if request.edits else "first frame"
        yield f"The {deciding} decides the shape: Kling is likely to ignore aspect_ratio."


def _about_citations(request: GenerateOmniVideo) -> Iterator[str]:
    """What is given and never cited. Frames need no citation."""
    cited = citations(request)
    frames = {number for number, image in enumerate(request.image_list or (), start=1) if image.type}
    unused = [
        f"<<<{kind}_{number}>>>"
        for kind, count in given_material(request).items()
        for number in range(1, count + 1)
        if (kind, number) not in cited and not (kind == "image" and number in frames)
    ]
    if unused:
        yield f"The prompt never cites {', '.join(unused)}: say there what each is for, or it may have no effect."


def _about_disagreements(request: GenerateOmniVideo) -> Iterator[str]:
    """Where Kling's pages contradict each other, and the wider reading was taken."""
    facts, elements = request.facts, len(request.element_list or ())
    free = "A refusal would be free."
    if not request.edits and not request.plain_images and request.seconds not in facts.sure_durations:
        limit = f"{facts.name} may take only clips of {seconds(facts.sure_durations)}"
        yield f"Without a plain reference picture {limit} (Kling's pages disagree). {free}"
    if request.multi_shot and request.frames:
        yield f"Kling's pages disagree whether shots go with a {listed(request.frames)}. {free}"
    if request.plain_images + elements + len(request.frames) > MAX_REFERENCES:
        yield f"Kling may count frames among the {MAX_REFERENCES} pictures and elements it takes. {free}"
    elif elements and facts.video_characters:
        yield from _about_video_characters(request, elements)


def _about_video_characters(request: GenerateOmniVideo, elements: int) -> Iterator[str]:
    """Which kind an element is, only Kling knows; those made from a video are taken more rarely."""
    if request.video is not None and request.plain_images + elements > 1:
        yield "If an element was made from a video, Kling takes it here only alone, beside the video."
    elif request.plain_images + elements > SURE_REFERENCES_OF_MIXED_KINDS:
        yield (
            f"If an element was made from a video, Kling takes at most {SURE_REFERENCES_OF_MIXED_KINDS} pictures and "
            "other elements beside it."
        )


__all__ = ["quoted"]
