"""The one door to Kling's API: every byte that leaves for it, and every byte that comes back, passes here.

The base URL is fixed at start, redirects are never followed, an answer has a size limit, and each exchange has a
connection of its own: what a broken gateway adds to one answer is never read as the next one. ``read`` tries again;
``create`` never does, because a create that was lost on the way may have been charged.
Contract: video.md sections 2 and 3; reliability.md sections 1.3 and 6.3 (S8).
"""

from __future__ import annotations

import random
import zlib
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio

from kling_mcp import __version__
from kling_mcp.clock import Clock, SystemClock
from kling_mcp.errors import Busy, InvalidRequest, KlingError, LocalTrouble, Unavailable, trimmed
from kling_mcp.providers.addresses import checked_base_url, is_id, is_path, quoted_id
from kling_mcp.providers.envelope import Reply, opened
from kling_mcp.providers.refusals import doubt, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx2

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Largest answer read, before and after decompression: a list page of 500 tasks is well under 2 MB."""
CREATE_TOTAL_S = 120.0
"""A create that has no answer by then counts as lost. Shorter than the engine's lease on the job."""
CREATE_SILENCE_S = 60.0
"""Nor one that says nothing for so long, where Kling only has to take the work in."""
READ_TOTAL_S = 20.0
READ_TRIES = 4
READ_BASE_S = 1.0
"""Longest pause before the second try; doubles each time. Kling advises at least this. Contract: video.md section 4."""
READ_BUDGET_S = 10.0
"""No new try of a read begins later than this after the first."""


SHORTEST_BEARER = 16
"""Kling's keys and tokens are longer; a shorter one (the sandbox's) stands in ordinary words too."""


class _Unreadable(OSError):
    """The answer came, and we will not or cannot take it in. Its text is ours."""


class Door:
    """Speaks HTTP with one base URL. Opens its connections at first use.

    Args:
        base_url: https, or http for a loopback host.
        clock: Paces the retries of reads.
        client_factory: Makes the HTTP client; tests and the sandbox hand in one with their own transport.
        dice: Spreads the retries.

    Raises:
        InvalidRequest: The base URL is not one we send a key to.
    """

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock | None = None,
        client_factory: Callable[[], httpx2.AsyncClient] | None = None,
        dice: random.Random | None = None,
    ) -> None:
        self.base_url = checked_base_url(base_url)
        self.clock = clock or SystemClock()
        self._client_factory = client_factory or self._default_client
        self._dice = dice or random.Random()  # noqa: S311 - jitter, not secrets
        self._client: httpx2.AsyncClient | None = None

    async def read(
        self,
        path: str,
        *,
        bearer: str,
        params: Mapping[str, str] | None = None,
        question: Mapping[str, Any] | None = None,
        tries: int = READ_TRIES,
    ) -> Reply:
        """Ask, and ask again with growing, random pauses while Kling is unreachable, ill or wants patience.

        Args:
            path: Where.
            bearer: Who asks.
            params: Query of a GET.
            question: Body of a POST that only asks; without one it is a GET.
            tries: How often at most; once where many questions share a budget.

        Raises:
            Unavailable: No usable answer, or one that makes no sense.
            Busy: Kling asks for more patience than a read has.
            NotAuthorised: The credential or the address is wrong.
            Refused: Kling answered and said no.
            LocalTrouble: This machine's proxy or certificate settings make no sense.
        """
        began = self.clock.now()
        for attempt in count():
            try:
                return await self._read_once(path, bearer, params, question)
            except (Unavailable, Busy) as trouble:
                pause = self._pause(attempt, trouble)
                late = self.clock.now() + pause - began > READ_BUDGET_S
                if late or attempt + 1 >= tries:
                    raise
            await self.clock.sleep(pause)
        raise AssertionError  # count() never ends

    async def create(self, path: str, body: Mapping[str, Any], *, bearer: str, patient: bool = False) -> Reply:
        """POST exactly once.

        Args:
            path: Where.
            body: What.
            bearer: Who asks.
            patient: Whether the answer is the work itself and not a promise of it: then it is waited for to the end.

        Raises:
            Unavailable: It certainly never left.
            OutcomeUnknown: It left, or may have, and no answer settles what became of it.
            KlingError: Any other: Kling refused it; nothing was created.
        """
        import httpx2  # noqa: PLC0415 - loaded at first use: it slows the start

        silence = CREATE_TOTAL_S if patient else CREATE_SILENCE_S
        limits = httpx2.Timeout(connect=10.0, write=60.0, read=silence, pool=10.0)
        try:
            with anyio.fail_after(CREATE_TOTAL_S):
                reply = await self._exchange("POST", path, bearer, limits, json=dict(body))
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError) as error:
            raise self._lost(error, paid=True) from None  # its text may quote the key
        return self._judged(reply, path, paid=True)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _read_once(
        self, path: str, bearer: str, params: Mapping[str, str] | None, question: Mapping[str, Any] | None
    ) -> Reply:
        import httpx2  # noqa: PLC0415 - loaded at first use: it slows the start

        limits = httpx2.Timeout(15.0, connect=5.0, pool=5.0)
        try:
            with anyio.fail_after(READ_TOTAL_S):
                if question is None:
                    reply = await self._exchange("GET", path, bearer, limits, params=dict(params or {}))
                else:
                    reply = await self._exchange("POST", path, bearer, limits, json=dict(question))
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError) as error:
            raise self._lost(error, paid=False) from None  # as above
        return self._judged(reply, path, paid=False)

    async def _exchange(
        self,
        method: str,
        path: str,
        bearer: str,
        limits: httpx2.Timeout,
        **content: Any,  # noqa: ANN401 - passed on to the client: json or params
    ) -> Reply:
        if not is_path(path):
            raise InvalidRequest.one("path", f"{trimmed(repr(path), 80)} is not a path of Kling's API.")
        client = self._opened_client()
        headers = {
            "Authorization": f"Bearer {bearer}",
            "User-Agent": f"kling-mcp/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        async with client.stream(
            method, self.base_url + path, headers=headers, timeout=limits, follow_redirects=False, **content
        ) as response:
            return opened(response.status_code, response.headers, _without(bearer, await _body(response)))

    def _opened_client(self) -> httpx2.AsyncClient:
        if self._client is None:
            try:
                self._client = self._client_factory()
            except Exception as error:  # noqa: BLE001 - a bad proxy or certificate setting shows as almost any type
                raise LocalTrouble(
                    "No connection can be opened with this machine's network settings (HTTPS_PROXY, ALL_PROXY, "
                    f"SSL_CERT_FILE): {type(error).__name__}.",
                    fix="Name an http:// proxy in them (SOCKS is not supported), or unset them. Then restart.",
                ) from None  # its text may quote a proxy's password
        return self._client

    def _judged(self, reply: Reply, path: str, *, paid: bool) -> Reply:
        refusal = verdict(reply, paid=paid, path=path)
        if refusal is not None:
            raise refusal
        return reply

    def _pause(self, attempt: int, trouble: KlingError) -> float:
        asked = trouble.retry_after if isinstance(trouble, Busy) else 0.0
        return max(asked, self._dice.uniform(0.0, READ_BASE_S * 2.0**attempt))

    def _lost(self, error: Exception, *, paid: bool) -> KlingError:
        """What a broken exchange means. Only what fails before the first byte of ours certainly never left."""
        import httpx2  # noqa: PLC0415 - loaded at first use: it slows the start

        host = urlsplit(self.base_url).netloc
        never_left = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
        if isinstance(error, (*never_left, httpx2.InvalidURL)):
            why = trimmed(str(error), 200) or type(error).__name__
            return Unavailable(
                f"Kling could not be reached at {host}: {why}.",
                fix="Check this machine's network and proxy, and KLING_REGION or KLING_BASE_URL.",
            )
        if isinstance(error, _Unreadable):
            return doubt(f"The answer of {host} cannot be taken in: {error}.", paid=paid)
        # Other exceptions may quote what was sent, so only their kind is told.
        return doubt(f"The connection to {host} broke before the answer was complete ({_kind(error)}).", paid=paid)

    def _default_client(self) -> httpx2.AsyncClient:
        import httpx2  # noqa: PLC0415 - loaded at first use: it slows the start

        # HTTPS_PROXY and SSL_CERT_FILE are how offices reach the internet. To a loopback host they do not apply:
        # a proxy named there would be sent our key in the clear.
        return httpx2.AsyncClient(
            trust_env=self.base_url.startswith("https:"),
            # None is used twice. A few handshakes a minute are cheap; another task's answer for ours is a lost film,
            # and a create on a connection that Kling has just closed for being idle is a doubt.
            limits=httpx2.Limits(max_connections=20, max_keepalive_connections=0),
        )


def _kind(error: Exception) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__


async def _body(response: httpx2.Response) -> bytes:
    """The answer's bytes, decompressed within the limit: a small answer can otherwise unpack into gigabytes.

    Raises:
        _Unreadable: It is too large, or packed in a way we did not ask for.
    """
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("identity", "gzip"):
        raise _Unreadable(f"the answer is packed as {trimmed(packing, 40)}")
    raw = bytearray()
    async for chunk in response.aiter_raw():
        raw += chunk
        if len(raw) > MAX_ANSWER_BYTES:
            raise _Unreadable("the answer is too large")
    return bytes(raw) if packing == "identity" else _unpacked(bytes(raw))


def _without(bearer: str, body: bytes) -> bytes:
    """An answer without our credential: its words are shown to agents, and gateways quote what they do not like."""
    if len(bearer) < SHORTEST_BEARER:
        return body
    for written in (bearer, bearer.replace("/", "\\/")):
        body = body.replace(written.encode(), b"***")
    return body


def _unpacked(raw: bytes) -> bytes:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: gzip's own framing
    try:
        body = unpacker.decompress(raw, MAX_ANSWER_BYTES)
    except zlib.error as error:
        raise _Unreadable("the answer cannot be unpacked") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise _Unreadable("the answer unpacks into too much, or is cut short")
    return body


__all__ = ["Door", "checked_base_url", "is_id", "quoted_id"]
