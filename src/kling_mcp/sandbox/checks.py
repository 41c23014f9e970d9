"""How one value of a body is read: what is coerced, what is refused, with the captured messages.

Contract: video.md section 3 (``<field> value '<v>' is invalid``) and section 6 (empty means absent; leniency).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from kling_mcp.errors import trimmed
from kling_mcp.sandbox.wire import Refusal, illegal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    Reader = Callable[[str, Any], Any]

Body = dict[str, Any]

NEGATIVE_PROMPT_MAX = 2500
SHOT_PROMPT_MAX = 512
SHOTS_MAX = 6
_MAX_LONG = 2**63 - 1
_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_ABSENT: tuple[Any, ...] = (None, "", [], {})


def without_empties(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A body without what is empty, at any depth of objects. Contract: video.md section 6."""
    if isinstance(value, list):
        return [without_empties(inner) for inner in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    inner = {key: without_empties(given) for key, given in cast("Body", value).items()}
    return {key: given for key, given in inner.items() if given not in _ABSENT}


def invalid(name: str, value: object) -> Refusal:
    """The captured message for a value outside its set."""
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return illegal(f"{name} value '{trimmed(shown, 200)}' is invalid")


def read(body: Body, fields: Mapping[str, Reader], prefix: str = "") -> Body:
    """The known fields of a body, each read by its reader, in the order of the table. Unknown keys are ignored.

    Raises:
        Refusal: 1201, about the first field that cannot be read.
    """
    return {name: reader(prefix + name, body[name]) for name, reader in fields.items() if name in body}


def one_of(allowed: Iterable[object]) -> Reader:
    """One of these words; numbers are taken for their digits, as ``duration`` may come either way."""
    words = {str(word) for word in allowed}

    def reader(name: str, value: Any) -> str:  # noqa: ANN401 - any JSON
        if isinstance(value, bool) or not isinstance(value, str | int) or str(value) not in words:
            raise invalid(name, value)
        return str(value)

    return reader


def number(low: float, high: float) -> Reader:
    """A number within limits; its digits as text will do."""

    def reader(name: str, value: Any) -> float:  # noqa: ANN401 - any JSON
        try:
            found = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            found = math.nan
        if not low <= found <= high:
            raise invalid(name, value)
        return found

    return reader


def whole(low: int = -_MAX_LONG, high: int = _MAX_LONG) -> Reader:
    """A whole number within limits, exact to 64 bits, as number or as text."""

    def reader(name: str, value: Any) -> int:  # noqa: ANN401 - any JSON
        text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            raise invalid(name, value)
        return int(text)

    return reader


def text(most: int | None = None) -> Reader:
    """Text of at most so many characters; a number is taken for its digits."""

    def reader(name: str, value: Any) -> str:  # noqa: ANN401 - any JSON
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise invalid(name, value)
        found = str(value)
        if most is not None and len(found) > most:
            raise illegal(f"{name} length cannot exceed {most}")  # [OWN]
        return found

    return reader


def flag(name: str, value: Any) -> bool:  # noqa: ANN401 - any JSON
    """True or false; one vendor example sends it as text."""
    words = {"true": True, "false": False}
    found = words.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise invalid(name, value)
    return found


def link(name: str, value: Any) -> str:  # noqa: ANN401 - any JSON
    """An http(s) address."""
    if not is_link(value):
        raise invalid(name, value)
    return cast("str", value)


def is_link(value: object) -> bool:
    """Whether it is an http(s) address, by its form."""
    if not isinstance(value, str) or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return bool(parts.hostname) and parts.scheme in {"http", "https"}
    except ValueError:
        return False


def objects(
    most: int, form: Callable[[], Mapping[str, Reader]], *, optional: Collection[str] = (), least: int = 1
) -> Reader:
    """A list of so many objects, every one with all the fields of its form but the optional ones.

    Messages for too many, and for a member that lacks something, are [OWN].
    """

    def reader(name: str, value: Any) -> list[Body]:  # noqa: ANN401 - any JSON
        if not isinstance(value, list):
            raise invalid(name, value)
        members = cast("list[Any]", value)
        if len(members) > most:
            raise illegal(f"{name} size cannot exceed {most}")
        if len(members) < least:
            raise illegal(f"{name} size must be at least {least}")
        return [_whole_object(f"{name}[{index}]", member, form(), optional) for index, member in enumerate(members)]

    return reader


def texts(count: int) -> Reader:
    """A list of exactly so many texts."""

    def reader(name: str, value: Any) -> list[str]:  # noqa: ANN401 - any JSON
        if not isinstance(value, list):
            raise invalid(name, value)
        members = cast("list[Any]", value)
        if len(members) != count:
            raise illegal(f"{name} size must be {count}")
        return [text()(f"{name}[{index}]", member) for index, member in enumerate(members)]

    return reader


def _whole_object(
    name: str,
    value: Any,  # noqa: ANN401 - any JSON
    form: Mapping[str, Reader],
    optional: Collection[str],
) -> Body:
    member = nested(form)(name, value)
    for key in form:
        if key not in member and key not in optional:
            raise illegal(f"{name}.{key} is required")
    return member


def nested(fields: Mapping[str, Reader]) -> Reader:
    """An object, its fields named with a dot in messages."""

    def reader(name: str, value: Any) -> Body:  # noqa: ANN401 - any JSON
        if not isinstance(value, dict):
            raise invalid(name, value)
        return read(cast("Body", value), fields, f"{name}.")

    return reader


def form(posted: Mapping[str, Any], fields: Mapping[str, Reader], required: Iterable[str] = ()) -> Body:
    """The known fields of a posted body, what is empty being absent; then whether everything required is there.

    Args:
        posted: The body, as it came.
        fields: How each is read, in the order in which they are looked at.
        required: Those that must not be missing, in the order in which that is noticed.

    Raises:
        Refusal: 1201, about the first field that cannot be read or is missing.
    """
    asked = read(without_empties(dict(posted)), fields)
    demand(asked, posted, required)
    return asked


def demand(asked: Mapping[str, Any], posted: Mapping[str, Any], required: Iterable[str]) -> None:
    """Both captured sentences: one for a field that is absent, one for an empty one.

    Raises:
        Refusal: 1201, about the first field that is missing.
    """
    for name in required:
        if name not in asked or (isinstance(asked[name], str) and not asked[name].strip()):
            raise illegal(_CAPTURED.get(name) or f"{name} {'cannot be empty' if name in posted else 'is required'}")


_CAPTURED: Mapping[str, str] = {"image": "image can not be null"}
"""What Kling says of a missing field where that is known."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that must hold between the fields of a body; ``message`` is what Kling says if it does not."""

    broken: Callable[[Body], bool]
    message: str


def obey(asked: Body, rules: Iterable[Rule]) -> None:
    """Check what goes together.

    Raises:
        Refusal: 1201, about the first rule that is broken.
    """
    for rule in rules:
        if rule.broken(asked):
            raise illegal(rule.message)


def exactly_one(asked: Mapping[str, Any], one: str, other: str, prefix: str = "") -> None:
    """Of two fields, one must be given.

    Raises:
        Refusal: 1201.
    """
    if (one in asked) == (other in asked):
        raise illegal(f"exactly one of {prefix}{one} and {prefix}{other} is required")


def as_given(_: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Whatever it is: for fields that are looked at later, or have no effect here."""
    return value


WATERMARK: Reader = nested({"enabled": flag})
COMMON: Mapping[str, Reader] = {"watermark_info": WATERMARK, "callback_url": link, "external_task_id": text()}
"""What every asynchronous legacy endpoint takes, unless its family says otherwise."""


def common(asked: Mapping[str, Any]) -> Body:
    """The fields of ``COMMON`` as ``Order`` calls them."""
    return {
        "external_id": asked.get("external_task_id"),
        "callback_url": asked.get("callback_url"),
        "watermark": asked.get("watermark_info", {}).get("enabled"),
    }


ELEMENT_ID = whole(0)
ELEMENT: Mapping[str, Reader] = {"element_id": ELEMENT_ID}
ASPECT_RATIO = one_of(("16:9", "9:16", "1:1"))
ON_OFF = one_of(("on", "off"))
YES_NO = one_of(("yes", "no"))
SHOT: Mapping[str, Reader] = {
    "index": whole(1),
    "prompt": text(SHOT_PROMPT_MAX),
    "duration": whole(1),
}
