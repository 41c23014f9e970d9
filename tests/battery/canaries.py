"""Made-up secrets, and every way in which they might be written somewhere."""

from __future__ import annotations

import base64
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import uvicorn
from starlette.responses import JSONResponse, PlainTextResponse

from kling_mcp.clock import SystemClock
from kling_mcp.sandbox.app import Sandbox

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

API_KEY = "canary+api/key=0123456789abcdefghijklmnop"
ACCESS_KEY = "canary+access/key=0123456789"
SECRET_KEY = "canary+secret/key=0123456789abcdef0123456789"  # noqa: S105 - opens nothing
HTTP_TOKEN = "canary+http/token=0123456789abcdef01234567"  # noqa: S105 - opens nothing
WRONG_TOKEN = "canary+wrong/token=0123456789abcdef0123456"  # noqa: S105 - opens nothing
PROXY_PASSWORD = "canaryproxypassword0123"  # noqa: S105 - opens nothing
QUERY = "canaryquerysignature0123456789"
WEBHOOK = "whsec_canary+webhook/secret=0123456789"
PROMPT = "canary prompt about a paper boat"

_PIECE = 16
"""A secret counts as shown if so many characters of its Base64 are."""


def written(secret: str) -> set[str]:
    """The ways to write a secret: as it is, for addresses, for JSON, in Base64 from any offset, in hexadecimal."""
    raw = secret.encode()
    ways = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1], raw.hex()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            shifted = encode(b"\0" * offset + raw).decode().rstrip("=")
            ways.add(shifted[4 if offset else 0 : -4])
    return {way for way in ways if len(way) >= _PIECE}


def pair(access: str, secret: str) -> set[str]:
    """Both halves of a pair in one, in either order."""
    return written(f"{access}:{secret}") | written(f"{secret}:{access}")


@dataclass
class Hunt:
    """Where canaries were looked for, and where they were found."""

    secrets: Mapping[str, set[str]]
    looked: int = 0
    hits: list[str] = field(default_factory=list[str])

    def look(self, where: str, content: str | bytes) -> None:
        """Search one text, or the raw bytes of one file."""
        text = content if isinstance(content, str) else content.decode("latin-1")
        self.looked += len(text)
        for name, ways in self.secrets.items():
            for way in ways:
                if (at := text.find(way)) >= 0:
                    self.hits.append(f"{name} in {where}: …{text[max(0, at - 120) : at]}[HERE]…")
                    break

    def folder(self, folder: Path, where: str) -> None:
        """Search every file under a folder, and the names of all."""
        for path in sorted(folder.rglob("*")):
            self.look(f"the name of a file in {where}", str(path))
            if path.is_file():
                self.look(f"{where}: {path.name}", path.read_bytes())


class Gateway:
    """A pretend Kling behind a gateway that knows the canaries, and shows them to whoever asks at the wrong moment."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.manner = ""
        """How it answers: as Kling does if empty, else one of ``MANNERS``."""
        self.tokens = set[str]()
        """Everything that was shown to it as a credential."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers: list[tuple[bytes, bytes]] = scope["headers"]
            shown = next((value.decode() for name, value in headers if name == b"authorization"), "")
            token = shown.removeprefix("Bearer ")
            if token and token != "sandbox":  # noqa: S105 - the sandbox's own key
                self.tokens.add(token)
            if self.manner and not scope["path"].startswith("/files/"):
                await _ill_mannered(self.manner, shown)(scope, receive, send)
                return
            scope["headers"] = [
                (name, b"Bearer sandbox" if name == b"authorization" else value) for name, value in headers
            ]
        await self._sandbox.app(scope, receive, send)


MANNERS = ("refuses", "fails", "doubts", "html", "nonsense")


def _ill_mannered(manner: str, shown: str) -> Any:  # noqa: ANN401 - an ASGI application
    words = f"Authorization: {shown} is not allowed here (whoami={shown.removeprefix('Bearer ')})"
    match manner:
        case "refuses":
            return JSONResponse({"code": 1201, "message": words, "request_id": shown}, 400)
        case "fails":
            return JSONResponse({"code": 5000, "message": words, "request_id": shown}, 500)
        case "doubts":
            told = {"task_id": shown, "task_status": "failed", "task_status_msg": words, "id": shown, "message": words}
            return JSONResponse({"code": 0, "message": words, "data": told}, headers={"X-Token": shown})
        case "html":
            return PlainTextResponse(f"<html>{words}</html>", 502, media_type="text/html")
        case _:
            return PlainTextResponse(words, 200, {"Content-Length": str(len(words) + 9)})


@contextmanager
def gateway() -> Generator[tuple[Gateway, str]]:
    """The gateway on a port of this machine, and its address."""
    door = Gateway(Sandbox(clock=SystemClock(), base_url="http://127.0.0.1"))
    server = uvicorn.Server(uvicorn.Config(door, port=0, log_level="critical", lifespan="off"))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
        port: int = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        clock = SystemClock(100.0)
        door.__init__(Sandbox(clock=clock, base_url=url, short_side=64))
        yield door, url
    finally:
        server.should_exit = True
        thread.join(10)


def jwt_in(token: str) -> set[str]:
    """The ways to write a signed token: whole, and its signature alone."""
    return written(token) | {part for part in re.split(r"\.", token)[1:] if len(part) >= _PIECE}
