"""What an endpoint may ask of the account while it looks at one request.

Results of ours are found by their ids and by their addresses (``/files/…``), so that one really builds on another;
other addresses are never fetched. Refusals without a captured text are [OWN], in the style of the captured ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kling_mcp.sandbox import pictures
from kling_mcp.sandbox.checks import invalid, is_link
from kling_mcp.sandbox.life import REFUSED_WORD
from kling_mcp.sandbox.order import MADE, Order
from kling_mcp.sandbox.pictures import Opened, Picture
from kling_mcp.sandbox.presets import ELEMENTS, VOICES, PresetElement, PresetVoice
from kling_mcp.sandbox.shapes import file_url, length_s
from kling_mcp.sandbox.sources import SESSION_S, UNSEEN_S, Clip, Session, hinted_s
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from kling_mcp.sandbox.files import Files
    from kling_mcp.sandbox.order import Make, Note, Package, Task, Wire
    from kling_mcp.sandbox.state import State

DELETED = "deleted"

_FILE = re.compile(r"/files/([0-9]{18,19})(?:-[a-z0-9-]+)?\.(mp4|png|mp3|wav)")


@dataclass(frozen=True, slots=True)
class Shop:
    """The account, as an endpoint sees it during one request.

    Attributes:
        state: Tasks, packs and notes.
        files: Where files are kept.
        base_url: What addresses of results start with.
        serve_retired: Whether models Kling has retired are served.
        posted: The body, as it came.
        opened: The long texts of the body, opened ahead.
    """

    state: State
    files: Files
    base_url: str
    serve_retired: bool = False
    posted: Mapping[str, Any] = field(default_factory=dict[str, Any])
    opened: Mapping[str, Opened] = field(default_factory=dict[str, Opened])

    def now(self) -> float:
        """The time, unix seconds."""
        return self.state.now()

    # --- results of ours -----------------------------------------------------------------------------------

    def made(self, result_id: str) -> tuple[Task, Make] | None:
        """A result that is finished and not purged, and its task; None for anything else."""
        found = self.state.by_result(result_id)
        if found is None or found[0].at(self.now()).status != "succeeded" or found[0].purged(self.now()):
            return None
        return found

    def made_at(self, url: str) -> tuple[str, Task, Make] | None:
        """The result of ours at an address: its id, its task and itself; None for an address that is not ours.

        Raises:
            Refusal: It is an address of ours with nothing there (1201).
        """
        if not url.startswith(f"{self.base_url}/files/"):
            return None
        match = _FILE.fullmatch(urlsplit(url).path)
        found = self.made(match[1]) if match else None
        if match is None or found is None:
            raise illegal("File cannot be downloaded")
        return match[1], *found

    def video(self, video_id: str) -> Clip:
        """A video of this account by its id.

        Raises:
            Refusal: There is none (1201): never made, not finished, no video, or older than 30 days.
        """
        found, any_age = self.made(video_id), self.state.by_result(video_id)
        if any_age is not None and any_age[0].purged(self.now()):
            raise illegal(f"Video {video_id} was generated more than 30 days ago")
        if found is None:
            raise illegal(f"Video not found by id: {video_id}")
        if found[1].kind != "video":
            raise illegal(f"{video_id} is not a video")
        return self._clip(video_id, *found)

    def clip(self, name: str, url: str) -> Clip:
        """A video by its address; a foreign one is taken to last 5 seconds, or ``?seconds=8``.

        Raises:
            Refusal: It is no address, or one of ours without a video (1201).
        """
        if not is_link(url):
            raise invalid(name, url)
        ours = self.made_at(url)
        if ours is None:
            return Clip("", url, hinted_s(url) or UNSEEN_S, url, sound=True)
        if ours[2].kind != "video":
            raise illegal(f"{name} is not a video")
        return self._clip(*ours)

    def source(self, asked: Mapping[str, Any]) -> Clip:
        """The video of a body that names exactly one, by ``video_id`` or by ``video_url``.

        Raises:
            Refusal: None, both, or one that cannot be used (1201).
        """
        if ("video_id" in asked) == ("video_url" in asked):
            raise illegal("exactly one of video_id and video_url is required")
        return self.video(asked["video_id"]) if "video_id" in asked else self.clip("video_url", asked["video_url"])

    def _clip(self, video_id: str, task: Task, make: Make) -> Clip:
        url, words = file_url(self.base_url, video_id, "mp4"), make.caption or task.order.prompt
        return Clip(video_id, url, length_s(make), words, make.aspect_ratio, f"{MADE}{video_id}", make.sound, task)

    def audio(self, audio_id: str) -> float:
        """Seconds of speech of this account, by its id.

        Raises:
            Refusal: There is none, or it is older than 30 days (1201).
        """
        found, any_age = self.made(audio_id), self.state.by_result(audio_id)
        if any_age is not None and any_age[0].purged(self.now()):
            raise illegal(f"Audio {audio_id} was generated more than 30 days ago")
        if found is None or found[1].kind != "audio" or not found[0].instant:
            raise illegal(f"Audio not found by id: {audio_id}")
        return length_s(found[1])

    # --- library -------------------------------------------------------------------------------------------

    def voice(self, voice_id: str) -> tuple[Task, Make] | PresetVoice:
        """A voice of this account that is not deleted, or one of Kling's own.

        Raises:
            Refusal: There is none (1201, captured).
        """
        return VOICES.get(voice_id) or self._own("voice", voice_id, "Voice id not found")

    def element(self, element_id: str | int) -> tuple[Task, Make] | PresetElement:
        """An element of this account that is not deleted, or one of Kling's own.

        Raises:
            Refusal: There is none (1201).
        """
        element_id = str(element_id)
        return ELEMENTS.get(element_id) or self._own("element", element_id, f"Element id not found: {element_id}")

    def element_kind(self, element_id: str | int) -> str:
        """Whether an element was made from pictures (``image_refer``) or from a video (``video_refer``).

        Raises:
            Refusal: There is no such element (1201).
        """
        found = self.element(element_id)
        if isinstance(found, PresetElement):
            return found.reference_type
        return str(found[1].detail.get("reference_type", "image_refer"))

    def _own(self, kind: str, result_id: str, refusal: str) -> tuple[Task, Make]:
        found = self.made(result_id)
        if found is None or found[1].kind != kind or self.deleted(result_id):
            raise illegal(refusal)
        return found

    def delete(self, result_id: str) -> Note:
        """Delete a voice or an element; the note's id can stand for the task of it."""
        return self.state.note(DELETED, about=result_id)

    def deleted(self, result_id: str) -> bool:
        """Whether a voice or an element was deleted."""
        return any(note.word == DELETED for note in self.state.notes(result_id))

    # --- files in a body -----------------------------------------------------------------------------------

    def picture(
        self, name: str, value: str, wire: Wire = "v1", *, shaped: bool = True, smallest: int = pictures.MIN_SIDE
    ) -> Picture:
        """A picture in a body, checked: Base64 or an address.

        Args:
            name: Its field.
            value: What was given.
            wire: Which one's limit of size holds.
            shaped: Whether its ratio is limited.
            smallest: Least pixels of a side.

        Raises:
            Refusal: 1201.
        """
        if not is_link(value):
            return pictures.checked_picture(self._opened(value), wire, shaped=shaped, smallest=smallest)
        if kept := self.files.extra_at(self.base_url, value):
            return pictures.picture_of(kept) or Picture()
        ours = self.made_at(value)
        if ours is None:
            return Picture()
        if ours[2].kind != "image":
            raise illegal(f"{name} is not an image")
        return Picture(None, f"{MADE}{ours[0]}", ours[2].aspect_ratio)

    def sound(self, name: str, value: str) -> float | None:
        """Seconds of a sound in a body, Base64 or an address; None for a foreign address.

        Raises:
            Refusal: 1201.
        """
        if not is_link(value):
            return pictures.checked_sound(self._opened(value))
        ours = self.made_at(value)
        if ours is None:
            return hinted_s(value)
        if ours[2].kind not in {"audio", "voice"}:
            raise illegal(f"{name} is not an audio")
        return length_s(ours[2])

    def _opened(self, text: str) -> Opened:
        return self.opened.get(text) or pictures.opened(text)

    def file(self, content: bytes, name: str) -> str:
        """Address of a file that is no result: a face, a mask, a normalized video.

        Args:
            content: Its bytes.
            name: Letters, digits and an ending, such as ``face.png``.
        """
        return self.files.keep(self.base_url, content, name)

    # --- sessions and charges ------------------------------------------------------------------------------

    def open_session(self, kind: str, facts: dict[str, Any]) -> str:
        """A new session of a kind (``faces``, ``editing``); its id."""
        return self.state.note(kind, facts).id

    def session(self, kind: str, session_id: str) -> Session:
        """A session of a kind that is still alive.

        Raises:
            Refusal: There is none of that kind, or it is older than 24 hours (1201).
        """
        notes = self.state.notes(session_id)
        if not notes or notes[0].word != kind:
            raise illegal(f"Session not found by id: {session_id}")
        if self.now() >= notes[0].at + SESSION_S:
            raise illegal(f"Session {session_id} has expired")
        return Session(session_id, notes[0].facts, tuple(notes[1:]))

    def happened(self, session_id: str, word: str, facts: dict[str, Any]) -> None:
        """Write down a change to a session."""
        self.state.note(word, facts, about=session_id)

    def charge(  # noqa: PLR0913 - what a bill says
        self,
        path: str,
        units: Decimal,
        *,
        package: Package = "video",
        prompt: str = "",
        model: str = "",
        makes: tuple[Make, ...] = (),
        info: dict[str, Any] | None = None,
    ) -> Task:
        """Charge an answer given at once; it shows up among the deductions, and what it makes can be named by its id.

        Raises:
            Refusal: The words are refused (1301), or the pack is too small (1102).
        """
        if REFUSED_WORD in prompt:
            raise Refusal(1301)
        order = Order(
            path, model=model, prompt=prompt, units=units, package=package, makes=makes, slots=0, info=info or {}
        )
        return self.state.accept(order, dict(self.posted), instant=True)
