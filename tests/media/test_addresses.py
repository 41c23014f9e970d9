"""A result's URL cannot send us to this machine, its network or a cloud's metadata, by whatever spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import httpx2
import pytest

from kling_mcp.errors import KlingError, Refused, Unavailable
from kling_mcp.media.addresses import is_public, resolve
from kling_mcp.media.downloads import Bounds, Downloads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

pytestmark = pytest.mark.anyio

PUBLIC, OTHER_PUBLIC = "93.184.215.14", "2606:4700::6810:84e5"

HIDDEN_INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - not bound to, refused
    "10.0.0.5",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "fec0::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2606:4700::5efe:7f00:1",
    "not an address",
]

WRONG_WAYS = [
    "http://cdn.example/v.mp4",
    "file:///etc/passwd",
    "ftp://cdn.example/v.mp4",
    "gopher://127.0.0.1:6379/_INFO",
    "data:video/mp4;base64,AAAA",
    "//cdn.example/v.mp4",
    "/etc/passwd",
    "",
    "https://",
    "https:///v.mp4",
    "https://user:password@cdn.example/v.mp4",
    "https://127.0.0.1\\@cdn.example/v.mp4",
    "https://cdn.example:99999999/v.mp4",
    "https://[::1/v.mp4",
    "https://\u2460\u2461\u2466.0.0.1/v.mp4",
    "https://127.0.0.1/v.mp4",
    "https://2130706433/v.mp4",
    "https://0x7f000001/v.mp4",
    "https://0177.0.0.1/v.mp4",
    "https://127.1/v.mp4",
    "https://0/v.mp4",
    "https://localhost/v.mp4",
    "https://localhost./v.mp4",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::ffff:169.254.169.254]/latest/meta-data/",
    "https://[::1]:8443/v.mp4",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://both.example/v.mp4",
    "https://nowhere.example/v.mp4",
]

RELATIVE = {"//cdn.example/v.mp4", "/etc/passwd", "", "https://", "https:///v.mp4"}
"""As a redirect from a public address, these lead to a public address again."""

NAMES = {
    "cdn.example": [PUBLIC],
    "two.example": [OTHER_PUBLIC, PUBLIC],
    "both.example": [PUBLIC, "10.0.0.5"],
    "metadata.google.internal": ["169.254.169.254"],
    "nowhere.example": [],
}


async def look_up(host: str, port: int) -> Sequence[str]:
    """A small name service; numbers in any spelling are read by the system."""
    return NAMES[host] if host in NAMES else await resolve(host, port)


class Recorder(httpx2.AsyncBaseTransport):
    """Stands where the network begins: keeps every request that would leave, and answers from a table."""

    def __init__(self, answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
        self.answer, self.left = answer, list[httpx2.Request]()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.left.append(request)
        return self.answer(request)


def redirect(to: str) -> httpx2.Response:
    return httpx2.Response(302, headers=[(b"location", to.encode())])


async def fetch(folder: Path, recorder: Recorder, url: str, trusted_origin: str | None = None) -> None:
    downloads = Downloads(
        folder, lambda: httpx2.AsyncClient(transport=recorder), resolver=look_up, trusted_origin=trusted_origin
    )
    with anyio.fail_after(10):
        await downloads.fetch(url, stem="kj_1_1", kind="video")


@pytest.mark.parametrize("address", HIDDEN_INSIDE)
async def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", PUBLIC, OTHER_PUBLIC, "2a00:1450:4001:82a::200e"])
async def test_an_address_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", WRONG_WAYS)
async def test_no_request_leaves_for_an_address_we_do_not_go_to(tmp_path: Path, url: str) -> None:
    recorder = Recorder(lambda _: httpx2.Response(200))
    with pytest.raises((Refused, Unavailable)) as raised:
        await fetch(tmp_path, recorder, url)
    assert recorder.left == []
    assert "password" not in raised.value.failure.sentence()


@pytest.mark.parametrize("url", [url for url in WRONG_WAYS if url not in RELATIVE])
async def test_a_redirect_there_is_not_followed(tmp_path: Path, url: str) -> None:
    recorder = Recorder(lambda request: redirect(url) if request.url.path == "/start" else httpx2.Response(200))
    with pytest.raises((Refused, Unavailable)):
        await fetch(tmp_path, recorder, "https://cdn.example/start")
    assert [str(request.url) for request in recorder.left] == [f"https://{PUBLIC}/start"]


async def test_the_connection_goes_to_the_address_that_was_judged(tmp_path: Path, video: bytes) -> None:
    recorder = Recorder(lambda _: httpx2.Response(200, content=video))
    await fetch(tmp_path, recorder, "https://cdn.example:8443/v.mp4?sign=1")
    (request,) = recorder.left
    assert str(request.url) == f"https://{PUBLIC}:8443/v.mp4?sign=1"
    assert request.headers["host"] == "cdn.example:8443"
    assert request.extensions["sni_hostname"] == "cdn.example"


async def test_a_name_that_moves_inside_after_the_check_gains_nothing(tmp_path: Path, video: bytes) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        await anyio.lowlevel.checkpoint()
        return next(answers)

    recorder = Recorder(lambda _: httpx2.Response(200, content=video))
    downloads = Downloads(tmp_path, lambda: httpx2.AsyncClient(transport=recorder), resolver=rebinding)
    await downloads.fetch("https://rebind.example/v.mp4", stem="kj_1_1", kind="video")
    assert [request.url.host for request in recorder.left] == [PUBLIC]


async def test_a_name_service_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    async def silent(_host: str, _port: int) -> Sequence[str]:
        await anyio.sleep_forever()
        return []

    downloads = Downloads(tmp_path, resolver=silent, bounds=Bounds(connect_s=0.05))
    with anyio.fail_after(5), pytest.raises(Unavailable, match="too slowly"):
        await downloads.fetch("https://cdn.example/v.mp4", stem="kj_1_1", kind="video")


async def test_the_next_address_is_tried_when_one_cannot_be_reached(tmp_path: Path, video: bytes) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == OTHER_PUBLIC:
            raise httpx2.ConnectError("no route to host", request=request)
        return httpx2.Response(200, content=video)

    recorder = Recorder(answer)
    await fetch(tmp_path, recorder, "https://two.example/v.mp4")
    assert [request.url.host for request in recorder.left] == [OTHER_PUBLIC, PUBLIC]


async def test_three_redirects_are_followed_and_no_more(tmp_path: Path, video: bytes) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        left = int(request.url.path.strip("/"))
        return redirect(f"https://cdn.example/{left - 1}") if left else httpx2.Response(200, content=video)

    await fetch(tmp_path, Recorder(answer), "https://cdn.example/3")
    recorder = Recorder(answer)
    with pytest.raises(Refused, match="too many redirects"):
        await fetch(tmp_path, recorder, "https://cdn.example/4")
    assert len(recorder.left) == 4


async def test_only_the_trusted_origin_may_be_here_and_without_tls(tmp_path: Path, video: bytes) -> None:
    recorder = Recorder(lambda _: httpx2.Response(200, content=video))
    await fetch(tmp_path, recorder, "http://127.0.0.1:9000/v.mp4", trusted_origin="http://127.0.0.1:9000")
    for url in (
        "http://127.0.0.1:9001/",
        "https://127.0.0.1:9000/",
        "http://localhost:9000/",
        "http://u:p@127.0.0.1:9000/",
    ):
        with pytest.raises(KlingError):
            await fetch(tmp_path, recorder, url, trusted_origin="http://127.0.0.1:9000")
    assert [str(request.url) for request in recorder.left] == ["http://127.0.0.1:9000/v.mp4"]
