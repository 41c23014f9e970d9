"""The pretend Kling's videos are real ones: what was asked for is what a decoder finds."""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from io import BytesIO

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from kling_mcp.sandbox.samples import sample_video

CAPTION = "A paper boat drifts down a rain-soaked street at dusk"


def made(
    aspect_ratio: str = "16:9", duration_s: float = 1.0, *, sound: bool = False, backdrop: bytes | None = None
) -> bytes:
    return sample_video(
        caption=CAPTION,
        label="task-1",
        aspect_ratio=aspect_ratio,
        duration_s=duration_s,
        sound=sound,
        backdrop=backdrop,
    )


def frames(video: bytes) -> list[Image.Image]:
    with av.open(BytesIO(video), "r") as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def picture(size: tuple[int, int], colour: str) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("aspect_ratio", "size"),
    [("16:9", (1280, 720)), ("9:16", (720, 1280)), ("1:1", (720, 720)), ("1280:853", (1080, 720))],
)
def test_it_is_h264_of_the_asked_shape_and_large_enough_to_be_a_first_frame(
    aspect_ratio: str, size: tuple[int, int]
) -> None:
    with av.open(BytesIO(made(aspect_ratio)), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == size
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    assert min(size) >= 512, "lip-sync takes no smaller ones"


@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize("duration_s", [3.041, 15.0])
def test_it_lasts_exactly_as_long_as_asked(duration_s: float, *, sound: bool) -> None:
    with av.open(BytesIO(made(duration_s=duration_s, sound=sound)), "r") as container:
        stream = container.streams.video[0]
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(duration_s, abs=0.001)
        assert stream.duration is not None
        assert stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(duration_s, abs=0.001)
        assert sum(1 for _ in container.decode(video=0)) == stream.frames


def test_sound_is_an_aac_track_one_can_hear_and_no_sound_is_no_track() -> None:
    with av.open(BytesIO(made(duration_s=2.0, sound=True)), "r") as container:
        assert [stream.codec_context.name for stream in container.streams.audio] == ["aac"]
        loud = [bytes(frame.planes[0]).strip(b"\0") for frame in container.decode(audio=0)]
        assert any(loud)
    with av.open(BytesIO(made(duration_s=2.0, sound=False)), "r") as container:
        assert len(container.streams.audio) == 0


def test_the_index_comes_first_so_that_it_plays_while_it_loads() -> None:
    video = made()
    assert 0 < video.index(b"moov") < video.index(b"mdat")


def test_it_moves_and_the_clock_runs() -> None:
    first, *_, last = frames(made(duration_s=2.0))
    changed = ImageChops.difference(first, last).convert("L").point([0] * 60 + [255] * 196)
    sky, clock = (0, 0, 1280, 300), (1060, 620, 1244, 684)
    assert changed.crop(sky).getbbox() is not None
    assert changed.crop(clock).getbbox() is not None


def test_another_prompt_gives_another_picture_and_the_same_prompt_the_same_bytes() -> None:
    other = sample_video(caption="A red kite", label="task-1", aspect_ratio="16:9", duration_s=1.0, sound=False)
    assert made() == made()
    assert ImageChops.difference(frames(made())[0], frames(other)[0]).getbbox() is not None


def test_a_given_first_frame_is_what_one_sees_first() -> None:
    first = frames(made(backdrop=picture((1280, 720), "#2040c0")))[0]
    red, green, blue = ImageStat.Stat(first.crop((400, 60, 1200, 120))).mean
    assert (red, green, blue) == pytest.approx((0x20, 0x40, 0xC0), abs=12)


def test_the_shape_of_a_picture_can_be_asked_for() -> None:
    portrait = picture((600, 1200), "white")
    assert frames(made("600:1200", backdrop=portrait))[0].size == (720, 1440)


@pytest.mark.parametrize("caption", ["", "\n", "word " * 500, "W" * 2500, "雨 🎈 \u202e"])
def test_any_prompt_can_be_shown(caption: str) -> None:
    video = sample_video(caption=caption, label="x" * 300, aspect_ratio="9:16", duration_s=0.2, sound=False)
    assert len(frames(video)) == 5


@pytest.mark.parametrize("aspect_ratio", ["", "16", "a:b", "0:1", "1:0", "-16:9", "100:1", "1:2:3"])
def test_a_nonsensical_shape_is_an_error(aspect_ratio: str) -> None:
    with pytest.raises(ValueError, match="aspect_ratio"):
        made(aspect_ratio)


def test_no_length_and_no_picture_are_errors() -> None:
    with pytest.raises(ValueError, match="cannot last"):
        made(duration_s=0)
    with pytest.raises(ValueError, match="not a picture"):
        made(backdrop=b"GIF89a, it says")
