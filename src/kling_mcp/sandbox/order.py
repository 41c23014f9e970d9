"""What was ordered, the same for both wires, and the task it becomes: plain records that survive as JSON."""

# No `from __future__ import annotations`: pydantic reads the annotations when it stores and loads tasks.

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from kling_mcp.operations.model_facts import Endpoint

Wire = Literal["v1", "v2"]
Status = Literal["submitted", "processing", "succeeded", "failed"]

KEPT_S = 30 * 86_400
"""Results, and the tasks with them, are purged 30 days after generation. Contract: video.md section 6."""


@dataclass(frozen=True, slots=True)
class Order:
    """A checked request. Defaults are filled in; what Kling ignores is gone.

    Attributes:
        wire: Which generation of the API it came by.
        path: The create path, without the host; also the family that lists it on the legacy wire.
        endpoint: Text or image to video.
        model: Name in ``model_facts.MODELS``.
        mode: ``std``, ``pro``, ``4k`` or ``*``; a resolution on the new wire is translated.
        duration: Requested seconds.
        sound: Whether there is a sound track.
        speaks: Whether a listed voice speaks, which costs more.
        prompt: Everything to be shown, shots included.
        aspect_ratio: ``16:9`` or, once the first frame was looked at, its ``width:height``.
        first: Whether there is a first frame.
        last: Whether there is a last frame.
        still_mask: Whether there is a static mask.
        moving_masks: Whether there are dynamic masks.
        camera: The camera movement, if any.
        elements: How many elements are referred to.
        voices: How many voices are listed.
        shots: Whether the clip has several shots.
        external_id: The caller's own id.
        callback_url: Where changes are reported.
        watermark: Whether a watermarked copy is wanted; None if not said.
        backdrop: A small picture of the first frame, JPEG in Base64.
    """

    wire: Wire
    path: str
    endpoint: Endpoint
    model: str
    mode: str
    duration: int
    prompt: str
    aspect_ratio: str = "16:9"
    sound: bool = False
    speaks: bool = False
    first: bool = False
    last: bool = False
    still_mask: bool = False
    moving_masks: bool = False
    camera: str | None = None
    elements: int = 0
    voices: int = 0
    shots: bool = False
    external_id: str | None = None
    callback_url: str | None = None
    watermark: bool | None = None
    backdrop: str | None = None


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
        result_id: Id of the clip it makes.
        order: What was ordered.
        units: What it costs if it succeeds.
        life: Its statuses in order of time.
        message: Why it fails; empty if it does not.
        body: What was posted, long texts cut: for people and tests.
    """

    id: str
    result_id: str
    order: Order
    units: Decimal
    life: tuple[Transition, ...]
    message: str = ""
    body: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def created_at(self) -> float:
        """When it was accepted, unix seconds."""
        return self.life[0].at

    @property
    def ends_at(self) -> float:
        """When it stops holding its slot, unix seconds."""
        return self.life[-1].at

    @property
    def outcome(self) -> Status:
        """How it will end."""
        return self.life[-1].status

    @property
    def charge(self) -> Decimal:
        """Units deducted in the end: failed tasks are free. Contract: video.md part E."""
        return self.units if self.outcome == "succeeded" else Decimal(0)

    def at(self, now: float) -> Transition:
        """The transition last passed."""
        passed = [step for step in self.life if step.at <= now]
        return passed[-1] if passed else self.life[0]

    def purged(self, now: float) -> bool:
        """Whether it and its result are gone."""
        return now >= self.ends_at + KEPT_S
