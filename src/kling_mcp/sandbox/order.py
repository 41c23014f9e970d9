"""What was ordered, the same for every endpoint, and the task it becomes: plain records that survive as JSON."""

# No `from __future__ import annotations`: pydantic reads the annotations when it stores and loads tasks.

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Wire = Literal["v1", "v2"]
Status = Literal["submitted", "processing", "succeeded", "failed"]
Package = Literal["video", "image", "try-on"]
Kind = Literal["video", "image", "audio", "voice", "element"]

KEPT_S = 30 * 86_400
"""Results, and the tasks with them, are purged 30 days after generation. Contract: video.md section 6."""
_LASTING = frozenset({"voice", "element"})
"""What the library keeps until it is deleted [OWN]."""
MADE = "made:"
"""How a backdrop that is a result of ours begins; the id of that result follows."""
BESIDE = "|"
"""Stands between backdrops that are shown side by side."""


@dataclass(frozen=True, slots=True)
class Make:
    """One result to come.

    Attributes:
        kind: What it is. Videos, pictures and sounds are files; a voice has a trial sound; an element has no file.
        caption: What it shows or says; empty: the prompt of its order.
        aspect_ratio: ``16:9`` and the like, or the ``width:height`` of the picture it starts from.
        duration: Seconds that were ordered; a video is a little longer (``shapes.length_s``).
        sound: Whether a video has a sound track.
        backdrop: What it starts from: a small JPEG in Base64, or ``made:`` and the id of a result of ours, whose
            picture or last frame it is; several, joined by ``|``, stand side by side.
        label: What it is among several (``set 1 view 2``); shown on it too.
        detail: What else its kind shows (the name of a voice, the pictures of an element) or is drawn by.
    """

    kind: Kind
    caption: str = ""
    aspect_ratio: str = "16:9"
    duration: float = 0.0
    sound: bool = False
    backdrop: str | None = None
    label: str = ""
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Order:
    """A checked request. Defaults are filled in; what Kling ignores is gone.

    Attributes:
        path: The create path, without the host; also the family that lists it on the legacy wire.
        wire: Which generation of the API it came by.
        model: Name in ``model_facts``; empty where the endpoint has no choice of model.
        mode: ``std``, ``pro``, ``4k`` or ``*``; a resolution on the new wire is translated. Empty where there is none.
        prompt: Everything to be shown, shots included.
        units: What it costs if it succeeds.
        package: Which resource pack pays, and lends the slots.
        slots: How many it holds until it ends.
        makes: Its results, in the order they are shown.
        external_id: The caller's own id.
        callback_url: Where changes are reported.
        watermark: Whether a watermarked copy is wanted; None if not said.
        parent: The video it was made from, as ``task_info.parent_video`` shows it: ``id``, ``url``, ``duration``.
        info: What the billing row tells of it: ``product_function``, ``resolution``, ``duration``,
            ``refer_video_input``, ``video_sound``, ``voice_control``; what is missing takes a default there.
        pace: Seconds it takes to make, about.
    """

    path: str
    wire: Wire = "v1"
    model: str = ""
    mode: str = ""
    prompt: str = ""
    units: Decimal = Decimal(0)
    package: Package = "video"
    slots: int = 1
    makes: tuple[Make, ...] = ()
    external_id: str | None = None
    callback_url: str | None = None
    watermark: bool | None = None
    parent: dict[str, str] | None = None
    info: dict[str, Any] = field(default_factory=dict[str, Any])
    pace: float = 30.0


@dataclass(frozen=True, slots=True)
class Transition:
    """A status and the time at which it begins (unix seconds)."""

    at: float
    status: Status


@dataclass(frozen=True, slots=True)
class Task:
    """An accepted order. Its whole life is decided at birth; the clock only reveals it.

    Attributes:
        id: 18 or 19 digits.
        results: Ids of what it makes, one for each of ``order.makes``.
        order: What was ordered.
        life: Its statuses in order of time; a single one where Kling answered at once.
        message: Why it fails; empty if it does not.
        body: What was posted, long texts cut: for people and tests.
    """

    id: str
    results: tuple[str, ...]
    order: Order
    life: tuple[Transition, ...]
    message: str = ""
    body: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def result_id(self) -> str:
        """Id of the first thing it makes; empty if it makes nothing."""
        return self.results[0] if self.results else ""

    @property
    def made(self) -> list[tuple[str, Make]]:
        """What it makes, each with its id."""
        return list(zip(self.results, self.order.makes, strict=True))

    @property
    def instant(self) -> bool:
        """Whether Kling answered at once: it is charged like others, but nobody can ask for it or list it."""
        return len(self.life) == 1

    @property
    def created_at(self) -> float:
        """When it was accepted, unix seconds."""
        return self.life[0].at

    @property
    def ends_at(self) -> float:
        """When it stops holding its slots, unix seconds."""
        return self.life[-1].at

    @property
    def outcome(self) -> Status:
        """How it will end."""
        return self.life[-1].status

    @property
    def units(self) -> Decimal:
        """What it costs if it succeeds."""
        return self.order.units

    @property
    def charge(self) -> Decimal:
        """Units deducted in the end: failed tasks are free. Contract: video.md part E."""
        return self.units if self.outcome == "succeeded" else Decimal(0)

    def at(self, now: float) -> Transition:
        """The transition last passed."""
        passed = [step for step in self.life if step.at <= now]
        return passed[-1] if passed else self.life[0]

    def purged(self, now: float) -> bool:
        """Whether it and its results are gone."""
        lasts = any(make.kind in _LASTING for make in self.order.makes)
        return not lasts and now >= self.ends_at + KEPT_S


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened and is no task: a session was opened or changed, a voice or an element was deleted.

    Attributes:
        id: 18 or 19 digits, growing; that of a session is the session's id.
        at: When, unix seconds.
        about: The session, or the result, it is about.
        word: What happened.
        facts: Whatever belongs to it.
    """

    id: str
    at: float
    about: str
    word: str
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
