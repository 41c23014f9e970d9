"""What the tests of pictures share: a body each endpoint takes, and eyes."""

# Pillow mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.sandbox.shop import LONG_ENOUGH_S, picture

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

GENERATIONS, OMNI = "/v1/images/generations", "/v1/images/omni-image"
SEVERAL, EXPAND = "/v1/images/multi-image2image", "/v1/images/editing/expand"
VIEWS, TRY_ON = "/v1/general/ai-multi-shot", "/v1/images/kolors-virtual-try-on"
RECOGNIZE = "/v1/videos/image-recognize"
LINK = "https://img.example/a.png"
ONE_K = picture(320, 320)
TAKES: dict[str, dict[str, Any]] = {
    GENERATIONS: {"prompt": "A paper lantern floating over a dark lake"},
    OMNI: {"prompt": "Turn <<<image_1>>> into a storyboard", "image_list": [{"image": LINK}]},
    SEVERAL: {"subject_image_list": [{"subject_image": LINK}, {"subject_image": LINK}]},
    EXPAND: {
        "image": LINK,
        "up_expansion_ratio": 0.5,
        "down_expansion_ratio": 0.5,
        "left_expansion_ratio": 0.25,
        "right_expansion_ratio": 0.25,
    },
    VIEWS: {"element_frontal_image": LINK},
    TRY_ON: {"human_image": LINK, "cloth_image": LINK},
    RECOGNIZE: {"image": LINK},
}
"""A body each endpoint takes."""


async def done(kling: Customer, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The finished task of a body."""
    task_id = await kling.accepted(body, path)
    kling.clock.advance(LONG_ENOUGH_S)
    task = await kling.data(f"{path}/{task_id}")
    assert task["task_status"] == "succeed", task
    return task


async def seen(kling: Customer, url: str) -> Image.Image:
    answer = await kling.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    image = Image.open(BytesIO(answer.content))
    assert image.format == "PNG"
    image.load()
    return image


def green(width: int, height: int) -> str:
    buffer = BytesIO()
    Image.new("RGB", (width, height), (10, 200, 30)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def is_green(image: Image.Image, place: tuple[float, float]) -> bool:
    pixel = image.convert("RGB").getpixel((int(place[0] * (image.width - 1)), int(place[1] * (image.height - 1))))
    assert isinstance(pixel, tuple)
    red, green_, blue = pixel[:3]
    return green_ > 150 and max(red, blue) < 80
