"""Who may come in over HTTP: known Host, known Origin, and the bearer token where one is set.

A web page that a person merely visits can reach a server on their machine (DNS rebinding); therefore Host and Origin
are checked on every path, on loopback too. Contract: reliability.md section 6.3, S13 and S14.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from kling_mcp.settings import Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
OPEN_PATHS = frozenset({"/health"})
"""Paths that need no token."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to ``host``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True, slots=True)
class Admission:
    """What the gate lets in.

    Attributes:
        hosts: Names a request may address us by, without port.
        public_origin: The origin of our own public address, which web pages served from there carry.
        token_digest: SHA-256 of the bearer token; None if none is asked for.
    """

    hosts: frozenset[str]
    public_origin: str | None = None
    token_digest: bytes | None = None

    @classmethod
    def of(cls, settings: Settings, host: str) -> Admission:
        """What these settings let in on a server bound to ``host``."""
        public = urlsplit(settings.public_url or "")
        token = settings.http_token.get_secret_value() if settings.http_token else ""
        names = {host.strip("[]").lower(), public.hostname or "", *LOOPBACK} - {"", "0.0.0.0", "::"}  # noqa: S104 - names to leave out
        return cls(
            hosts=frozenset(names),
            public_origin=f"{public.scheme}://{public.netloc}".lower() if public.hostname else None,
            token_digest=_digest(token) if token else None,
        )

    def objection(self, path: str, headers: Headers) -> tuple[int, str] | None:
        """Why a request is turned away, as status and sentence; None if it may pass."""
        if _named_host(headers.getlist("host")) not in self.hosts:
            return 421, "Unknown Host. If this server has a public name, set KLING_PUBLIC_URL to its address."
        if not self._knows(headers.getlist("origin")):
            return 403, "Unknown Origin: this server does not answer web pages from elsewhere."
        if path not in OPEN_PATHS and not self._holds_token(headers.get("authorization", "")):
            return 401, "Send the server's token (KLING_HTTP_TOKEN) as 'Authorization: Bearer …'."
        return None

    def _knows(self, origins: list[str]) -> bool:
        return all(origin.lower() == self.public_origin or _is_local_page(origin) for origin in origins)

    def _holds_token(self, authorization: str) -> bool:
        if self.token_digest is None:
            return True
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(_digest(token.strip()), self.token_digest)


class Gate:
    """Turns away what may not come in, before anything reads the request."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app, self._admission = app, admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        objection = None
        if scope["type"] == "http":
            objection = self._admission.objection(scope["path"], Headers(scope=scope))
        if objection is None:
            await self._app(scope, receive, send)
            return
        status, sentence = objection
        challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else None  # noqa: PLR2004 - Unauthorized
        await PlainTextResponse(sentence, status, challenge)(scope, receive, send)


def _is_local_page(origin: str) -> bool:
    """A page of a program on this machine, such as the MCP Inspector."""
    return origin.lower().startswith(("http://", "https://")) and _hostname(origin) in LOOPBACK


def _named_host(given: list[str]) -> str:
    """The name in the one Host header, lower case and without port; empty if it is missing, doubled or malformed."""
    match = _HOST.fullmatch(given[0]) if len(given) == 1 else None
    return match["name"].strip("[]").lower() if match else ""


def _hostname(url: str) -> str:
    """The host in a URL, lower case; empty if it has none that is well formed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return "" if parts.username is not None else (parts.hostname or "")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
