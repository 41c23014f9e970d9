"""Two clips become one: the second straight after the first, whatever it looks and sounds like."""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import av
import pytest
from PIL import Image

from kling_mcp.errors import LocalTrouble, Refused
from kling_mcp.media.joining import joined
from kling_mcp.media.preview import last_frame
from kling_mcp.media.probe import probe
from kling_mcp.sandbox.samples import sample_video

if TYPE_CHECKING:
    from pathlib import Path


def clip(path: Path, *, seconds: float = 1.0, ratio: str = "16:9", sound: bool = False) -> Path:
    content = sample_video(
        caption=path.stem, label="x", aspect_ratio=ratio, duration_s=seconds, sound=sound, short_side=180
    )
    path.write_bytes(content)
    return path


def plain(path: Path, colour: str, *, size: tuple[int, int], rate: int, frames: int) -> Path:
    """One colour, at some frame rate."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for _ in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", size, colour))))
        container.mux(stream.encode(None))
    return path


def pictures(path: Path) -> list[Image.Image]:
    with av.open(str(path), "r") as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def loudness(path: Path) -> list[int]:
    """The loudest sample of each quarter of a second."""
    heard = array("h")
    with av.open(str(path), "r") as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                heard.frombytes(bytes(piece.planes[0])[: piece.samples * 2])
    return [max(map(abs, heard[start : start + 2000])) for start in range(0, len(heard) - 1000, 2000)]


def test_the_second_is_seen_after_the_first_in_its_size_and_at_its_rate(tmp_path: Path) -> None:
    first = plain(tmp_path / "a.mp4", "red", size=(320, 240), rate=24, frames=24)
    then = plain(tmp_path / "b.mp4", "lime", size=(240, 320), rate=30, frames=45)
    whole = joined(first, then, tmp_path / "whole.mp4")
    with av.open(str(whole), "r") as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (320, 240, 24)
    seen = pictures(whole)
    assert len(seen) == 24 + 36
    centres = ["red" if picture.getpixel((160, 120))[0] > 128 else "lime" for picture in seen]  # pyright: ignore[reportOptionalSubscript, reportIndexIssue]
    assert centres == ["red"] * 24 + ["lime"] * 36
    edge = seen[-1].getpixel((10, 120))
    assert isinstance(edge, tuple)
    assert max(edge) < 24  # an upright clip in a lying one stands between black bars


def test_it_lasts_as_long_as_both_and_ends_as_the_second_does(tmp_path: Path) -> None:
    first, then = clip(tmp_path / "a.mp4", seconds=1.041), clip(tmp_path / "b.mp4", seconds=2.041, sound=True)
    whole = joined(first, then, tmp_path / "whole.mp4")
    assert probe(whole).duration_s == pytest.approx(3.082, abs=0.03)
    (tmp_path / "end.jpg").write_bytes(last_frame(whole))
    (tmp_path / "end-of-second.jpg").write_bytes(last_frame(then))
    ends = [Image.open(tmp_path / name).convert("L").resize((32, 18)) for name in ("end.jpg", "end-of-second.jpg")]
    far = [abs(a - b) for a, b in zip(ends[0].tobytes(), ends[1].tobytes(), strict=True)]
    assert max(far) < 40


@pytest.mark.parametrize(
    ("sounds", "heard"), [((True, False), "first"), ((False, True), "second"), ((True, True), "both")]
)
def test_where_one_is_silent_there_is_silence(tmp_path: Path, sounds: tuple[bool, bool], heard: str) -> None:
    first, then = (clip(tmp_path / f"{n}.mp4", seconds=2.0, sound=sound) for n, sound in enumerate(sounds))
    whole = joined(first, then, tmp_path / "whole.mp4")
    with av.open(str(whole), "r") as container:
        (stream,) = container.streams.audio
        assert stream.codec_context.name == "aac"
        assert stream.duration is not None
        assert stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(4.0, abs=0.03)
    loud = loudness(whole)
    before, after = max(loud[1:7]) > 500, max(loud[9:15]) > 500
    assert {"first": (True, False), "second": (False, True), "both": (True, True)}[heard] == (before, after)


def test_two_silent_clips_make_a_silent_one_that_plays_while_it_loads(tmp_path: Path) -> None:
    whole = joined(clip(tmp_path / "a.mp4"), clip(tmp_path / "b.mp4"), tmp_path / "whole.mp4")
    assert probe(whole).sound is False
    content = whole.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_a_clip_can_be_joined_to_itself_and_to_what_was_joined(tmp_path: Path) -> None:
    one = clip(tmp_path / "a.mp4", sound=True)
    two = joined(one, one, tmp_path / "two.mp4")
    assert probe(joined(two, one, tmp_path / "three.mp4")).duration_s == pytest.approx(3.0, abs=0.03)


def test_the_same_clips_give_the_same_bytes_once(tmp_path: Path) -> None:
    first, then = clip(tmp_path / "a.mp4", ratio="9:16", sound=True), clip(tmp_path / "b.mp4")
    places = {joined(first, then, tmp_path / "whole.mp4") for _ in range(3)}
    assert places == {tmp_path / "whole.mp4"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4", "whole.mp4"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "whole.mp4").write_bytes(b"mine")
    whole = joined(clip(tmp_path / "a.mp4"), clip(tmp_path / "b.mp4"), tmp_path / "whole.mp4")
    assert whole.name == "whole-2.mp4"
    assert (tmp_path / "whole.mp4").read_bytes() == b"mine"


def test_what_is_damaged_or_no_video_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    good, folder = clip(tmp_path / "good.mp4", seconds=3.0), tmp_path / "out"
    half, still = tmp_path / "half.mp4", tmp_path / "still.png"
    half.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    Image.new("RGB", (320, 320)).save(still)
    for first, then, message in (
        (half, good, r"half\.mp4 is a damaged"),
        (good, half, r"half\.mp4 is a damaged"),
        (good, still, r"still\.png is no video"),
    ):
        with pytest.raises(Refused, match=message):
            joined(first, then, folder / "whole.mp4")
    with pytest.raises(LocalTrouble, match=r"gone\.mp4 cannot be read"):
        joined(good, tmp_path / "gone.mp4", folder / "whole.mp4")
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_folder_that_takes_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LocalTrouble, match="cannot be written to"):
        joined(clip(tmp_path / "a.mp4"), clip(tmp_path / "b.mp4"), tmp_path / "file" / "whole.mp4")
