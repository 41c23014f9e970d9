"""What bodies of the new standard have in common: ``contents``, ``settings``, ``options`` and the grammar of shots.

Contract: video.md B1. Messages without a captured text are [OWN].
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from kling_mcp.operations.model_facts import RESOLUTIONS
from kling_mcp.sandbox import checks
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.shop import Shop

    Forms = Mapping[str, Mapping[str, Reader]]

_MODES = {resolution: mode for mode, resolution in RESOLUTIONS.items()}
_OPTIONS: Reader = checks.nested(checks.COMMON)
_SHOT = re.compile(r"shot\s+(\d+)\s*,\s*(\d+)\s*,\s*([^;]*)", re.IGNORECASE)


def options_of(body: Body) -> Body:
    """``external_id``, ``callback_url`` and ``watermark`` of a body.

    Raises:
        Refusal: 1201.
    """
    return checks.common(checks.read(body, {"options": _OPTIONS}).get("options", {}))


def settings_of(body: Body) -> Body:
    """The settings of a body, not yet read.

    Raises:
        Refusal: They are no object (1201).
    """
    given = body.get("settings", {})
    if not isinstance(given, dict):
        raise checks.invalid("settings", given)
    return cast("Body", given)


def mode_of(settings: Body, modes: Iterable[str]) -> str:
    """The mode that ``settings.resolution`` stands for.

    Raises:
        Refusal: The model has no such resolution (1201).
    """
    fields = {"resolution": checks.one_of(RESOLUTIONS[mode] for mode in modes)}
    return _MODES[checks.read(settings, fields, "settings.").get("resolution", "720p")]


def contents_of(body: Body, forms: Forms, optional: Collection[str] = ()) -> list[Body]:
    """The contents of a body.

    Args:
        body: The body, without what is empty.
        forms: The types of content, each with its fields; all are required but the optional ones.
        optional: Fields that may be left out, as ``first_frame.id``.

    Raises:
        Refusal: 1201.
    """
    given = body.get("contents")
    if given is None:
        raise illegal("contents cannot be empty")
    if not isinstance(given, list):
        raise checks.invalid("contents", given)
    members = enumerate(cast("list[Any]", given))
    return [_content(f"contents[{index}]", member, forms, optional) for index, member in members]


def _content(name: str, member: Any, forms: Forms, optional: Collection[str]) -> Body:  # noqa: ANN401 - any JSON
    if not isinstance(member, dict):
        raise checks.invalid(name, member)
    fields = cast("Body", member)
    if "type" not in fields:
        raise illegal(f"{name}.type is required")
    kind = checks.one_of(forms)(f"{name}.type", fields["type"])
    read = checks.read(fields, forms[kind], f"{name}.")
    for key in forms[kind]:
        if key not in read and f"{kind}.{key}" not in optional:
            raise illegal(f"{name}.{key} is required")
    return {"type": kind} | read


def check_contents(contents: list[Body], *, single: Iterable[str]) -> None:
    """Whether there is at most one of each of these types, and no id twice.

    Raises:
        Refusal: 1201.
    """
    for kind in single:
        if len(of_type(contents, kind)) > 1:
            raise illegal(f"contents can have only one {kind}")
    names = [member["id"] for member in contents if "id" in member]
    if len(set(names)) < len(names):
        raise illegal("contents ids must be unique")


def of_type(contents: list[Body], kind: str) -> list[Body]:
    """The contents of one type."""
    return [member for member in contents if member["type"] == kind]


def prompt_in(contents: list[Body]) -> str:
    """The words among the contents."""
    return " ".join(str(member["text"]) for member in of_type(contents, "prompt"))


def check_library(contents: list[Body], shop: Shop) -> None:
    """Whether the elements and voices among the contents exist.

    Raises:
        Refusal: 1201.
    """
    for member in of_type(contents, "element"):
        shop.element(member["element_id"])
    for member in of_type(contents, "voice"):
        shop.voice(member["voice_id"])


def check_grammar(prompt: str, duration: int) -> None:
    """``shot n, m, words;`` is expanded unless multi_shot is off, which 3.0 Turbo cannot say. Contract: video.md B1.

    Raises:
        Refusal: The shots of a prompt make no sense (1201).
    """
    shots = _SHOT.findall(prompt)
    if not shots:
        return
    seconds = [int(length) for _, length, _ in shots]
    if len(shots) > checks.SHOTS_MAX:
        raise illegal(f"shot size cannot exceed {checks.SHOTS_MAX}")
    if not all(1 <= int(number) <= checks.SHOTS_MAX for number, _, _ in shots):
        raise illegal(f"shot number must be 1 to {checks.SHOTS_MAX}")
    if min(seconds) < 1 or sum(seconds) != duration:
        raise illegal("the sum of shot durations must be equal to settings.duration")
    if any(len(words) > checks.SHOT_PROMPT_MAX for _, _, words in shots):
        raise illegal(f"shot prompt length cannot exceed {checks.SHOT_PROMPT_MAX}")
