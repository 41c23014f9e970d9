"""Values and answers that nobody should send: typed in by hand, and made of true ones by small, wild changes."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

Json = Any
Path = tuple[Any, ...]

_HUGE = "@@HUGE@@"
_HUGE_DIGITS = "9" * 5000
DEEP = 3000


def deep(levels: int = 200) -> Json:
    """A list in a list in a list."""
    value: Json = []
    for _ in range(levels):
        value = [value]
    return value


NASTY: tuple[Json, ...] = (
    float("nan"),
    float("inf"),
    float("-inf"),
    1e308,
    10**400,
    -(10**30),
    -1,
    0.1 + 0.2,
    True,
    " ",
    "\x00",
    "\u202egnp.exe\u2066",
    "\u200b" * 50,
    "\ud800",
    "a\udfff b",
    "\U000e0041\U000e0042",
    "🦊" * 4000,
    "A" * 100_000,
    "null",
    "NaN",
    "[",
    '{"a":',
    "{{{image}}}",
    "<<<element_9>>><<<image_99>>>",
    "../../etc/passwd",
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "javascript:alert(1)",
    "data:image/png;base64,AAAA",
    "data:" + "x" * 3000,
    "kling://media/../../secret",
    "kling://media/km1-00000000000000000000000000_1",
    "km1-ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "km1-" + "Z" * 5000,
    "'; DROP TABLE job; --",
    "%s%n{0}{__class__}",
    [],
    [None],
    [[]],
    ["\ud800", {}],
    list(range(2000)),
    {},
    {"": ""},
    {"$ref": "#"},
    {"__class__": {"__init__": 1}},
    {"url": {"url": {"url": "x"}}},
    {"index": 10**400, "prompt": "\ud800", "duration": float("nan")},
    deep(),
)
"""For any argument."""


def misnamed(names: list[str]) -> Iterator[str]:
    """Names that no tool has: beside the true ones, and out of nowhere."""
    yield from (
        "__class__",
        "model_config",
        "model_fields",
        "self",
        "",
        " ",
        "\x00",
        "\ud800",
        "a" * 10_000,
        "callback_url",
    )
    yield from ("external_task_id", "path", "tool", "units", "constructor", "__proto__")
    for name in names:
        yield from (
            name + "_",
            name.upper(),
            name[1:] or "x",
            name.replace("_", "-") + "-",
            name + "\u200b",
            f" {name}",
        )


# --- answers -----------------------------------------------------------------------------------------------

_ODD: tuple[Json, ...] = (
    None,
    True,
    0,
    -1,
    0.5,
    _HUGE,
    1e308,
    float("nan"),
    float("-inf"),
    "",
    "\x00",
    "\ud800",
    "\u202e" * 40,
    "x" * 200_000,
    "../../account/costs",
    "9" * 400,
    "https://user:pass@evil.test/../",
    {},
    {"task_id": []},
    [[]],
    [None, None],
    ["a", 1, {}],
    {str(number): number for number in range(300)},
)


@dataclass(frozen=True)
class Change:
    """What was done to a body, and what came out."""

    what: str
    body: bytes
    status: int | None = None


def changed(body: bytes, dice: random.Random) -> Change:
    """The body with one to three small, wild changes, or no JSON any more. Never a list that was made empty."""
    if dice.random() < 0.2:
        name = dice.choice(tuple(_BYTES))
        return Change(name, _BYTES[name](body, dice), 502 if name == "html" else None)
    tree: Json = json.loads(body)
    what: list[str] = []
    for _ in range(dice.randint(1, 3)):
        places = list(_places(tree))
        if places:
            where = dice.choice(places)
            name = dice.choice(tuple(_TREES))
            what.append(f"{name} at {'.'.join(map(str, where))}")
            _TREES[name](tree, where, dice)
    text = json.dumps(tree).replace(f'"{_HUGE}"', _HUGE_DIGITS)
    return Change("; ".join(what), text.encode())


def _places(tree: Json, at: Path = ()) -> Iterator[Path]:
    """Every value, by the way to it."""
    if len(at) > 12:
        return
    pairs: list[tuple[Any, Json]] = []
    if isinstance(tree, dict):
        pairs = list(cast("dict[str, Json]", tree).items())
    elif isinstance(tree, list):
        pairs = list(enumerate(cast("list[Json]", tree)))[:5]
    for key, value in pairs:
        yield (*at, key)
        yield from _places(value, (*at, key))


def _holder(tree: Json, where: Path) -> Json:
    for key in where[:-1]:
        tree = tree[key]
    return tree


def _drop(tree: Json, where: Path, dice: random.Random) -> None:
    holder = _holder(tree, where)
    if isinstance(holder, dict):
        del holder[where[-1]]
    else:  # a list that lacks a task says that there is none, and that would be no garbage
        holder[where[-1]] = dice.choice(_ODD)


def _rename(tree: Json, where: Path, dice: random.Random) -> None:
    holder = _holder(tree, where)
    if isinstance(holder, dict):
        value: Json = cast("dict[str, Json]", holder).pop(where[-1])
        cast("dict[str, Json]", holder)[dice.choice(("x", f"{where[-1]}s", str(where[-1]).upper(), "", "data"))] = value


def _retype(tree: Json, where: Path, dice: random.Random) -> None:
    _holder(tree, where)[where[-1]] = copy.deepcopy(dice.choice(_ODD))


def _wrap(tree: Json, where: Path, dice: random.Random) -> None:
    holder = _holder(tree, where)
    value = holder[where[-1]]
    holder[where[-1]] = [value, value] if dice.random() < 0.5 else {"data": value}


def _text(tree: Json, where: Path, _: random.Random) -> None:
    holder = _holder(tree, where)
    holder[where[-1]] = json.dumps(holder[where[-1]])


_TREES: dict[str, Callable[[Json, Path, random.Random], None]] = {
    "drop": _drop,
    "rename": _rename,
    "retype": _retype,
    "wrap": _wrap,
    "text": _text,
}
_BYTES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": lambda body, dice: body[: dice.randrange(len(body))],
    "empty": lambda _, __: b"",
    "twice": lambda body, _: body + body,
    "bad utf-8": lambda body, dice: _spliced(body, dice, b"\xff\xfe\xc3("),
    "utf-16": lambda body, _: body.decode().encode("utf-16"),
    "with a mark": lambda body, _: b"\xef\xbb\xbf" + body,
    "html": lambda _, __: b"<html><body>502 Bad Gateway</body></html>",
    "deep list": lambda _, __: b"[" * 100_000,
    "deep object": lambda _, __: b'{"data":' * DEEP + b"1" + b"}" * DEEP,
    "only a list": lambda body, _: b"[" + body + b"]",
    "only a number": lambda _, __: b"0",
    "only a text": lambda _, __: b'"SUCCEED"',
    "huge number": lambda _, __: b'{"code":' + _HUGE_DIGITS.encode() + b"}",
    "nul": lambda body, dice: _spliced(body, dice, b"\x00"),
}


def _spliced(body: bytes, dice: random.Random, more: bytes) -> bytes:
    at = dice.randrange(len(body) + 1)
    return body[:at] + more + body[at:]
