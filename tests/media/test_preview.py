"""What a model is shown: small enough to send, and true to the file."""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from kling_mcp.errors import LocalTrouble, Refused
from kling_mcp.media.preview import Sheet, contact_sheet, last_frame, thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


@pytest.fixture
def clip(tmp_path: Path, video: bytes) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(video)
    return path


def coloured(
    path: Path, colours: Sequence[str], *, size: tuple[int, int] = (320, 320), rate: int = 8, gop: int = 250
) -> Path:
    """A video that shows each colour for one second."""
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "g": str(gop), "threads": "1"}
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for n in range(len(colours) * rate):
            frame: av.VideoFrame = av.VideoFrame.from_image(Image.new("RGB", size, colours[n // rate]))
            frame.pts, frame.time_base = n, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def shown(sheet: Sheet) -> Image.Image:
    picture = Image.open(BytesIO(sheet.jpeg))
    assert picture.format == "JPEG"
    assert picture.size == (sheet.width, sheet.height)
    return picture.convert("RGB")


def colour_at(picture: Image.Image, x: float, y: float) -> str:
    """Which of the primary colours is there, at a place given in fractions of the picture."""
    pixel = picture.getpixel((int(x * picture.width), int(y * picture.height)))
    assert isinstance(pixel, tuple)
    return "".join(name for name, level in zip("rgb", pixel, strict=True) if level > 110) or "-"


# --- contact sheets ----------------------------------------------------------------------------------------


def test_a_contact_sheet_spans_the_whole_video(clip: Path) -> None:
    sheet = contact_sheet(clip)
    assert sheet.times == (0.0, 0.62, 1.25, 1.87, 2.5, 3.12, 3.75, 4.37, 5.0)
    assert len(sheet.jpeg) <= 150_000
    assert max(shown(sheet).size) <= 1280


@pytest.mark.parametrize("gop", [1, 5, 250])
def test_each_frame_is_the_one_of_its_time(tmp_path: Path, gop: int) -> None:
    names = ["red", "lime", "blue", "yellow", "cyan", "magenta", "white", "black", "red"]
    sheet = contact_sheet(coloured(tmp_path / "c.mp4", names, gop=gop))
    picture = shown(sheet)
    cells = [colour_at(picture, (column + 0.5) / 3, (row + 0.5) / 3) for row in range(3) for column in range(3)]
    assert cells == ["r", "g", "b", "rg", "gb", "rb", "rgb", "-", "r"]


def test_each_frame_has_its_time_written_on_it(tmp_path: Path) -> None:
    picture = shown(contact_sheet(coloured(tmp_path / "c.mp4", ["lime"] * 4), frames=4))
    corners = [picture.crop((x, y, x + 90, y + 30)) for x in (0, 324) for y in (0, 324)]
    for corner in corners:
        red, green, _ = ImageStat.Stat(corner).extrema
        assert red[1] > 180  # white letters
        assert green[0] < 130  # on a dark label
    assert ImageChops.difference(corners[0], corners[3]).getbbox() is not None


@pytest.mark.parametrize(
    ("size", "frames"), [((640, 360), 9), ((360, 640), 9), ((400, 400), 4), ((640, 360), 1), ((1280, 320), 5)]
)
def test_the_grid_suits_the_shape_of_the_video(tmp_path: Path, size: tuple[int, int], frames: int) -> None:
    sheet = contact_sheet(coloured(tmp_path / "c.mp4", ["white"] * 2, size=size), frames=frames)
    assert len(sheet.times) == frames
    assert 0.75 <= sheet.width / sheet.height <= 2.3
    assert max(sheet.width, sheet.height) <= 1280


def test_a_video_with_fewer_frames_than_asked_for_shows_them_all(tmp_path: Path) -> None:
    sheet = contact_sheet(coloured(tmp_path / "c.mp4", ["red"], rate=3), frames=9)
    assert sheet.times == (0.0, 0.33, 0.67)


@pytest.mark.parametrize("most", [150_000, 60_000, 12_000, 2_000])
def test_a_sheet_is_made_to_fit(tmp_path: Path, most: int) -> None:
    noise = tmp_path / "noise.png"
    Image.effect_noise((1500, 1100), 120).save(noise)
    sheet = contact_sheet(noise, max_bytes=most)
    assert len(sheet.jpeg) <= most
    assert shown(sheet).width / sheet.height == pytest.approx(1500 / 1100, rel=0.05)


def test_a_picture_is_shown_as_it_is(tmp_path: Path, picture: bytes) -> None:
    path = tmp_path / "p.png"
    path.write_bytes(picture)
    sheet = contact_sheet(path)
    assert (sheet.width, sheet.height, sheet.times) == (900, 600, ())
    before = Image.open(BytesIO(picture))
    assert max(ImageStat.Stat(ImageChops.difference(shown(sheet), before)).mean) < 4


def test_what_shines_through_is_white(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(path)
    assert colour_at(shown(contact_sheet(path)), 0.5, 0.5) == "rgb"


_MODES = [*(("PNG", mode) for mode in ("RGB", "RGBA", "LA", "P", "I;16", "1")), ("WEBP", "RGB"), ("WEBP", "RGBA")]


@pytest.mark.parametrize(("form", "mode"), [*_MODES, ("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK")])
def test_every_kind_of_picture_can_be_looked_at(tmp_path: Path, form: str, mode: str) -> None:
    path = tmp_path / "p"
    blue = Image.new("RGBA", (640, 400), (0, 0, 255, 255))
    if mode in {"I;16", "CMYK", "1"}:  # nothing converts to these from RGBA
        blue = Image.new("L", blue.size, 200)
    blue.convert(mode).save(path, form)
    assert Image.open(BytesIO(thumbnail(path))).size == (512, 320)
    assert shown(contact_sheet(path)).size == (640, 400)


@pytest.mark.parametrize("extension", ["m4a", "mp3", "wav", "aac"])
def test_a_sound_is_shown_as_a_wave_that_grows_as_it_does(
    tmp_path: Path, sound: Callable[[str], bytes], extension: str
) -> None:
    path = tmp_path / f"s.{extension}"
    path.write_bytes(sound(extension))
    sheet = contact_sheet(path)
    picture = shown(sheet)
    blue = picture.getchannel("B").point([0] * 160 + [255] * 96)
    left, right = (
        ImageStat.Stat(blue.crop((x, 0, x + 200, picture.height - 30))).mean[0] for x in (100, picture.width - 300)
    )
    assert right > 2 * left > 0
    assert sheet.times == ()


# --- thumbnails --------------------------------------------------------------------------------------------


def test_a_thumbnail_is_small(clip: Path) -> None:
    encoded = thumbnail(clip)
    assert len(encoded) <= 40_000
    assert Image.open(BytesIO(encoded)).size == (512, 288)


def test_a_thumbnail_shows_the_middle(tmp_path: Path) -> None:
    picture = Image.open(BytesIO(thumbnail(coloured(tmp_path / "c.mp4", ["red", "lime", "blue"]))))
    assert colour_at(picture.convert("RGB"), 0.5, 0.5) == "g"


def test_a_thumbnail_avoids_black(tmp_path: Path) -> None:
    picture = Image.open(BytesIO(thumbnail(coloured(tmp_path / "c.mp4", ["black", "black", "black", "blue"]))))
    assert colour_at(picture.convert("RGB"), 0.5, 0.5) == "b"


def test_a_thumbnail_of_nothing_but_black_is_black(tmp_path: Path) -> None:
    picture = Image.open(BytesIO(thumbnail(coloured(tmp_path / "c.mp4", ["black"]))))
    assert colour_at(picture.convert("RGB"), 0.5, 0.5) == "-"


def test_pictures_and_sounds_have_thumbnails_too(tmp_path: Path, picture: bytes, sound: Callable[[str], bytes]) -> None:
    for name, content, size in (("p", picture, (512, 341)), ("s", sound("mp3"), (512, 160))):
        path = tmp_path / name
        path.write_bytes(content)
        assert Image.open(BytesIO(thumbnail(path))).size == size


# --- chaining ----------------------------------------------------------------------------------------------


def test_the_last_frame_is_the_last_one_in_full_size(tmp_path: Path) -> None:
    encoded = last_frame(coloured(tmp_path / "c.mp4", ["red"] * 3 + ["blue"], size=(640, 360)))
    picture = Image.open(BytesIO(encoded))
    assert (picture.format, picture.size) == ("JPEG", (640, 360))
    assert colour_at(picture.convert("RGB"), 0.5, 0.5) == "b"


@pytest.mark.parametrize(
    ("size", "shown"), [((320, 180), (533, 300)), ((180, 320), (300, 533)), ((100, 100), (300, 300))]
)
def test_a_small_last_frame_is_enlarged_to_what_a_first_frame_must_have(
    tmp_path: Path, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    picture = Image.open(BytesIO(last_frame(coloured(tmp_path / "c.mp4", ["blue"], size=size))))
    assert picture.size == shown
    assert colour_at(picture.convert("RGB"), 0.5, 0.5) == "b"


def test_a_sound_has_no_last_frame(tmp_path: Path, sound: Callable[[str], bytes]) -> None:
    path = tmp_path / "s.mp3"
    path.write_bytes(sound("mp3"))
    with pytest.raises(Refused, match="has no picture"):
        last_frame(path)


@pytest.mark.parametrize("look", [contact_sheet, thumbnail, last_frame])
def test_damaged_and_missing_files_are_named(tmp_path: Path, video: bytes, look: Callable[[Path], object]) -> None:
    path = tmp_path / "half.mp4"
    path.write_bytes(video[: len(video) // 2])
    with pytest.raises(Refused, match=r"half\.mp4 is a damaged"):
        look(path)
    with pytest.raises(LocalTrouble, match=r"gone\.mp4 cannot be read"):
        look(tmp_path / "gone.mp4")
