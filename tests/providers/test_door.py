"""The one way to Kling: where it leads, how often it is used, and what it lets in."""

from __future__ import annotations

import gzip
import random
import socket
import zlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import anyio
import httpx2
import pytest
from anyio.abc import SocketAttribute

from kling_mcp import __version__
from kling_mcp.errors import Busy, InvalidRequest, KlingError, LocalTrouble, NotAuthorised, OutcomeUnknown, Unavailable
from kling_mcp.jobs import moves
from kling_mcp.providers import http
from kling_mcp.providers.addresses import checked_base_url, quoted_id
from kling_mcp.providers.http import MAX_ANSWER_BYTES, Door

from .far_side import BASE, FarSide, HurryingClock, answered, refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from anyio.abc import SocketStream

pytestmark = pytest.mark.anyio


# --- where it leads


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api-singapore.klingai.com/", "https://api-singapore.klingai.com"),
        ("https://gateway.example:8443/kling/v2/", "https://gateway.example:8443/kling/v2"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:9", "http://localhost:9"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
async def test_it_leads_to_https_or_to_this_machine(given: str, used: str) -> None:
    assert checked_base_url(given) == used


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api-singapore.klingai.com",
        "http://api-singapore.klingai.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://2130706433",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "https://",
        "https://user:canary@host",
        "https://127.0.0.1@evil.example",
        "https://host?key=canary",
        "https://host#canary",
        "https://host/a/../b",
        "https://host:port",
        "https://[::1",
        "https://host/%2e%2e",
    ],
)
async def test_any_other_base_url_is_refused_without_quoting_secrets_back(url: str) -> None:
    with pytest.raises(InvalidRequest, match="KLING_BASE_URL") as refusal:
        Door(url)
    assert "canary" not in str(refusal.value)


@pytest.mark.parametrize(
    "identity",
    [
        "../../../account/costs",
        "..",
        "a/b",
        "a%2F..%2Fb",
        "a?task_ids=b",
        "a#b",
        "a\r\nX-Evil: 1",
        "x" * 129,
        "",
        "тест",
        "a,b",
        "a\n",
    ],
)
async def test_an_id_that_could_name_another_address_is_refused(identity: str) -> None:
    with pytest.raises(InvalidRequest, match="not an id"):
        quoted_id("task_id", identity)


@pytest.mark.parametrize(
    "path", ["/v1/../account/costs", "//evil.example/x", "/a//b", "/a?b=c", "/a#b", "a", "/a/", "/a%2e", "/.", "/a\n"]
)
async def test_a_path_that_could_name_another_address_never_leaves(path: str) -> None:
    far_side = FarSide([answered([])])
    for call in (far_side.door().read(path, bearer="b"), far_side.door().create(path, {}, bearer="b")):
        with pytest.raises(InvalidRequest):
            await call
    assert far_side.requests == []


async def test_a_redirect_is_never_followed_and_the_key_stays_here() -> None:
    far_side = FarSide([httpx2.Response(308, headers={"Location": "https://evil.example/v1/videos/text2video"})])
    with pytest.raises(NotAuthorised, match="not followed"):
        await far_side.door().read("/tasks", bearer="b")
    with pytest.raises(OutcomeUnknown, match="not followed"):
        await far_side.door().create("/v1/videos/text2video", {}, bearer="b")
    assert [r.url.host for r in far_side.requests] == ["kling.test", "kling.test"]


async def test_a_request_says_who_asks_and_nothing_else() -> None:
    far_side = FarSide([answered({"task_id": "1"})])
    await far_side.door().create("/v1/videos/text2video", {"prompt": "a gull"}, bearer="token")
    sent = far_side.requests[0]
    assert (sent.method, str(sent.url)) == ("POST", f"{BASE}/v1/videos/text2video")
    assert sent.headers["authorization"] == "Bearer token"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["user-agent"] == f"kling-mcp/{__version__}"
    assert far_side.body() == {"prompt": "a gull"}


async def test_no_connection_is_opened_before_the_first_use() -> None:
    def never() -> httpx2.AsyncClient:
        raise AssertionError

    await Door(BASE, client_factory=never).aclose()


async def test_a_proxy_of_the_environment_is_used_for_kling_but_never_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[dict[str, Any]] = []

    class Client(httpx2.AsyncClient):
        def __init__(self, **options: Any) -> None:  # noqa: ANN401 - whatever the client takes
            made.append(options)
            super().__init__(transport=httpx2.MockTransport(lambda _: httpx2.Response(204)))

    monkeypatch.setattr(httpx2, "AsyncClient", Client)
    for url in (BASE, "http://127.0.0.1:8000"):
        door = Door(url)
        with pytest.raises(OutcomeUnknown):
            await door.create("/v1/videos/text2video", {}, bearer="b")
        await door.aclose()
    assert [options["trust_env"] for options in made] == [True, False]


@pytest.mark.parametrize("proxy", ["socks5://user:canary@127.0.0.1:1", "socks://127.0.0.1:1", "http://canary:b:c"])
async def test_a_useless_proxy_setting_is_named_before_anything_leaves(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    door = Door("https://127.0.0.1:1")
    for call in (door.read("/tasks", bearer="b"), door.create("/v1/videos/text2video", {}, bearer="b")):
        with pytest.raises(LocalTrouble, match="ALL_PROXY") as trouble:
            await call
        assert "canary" not in str(trouble.value)
    await door.aclose()


# --- how often it is used


async def test_a_read_is_tried_again_with_growing_random_pauses_until_it_works() -> None:
    far_side = FarSide([refused(500, 5000), httpx2.ConnectError("down"), httpx2.Response(502), answered([])])
    reply = await far_side.door().read("/tasks", bearer="b", params={"task_ids": "1"})
    dice = random.Random(7)
    assert reply.payload == []
    assert far_side.lines == ["GET /tasks?task_ids=1"] * 4
    assert far_side.clock.naps == [dice.uniform(0, 1), dice.uniform(0, 2), dice.uniform(0, 4)]


async def test_a_read_gives_up_after_a_few_tries_and_within_its_time() -> None:
    far_side = FarSide([refused(503, 5001)])
    with pytest.raises(Unavailable, match="maintenance"):
        await far_side.door().read("/tasks", bearer="b")
    assert len(far_side.requests) == http.READ_TRIES
    assert sum(far_side.clock.naps) <= http.READ_BUDGET_S


async def test_a_read_waits_as_long_as_kling_asks_or_says_that_it_cannot() -> None:
    patient = FarSide([refused(429, 1302, headers={"Retry-After": "4"}), answered([])])
    await patient.door().read("/tasks", bearer="b")
    assert patient.clock.naps == [4.0]

    impatient = FarSide([refused(429, 1302, headers={"Retry-After": "60"})])
    with pytest.raises(Busy) as busy:
        await impatient.door().read("/tasks", bearer="b")
    assert (len(impatient.requests), busy.value.retry_after) == (1, 60.0)


async def test_a_slow_failing_read_is_not_tried_beyond_its_time() -> None:
    far_side = FarSide([lambda _: far_side.clock.advance(9.5) or httpx2.ReadTimeout("slow")])
    with pytest.raises(Unavailable):
        await far_side.door().read("/tasks", bearer="b")
    assert len(far_side.requests) <= 2


@pytest.mark.parametrize("answer", [refused(401, 1002), refused(400, 1201), httpx2.Response(404)])
async def test_a_read_that_was_answered_with_no_is_not_repeated(answer: httpx2.Response) -> None:
    far_side = FarSide([answer])
    with pytest.raises(KlingError):
        await far_side.door().read("/tasks", bearer="b")
    assert len(far_side.requests) == 1


# --- how long it waits


def silent(asked: anyio.Event) -> Door:
    """A door to a server that takes a request and never answers."""

    async def nothing(_: httpx2.Request) -> httpx2.Response:
        asked.set()
        await anyio.sleep_forever()
        raise AssertionError

    return Door(
        BASE,
        clock=HurryingClock(),
        client_factory=lambda: httpx2.AsyncClient(transport=httpx2.MockTransport(nothing)),
    )


async def test_a_create_without_an_answer_is_lost_before_the_engine_gives_up_its_claim(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert http.CREATE_TOTAL_S < moves.LEASE_S
    monkeypatch.setattr(http, "CREATE_TOTAL_S", 0.01)
    monkeypatch.setattr(http, "READ_TOTAL_S", 0.01)
    with anyio.fail_after(5):
        with pytest.raises(OutcomeUnknown, match="no answer in time"):
            await silent(anyio.Event()).create("/v1/videos/text2video", {}, bearer="b")
        with pytest.raises(Unavailable, match="no answer in time"):
            await silent(anyio.Event()).read("/tasks", bearer="b")


async def test_a_cancelled_create_is_cancelled_and_not_turned_into_an_answer() -> None:
    asked, ended = anyio.Event(), list[str]()

    async def create() -> None:
        try:
            await silent(asked).create("/v1/videos/text2video", {}, bearer="b")
        except anyio.get_cancelled_exc_class():
            ended.append("cancelled")
            raise

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(create)
            await asked.wait()
            group.cancel_scope.cancel()
    assert ended == ["cancelled"]


# --- what it lets in


async def _zeros(chunk: bytes, times: int) -> AsyncIterator[bytes]:
    for _ in range(times):
        yield chunk


def _bomb() -> bytes:
    """16 MiB and a little more, as about 16 KB of gzip."""
    return gzip.compress(bytes(MAX_ANSWER_BYTES + 1))


def _packed(body: bytes, packing: str = "gzip") -> Callable[[], httpx2.Response]:
    return lambda: httpx2.Response(200, headers={"Content-Encoding": packing}, content=_zeros(body, 1))


def _plain(body: bytes) -> Callable[[], httpx2.Response]:
    return lambda: httpx2.Response(200, content=body)


HOSTILE: dict[str, tuple[Callable[[], httpx2.Response], str]] = {
    "endless": (lambda: httpx2.Response(200, content=_zeros(bytes(1 << 20), 1000)), "too large"),
    "gzip bomb": (_packed(_bomb()), "unpacks into too much"),
    "gzip in gzip": (_packed(gzip.compress(_bomb()), "gzip, gzip"), "packed as gzip, gzip"),
    "not gzip": (_packed(b'{"code":0}'), "cannot be unpacked"),
    "half gzip": (_packed(gzip.compress(b'{"code":0}')[:-9]), "cut short"),
    "unasked packing": (_packed(zlib.compress(b'{"code":0}'), "deflate"), "packed as deflate"),
    "deep nesting": (_plain(b"[" * 200_000), "not one of Kling's"),
    "huge number": (_plain(b'{"code":' + b"9" * 10_000 + b"}"), "not one of Kling's"),
    "not unicode": (_plain(b'{"code":0,"data":"\xff\xfe"}'), "not one of Kling's"),
    "null": (_plain(b"null"), "not one of Kling's"),
    "nan": (_plain(b'{"code":NaN}'), "not one of Kling's"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_answer_to_a_create_is_a_lost_answer(name: str) -> None:
    answer, why = HOSTILE[name]
    with anyio.fail_after(10), pytest.raises(OutcomeUnknown, match=why):
        await FarSide([answer()]).door().create("/v1/videos/text2video", {}, bearer="b")


async def test_a_packed_answer_is_unpacked() -> None:
    packed = gzip.compress(b'{"code":0,"message":"SUCCEED","data":[1]}')
    answer = httpx2.Response(200, headers={"Content-Encoding": "gzip"}, content=_zeros(packed, 1))
    assert (await FarSide([answer]).door().read("/tasks", bearer="b")).payload == [1]


# --- over a real socket


@asynccontextmanager
async def answering(answer: bytes) -> AsyncGenerator[str]:
    """A server on this machine that reads a little, sends these bytes and hangs up; yields its host and port."""

    async def answer_once(connection: SocketStream) -> None:
        async with connection:
            await connection.receive()
            await connection.send(answer)

    with anyio.fail_after(10):
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as group,
        ):
            group.start_soon(listener.serve, answer_once)
            host, port = cast("tuple[str, int]", listener.listeners[0].extra(SocketAttribute.local_address))  # noqa: S610 - no Django here
            yield f"{host}:{port}"
            group.cancel_scope.cancel()


@asynccontextmanager
async def opened(base_url: str) -> AsyncGenerator[Door]:
    door = Door(base_url, clock=HurryingClock())
    yield door
    await door.aclose()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"code":0,',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    ],
    ids=["hangs up", "half a body", "broken chunks", "another protocol"],
)
async def test_a_create_that_breaks_on_the_wire_is_a_lost_answer(answer: bytes) -> None:
    async with answering(answer) as address, opened(f"http://{address}") as door:
        with pytest.raises(OutcomeUnknown, match="broke before"):
            await door.create("/v1/videos/text2video", {"prompt": "a gull"}, bearer="b")


async def test_a_failed_tls_handshake_certainly_sent_nothing() -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address, opened(f"https://{address}") as door:
        with pytest.raises(Unavailable, match="could not be reached"):
            await door.create("/v1/videos/text2video", {}, bearer="b")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_create_to_a_closed_port_certainly_never_left(scheme: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    async with opened(f"{scheme}://127.0.0.1:{port}") as door:
        with anyio.fail_after(10), pytest.raises(Unavailable, match="could not be reached"):
            await door.create("/v1/videos/text2video", {}, bearer="b")
