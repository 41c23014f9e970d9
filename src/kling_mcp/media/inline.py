"""Files that come inside their own address: ``data:<type>;base64,<content>``, as gateways answer pictures."""

from __future__ import annotations

import base64
import binascii
import re

from kling_mcp.errors import Refused

_HEAD = re.compile(r"data:([\w.+/-]{0,100})(?:;[\w.+=-]{1,100}){0,5}?;base64,", re.ASCII | re.IGNORECASE)
_MOST_HEAD = 1000
"""Characters within which the content begins."""


def is_inline(url: str) -> bool:
    """Whether an address is the file itself."""
    return url[:5].lower() == "data:"


def named_type(url: str) -> str:
    """What such an address calls its content, in small letters; may be empty.

    Raises:
        Refused: It is not Base64, the only encoding that files come in.
    """
    return _head(url)[1].lower()


def size_of(url: str) -> int:
    """About how many bytes it holds, known before anything is decoded."""
    return (len(url) - _head(url).end()) * 3 // 4 - 2


def decoded(url: str) -> bytes:
    """The file. Line breaks and missing padding are forgiven.

    Raises:
        Refused: It is empty or no Base64. Its content is never repeated.
    """
    packed = "".join(url[_head(url).end() :].split())
    try:
        content = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unreadable() from error
    if not content:
        raise _unreadable()
    return content


def _head(url: str) -> re.Match[str]:
    found = _HEAD.match(url[:_MOST_HEAD])
    if found is None:
        raise _unreadable()
    return found


def _unreadable() -> Refused:
    return Refused("The result came inside its address, but not as readable Base64.", code="wrong_content")
