"""What one model allows in ``generate_video`` and another does not: rules that read ``model_facts``.

Contract: video.md parts B2, B3 and C.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Rule, rule
from kling_mcp.operations.model_facts import NO_MODE, OLD_WIRE_ONLY
from kling_mcp.operations.shots import LONGER
from kling_mcp.operations.video_rules import given, voice_fields
from kling_mcp.operations.wording import listed, seconds, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kling_mcp.operations.model_facts import Endpoint, ModeFacts, ModelFacts
    from kling_mcp.operations.video import GenerateVideo

_FROM: Mapping[Endpoint, str] = {"text2video": "from text", "image2video": "from an image"}


@dataclass(frozen=True, slots=True)
class Feature:
    """Something a row of the model table allows for some clip lengths, or never.

    Attributes:
        field: The argument that asks for it.
        what: Its name in a sentence.
        asked: Whether a request asks for it.
        lengths: The clip lengths a row allows it for.
        from_image: Whether only image to video has it, so that it is looked up there.
        most: How many entries a row allows; None where it is not a list with a limit of its own.
    """

    field: str
    what: str
    asked: Callable[[GenerateVideo], bool]
    lengths: Callable[[ModeFacts], tuple[int, ...]]
    from_image: bool = False
    most: Callable[[ModeFacts], int] | None = None


FEATURES = (
    Feature(
        "image_tail",
        "a last frame after a first one",
        lambda r: r.image is not None and r.image_tail is not None,
        lambda row: row.first_last,
    ),
    Feature(
        "image_tail",
        "a last frame without a first one (image)",
        lambda r: r.image is None and r.image_tail is not None,
        lambda row: row.last_only,
    ),
    Feature("static_mask", "masks", lambda r: r.static_mask is not None, lambda row: row.brush, from_image=True),
    Feature("dynamic_masks", "masks", lambda r: r.dynamic_masks is not None, lambda row: row.brush, from_image=True),
    Feature("camera_control", "camera moves", lambda r: r.camera_control is not None, lambda row: row.camera),
    Feature(
        "voice_list",
        "voices",
        lambda r: r.voice_list is not None,
        lambda row: row.voice,
        from_image=True,
        most=lambda row: row.max_voices,
    ),
    Feature(
        "element_list",
        "elements",
        lambda r: r.element_list is not None,
        lambda row: row.durations if row.max_elements else (),
        from_image=True,
        most=lambda row: row.max_elements,
    ),
    Feature(
        "multi_shot",
        "several shots in one clip",
        lambda r: r.multi_shot is True,
        lambda row: row.durations if row.multi_shot else (),
    ),
    Feature("sound", "sound", lambda r: r.sound == "on", lambda row: row.durations if row.sound else ()),
)


def _setting(request: GenerateVideo, endpoint: Endpoint) -> str:
    """Model, endpoint and mode of a request, as people say it."""
    mode = "" if request.effective_mode == NO_MODE else f" in mode {request.effective_mode}"
    return f"{request.model_name} {_FROM[endpoint]}{mode}"


def _where(facts: ModelFacts, lengths: Callable[[ModeFacts], tuple[int, ...]]) -> str:
    """Where a model allows something: ``from an image in mode pro (5 or 10 s)``; empty if nowhere."""
    places: list[str] = []
    for endpoint, modes in facts.endpoints.items():
        able = {mode: lengths(row) for mode, row in modes.items() if lengths(row)}
        for times in dict.fromkeys(able.values()):
            named = [mode for mode in able if able[mode] == times and mode != NO_MODE]
            places.append(f"{_FROM[endpoint]}{f' in mode {listed(named)}' if named else ''} ({seconds(times)})")
    return ", ".join(places)


def _allowed(request: GenerateVideo, feature: Feature) -> Iterator[Problem]:
    endpoint: Endpoint = "image2video" if feature.from_image else request.endpoint
    row = request.facts.row(endpoint, request.mode)
    rows = request.facts.endpoints.get(endpoint, {}).values() if row is None else [row]
    times = {time for each in rows for time in feature.lengths(each)}
    if not feature.asked(request) or request.duration in times:
        return
    value = shown(getattr(request, feature.field))
    if not times:
        places = _where(request.facts, feature.lengths)
        yield Problem(
            feature.field,
            f"'{feature.field}' ({value}) asks for {feature.what}, which {_setting(request, endpoint)} does not offer. "
            + (f"It offers this {places}." if places else f"No mode of {request.model_name} offers it."),
        )
    elif row is not None and request.duration in row.durations:
        yield Problem(
            feature.field,
            f"'{feature.field}' ({value}) asks for {feature.what}, which {_setting(request, endpoint)} offers only in "
            f"clips of {seconds(sorted(times))}, and 'duration' is {request.duration}.",
        )


def _few_enough(request: GenerateVideo, feature: Feature) -> Iterator[Problem]:
    row = request.facts.row("image2video", request.mode)
    entries = getattr(request, feature.field) or ()
    if row is None or feature.most is None or not feature.lengths(row) or len(entries) <= feature.most(row):
        return
    yield Problem(
        feature.field,
        f"'{feature.field}' has {len(entries)} entries; {request.model_name} takes at most {feature.most(row)}.",
    )


def _feature_rules(feature: Feature) -> tuple[Rule[GenerateVideo], ...]:
    reads = frozenset({"model_name", "mode", feature.field})
    allowed = Rule(reads, partial(_allowed, feature=feature))
    few = Rule(reads, partial(_few_enough, feature=feature))
    return (allowed, few) if feature.most else (allowed,)


@rule("model_name")
def _endpoint_exists(request: GenerateVideo) -> Iterator[Problem]:
    if request.endpoint not in request.facts.endpoints:
        yield Problem(
            "model_name",
            f"'model_name' is '{request.model_name}', which makes clips only from an image. Give 'image' too.",
        )


@rule("model_name", "mode")
def _mode_exists(request: GenerateVideo) -> Iterator[Problem]:
    modes = request.facts.endpoints.get(request.endpoint, {})
    if request.mode is None or not modes or request.mode in modes:
        return
    allowed = "has no modes: remove 'mode'" if NO_MODE in modes else f"has {listed(modes)}"
    yield Problem("mode", f"'mode' is '{request.mode}', but {request.model_name} {allowed}.")


@rule("model_name", "duration")  # not the mode: a model's modes have the same lengths
def _length_exists(request: GenerateVideo) -> Iterator[Problem]:
    rows = request.facts.endpoints.get(request.endpoint, {}).values()
    row = request.row or next(iter(rows), None)
    if row is not None and request.duration not in row.durations:
        yield Problem(
            "duration",
            f"'duration' is {shown(request.duration)}, but clips of {request.model_name} last "
            f"{seconds(row.durations)}." + (LONGER if request.duration > max(row.durations) else ""),
        )


@rule("model_name", "camera_control", "mode")
def _camera_move_exists(request: GenerateVideo) -> Iterator[Problem]:
    row, camera = request.row, request.camera_control
    if camera is None or row is None or not row.camera or camera.type in {None, *row.camera_types}:
        return
    yield Problem(
        "camera_control.type",
        f"'camera_control.type' is '{camera.type}', but {_setting(request, request.endpoint)} knows only "
        f"{listed(row.camera_types)}.",
    )


@rule("model_name", "sound", "mode")
def _sound_goes_with_a_last_frame(request: GenerateVideo) -> Iterator[Problem]:
    if request.sound == "on" and request.silenced:
        yield Problem("sound", f"'sound' is 'on', but {request.model_name} with 'image_tail' is silent. Set it to off.")


@rule("model_name", "mode", "prompt", "multi_prompt", "multi_shot", "shot_type")
def _voices_go_with_a_last_frame(request: GenerateVideo) -> Iterator[Problem]:
    for field in voice_fields(request) if request.silenced else ():
        yield Problem(
            field,
            f"'{field}' asks for a voice, but {request.model_name} with 'image_tail' is silent. Remove one of them.",
        )


@rule("model_name", "sound")
def _sound_can_be_off(request: GenerateVideo) -> Iterator[Problem]:
    if request.sound == "off" and request.facts.always_sound:
        yield Problem(
            "sound",
            f"'sound' is 'off', but sound is always included with {request.model_name}, at no extra price. Remove it.",
        )


def _foreign(request: GenerateVideo) -> list[str]:
    """What keeps a request on the old wire."""
    used = given(request, *OLD_WIRE_ONLY)
    return used if request.facts.cfg_scale == "supported" else [name for name in used if name != "cfg_scale"]


@rule("model_name", "prompt")
def _prompt_fits(request: GenerateVideo) -> Iterator[Problem]:
    facts, length = request.facts, len(request.prompt or "")
    sure = facts.prompt_max if request.endpoint == "text2video" else facts.image_prompt_max
    most = max(sure, facts.v2_prompt_max or 0)
    if length > most:
        yield Problem("prompt", f"'prompt' has {length} characters; {facts.name} takes at most {most}. Shorten it.")
    elif length > sure and (foreign := _foreign(request)):
        yield Problem(
            "prompt",
            f"'prompt' has {length} characters; {facts.name} takes more than {sure} only on Kling's new API, which has "
            f"no {listed(foreign)}. Shorten the prompt to {sure}, or remove {listed(foreign)}.",
        )


@rule("model_name")
def _wording_is_taken(request: GenerateVideo) -> Iterator[Problem]:
    facts = request.facts
    if request.negative_prompt is not None and not facts.negative_prompt:
        yield Problem(
            "negative_prompt",
            f"'negative_prompt' ({shown(request.negative_prompt)}) is given, but {facts.name} takes none. "
            "Remove it, and say in prompt what you want instead.",
        )
    if request.cfg_scale is not None and facts.cfg_scale == "absent":
        yield Problem(
            "cfg_scale", f"'cfg_scale' is {shown(request.cfg_scale)}, but {facts.name} takes none. Remove it."
        )


LIMITS: tuple[Rule[GenerateVideo], ...] = (
    _endpoint_exists,
    _mode_exists,
    _length_exists,
    *(each for feature in FEATURES for each in _feature_rules(feature)),
    _camera_move_exists,
    _sound_goes_with_a_last_frame,
    _voices_go_with_a_last_frame,
    _sound_can_be_off,
    _prompt_fits,
    _wording_is_taken,
)
"""Every rule that one model may break and another keep."""
