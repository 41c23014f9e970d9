"""The pretend Kling's pictures are real ones, of the shape that was asked for."""

# Pillow mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import time
from io import BytesIO

import pytest
from PIL import Image, ImageChops

from kling_mcp.sandbox.sample_pictures import (
    beside,
    coco_rle,
    expanded,
    sample_cutout,
    sample_face,
    sample_image,
    sample_mask,
)


def seen(encoded: bytes, form: str = "PNG") -> Image.Image:
    picture = Image.open(BytesIO(encoded))
    assert picture.format == form
    picture.load()
    return picture


def made(aspect_ratio: str = "16:9", caption: str = "A paper lantern", **more: object) -> bytes:
    return sample_image(caption=caption, label="task-1", aspect_ratio=aspect_ratio, **more)  # pyright: ignore[reportArgumentType] - tests name what they vary


def plain(size: tuple[int, int], colour: str) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("ratio", "long_side", "size"),
    [
        ("16:9", 1024, (1024, 576)),
        ("9:16", 1024, (576, 1024)),
        ("1:1", 1024, (1024, 1024)),
        ("4:3", 1024, (1024, 768)),
        ("3:4", 2048, (1536, 2048)),
        ("3:2", 1024, (1024, 683)),
        ("2:3", 2048, (1365, 2048)),
        ("21:9", 4096, (4096, 1755)),
        ("600:1200", 1024, (512, 1024)),
        ("10000:500", 1024, (1024, 51)),
    ],
)
def test_it_has_the_asked_ratio_to_the_pixel(ratio: str, long_side: int, size: tuple[int, int]) -> None:
    assert seen(made(ratio, long_side=long_side)).size == size


def test_a_picture_takes_a_tenth_of_a_second() -> None:
    made()
    took: list[float] = []
    for _ in range(5):
        began = time.thread_time()
        made()
        took.append(time.thread_time() - began)
    assert min(took) < 0.1


def test_another_prompt_is_another_picture_and_the_same_prompt_the_same_bytes() -> None:
    assert made() == made()
    assert ImageChops.difference(seen(made()), seen(made(caption="A red kite"))).getbbox() is not None


def test_what_it_starts_from_can_be_seen() -> None:
    assert seen(made("1:1", backdrop=plain((500, 500), "#2040c0"))).convert("RGB").getpixel((900, 100)) == (32, 64, 192)


@pytest.mark.parametrize("caption", ["", "\n", "word " * 500, "W" * 2500, "雨 🎈 \u202e"])
def test_any_prompt_can_be_shown_in_any_shape(caption: str) -> None:
    for ratio in ("1:1", "21:9", "1:8"):
        seen(made(ratio, caption))


@pytest.mark.parametrize(
    ("ratio", "long_side", "backdrop", "wrong"),
    [
        ("", 1024, None, "aspect_ratio"),
        ("16", 1024, None, "aspect_ratio"),
        ("0:1", 1024, None, "aspect_ratio"),
        ("100:1", 1024, None, "aspect_ratio"),
        ("1:1", 0, None, "pixels long"),
        ("1:1", 100_000, None, "pixels long"),
        ("1:1", 1024, b"GIF89a, it says", "not a picture"),
    ],
)
def test_what_makes_no_sense_is_an_error(ratio: str, long_side: int, backdrop: bytes | None, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        made(ratio, long_side=long_side, backdrop=backdrop)


# --- expanded, beside --------------------------------------------------------------------------------------


def test_an_expanded_picture_has_its_source_in_its_middle() -> None:
    whole = seen(expanded(backdrop=plain((400, 300), "#2040c0"), up=0.5, down=0.25, left=0.1, right=0.4))
    assert whole.size == (400 + 40 + 160, 300 + 150 + 75)
    blue = (32, 64, 192)
    for x, y in ((40, 150), (439, 449), (240, 300)):
        assert whole.getpixel((x, y)) == blue
    for x, y in ((39, 300), (440, 300), (240, 149), (240, 450)):
        assert whole.getpixel((x, y)) != blue


def test_the_size_of_an_expanded_picture_follows_from_its_source_not_from_a_smaller_copy() -> None:
    whole = seen(expanded(backdrop=plain((72, 36), "navy"), up=0, down=0, left=0.5, right=0.5, size=(1440, 720)))
    assert whole.size == (2880, 720)


def test_an_expanded_picture_keeps_its_shape_when_it_would_be_huge() -> None:
    whole = seen(expanded(backdrop=plain((72, 36), "navy"), up=0, down=0, left=0.5, right=0.5, size=(8000, 4000)))
    assert whole.size == (4096, 1024)


def test_pictures_stand_beside_each_other() -> None:
    both = seen(beside(plain((300, 600), "red"), plain((600, 300), "blue")), "JPEG").convert("RGB")
    assert both.size == (180 + 720, 360)
    left, right = both.getpixel((90, 180)), both.getpixel((500, 180))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert (left[0] > 200, right[2] > 200) == (True, True)


# --- faces, masks, cutouts ---------------------------------------------------------------------------------


def test_faces_are_large_enough_and_differ() -> None:
    first, second = (seen(sample_face(number=number, label=f"face {number}")) for number in range(2))
    assert min(first.size) >= 300
    assert ImageChops.difference(first.convert("RGB"), second.convert("RGB")).getbbox() is not None


def test_a_mask_is_white_where_the_points_are_and_black_elsewhere() -> None:
    mask = seen(sample_mask(width=1280, height=720, points=[(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]))
    assert mask.size == (1280, 720)
    assert {level for _, level in mask.getcolors() or ()} == {0, 255}
    assert [mask.getpixel(place) for place in ((0, 0), (640, 360), (1279, 719), (1279, 0))] == [255, 255, 255, 0]


@pytest.mark.parametrize("region", ["object_seg", "head_seg", "face_seg", "cloth_seg"])
@pytest.mark.parametrize("backdrop", [None, plain((640, 480), "green")])
def test_a_cutout_leaves_one_region_and_the_rest_transparent(region: str, backdrop: bytes | None) -> None:
    cutout = seen(sample_cutout(region=region, backdrop=backdrop))
    assert cutout.mode == "RGBA"
    assert cutout.getchannel("A").getextrema() == (0, 255)
    assert cutout.size == ((640, 480) if backdrop else (400, 400))


def test_there_are_four_regions() -> None:
    with pytest.raises(ValueError, match="no region"):
        sample_cutout(region="foot_seg", backdrop=None)


# --- run lengths -------------------------------------------------------------------------------------------


def unpacked(counts: str, width: int, height: int) -> Image.Image:
    """The mask of compressed COCO counts, read the way its own reader does."""
    runs: list[int] = []
    place = 0
    while place < len(counts):
        value, shift, more = 0, 0, True
        while more:
            group = ord(counts[place]) - 48
            value |= (group & 0x1F) << shift
            more, place, shift = bool(group & 0x20), place + 1, shift + 5
            if not more and group & 0x10:
                value |= -1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    columns = b"".join((b"\xff" if n % 2 else b"\0") * run for n, run in enumerate(runs))
    return Image.frombytes("L", (height, width), columns).transpose(Image.Transpose.TRANSPOSE)


def png(mask: Image.Image) -> bytes:
    buffer = BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()


def test_run_lengths_go_down_the_columns() -> None:
    mask = Image.new("L", (2, 2))
    mask.putpixel((1, 0), 255)
    assert coco_rle(png(mask)) == "211"  # two black, one white, one black
    mask.putpixel((0, 0), 255)
    assert coco_rle(png(mask)) == "01100"  # none black, then one each; from the fourth on as differences: 1-1


@pytest.mark.parametrize("points", [[(0.5, 0.5)], [(0.0, 0.0), (1.0, 1.0)], [(0.2, 0.3), (0.21, 0.8), (0.9, 0.1)], []])
def test_run_lengths_can_be_read_back(points: list[tuple[float, float]]) -> None:
    mask = sample_mask(width=321, height=203, points=points)
    assert unpacked(coco_rle(mask), 321, 203).tobytes() == seen(mask).convert("L").tobytes()
