"""Lip-sync: a face in a finished video speaks a text or a sound.

Kling does it in two or three paid steps (find the faces, speak the text, render); the tool ``lip_sync`` is all of them.
Contract: video.md A9; the speech: image-audio-general.md section 11. What fits in time is in ``lip_timing``.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar, cast

from kling_mcp.errors import InvalidRequest, Problem
from kling_mcp.operations.audio import SpokenText, TextToSpeech
from kling_mcp.operations.base import Composite, Done, Ending, Generation, Kind, Quote, Rule, Step, Yields, rule
from kling_mcp.operations.faces import FITS_FACES, IdentifyFaces
from kling_mcp.operations.fields import AudioId, FaceSessionId, Omitted, SoundFile, VideoId, VideoUrl
from kling_mcp.operations.lip_render import END_IS_KNOWN, SOUND_LASTS, TIMES_FIT, AdvancedLipSync, FaceId
from kling_mcp.operations.lip_timing import LEAST_MS, MOST_MS, Interval, Timing
from kling_mcp.operations.rates import CARD_DATE
from kling_mcp.operations.rates_audio import LIP_SYNC_NOTE, PER_REQUEST, lip_sync_basis, lip_sync_units
from kling_mcp.operations.sounds import (
    Milliseconds,
    Speed,
    Volume,
    exactly_one,
    milliseconds,
    seconds_of,
)
from kling_mcp.operations.sources import Reference, facts_of
from kling_mcp.operations.speech import VOICES_HAVE_A_TEXT, Speech, SpeechVoiceId
from kling_mcp.operations.voices import Language
from kling_mcp.operations.wording import listed, shown

FACES, SPEECH, RENDER = "faces", "speech", "render"
"""The steps."""

_UNDECIDED = "The video has {count} faces and face_id does not say whose lips move: nothing was rendered."
"""Which faces there are is in the result, and how to go on with one of them in the advice that follows it."""

_AnyGeneration = TypeVar("_AnyGeneration", bound=Generation)


@rule()
def _something_moves_its_lips(request: "LipSync") -> Iterator[Problem]:
    if request.session_id is None:
        yield from exactly_one("video_id", "video_url", of="whose lips move").check(request)
        return
    for name in ("video_id", "video_url"):
        if getattr(request, name) is not None:
            yield Problem(
                name, f"'{name}' cannot be used together with 'session_id', which has its own video. Remove one."
            )
    if request.face_id is None:
        yield Problem("face_id", "'face_id' is missing: with session_id, say which of its faces speaks.")


class LipSync(Composite):
    """Make a face in a video speak a text or sound.

    Of several faces, without face_id, it shows the choice and renders nothing yet.
    """

    tool: ClassVar[str] = "lip_sync"
    title: ClassVar[str] = "Lip-sync"
    toolset: ClassVar[str] = "talking"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    makes_tasks_at: ClassVar[tuple[str, ...]] = (AdvancedLipSync.posts_to,)
    nameless_steps: ClassVar[bool] = True
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        _something_moves_its_lips,
        exactly_one("text", "audio_id", "sound_file", of="what is spoken"),
        VOICES_HAVE_A_TEXT,
        *FITS_FACES,
        SOUND_LASTS,
        END_IS_KNOWN,
        TIMES_FIT,
    )

    video_id: VideoId | Omitted = None
    """Job id or Kling id; 2-60 s."""
    video_url: VideoUrl | Omitted = None
    """mp4 or mov."""
    text: SpokenText | Omitted = None
    """Up to 1000 characters."""
    voice_id: SpeechVoiceId | Omitted = None
    """As for text_to_speech."""
    voice_language: Language | Omitted = None
    """Of the text."""
    voice_speed: Speed | Omitted = None
    """0.8 to 2, 1 if absent."""
    audio_id: AudioId | Omitted = None
    """Speech, instead of text."""
    sound_file: SoundFile | Omitted = None
    """Sound, instead of text."""
    face_id: FaceId | Omitted = None
    """Who speaks."""
    session_id: FaceSessionId | Omitted = None
    """Job that found the faces."""
    sound_start_time: Milliseconds | Omitted = None
    """ms of sound."""
    sound_end_time: Milliseconds | Omitted = None
    """ms of sound."""
    sound_insert_time: Milliseconds | Omitted = None
    """ms of video."""
    sound_volume: Volume | Omitted = None
    """0 to 2, 1 if absent."""
    original_audio_volume: Volume | Omitted = None
    """0 to 2, 1 if absent."""
    watermark: bool | Omitted = None
    """Watermarked copy too."""

    @property
    def timing(self) -> Timing:
        """What part of the sound is used, and when, as far as it is known before any step."""
        return Timing(
            start=self.sound_start_time,
            end=self.sound_end_time,
            insert=self.sound_insert_time,
            sound=milliseconds(seconds_of(self.audio_id, self.sound_file)),
            video=milliseconds(seconds_of(self.video_id, self.video_url)),
        )

    @property
    def speech(self) -> Speech | None:
        """What is spoken first, if anything."""
        if self.text is None:
            return None
        return Speech(self.text, self.voice_id, self.voice_language, self.voice_speed)

    def quote(self) -> Quote:
        """The sum of its steps: exact where the length of the video is known. Contract: video.md part E."""
        length_s = seconds_of(self.video_id, self.video_url)
        steps = {"faces": "identify_faces"} if self.session_id is None else {}
        steps |= {"speech": "text_to_speech"} if self.text is not None else {}
        rendering = lip_sync_units(length_s)
        units = None if rendering is None else sum((PER_REQUEST[tool] for tool in steps.values()), rendering)
        basis = " + ".join([*(f"{PER_REQUEST[t]} units ({n})" for n, t in steps.items()), lip_sync_basis(length_s)])
        if self.face_id is None:
            basis += "; of a video with several faces, only the search for them"
        return Quote(units, "video", basis, CARD_DATE, (LIP_SYNC_NOTE, *(self.speech.notes() if self.speech else ())))

    def next_step(self, done: Mapping[str, Done]) -> Step | Ending:
        """Find the faces, speak the text, render: each only where it is needed."""
        search = done.get(FACES)
        if self.session_id is None and search is None:
            return Step(FACES, _made(IdentifyFaces, video_id=self.video_id, video_url=self.video_url))
        found = _faces(search) if search else _known_faces(self.session_id)
        if search and self.face_id is None and len(found) > 1:
            return Ending(FACES, notes=(_UNDECIDED.format(count=len(found)),))
        face_id = self._chosen(found)
        timing = self._timing(found.get(face_id), done.get(SPEECH))
        if RENDER in done:  # paid for: whatever is known by now, it is not refused any more
            return Ending(RENDER, notes=(timing.note(),) if timing.is_cut else ())
        _check(timing, done.get(SPEECH))
        if self.text is not None and SPEECH not in done:
            return Step(SPEECH, _made(TextToSpeech, **self._told("text", "voice_id", "voice_language", "voice_speed")))
        return Step(RENDER, self._rendering(done, face_id, timing))

    def _chosen(self, found: Mapping[str, Interval]) -> str:
        """The face that speaks: the one that was named, or the only one.

        Raises:
            InvalidRequest: There is no such face.
        """
        face_id = self.face_id or next(iter(found), "")
        if found and face_id not in found:
            ids = listed(f"'{each}'" for each in found)
            raise InvalidRequest.one(
                "face_id",
                f"'face_id' is {shown(face_id)}, but the faces found are {ids}. Nothing was rendered; give one of "
                "these.",
            )
        return face_id

    def _timing(self, face: Interval | None, spoken: Done | None) -> Timing:
        """What part of the sound is used, and when, as far as the steps so far tell."""
        return replace(self.timing, face=face, sound=_length_ms(spoken) or self.timing.sound)

    def _rendering(self, done: Mapping[str, Done], face_id: str, timing: Timing) -> AdvancedLipSync:
        spoken = done.get(SPEECH)
        return _made(
            AdvancedLipSync,
            **self._told("sound_file", "sound_start_time", "sound_end_time", "sound_insert_time"),
            **self._told("sound_volume", "original_audio_volume", "watermark"),
            session_id=done[FACES].facts["session_id"] if FACES in done else self.session_id,
            face_id=face_id,
            audio_id=Reference.read(spoken.uris[0], "audio") if spoken else self.audio_id,
            sound_ms=timing.sound,
            video_ms=timing.video,
            face=timing.face,
        )

    def _told(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}


def _faces(search: Done) -> dict[str, Interval]:
    """When each face that was found is seen.

    Raises:
        InvalidRequest: None was found.
    """
    listing = cast("list[Mapping[str, Any]]", search.facts.get("faces") or [])
    if not listing:
        raise InvalidRequest.one(
            "video_id",
            "No face was found in the video, so there are no lips to move and nothing was rendered. Give a video in "
            "which one face is large and seen from the front.",
        )
    return {str(face["face_id"]): _seen(face) for face in listing}


def _known_faces(session: str | None) -> dict[str, Interval]:
    """When each face of an earlier search is seen, as far as the search was ours: so nothing is paid for another."""
    facts = facts_of(session)
    return {str(face["face_id"]): _seen(face) for face in facts.faces} if facts else {}


def _seen(face: Mapping[str, Any]) -> Interval:
    """When a face is seen; where Kling does not say, all the time: the search is paid, and a refusal is free."""
    start, end = face.get("start_ms"), face.get("end_ms")
    return Interval(start or 0, MOST_MS if end is None else end)


def _length_ms(spoken: Done | None) -> int | None:
    return milliseconds(spoken.facts.get("duration_s")) if spoken else None


def _check(timing: Timing, spoken: Done | None) -> None:
    """Refuse what Kling would refuse, before it is posted.

    Raises:
        InvalidRequest: The speech, or the part of the sound that is asked for, does not fit.
    """
    if problems := [*_speech_problems(_length_ms(spoken))] or [*timing.problems()]:
        raise InvalidRequest(problems)


def _speech_problems(length_ms: int | None) -> Iterator[Problem]:
    if length_ms is not None and not LEAST_MS <= length_ms <= MOST_MS:
        change = "longer" if length_ms < LEAST_MS else "shorter"
        yield Problem(
            "text",
            f"The text takes {length_ms} ms to speak, but Kling syncs {LEAST_MS} to {MOST_MS} ms. Nothing was "
            f"rendered; give a {change} text, or another voice_speed.",
        )


def _made(operation: type[_AnyGeneration], **fields: Any) -> _AnyGeneration:  # noqa: ANN401 - of any operation
    """A step. Its values were checked as ours, and may be results of ours, looked up or not: they are kept as they are.

    Raises:
        InvalidRequest: They do not go together.
    """
    request = operation.model_construct(**fields)
    if problems := list(request.problems()):
        raise InvalidRequest(problems)
    return request


OPERATIONS = (LipSync,)
"""The operations of this file that are tools."""
