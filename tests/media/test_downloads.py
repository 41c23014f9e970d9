"""A result is on disk whole and verified, or not at all, and then somebody is told what to do."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import httpx2
import pytest

from kling_mcp.errors import KlingError, Lost, Refused, Unavailable
from kling_mcp.media.downloads import PIECE, Bounds, Downloads, Stored
from tests.media.raw_server import DRIP, HANG

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

    from kling_mcp.operations.base import Yields
    from tests.media.raw_server import RawServer

pytestmark = pytest.mark.anyio

STEM = "2026-11-21_generate_video_kj_1_1"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def fetched(server: RawServer, folder: Path, url: str, *, kind: Yields = "video", **bounds: object) -> Stored:
    downloads = Downloads(folder, trusted_origin=server.origin, bounds=Bounds(**bounds))  # pyright: ignore[reportArgumentType] - tests name single bounds
    with anyio.fail_after(10):
        return await downloads.fetch(url, stem=STEM, kind=kind)


async def failure(server: RawServer, folder: Path, url: str, *, kind: Yields = "video", **bounds: object) -> KlingError:
    """What the fetch raised, after checking that it left nothing behind."""
    with pytest.raises(KlingError) as raised:
        await fetched(server, folder, url, kind=kind, **bounds)
    assert names_in(folder) == []
    return raised.value


async def test_a_result_is_stored_with_its_facts(server: RawServer, tmp_path: Path, video: bytes) -> None:
    folder = tmp_path / "made" / "on demand"
    stored = await fetched(server, folder, server.serves_file("/v?sign=1", video, "video/mp4"))
    assert stored == Stored(
        path=folder / f"{STEM}.mp4",
        mime="video/mp4",
        size=len(video),
        sha256=hashlib.sha256(video).hexdigest(),
        width=1280,
        height=720,
        duration_s=5.041,
        sound=True,
    )
    assert stored.path.read_bytes() == video
    assert names_in(folder) == [f"{STEM}.mp4"]
    assert stored.path.stat().st_mode & 0o777 == 0o644


async def test_a_picture_is_named_for_what_it_is_not_for_what_it_is_called(
    server: RawServer, tmp_path: Path, picture: bytes
) -> None:
    stored = await fetched(server, tmp_path, server.serves_file("/fake.jpg", picture, "image/jpeg"), kind="image")
    assert (stored.path.name, stored.mime, stored.width, stored.height) == (f"{STEM}.png", "image/png", 900, 600)
    assert stored.duration_s is None


@pytest.mark.parametrize("extension", ["m4a", "mp3", "wav", "aac"])
async def test_a_sound_is_stored_with_its_length(
    server: RawServer, tmp_path: Path, sound: Callable[[str], bytes], extension: str
) -> None:
    stored = await fetched(server, tmp_path, server.serves_file("/s", sound(extension)), kind="audio")
    assert stored.path.suffix == f".{extension}"
    assert stored.duration_s == pytest.approx(2.0, abs=0.1)


async def test_an_answer_without_a_length_is_taken_too(server: RawServer, tmp_path: Path, video: bytes) -> None:
    half = len(video) // 2
    stored = await fetched(server, tmp_path, server.serves("/v", video[:half], video[half:]))
    assert stored.size == len(video)


async def test_a_result_can_be_fetched_from_an_app_in_this_process(tmp_path: Path, video: bytes) -> None:
    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["path"] == "/media/1.mp4"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"video/mp4")]})
        await send({"type": "http.response.body", "body": video})

    transport = httpx2.ASGITransport(app)
    downloads = Downloads(
        tmp_path, lambda: httpx2.AsyncClient(transport=transport), trusted_origin="http://sandbox.test"
    )
    stored = await downloads.fetch("http://sandbox.test/media/1.mp4", stem=STEM, kind="video")
    assert stored.size == len(video)


async def test_it_is_asked_for_plainly_and_without_any_credential(
    server: RawServer, tmp_path: Path, video: bytes
) -> None:
    url = server.serves_file("/v", video)
    downloads = Downloads(
        tmp_path,
        lambda: httpx2.AsyncClient(
            headers={"Authorization": "Bearer secret"}, auth=("user", "secret"), trust_env=False
        ),
        trusted_origin=server.origin,
    )
    await downloads.fetch(url, stem=STEM, kind="video")
    (request,) = server.seen
    assert "accept-encoding: identity" in request.lower()
    assert "authorization" not in request.lower()
    assert "secret" not in request


async def test_a_proxy_is_never_asked_for_what_is_on_this_machine(
    server: RawServer, tmp_path: Path, video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    url = server.serves_file("/v", video)
    server.origin += "/behind/a/path"
    assert (await fetched(server, tmp_path, url)).size == len(video)


# --- names -------------------------------------------------------------------------------------------------


async def test_the_same_result_fetched_again_is_the_same_file(server: RawServer, tmp_path: Path, video: bytes) -> None:
    url = server.serves_file("/v", video)
    assert await fetched(server, tmp_path, url) == await fetched(server, tmp_path, url)
    assert names_in(tmp_path) == [f"{STEM}.mp4"]


async def test_a_file_of_another_content_is_never_overwritten(server: RawServer, tmp_path: Path, video: bytes) -> None:
    (tmp_path / f"{STEM}.mp4").write_text("somebody's own")
    (tmp_path / f"{STEM}-2.mp4").mkdir()
    stored = await fetched(server, tmp_path, server.serves_file("/v", video))
    assert stored.path.name == f"{STEM}-3.mp4"
    assert (tmp_path / f"{STEM}.mp4").read_text() == "somebody's own"


async def test_two_fetches_of_one_result_at_once_end_in_one_file(
    server: RawServer, tmp_path: Path, video: bytes
) -> None:
    url = server.serves_file("/v", video)
    found: list[Stored] = []

    async def fetch() -> None:
        found.append(await fetched(server, tmp_path, url))

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(fetch)
    assert {stored.path for stored in found} == {tmp_path / f"{STEM}.mp4"}
    assert names_in(tmp_path) == [f"{STEM}.mp4"]


@pytest.mark.parametrize("stem", ["", "..", "../up", "a/b", "a\\b", ".hidden", "a\n", "a\0", "C:", "x" * 200])
async def test_a_name_that_is_no_plain_segment_is_a_bug(tmp_path: Path, stem: str) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        await Downloads(tmp_path).fetch("https://cdn.example/v.mp4", stem=stem, kind="video")


async def test_what_is_no_file_cannot_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a kind of file"):
        await Downloads(tmp_path).fetch("https://cdn.example/v.mp4", stem=STEM, kind="faces")


# --- trouble on the way ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        ("403 Forbidden", Lost, "expired"),
        ("404 Not Found", Lost, "expired"),
        ("410 Gone", Lost, "expired"),
        ("429 Too Many Requests", Unavailable, "unavailable"),
        ("500 Oops", Unavailable, "unavailable"),
        ("503 Later", Unavailable, "unavailable"),
        ("400 Bad Request", Refused, "wrong_content"),
        ("204 No Content", Refused, "wrong_content"),
        ("206 Partial Content", Refused, "wrong_content"),
    ],
)
async def test_a_status_other_than_200_says_who_can_do_something(
    server: RawServer, tmp_path: Path, status: str, error: type[KlingError], code: str
) -> None:
    raised = await failure(server, tmp_path, server.serves("/v", status=status))
    assert (type(raised), raised.failure.code) == (error, code)
    assert f"HTTP {status[:3]}" in raised.failure.message


async def test_half_a_body_leaves_nothing_and_may_be_tried_again(
    server: RawServer, tmp_path: Path, video: bytes
) -> None:
    url = server.serves("/v", video[: len(video) // 2], content_length=str(len(video)))
    assert isinstance(await failure(server, tmp_path, url), Unavailable)


async def test_half_a_video_without_a_length_is_found_out_by_the_decoder(
    server: RawServer, tmp_path: Path, video: bytes
) -> None:
    raised = await failure(server, tmp_path, server.serves("/v", video[: len(video) // 2]))
    assert (type(raised), raised.failure.code) == (Refused, "damaged_media")


async def test_a_length_that_does_not_match_is_noticed_whatever_carries_the_answer(
    tmp_path: Path, video: bytes
) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        length = str(len(video) + 1).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": video})

    transport = httpx2.ASGITransport(app)
    downloads = Downloads(
        tmp_path, lambda: httpx2.AsyncClient(transport=transport), trusted_origin="http://sandbox.test"
    )
    with pytest.raises(Unavailable, match="broke off"):
        await downloads.fetch("http://sandbox.test/v", stem=STEM, kind="video")
    assert names_in(tmp_path) == []


async def test_an_empty_body_may_be_tried_again(server: RawServer, tmp_path: Path) -> None:
    assert isinstance(await failure(server, tmp_path, server.serves("/v", content_length="0")), Unavailable)


async def test_a_body_that_stalls_is_given_up(server: RawServer, tmp_path: Path, video: bytes) -> None:
    url = server.serves("/v", video[:2000], HANG, content_length=str(len(video)))
    assert isinstance(await failure(server, tmp_path, url, stall_s=0.2), Unavailable)


async def test_an_answer_that_never_begins_is_given_up(server: RawServer, tmp_path: Path) -> None:
    server.answers["/v"] = [HANG]
    assert isinstance(await failure(server, tmp_path, server.origin + "/v", stall_s=0.2), Unavailable)


async def test_a_body_that_only_drips_is_given_up(server: RawServer, tmp_path: Path, video: bytes) -> None:
    url = server.serves("/v", video[:2000], DRIP, content_length=str(len(video)))
    assert isinstance(await failure(server, tmp_path, url, stall_s=0.2), Unavailable)


async def test_a_fetch_that_takes_too_long_in_all_is_given_up(server: RawServer, tmp_path: Path, video: bytes) -> None:
    url = server.serves("/v", video[:2000], HANG, content_length=str(len(video)))
    assert isinstance(await failure(server, tmp_path, url, total_s=0.2), Unavailable)


async def test_a_host_that_is_not_there_may_be_tried_again(server: RawServer, tmp_path: Path) -> None:
    server.origin = "http://127.0.0.1:1"
    assert isinstance(await failure(server, tmp_path, server.origin + "/v"), Unavailable)


async def test_a_fetch_that_is_cancelled_leaves_nothing(server: RawServer, tmp_path: Path, video: bytes) -> None:
    url = server.serves("/v", video + bytes(PIECE), HANG)
    async with anyio.create_task_group() as group:
        group.start_soon(fetched, server, tmp_path, url)
        with anyio.fail_after(5):
            while not names_in(tmp_path):
                await anyio.lowlevel.checkpoint()
        assert names_in(tmp_path)[0].endswith(".part")
        group.cancel_scope.cancel()
    assert names_in(tmp_path) == []


# --- not what it should be ---------------------------------------------------------------------------------


async def test_an_html_page_is_refused_whatever_it_is_called(server: RawServer, tmp_path: Path) -> None:
    page = b"<!doctype html><title>Sign in to the hotel's network</title>"
    for mime in ("text/html; charset=utf-8", "video/mp4"):
        raised = await failure(server, tmp_path, server.serves_file("/v", page, mime))
        assert (type(raised), raised.failure.code) == (Refused, "wrong_content")


async def test_a_video_that_is_called_something_else_is_refused(
    server: RawServer, tmp_path: Path, video: bytes
) -> None:
    raised = await failure(server, tmp_path, server.serves_file("/v", video, "text/html"))
    assert raised.failure.message == "The result should be a video and is called text/html."


async def test_a_picture_instead_of_a_video_is_refused(server: RawServer, tmp_path: Path, picture: bytes) -> None:
    raised = await failure(server, tmp_path, server.serves_file("/v", picture))
    assert raised.failure.message == "The result should be a video and is image/png."


async def test_a_sound_in_an_mp4_is_no_video(server: RawServer, tmp_path: Path, sound: Callable[[str], bytes]) -> None:
    tone = sound("m4a").replace(b"ftypM4A ", b"ftypisom", 1)
    raised = await failure(server, tmp_path, server.serves_file("/s", tone))
    assert raised.failure.message == "The result should be a video and is audio/mp4."
    assert (await fetched(server, tmp_path, server.origin + "/s", kind="audio")).mime == "audio/mp4"


async def test_a_packed_body_is_refused(server: RawServer, tmp_path: Path, video: bytes) -> None:
    url = server.serves("/v", video, content_encoding="gzip", content_length=str(len(video)))
    assert isinstance(await failure(server, tmp_path, url), Refused)


async def test_too_large_is_refused_by_its_length_and_else_while_it_comes(
    server: RawServer, tmp_path: Path, video: bytes
) -> None:
    cap = {"video": len(video) - 1}
    announced = await failure(server, tmp_path, server.serves("/v", HANG, content_length=str(len(video))), bytes=cap)
    silent = await failure(server, tmp_path, server.serves("/v", video, bytes(2 * PIECE), HANG), bytes=cap)
    assert [announced.failure.code, silent.failure.code] == ["too_large", "too_large"]


async def test_a_nonsensical_length_is_no_crash(server: RawServer, tmp_path: Path, video: bytes) -> None:
    for length in ("-5", "many", "1e9"):
        assert await failure(server, tmp_path, server.serves("/v", video, content_length=length))


# --- files inside their address ----------------------------------------------------------------------------


def inline(content: bytes, named: str) -> str:
    return f"data:{named};base64,{base64.b64encode(content).decode()}"


async def test_a_picture_inside_its_address_is_stored_without_network(tmp_path: Path, picture: bytes) -> None:
    def no_client() -> httpx2.AsyncClient:
        raise AssertionError

    stored = await Downloads(tmp_path, no_client).fetch(inline(picture, "image/jpeg"), stem=STEM, kind="image")
    assert (stored.path.name, stored.mime, stored.width, stored.height) == (f"{STEM}.png", "image/png", 900, 600)
    assert stored.sha256 == hashlib.sha256(picture).hexdigest()
    assert stored.path.read_bytes() == picture


@pytest.mark.parametrize("named", ["audio/mpeg", "audio/mpeg;codecs=mp3", "", "application/octet-stream"])
async def test_a_sound_inside_its_address_may_be_called_anything_fitting(
    tmp_path: Path, sound: Callable[[str], bytes], named: str
) -> None:
    stored = await Downloads(tmp_path).fetch(inline(sound("mp3"), named), stem=STEM, kind="audio")
    assert (stored.mime, stored.width) == ("audio/mpeg", None)


async def test_a_video_inside_its_address_may_have_line_breaks(tmp_path: Path, video: bytes) -> None:
    url = "data:video/mp4;base64," + base64.encodebytes(video).decode()
    stored = await Downloads(tmp_path).fetch(url, stem=STEM, kind="video")
    assert (stored.mime, stored.duration_s, stored.sound) == ("video/mp4", 5.041, True)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("data:", "wrong_content"),
        ("data:image/png,plain", "wrong_content"),
        ("data:image/png;base64,", "wrong_content"),
        ("data:image/png;base64,!!!!", "wrong_content"),
        ("data:image/png;base64,aGVsbG8=", "wrong_content"),
        ("data:video/mp4;base64,iVBORw0KGgo=", "wrong_content"),
        ("data:image/png;base64,iVBORw0KGgpydWJiaXNoIHJ1YmJpc2g=", "damaged_media"),
        ("data:image/png;base64," + "A" * 2_000_000, "too_large"),
        ("data:" + ";a=b" * 100_000, "wrong_content"),
    ],
)
async def test_what_is_no_file_inside_an_address_is_refused_and_never_repeated(
    tmp_path: Path, url: str, code: str
) -> None:
    downloads = Downloads(tmp_path, bounds=Bounds(bytes={"video": 100, "image": 1_000_000, "audio": 100}))
    with pytest.raises(Refused) as raised:
        await downloads.fetch(url, stem=STEM, kind="image")
    assert raised.value.failure.code == code
    assert len(raised.value.failure.message) < 200
    assert names_in(tmp_path) == []
