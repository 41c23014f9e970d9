"""Where a key may be sent, and what may stand in an address. Contract: reliability.md section 6.3 (S8)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, urlsplit

from kling_mcp.errors import InvalidRequest, trimmed

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PATH = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")


def checked_base_url(url: str) -> str:
    """The base URL without a trailing slash, if a key may be sent there.

    Raises:
        InvalidRequest: It is not https (http only to this very machine), or carries more than a host and a path.
    """
    wanted = "Give it as https://host, or http://127.0.0.1:port for a server on this machine; see also KLING_REGION."
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    path = parts.path.rstrip("/")
    plain = bool(host) and not any((parts.username, parts.password, parts.query, parts.fragment))
    if not plain or (path and not _PATH.fullmatch(path)):
        raise InvalidRequest.one("KLING_BASE_URL", f"KLING_BASE_URL is not the plain address of a server. {wanted}")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise InvalidRequest.one(
            "KLING_BASE_URL",
            f"KLING_BASE_URL names {parts.scheme or 'no scheme'} for {trimmed(host, 80)}: the key would travel "
            f"unprotected. {wanted}",
        )
    return f"{parts.scheme}://{parts.netloc}{path}"


def is_path(path: str) -> bool:
    """Whether this can be a path of Kling's API: no dots that climb, no query, nothing to decode."""
    return _PATH.fullmatch(path) is not None


def quoted_id(name: str, value: str) -> str:
    """An id as it may stand in a path or a query.

    Raises:
        InvalidRequest: It is not made of letters, digits, ``_`` and ``-`` alone: it could name another address.
    """
    if not _ID.fullmatch(value):
        raise InvalidRequest.one(
            name, f"{trimmed(repr(value), 80)} is not an id of Kling: ids have 1 to 128 letters, digits, '_' or '-'."
        )
    return quote(value, safe="")


def is_id(value: object) -> bool:
    """Whether this can be an id of Kling."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
