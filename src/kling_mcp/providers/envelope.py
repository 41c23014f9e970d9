"""What came back from Kling, opened: HTTP status, the headers we heed, and Kling's envelope where there is one.

Contract: video.md section 3. Pure: bytes in, facts out; nothing here judges.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

from kling_mcp.errors import trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER = re.compile(r"-?\d{1,9}")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the far side, whoever gave it.

    Attributes:
        status: HTTP status. 429 alone says little at Kling: judge by ``code``.
        code: Kling's code, 0 for success; None if this is not Kling's envelope (a proxy, a web framework, garbage).
        message: Kling's words, trimmed for showing; empty without an envelope.
        request_id: Kling's id of the exchange.
        payload: The envelope's ``data``, unchecked.
        retry_after: Seconds the far side asks us to wait, as given; None if it does not.
        server_time: Its clock (unix seconds), from the Date header.
    """

    status: int
    code: int | None = None
    message: str = ""
    request_id: str | None = None
    payload: Any = None
    retry_after: float | None = None
    server_time: float | None = None


def opened(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """Read an answer. ``headers`` must ignore case. Never raises: what cannot be read is a reply without a code."""
    envelope = _json_object(body)
    server_time = _moment(headers.get("date"))
    request_id = envelope.get("request_id")
    return Reply(
        status=status,
        code=whole_number(envelope.get("code")),
        message=_text(envelope.get("message")),
        request_id=trimmed(request_id, 100) if isinstance(request_id, str) else None,
        payload=envelope.get("data"),
        retry_after=_seconds(headers.get("retry-after"), server_time),
        server_time=server_time,
    )


def whole_number(value: object) -> int | None:
    """A code as a number; some gateways quote it. None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        read: object = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", read) if isinstance(read, dict) else {}


def _text(value: object) -> str:
    return trimmed(value) if isinstance(value, str) else ""


def _seconds(value: str | None, server_time: float | None) -> float | None:
    """Retry-After: a number of seconds, or a date to compare with the same answer's own."""
    if value is None:
        return None
    if _NUMBER.fullmatch(value.strip()):
        return float(value)
    moment = _moment(value)
    return None if moment is None or server_time is None else moment - server_time


def _moment(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
