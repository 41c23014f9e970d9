"""Several shots in one clip, as the legacy wire says it: ``multi_shot``, ``shot_type``, ``multi_prompt``.

Contract: video.md A1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from kling_mcp.sandbox import checks
from kling_mcp.sandbox.checks import Rule
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader

FIELDS: Mapping[str, Reader] = {
    "multi_shot": checks.flag,
    # Without multi_shot these two have no effect, so they are read only where it is on.
    "shot_type": checks.as_given,
    "multi_prompt": checks.as_given,
}


def check_required(asked: Body, posted: Body) -> None:
    """Whether there are words: a prompt, or shots. Shots are read here.

    Raises:
        Refusal: 1201.
    """
    if asked.get("multi_shot"):
        _read(asked)
    if not customized(asked):
        checks.demand(asked, posted, ["prompt"])


def _read(asked: Body) -> None:
    if "shot_type" not in asked:
        raise illegal("shot_type is required")
    shot_type = checks.one_of(("customize", "intelligence"))("shot_type", asked["shot_type"])
    if shot_type == "customize":
        if "multi_prompt" not in asked:
            raise illegal("multi_prompt cannot be empty")
        shots = checks.objects(checks.SHOTS_MAX, lambda: checks.SHOT)("multi_prompt", asked["multi_prompt"])
        asked["multi_prompt"] = shots


def customized(asked: Body) -> bool:
    """Whether the caller cuts the shots."""
    return bool(asked.get("multi_shot")) and asked.get("shot_type") == "customize"


def _given(asked: Body) -> list[Body]:
    return cast("list[Body]", asked["multi_prompt"]) if customized(asked) else []


def words(asked: Body) -> str:
    """What the clip is about; in a clip of several shots, all of it."""
    shots = sorted(_given(asked), key=lambda shot: shot["index"])
    return " / ".join(str(shot["prompt"]) for shot in shots) or str(asked.get("prompt", ""))


RULES = (
    Rule(
        lambda a: bool(_given(a)) and sum(shot["duration"] for shot in _given(a)) != a["duration"],
        "the sum of multi_prompt durations must be equal to duration",
    ),
    Rule(
        lambda a: sorted(shot["index"] for shot in _given(a)) != list(range(1, len(_given(a)) + 1)),
        "multi_prompt indexes must count from 1",
    ),
)
