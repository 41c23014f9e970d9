"""Several shots in one clip, and what a prompt cites: the part that ``generate_video`` and omni video share.

Contract: video.md A1 (multi_shot, shot_type, multi_prompt) and section 1 (prompt references).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kling_mcp.operations.fields import Shot

DEFAULT_SECONDS = 5
"""The length of a clip where none is asked for. Contract: video.md A1, A3."""

LONGER = " extend_video makes a clip longer."
"""What is said to who asks for more seconds than any clip has."""

_CITED = re.compile(r"<<<(voice|element|image|video)_(\d{1,9})>>>")


class Filmed(Protocol):
    """A request for a clip that may have several shots."""

    @property
    def prompt(self) -> str | None:
        """What happens."""
        ...

    @property
    def multi_shot(self) -> bool | None:
        """Whether there are several shots."""
        ...

    @property
    def shot_type(self) -> str | None:
        """Who writes them: the agent (``customize``) or Kling (``intelligence``)."""
        ...

    @property
    def multi_prompt(self) -> Sequence[Shot] | None:
        """The shots as the agent gave them."""
        ...

    @property
    def duration(self) -> int | None:
        """Seconds asked for."""
        ...


def written_shots(request: Filmed) -> tuple[Shot, ...]:
    """The shots the agent wrote, in order; empty unless ``shot_type`` is customize."""
    written = request.multi_prompt if request.multi_shot and request.shot_type == "customize" else None
    return tuple(sorted(written or (), key=lambda shot: shot.index))


def citations(request: Filmed) -> set[tuple[str, int]]:
    """What the text that Kling will read cites: kind and number."""
    shots = written_shots(request)
    text = "\n".join(shot.prompt for shot in shots) if shots else request.prompt or ""
    return {(kind, int(number)) for kind, number in _CITED.findall(text)}


def _prompt_is_given(request: Filmed) -> Iterator[Problem]:
    if not request.prompt and not (request.multi_shot and request.shot_type != "intelligence"):
        yield Problem("prompt", "'prompt' is missing: say what happens in the clip.")


def _shots_are_announced(request: Filmed) -> Iterator[Problem]:
    if request.multi_shot and request.shot_type is None:
        yield Problem(
            "shot_type",
            "'shot_type' is missing, and multi_shot needs it: 'customize' (you write multi_prompt) or 'intelligence' "
            "(Kling cuts prompt into shots).",
        )
    idle = {"shot_type": request.shot_type, "multi_prompt": request.multi_prompt}
    for name in [] if request.multi_shot else [name for name, value in idle.items() if value is not None]:
        yield Problem(name, f"'{name}' has no effect while multi_shot is not true. Set multi_shot to true.")


def _shots_are_written_by_one(request: Filmed) -> Iterator[Problem]:
    if not request.multi_shot:
        return
    if request.shot_type == "customize" and request.multi_prompt is None:
        yield Problem("multi_prompt", "'multi_prompt' is missing: with shot_type 'customize' it lists 1 to 6 shots.")
    if request.shot_type == "intelligence" and request.multi_prompt is not None:
        yield Problem(
            "multi_prompt",
            "'multi_prompt' is given, but with shot_type 'intelligence' Kling cuts the shots from prompt. Remove it, "
            "or set shot_type to 'customize'.",
        )


def _shots_are_numbered(request: Filmed) -> Iterator[Problem]:
    numbers = [shot.index for shot in request.multi_prompt or ()]
    if sorted(numbers) != list(range(1, len(numbers) + 1)):
        told = ", ".join(map(str, numbers))
        yield Problem("multi_prompt", f"'multi_prompt' has the indexes {told}; they must be 1 to {len(numbers)}.")


def _shots_fill_the_clip(request: Filmed) -> Iterator[Problem]:
    shots, whole = written_shots(request), DEFAULT_SECONDS if request.duration is None else request.duration
    total = sum(shot.duration for shot in shots)
    if shots and total != whole:
        yield Problem(
            "multi_prompt",
            f"The shots in 'multi_prompt' add up to {total} s, but 'duration' is {whole} s. Both must be "
            "equal: change the one or the other.",
        )


SHOT_RULES: tuple[Rule[Any], ...] = (
    Rule(frozenset({"prompt", "multi_shot", "shot_type"}), _prompt_is_given),
    Rule(frozenset({"multi_shot", "shot_type"}), _shots_are_announced),
    Rule(frozenset({"multi_shot", "shot_type"}), _shots_are_written_by_one),
    Rule(frozenset({"multi_prompt"}), _shots_are_numbered),
    Rule(frozenset({"multi_prompt", "multi_shot", "shot_type", "duration"}), _shots_fill_the_clip),
)
"""What must hold between the arguments that make shots, whatever the model."""
