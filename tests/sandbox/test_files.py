"""The finished clips: real media of the shape and length that was ordered, served as a file host serves them."""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any

import av
import pytest

from tests.sandbox.shop import IMAGE, LONG_ENOUGH_S, TEXT, new_sandbox, opened, picture

if TYPE_CHECKING:
    from pathlib import Path

    from kling_mcp.clock import ManualClock
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

KITE = {"model_name": "kling-v3", "prompt": "A kite", "duration": "3"}


async def made(kling: Customer, body: dict[str, Any], path: str = TEXT) -> str:
    """Path of the finished clip."""
    await kling.accepted(body, path)
    kling.clock.advance(LONG_ENOUGH_S)
    return f"/files/{kling.sandbox.state.tasks[-1].result_id}.mp4"


@pytest.mark.parametrize(
    ("path", "body", "ratio"),
    [
        (TEXT, KITE, Fraction(16, 9)),
        (TEXT, KITE | {"aspect_ratio": "9:16"}, Fraction(9, 16)),
        (TEXT, KITE | {"aspect_ratio": "1:1", "sound": "on"}, Fraction(1)),
        (IMAGE, KITE | {"image": picture(600, 400)}, Fraction(3, 2)),
        (IMAGE, KITE | {"image": "https://cdn.example/a.png"}, Fraction(16, 9)),
    ],
)
async def test_a_decoder_finds_what_was_ordered(
    kling: Customer, path: str, body: dict[str, Any], ratio: Fraction
) -> None:
    answer = await kling.get(await made(kling, body, path))
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(answer.content))
    with av.open(BytesIO(answer.content)) as clip:
        stream = clip.streams.video[0]
        assert abs(Fraction(stream.width, stream.height) - ratio) < Fraction(1, 100)
        assert stream.codec_context.name == "h264"
        assert stream.duration is not None
        assert stream.time_base is not None
        assert round(float(stream.duration * stream.time_base), 3) == 3.041
        assert bool(clip.streams.audio) == (body.get("sound") == "on")


async def test_an_end_frame_longer_than_any_video_does_not_decide_its_shape(old_kling: Customer) -> None:
    body = {"model_name": "kling-v1-6", "mode": "pro", "prompt": "x", "image_tail": picture(1600, 310)}
    answer = await old_kling.get(await made(old_kling, body, IMAGE))
    with av.open(BytesIO(answer.content)) as clip:
        assert (clip.streams.video[0].width, clip.streams.video[0].height) == (1280, 720)


async def test_a_clip_can_be_fetched_in_pieces(kling: Customer) -> None:
    path = await made(kling, KITE)
    whole = await kling.get(path)
    piece = await kling.client.get(path, headers={"range": "bytes=10-19"})
    assert (piece.status_code, piece.content) == (206, whole.content[10:20])
    assert piece.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    assert piece.headers["etag"] == whole.headers["etag"]
    rest = await kling.client.get(path, headers={"range": "bytes=100-", "if-range": whole.headers["etag"]})
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    beyond = await kling.client.get(path, headers={"range": "bytes=99999999-"})
    assert beyond.status_code == 416


async def test_a_clip_needs_no_credential(kling: Customer) -> None:
    path = await made(kling, KITE)
    del kling.client.headers["authorization"]
    assert (await kling.get(path)).status_code == 200


async def test_there_is_no_clip_before_the_end_nor_of_a_failure_nor_of_nothing(kling: Customer) -> None:
    await kling.accepted(KITE)
    [task] = kling.sandbox.state.tasks
    assert (await kling.get(f"/files/{task.result_id}.mp4")).status_code == 404
    assert (await kling.get(await made(kling, KITE | {"prompt": "sandbox-risk"}))).status_code == 404
    assert (await kling.get("/files/123456789012345678.mp4")).status_code == 404
    assert (await kling.get("/files/..%2Fsecret.mp4")).status_code == 404


async def test_there_is_a_watermarked_copy_only_where_one_was_ordered(kling: Customer) -> None:
    plain = await made(kling, KITE)
    marked = await made(kling, KITE | {"watermark_info": {"enabled": True}})
    assert (await kling.get(plain.replace(".mp4", "-watermark.mp4"))).status_code == 404
    copy = await kling.get(marked.replace(".mp4", "-watermark.mp4"))
    assert copy.content != (await kling.get(marked)).content


async def test_a_clip_is_the_same_after_a_restart(clock: ManualClock, tmp_path: Path) -> None:
    async with opened(new_sandbox(clock, folder=tmp_path / "one"), clock) as kling:
        path = await made(kling, KITE)
        first = await kling.get(path)
    for clip in (tmp_path / "one" / "files").glob("*.mp4"):
        clip.unlink()
    async with opened(new_sandbox(clock, folder=tmp_path / "one"), clock) as kling:
        again = await kling.get(path)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
