"""How the pretend Kling answers: the envelope, the error table and the framework's own 404.

Contract: video.md section 3. The two shapes of a task are in ``shapes``.
"""

from __future__ import annotations

import uuid
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS: Mapping[int, int] = MappingProxyType(
    {1000: 401, 1001: 401, 1002: 401, 1003: 401, 1004: 401, 1100: 429, 1101: 429, 1102: 429, 1103: 403}
    | {1200: 400, 1201: 400, 1202: 404, 1203: 404, 1300: 400, 1301: 400}
    | {1302: 429, 1303: 429, 1304: 429, 5000: 500, 5001: 503, 5002: 504}
)
"""Kling's code → HTTP status. Contract: video.md section 3."""

BALANCE = "Account balance not enough"
SLOTS = "parallel task over resource pack limit"
RISK = "Failure to pass the risk control system"

# Captured texts where there are any (1102, 1303); the others say what the table says [OWN].
MESSAGES: Mapping[int, str] = MappingProxyType(
    {
        1000: "Authentication failed",
        1001: "Authorization is empty",
        1002: "Authorization is invalid",
        1003: "Authorization is not valid yet",
        1004: "Authorization has expired",
        1100: "Account is abnormal",
        1101: "Account is in arrears",
        1102: BALANCE,
        1103: "No permission for the requested resource",
        1200: "Request parameters are invalid",
        1201: "Request parameter value is illegal",
        1202: "Request method is not valid",
        1203: "Requested resource does not exist",
        1300: "Request violates the policy of the platform",
        1301: RISK,
        1302: "Too many requests",
        1303: SLOTS,
        1304: "IP address is not on the whitelist",
        5000: "Internal server error",
        5001: "Service is temporarily unavailable",
        5002: "Service timed out internally",
    }
)
"""What is said with a code when nothing more particular is known."""


class Refusal(Exception):
    """A request is answered with one of Kling's error codes."""

    def __init__(self, code: int, message: str | None = None) -> None:
        self.code = code
        self.message = MESSAGES[code] if message is None else message
        super().__init__(f"{code} {self.message}")

    def answer(self) -> JSONResponse:
        """Exactly three keys, and never ``data``."""
        body = {"code": self.code, "message": self.message, "request_id": str(uuid.uuid4())}
        return JSONResponse(body, STATUS[self.code])


def illegal(message: str) -> Refusal:
    """Code 1201, by far the most common: the message has the detail."""
    return Refusal(1201, message)


def answered(outcome: Any) -> JSONResponse:  # noqa: ANN401 - any JSON
    """The success envelope around ``data``."""
    return JSONResponse({"code": 0, "message": "SUCCEED", "request_id": str(uuid.uuid4()), "data": outcome})


def unknown_path(path: str, now: float) -> JSONResponse:
    """A path nobody serves is answered by the web framework, outside the envelope."""
    body = {
        "timestamp": int(now * 1000),
        "status": 404,
        "error": "Not Found",
        "message": "No message available",
        "path": path,
    }
    return JSONResponse(body, 404)
