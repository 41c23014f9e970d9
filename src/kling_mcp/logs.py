"""Logging: to standard error only, and never a secret, at any level.

Hosts keep what we write to standard error in files, so it is redacted as text, after formatting: that covers messages,
arguments and tracebacks alike, also of libraries. Contract: reliability.md section 6.3, S19.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kling_mcp.settings import Settings

HIDDEN = "***"
_SHORTEST_SECRET = 4
"""A shorter value stands in too many ordinary words to be searched for."""

_PATTERNS = (
    (
        re.compile(r"(?i)\b(authorization\b[\"']?\s*[:=,]\s*(?:b?[\"'])?)(?:(?:bearer|basic)\s+)?[^\s\"',)}\]]+"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), HIDDEN),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]+"), HIDDEN),
    (re.compile(r"(?i)\b(https?://)[^\s/?#\"'<>@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)\b(https?://[^\s?\"'<>]*)\?[^\s\"'<>]+"), rf"\1?{HIDDEN}"),
    (re.compile(r"(?<=[\s\"'])(/[^\s?\"'<>]*)\?[^\s\"'<>]+"), rf"\1?{HIDDEN}"),
)
"""What a secret looks like wherever it stands, and what remains of it. Signed addresses carry theirs in the query."""

_LOUDEST = {
    "httpx": logging.WARNING,  # below, the HTTP clients log every address with its query
    "httpx2": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpcore2": logging.WARNING,
    "mcp": logging.INFO,  # below, the SDK logs every message, pictures included
    "sse_starlette": logging.INFO,
    "asyncio": logging.INFO,
    "PIL": logging.INFO,
    "libav": logging.ERROR,
}
"""Loggers that may not say more than this, whatever the configured level."""


class RedactingFormatter(logging.Formatter):
    """Formats a record and hides every secret in the result.

    Args:
        secrets: Values to hide wherever they stand.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, traceback included."""
        return self.redacted(super().format(record))

    def redacted(self, text: str) -> str:
        """The text without its secrets."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        for pattern, remains in _PATTERNS:
            text = pattern.sub(remains, text)
        return text


class StandardError(logging.Handler):
    """Writes to whatever standard error is at the moment.

    The library's own handler would print a record that cannot be formatted as it is, secrets included.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or where it came from if it is broken."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - whatever is wrong with the arguments, they must not be printed
            line = f"{record.levelname} {record.name}: a record from {record.pathname}:{record.lineno} is malformed"
        with contextlib.suppress(OSError, ValueError):  # the host may have closed the pipe
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


def configure(settings: Settings) -> None:
    """Send all logging to standard error, redacted, at the configured level. Replaces whatever was set up before."""
    output = StandardError()
    output.setFormatter(RedactingFormatter(_secrets(settings)))
    logging.basicConfig(handlers=[output], level=settings.log_level, force=True)
    for name, level in _LOUDEST.items():
        logging.getLogger(name).setLevel(max(level, logging.getLogger().level))


def _secrets(settings: Settings) -> list[str]:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
