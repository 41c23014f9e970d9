"""What ``generate_video`` costs, and what an agent should know before it pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.operations.base import Quote
from kling_mcp.operations.model_facts import NO_MODE, SHOT_START
from kling_mcp.operations.rates import CARD_DATE, RETIRED_PRICES_ARE, units_per_second, video_units
from kling_mcp.operations.video_advice import CURRENT, able
from kling_mcp.operations.video_rules import cites_voice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_mcp.operations.rates import Track
    from kling_mcp.operations.video import GenerateVideo


def quoted(request: GenerateVideo) -> Quote:
    """The exact price of a sound request. Contract: video.md part E."""
    units = video_units(
        request.model_name,
        request.effective_mode,
        request.duration,
        sound=request.sounds,
        voice=cites_voice(request),
    )
    return Quote(units, "video", _basis(request), CARD_DATE, tuple(_notes(request)))


def _track(request: GenerateVideo) -> Track:
    if cites_voice(request):
        return "voice"
    return "sound" if request.sounds else "silent"


def _basis(request: GenerateVideo) -> str:
    mode = "" if request.effective_mode == NO_MODE else f"{request.effective_mode}, "
    case = f"{request.model_name}, {mode}{'with ' if request.sounds else ''}{_track(request)}"
    rate = units_per_second(request.model_name, request.effective_mode, _track(request))
    if rate is None:
        return f"one clip of {request.duration} s ({case})"
    return f"{request.duration} s x {rate} units ({case})"


def _notes(request: GenerateVideo) -> Iterator[str]:
    facts = request.facts
    if facts.retired:
        yield _about_retirement(request)
        yield f"The price of {facts.name} is {RETIRED_PRICES_ARE}."
    if request.cfg_scale is not None and facts.cfg_scale == "ignored":
        yield f"cfg_scale is not sent: {facts.name} ignores it."
    if facts.always_sound:
        yield f"Sound is always included with {facts.name}."
    if "v1" in facts.wires and len(request.prompt or "") > facts.prompt_max and not request.shots:
        yield (
            f"A prompt of more than {facts.prompt_max} characters goes over Kling's new API, which takes an API key "
            "and no access key pair."
        )
    if facts.shot_grammar and SHOT_START.search(request.prompt or ""):
        yield (
            "The prompt reads like a list of shots (shot n, seconds, words). It is sent with a colon so that Kling "
            "makes one shot of it; for several, use multi_shot of kling-v3."
        )
    if request.shots and request.prompt:
        yield "prompt is not sent: with customized shots Kling reads only multi_prompt."
    if request.voice_list and not cites_voice(request):
        yield "No voice will speak, and none is billed, unless the prompt cites it as <<<voice_1>>>."
    if request.multi_shot and request.image_tail:
        yield (
            "Kling's pages disagree whether shots and a last frame may be combined; its change log of 2026-05-07 "
            "allows it. A refusal would be free."
        )
    if (
        request.endpoint == "image2video"
        and facts.image_prompt_sure
        and len(request.prompt or "") > facts.image_prompt_sure
    ):
        yield (
            f"Kling's pages disagree whether the prompt may exceed {facts.image_prompt_sure} characters with an "
            "image. A refusal would be free."
        )


def _about_retirement(request: GenerateVideo) -> str:
    other = able(request, models=CURRENT)
    instead = "No current model can do this exact request" if other is None else f"Use {_choice(other)} instead"
    return (
        f"{request.model_name} is reported retired since {request.facts.retired}: Kling may refuse it, free of charge. "
        f"{instead}."
    )


def _choice(request: GenerateVideo) -> str:
    return request.model_name + (f" (mode {request.mode})" if request.mode else "")
