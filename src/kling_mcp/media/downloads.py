"""Fetching results: from public addresses only, within bounds, and onto the disk whole or not at all."""

from __future__ import annotations

import functools
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from kling_mcp.errors import KlingError, Lost, Refused, Unavailable, trimmed
from kling_mcp.media import inline
from kling_mcp.media.addresses import Origin, forbidden, public_addresses, resolve
from kling_mcp.media.drafts import Draft
from kling_mcp.media.forms import HEAD, MP4, sniff
from kling_mcp.media.probe import probe

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
    from pathlib import Path

    import httpx2

    from kling_mcp.media.addresses import Resolver
    from kling_mcp.media.forms import Form, MediaKind
    from kling_mcp.media.probe import Facts
    from kling_mcp.operations.base import Yields

_MIB = 1024 * 1024
PIECE = 128 * 1024
"""Bytes written at once, and the least that has to arrive within the stall time-out."""

_KINDS: Mapping[Yields, MediaKind] = MappingProxyType(
    {"video": "video", "image": "image", "audio": "audio", "voice": "audio"}
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AGAIN = "It is tried again; Kling keeps the result."
_GONE = frozenset({401, 403, 404, 410})
_LATER = frozenset({408, 425, 429})
_UNTYPED = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/mp4"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much, how far and how long. Bytes; seconds."""

    bytes: Mapping[MediaKind, int] = field(
        default_factory=lambda: {"video": 1024 * _MIB, "image": 50 * _MIB, "audio": 100 * _MIB}
    )
    redirects: int = 3
    connect_s: float = 10.0
    stall_s: float = 60.0
    """How long may pass before the answer begins, or before another ``PIECE`` is complete."""
    total_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A result on disk, complete and decodable. Pixels; seconds; None where the question makes no sense.

    ``sound`` says whether a video has a sound track.
    """

    path: Path
    mime: str
    size: int
    sha256: str
    width: int | None
    height: int | None
    duration_s: float | None
    sound: bool | None = None


class Downloads:
    """Puts results into one folder."""

    def __init__(
        self,
        folder: Path,
        client_factory: Callable[[], httpx2.AsyncClient] | None = None,
        *,
        trusted_origin: str | None = None,
        bounds: Bounds | None = None,
        resolver: Resolver = resolve,
    ) -> None:
        """Describe where to and from where; nothing happens yet.

        Args:
            folder: Made when first needed.
            client_factory: Makes the HTTP client of one fetch. It must carry no credential.
            trusted_origin: ``scheme://host:port`` of the API that whoever runs this configured: the only origin that
                may be private, or without TLS. A path after it does not matter.
            bounds: Caps and time-outs.
            resolver: Looks up names.
        """
        self._folder = folder
        self._trusted = None if trusted_origin is None else Origin.of(trusted_origin)
        self._client_factory = client_factory or functools.partial(_client, self._trusted)
        self._bounds = bounds or Bounds()
        self._resolver = resolver

    async def fetch(self, url: str, *, stem: str, kind: Yields) -> Stored:
        """Download one result and verify it.

        Args:
            url: Where it is, as Kling said; or the file itself as a ``data:`` address, for which no network is used.
            stem: Name of the file without extension; the extension follows from what the file really is.
            kind: What it has to be.

        Raises:
            LocalTrouble: The disk is full or the folder not writable; says which and how to fix it.
            Unavailable: The network or the far side failed; may work later.
            Lost: The file is no longer served at this address.
            Refused: It is not what it should be, too large, or at an address we do not go to.
            ValueError: ``stem`` is no plain file name, or ``kind`` is not a kind of file.
        """
        if kind not in _KINDS:
            raise ValueError(f"{kind} is not a kind of file")
        try:
            with anyio.fail_after(self._bounds.total_s), Draft(self._folder, stem) as draft:
                if inline.is_inline(url):
                    await anyio.to_thread.run_sync(self._unpack, url, draft, _KINDS[kind])
                else:
                    async with self._client_factory() as client, self._answer(client, url) as answer:
                        await self._pour(answer, draft, _KINDS[kind])
                facts = await anyio.to_thread.run_sync(probe, draft.path)
                _expect(_KINDS[kind], facts.form)
                path = await anyio.to_thread.run_sync(draft.keep, facts.form.extension)
                return _stored(path, draft, facts)
        except TimeoutError as error:
            raise _slow() from error

    def _unpack(self, url: str, draft: Draft, kind: MediaKind) -> None:
        """A file that came inside its own address into the draft. Synchronous."""
        named, most = inline.named_type(url), self._bounds.bytes[kind]
        if named not in _UNTYPED and not named.startswith(f"{kind}/"):
            raise _misnamed(named, kind)
        _check_size(inline.size_of(url), most, kind)
        content = inline.decoded(url)
        _check_size(len(content), most, kind)
        _expect(kind, sniff(content[:HEAD]))
        draft.begin(len(content))
        draft.write(content)

    # --- asking ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _answer(self, client: httpx2.AsyncClient, url: str) -> AsyncGenerator[httpx2.Response]:
        """The response that has the file, after at most the allowed redirects. Its body is not read yet."""
        import httpx2  # noqa: PLC0415 - loaded at first use: it slows the start

        try:
            where = httpx2.URL(url)
            for _ in range(self._bounds.redirects + 1):
                response = await self._asked(client, where)
                try:
                    if response.status_code not in _REDIRECTS:
                        _check_status(response)
                        yield response
                        return
                    where = where.join(response.headers.get("location", ""))
                finally:
                    await response.aclose()
        except httpx2.InvalidURL as error:
            raise Refused("The result's address is not a valid URL.", code="forbidden_address") from error
        except httpx2.HTTPError as error:
            raise _unreachable(error) from error
        raise forbidden(where, "is at the end of too many redirects")

    async def _asked(self, client: httpx2.AsyncClient, url: httpx2.URL) -> httpx2.Response:
        """Send one GET, to an address that was judged. The next one is tried where the first cannot be reached."""
        import httpx2  # noqa: PLC0415 - loaded at first use: it slows the start

        if self._trusted == Origin.reached_by(url) and not url.userinfo:
            return await self._sent(client, url, url.netloc, None)
        with anyio.fail_after(self._bounds.connect_s):
            addresses = await public_addresses(url, self._resolver)
        for address in addresses[:-1]:
            try:
                return await self._sent(client, url.copy_with(host=address), url.netloc, url.raw_host)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await self._sent(client, url.copy_with(host=addresses[-1]), url.netloc, url.raw_host)

    async def _sent(
        self, client: httpx2.AsyncClient, url: httpx2.URL, host: bytes, server_name: bytes | None
    ) -> httpx2.Response:
        """One request to the very address in ``url``; ``host`` and ``server_name`` say who is meant there."""
        import httpx2  # noqa: PLC0415 - loaded at first use: it slows the start

        request = client.build_request(
            "GET",
            url,
            # Packed, a small answer could unpack to anything; and its length would say nothing.
            headers={"Host": host.decode("ascii"), "Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(self._bounds.stall_s, connect=self._bounds.connect_s),
            extensions={"sni_hostname": server_name.decode("ascii")} if server_name else None,
        )
        request.headers.pop("Authorization", None)
        with anyio.fail_after(self._bounds.connect_s + self._bounds.stall_s):
            return await client.send(request, stream=True, auth=None, follow_redirects=False)

    # --- receiving ------------------------------------------------------------------------------------------

    async def _pour(self, answer: httpx2.Response, draft: Draft, kind: MediaKind) -> None:
        """The body into the draft. Stops at the first sign that it is not the file."""
        most = self._bounds.bytes[kind]
        expected = _promised(answer)
        _check_type(answer, kind)
        _check_size(expected or 0, most, kind)
        await anyio.to_thread.run_sync(draft.begin, expected)
        async with aclosing(answer.aiter_bytes(PIECE)) as pieces:
            while (piece := await self._next(pieces)) is not None:
                if draft.size == 0:
                    _expect(kind, sniff(piece[:HEAD]))
                _check_size(draft.size + len(piece), most, kind)
                await anyio.to_thread.run_sync(draft.write, piece)
        if draft.size == 0 or draft.size != (expected or draft.size):
            raise Unavailable(f"The result broke off after {draft.size} bytes.", fix=_AGAIN)

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        with anyio.fail_after(self._bounds.stall_s):
            return await anext(pieces, None)


def _client(trusted: Origin | None) -> httpx2.AsyncClient:
    import httpx2  # noqa: PLC0415 - loaded at first use: it slows the start

    # A proxy of the environment is used, but never towards an API on this machine.
    mounts = {str(trusted): None} if trusted and trusted.on_this_machine else None
    return httpx2.AsyncClient(verify=_tls(), mounts=mounts)


@functools.cache
def _tls() -> ssl.SSLContext:
    import httpx2  # noqa: PLC0415 - loaded at first use: it slows the start

    return httpx2.create_ssl_context()


def _promised(answer: httpx2.Response) -> int | None:
    """How many bytes the answer says it has; None if it does not say."""
    if answer.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise Refused("The result came packed although it was asked for plain.", code="wrong_content")
    length: str | None = answer.headers.get("content-length")
    if length is None:
        return None
    if not (length.isascii() and length.isdigit()):
        raise Refused("The result came with a nonsensical length.", code="wrong_content")
    return int(length)


def _check_status(answer: httpx2.Response) -> None:
    status = answer.status_code
    if status in _GONE:
        raise Lost(
            f"The result is no longer served at its address (HTTP {status}).",
            fix="Call get_job: it asks Kling for a fresh address. Kling deletes results after 30 days.",
            code="expired",
        )
    if status in _LATER or status >= 500:  # noqa: PLR2004 - the server's own faults
        raise Unavailable(f"The host of the result has trouble (HTTP {status}).", fix=_AGAIN)
    if status != 200:  # noqa: PLR2004 - anything else is not the whole file
        raise Refused(f"The host of the result answered HTTP {status} instead of the file.", code="wrong_content")


def _check_type(answer: httpx2.Response, kind: MediaKind) -> None:
    named = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if named not in _UNTYPED and not named.startswith(f"{kind}/"):
        raise _misnamed(named, kind)


def _misnamed(named: str, kind: MediaKind) -> Refused:
    return Refused(f"The result should be a {kind} and is called {trimmed(named, 60)}.", code="wrong_content")


def _check_size(size: int, most: int, kind: MediaKind) -> None:
    if size > most:
        raise Refused(f"The result is larger than {most // _MIB} MiB, the most we take as {kind}.", code="too_large")


def _expect(kind: MediaKind, form: Form | None) -> None:
    # Only a decoder can tell an mp4 that has nothing but sound.
    if form is None or (form.kind != kind and not (form is MP4 and kind == "audio")):
        found = form.mime if form else "something else"
        raise Refused(f"The result should be a {kind} and is {found}.", code="wrong_content")


def _stored(path: Path, draft: Draft, facts: Facts) -> Stored:
    return Stored(
        path=path,
        mime=facts.form.mime,
        size=draft.size,
        sha256=draft.sha256,
        width=facts.width,
        height=facts.height,
        duration_s=facts.duration_s,
        sound=facts.sound,
    )


def _unreachable(error: httpx2.HTTPError) -> KlingError:
    return Unavailable(
        f"The result could not be fetched ({type(error).__name__}: {trimmed(str(error), 120)}).",
        fix=_AGAIN,
    )


def _slow() -> Unavailable:
    return Unavailable("The result came too slowly, or not at all.", fix=_AGAIN)
