"""What a request starts from beside pictures: videos of ours and of others, and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.order import Note, Task

SESSION_S = 86_400.0
"""How long a session lives. Contract: video.md A6; of identify-face it is not known (F.12), so the same [OWN]."""
UNSEEN_S = 5.0
"""Seconds a foreign video is taken to last, unless its address says ``?seconds=8`` [OWN]."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A video in a request.

    Attributes:
        id: Ours; empty for a foreign one.
        url: Where it is.
        seconds: Its length; that of a foreign one is assumed.
        words: What it was made from, or its address: hints stand in it.
        ratio: ``16:9`` or ``width:height``.
        backdrop: What ``Make.backdrop`` takes, to show its last frame; None for a foreign one.
        sound: Whether it has a sound track.
        task: What made it; None for a foreign one.
    """

    id: str
    url: str
    seconds: float
    words: str
    ratio: str = "16:9"
    backdrop: str | None = None
    sound: bool = False
    task: Task | None = None

    @property
    def parent(self) -> dict[str, str]:
        """As ``task_info.parent_video`` shows it."""
        return {"id": self.id, "url": self.url, "duration": f"{self.seconds:.3f}"}


@dataclass(frozen=True, slots=True)
class Session:
    """A face or an editing session: what it was opened with, and what happened to it since."""

    id: str
    facts: Mapping[str, Any]
    notes: tuple[Note, ...]


def hinted_s(url: str) -> float | None:
    """Seconds that an address says its file lasts: ``?seconds=8``."""
    try:
        return float(parse_qs(urlsplit(url).query)["seconds"][0])
    except (KeyError, ValueError):
        return None
