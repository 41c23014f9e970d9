"""An HTTP server that answers exactly the bytes a test tells it to, however wrong they are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

HANG = b"<hang>"
"""As a step of an answer: say nothing more and keep the line open."""

DRIP = b"<drip>"
"""As a step of an answer: one byte after the other, for ever, each long before any read times out."""


@dataclass
class RawServer:
    """Answers each path with prepared bytes, piece by piece, and then hangs up. ``seen`` are the requests."""

    origin: str = ""
    answers: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])
    seen: list[str] = field(default_factory=list[str])

    def serves(self, path: str, *pieces: bytes, status: str = "200 OK", **headers: str) -> str:
        """Prepare an answer. A header with an underscore for each dash; returns the URL."""
        lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
        self.answers[path] = ["\r\n".join([*lines, "Connection: close", "", ""]).encode(), *pieces]
        return self.origin + path

    def serves_file(self, path: str, content: bytes, mime: str = "application/octet-stream") -> str:
        return self.serves(path, content, content_type=mime, content_length=str(len(content)))

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.seen.append(request)
        try:
            for piece in self.answers[request.split(" ")[1]]:
                if piece is HANG:
                    await reader.read()
                while piece is DRIP:
                    writer.write(b"\0")
                    await writer.drain()
                    await asyncio.sleep(0.02)
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
