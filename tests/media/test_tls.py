"""Connecting to a numeric address still means: with the certificate of the name, and nobody else's."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kling_mcp.errors import Unavailable
from kling_mcp.media.downloads import Downloads
from tests.media.raw_server import RawServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.anyio

PUBLIC = "93.184.215.14"


class Elsewhere(httpx2.AsyncBaseTransport):
    """The real transport, on a network where a public address leads to the test's server."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        self._port, self._inner = port, httpx2.AsyncHTTPTransport(verify=trust)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.host == PUBLIC
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture(scope="module")
def certificate() -> bytes:
    """Key and self-signed certificate of cdn.example, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cdn.example")])
    today = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("cdn.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + signed.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
async def asked(anyio_backend: str, certificate: bytes, tmp_path: Path) -> AsyncIterator[tuple[RawServer, Downloads]]:
    assert anyio_backend == "asyncio"
    pem = tmp_path / "server.pem"
    pem.write_bytes(certificate)
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(pem)
    trust = ssl.create_default_context(cadata=certificate.decode())
    raw = RawServer()
    listening = await asyncio.start_server(raw.answer, "127.0.0.1", 0, ssl=own)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield (
            raw,
            Downloads(
                tmp_path / "out", lambda: httpx2.AsyncClient(transport=Elsewhere(port, trust)), resolver=everywhere
            ),
        )


async def everywhere(_host: str, _port: int) -> Sequence[str]:
    await anyio.lowlevel.checkpoint()
    return [PUBLIC]


async def test_the_certificate_of_the_name_is_asked_for_and_accepted(
    asked: tuple[RawServer, Downloads], video: bytes
) -> None:
    server, downloads = asked
    server.serves_file("/v", video)
    with anyio.fail_after(10):
        stored = await downloads.fetch("https://cdn.example/v", stem="kj_1_1", kind="video")
    assert stored.size == len(video)
    assert "host: cdn.example\r\n" in server.seen[0].lower()


async def test_the_certificate_of_another_name_is_not_accepted(
    asked: tuple[RawServer, Downloads], video: bytes
) -> None:
    server, downloads = asked
    server.serves_file("/v", video)
    with anyio.fail_after(10), pytest.raises(Unavailable, match="certificate"):
        await downloads.fetch("https://other.example/v", stem="kj_1_1", kind="video")
    assert server.seen == []
