"""Whatever an agent or Kling says about talking and sounds: an answer, or one InvalidRequest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations import audio, avatar, faces, lip_sync_classic, talking
from kling_mcp.operations.base import Composite, Done, Ending
from kling_mcp.operations.lip_timing import LEAST_MS, Interval, Timing
from kling_mcp.operations.sources import Source, SourceFacts
from kling_mcp.operations.voices import SPEECH_VOICES, find_voices, intended_voices
from kling_mcp.operations.wording import root

if TYPE_CHECKING:
    from kling_mcp.errors import Problem
    from kling_mcp.operations.base import Generation

JOB = "km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK"
TOOLS = [
    tool
    for module in (talking, faces, lip_sync_classic, avatar, audio)
    for tool in module.OPERATIONS
    if not issubclass(tool, Composite)
]
ALL: list[type[Generation]] = [talking.LipSync, *TOOLS]
each_tool = pytest.mark.parametrize("tool", ALL, ids=lambda tool: tool.tool)

URL, MP3 = "https://cdn.example/a.mp4", "https://cdn.example/a.mp3"
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([URL, "9" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
moments = st.integers(0, 61_000) | st.sampled_from(["500", "3000"])
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "video_id": st.sampled_from(["743211632612511839", JOB]),
    "video_url": st.sampled_from([URL, f"kling://media/{JOB}_1"]),
    "text": st.sampled_from(["Hello there", "你好", "x" * 130]),
    "voice_id": st.sampled_from([*SPEECH_VOICES, "studio_host"]),
    "voice_language": st.sampled_from(["zh", "en"]),
    "voice_speed": st.sampled_from([0.8, 1, "1.5", 2]),
    "audio_id": st.sampled_from(["930801290416885794", JOB]),
    "sound_file": st.just(MP3),
    "audio_file": st.just(MP3),
    "audio_url": st.just(MP3),
    "mode": st.sampled_from(["std", "pro", "text2video", "audio2video"]),
    "image": st.just("https://cdn.example/a.png"),
    "prompt": st.just("rain"),
    "duration": st.sampled_from([3, 4.5, "10"]),
    "face_id": st.sampled_from(["0", 1, "2"]),
    "session_id": st.sampled_from(["850508686686064678", JOB]),
    "sound_start_time": moments,
    "sound_end_time": moments,
    "sound_insert_time": moments,
    "sound_volume": st.floats(0, 2),
    "original_audio_volume": st.floats(0, 2),
    "asmr_mode": st.booleans(),
    "watermark": st.booleans(),
}
names = st.sampled_from([*LIKELY, "vioce_id", "tool", ""])
likely = st.fixed_dictionaries({}, optional=LIKELY)
quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def source(kind: str, seconds: float | None) -> Source:
    facts = SourceFacts(f"kling://media/{JOB}_1", kind, kling_id="7", duration_s=seconds, width=1280, height=720)
    return Source.of(f"https://kling.example/{kind}", facts)


def found(request: Generation, seconds: float | None) -> dict[str, object]:
    return {
        where: "850508686686064678" if reference.wants == "session" else source(reference.wants, seconds)
        for where, reference in request.references().items()
    }


def read(
    tool: type[Generation], arguments: dict[str, Any], seconds: float | None = None
) -> tuple[Generation | None, tuple[Problem, ...]]:
    """The request, its results of ours found; or everything that is wrong with it."""
    try:
        request = tool.parse(arguments)
        return request.resolved(found(request, seconds)), ()
    except InvalidRequest as refusal:
        return None, refusal.problems


@each_tool
@quick
@given(arguments=st.dictionaries(names, anything, max_size=6))
def test_nonsense_is_read_or_refused(tool: type[Generation], arguments: dict[str, Any]) -> None:
    request, wrong = read(tool, arguments)
    assert bool(request) != bool(wrong)
    assert all(problem.sentence.endswith((".", "?")) and len(problem.sentence) < 600 for problem in wrong)


@each_tool
@quick
@given(arguments=likely, seconds=st.none() | st.floats(0.1, 400))
def test_a_request_that_is_accepted_can_be_priced_and_sent(
    tool: type[Generation], arguments: dict[str, Any], seconds: float | None
) -> None:
    own = {name: value for name, value in arguments.items() if name in tool.model_fields}
    request, wrong = read(tool, own, seconds)
    assert {root(problem.field) for problem in wrong} <= set(tool.model_fields)
    if request is not None:
        quote = request.quote()
        assert quote.package == "video"
        assert quote.units is None or quote.units > 0
        if not isinstance(request, Composite):
            json.dumps(request.body(), allow_nan=False)


seen = st.lists(
    st.fixed_dictionaries({"start_ms": st.integers(-100, 9000), "end_ms": st.integers(0, 60_000)}), max_size=3
)


@quick
@given(arguments=likely, faces_seen=seen, spoken_s=st.none() | st.floats(0.1, 70), clip_s=st.none() | st.floats(2, 60))
def test_lip_sync_ends_or_is_refused_whatever_the_steps_find(
    arguments: dict[str, Any], faces_seen: list[dict[str, int]], spoken_s: float | None, clip_s: float | None
) -> None:
    own = {name: value for name, value in arguments.items() if name in talking.LipSync.model_fields}
    answers = {
        "faces": Done(
            (f"kling://media/{JOB}-faces_1",),
            {"session_id": "85", "faces": [{"face_id": str(n), **when} for n, when in enumerate(faces_seen)]},
        ),
        "speech": Done((f"kling://media/{JOB}-speech_1",), {"duration_s": spoken_s}),
        "render": Done((f"kling://media/{JOB}-render_1",), {}),
    }
    done: dict[str, Done] = {}
    try:
        request = talking.LipSync.parse(own)
        request = request.resolved(found(request, clip_s))
        while not isinstance(step := request.next_step(done), Ending):
            assert step.name not in done
            ready = step.request.resolved(found(step.request, spoken_s))
            json.dumps(ready.body(), allow_nan=False)
            done[step.name] = answers[step.name]
    except InvalidRequest:
        assert "render" not in done
    else:
        assert (step.step == "faces") == ("render" not in done)


lengths = st.none() | st.integers(2000, 60_000)


@given(
    start=st.none() | st.integers(0, 9000),
    end=st.none() | st.integers(0, 60_000),
    insert=st.none() | st.integers(0, 9000),
    sound=lengths,
    video=lengths,
    face=st.none() | st.builds(Interval, st.integers(0, 9000), st.integers(0, 60_000)),
)
def test_what_is_not_refused_is_what_kling_allows(
    start: int | None, end: int | None, insert: int | None, sound: int | None, video: int | None, face: Interval | None
) -> None:
    """The four conditions of video.md A9, written out anew."""
    timing = Timing(start, end, insert, sound, video, face)
    if list(timing.problems()) or timing.ends_at is None:
        return
    crop = timing.ends_at - timing.starts_at
    assert crop >= LEAST_MS
    assert sound is None or timing.ends_at <= sound
    assert video is None or timing.inserted_at + crop <= video
    if face:
        assert min(face.end, timing.inserted_at + crop) - max(face.start, timing.inserted_at) >= LEAST_MS


@given(st.text(max_size=40), st.sampled_from(["", "zh", "en"]))
def test_any_words_may_be_looked_for(words: str, language: str) -> None:
    assert set(find_voices(words, language)) <= set(SPEECH_VOICES.values())
    assert set(intended_voices(words)) <= set(SPEECH_VOICES.values())
