"""How a wrong argument is put into a sentence: the field, the value given, what is allowed."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel

from kling_mcp.errors import Problem, trimmed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from pydantic_core import ErrorDetails

OWN_SENTENCE = "own_sentence"
"""Type of a pydantic error whose message may be shown as it is and whose input must not be (pictures)."""

_QUOTED_AT_MOST = 60
_A_WORD = 3

_HALF = re.compile(r"[\ud800-\udfff]")
_NOISE = (" or instance of ", " after validation", ", unable to ")
"""What follows these in a sentence of pydantic's says nothing to an agent."""
_IN_JSON = {True: "true", False: "false", None: "null"}


def root(field: str) -> str:
    """The argument a problem's field is in: ``multi_prompt`` for ``multi_prompt[1].prompt``."""
    return field.split("[", 1)[0].split(".", 1)[0]


def shown(value: object) -> str:
    """A value as it may be quoted back: short, and never the inside of something long (Base64, a nested object)."""
    if isinstance(value, dict | BaseModel):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"  # pyright: ignore[reportUnknownArgumentType] - only its length matters
    if isinstance(value, bool | None):
        return _IN_JSON[value]
    # What follows the question mark of an address may be a signature.
    text = repr(value.split("?", 1)[0] if isinstance(value, str) and value.startswith("http") else value)
    if len(text) > _QUOTED_AT_MOST:
        return f"a text of {len(text) - 2} characters" if isinstance(value, str) else "a very long value"
    return trimmed(text)


def writable(value: object) -> bool:
    """Whether every text in a value can be written down: half of a surrogate pair cannot."""
    if isinstance(value, str):
        return value.isascii() or not _HALF.search(value)
    if isinstance(value, BaseModel):
        return all(map(writable, vars(value).values()))
    if isinstance(value, dict):
        inner = cast("dict[object, object]", value)
        return all(map(writable, (*inner, *inner.values())))
    return all(map(writable, cast("Sequence[object]", value))) if isinstance(value, list | tuple) else True


def listed(values: Iterable[object]) -> str:
    """``'std', 'pro' or '4k'`` without the quotes."""
    words = [str(value) for value in values]
    return " or ".join(([", ".join(words[:-1])] if words[1:] else []) + words[-1:])


def seconds(lengths: Sequence[int]) -> str:
    """Clip lengths as people write them: ``5 or 10 s``, ``3 to 15 s``."""
    is_run = len(lengths) == lengths[-1] - lengths[0] + 1 and bool(lengths[2:])
    return f"{lengths[0]} to {lengths[-1]} s" if is_run else f"{listed(lengths)} s"


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like a misspelled or shortened one."""
    names = list(known)
    beginning = [each for each in names if len(name) >= _A_WORD and each.startswith(name)]
    longer = [each for each in beginning if each.startswith(f"{name}_")]
    ending = [each for each in names if len(name) >= _A_WORD and each.endswith(f"_{name}")]
    found = longer or difflib.get_close_matches(name[:_QUOTED_AT_MOST], names, n=1) or beginning or ending
    return found[0] if found else None


def unknown_names(tool: str, names: Iterable[str], fields: Collection[str]) -> list[Problem]:
    """A problem for each argument the tool does not have, with the one that was probably meant; else all, once."""
    problems, every = list[Problem](), f" Its arguments are: {', '.join(fields) or 'none'}."
    for name in names:
        meant = closest(name, fields)
        hint, every = (f" Did you mean '{meant}'?", every) if meant else (every, "")
        problems.append(Problem(trimmed(name, _QUOTED_AT_MOST), f"{shown(name)} is not an argument of {tool}.{hint}"))
    return problems


def field_problem(tool: str, detail: ErrorDetails) -> Problem:
    """One of pydantic's findings as a sentence of ours."""
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    where = trimmed(where, 2 * _QUOTED_AT_MOST)
    match detail["type"]:
        case type_ if type_ == "missing" or detail["input"] is None:  # nothing, or the JSON text of nothing
            return Problem(where, f"'{where}' is required: {tool} cannot run without it.")
        case "extra_forbidden":
            return Problem(where, f"'{where}' is not a known key. Remove it or correct its spelling.")
        case type_ if type_ == OWN_SENTENCE:
            return Problem(where, f"'{where}' {detail['msg']}")
        case _:
            return Problem(where, f"'{where}' {_reason(detail['msg'])} (you gave {shown(detail['input'])}).")


def _reason(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input ")
    for noise in _NOISE:
        text = text.partition(noise)[0]
    return (text[:1].lower() + text[1:]).replace("dictionary", "object")
