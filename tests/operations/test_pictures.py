"""A picture as an argument: URLs pass by their syntax, Base64 is looked at in memory."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.video import GenerateVideo


def encoded(size: tuple[int, int], kind: str = "PNG") -> str:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return base64.b64encode(out.getvalue()).decode()


NO_PICTURE = (
    "'image' is neither an http(s) URL nor Base64. Kling cannot read a file of this machine by its path: give a URL, "
    "or the file's content as Base64."
)
PNG = encoded((320, 300))


def sent(picture: object) -> object:
    return GenerateVideo.parse({"prompt": "x", "image": picture}).body()["image"]


def refusal(picture: object) -> str:
    with pytest.raises(InvalidRequest) as caught:
        sent(picture)
    [problem] = caught.value.problems
    assert problem.field == "image"
    return problem.sentence


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example/a.png?x=1#y",
        "http://93.184.215.14/a.png",
        "HTTPS://CDN.EXAMPLE/A.JPG",
        "https://bücher.example/ä.png",
        "https://bucket.s3.amazonaws.com/a.png?X-Amz-Security-Token=" + "A" * 4000,
    ],
)
def test_an_address_is_sent_as_it_was_written(url: str) -> None:
    assert sent(f" {url} ") == url


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8123", "[::1]", "localhost", "10.0.0.7", "192.168.1.2", "169.254.169.254", "[::ffff:10.0.0.1]"]
)
def test_an_address_that_kling_cannot_reach_is_refused_before_it_costs_a_job(host: str) -> None:
    assert "which Kling cannot reach. Give Base64." in refusal(f"http://{host}/a.png")


def test_base64_is_sent_without_its_data_prefix_and_without_line_breaks() -> None:
    wrapped = "\n".join(PNG[n : n + 76] for n in range(0, len(PNG), 76))
    for written in (PNG, f"data:image/png;base64,{PNG}", f"DATA:;BASE64,{PNG}", wrapped, PNG.rstrip("=")):
        assert sent(written) == PNG


@pytest.mark.parametrize(("size", "kind"), [((300, 750), "JPEG"), ((750, 300), "PNG"), ((300, 300), "JPEG")])
def test_a_picture_at_the_edge_of_the_limits_passes(size: tuple[int, int], kind: str) -> None:
    picture = encoded(size, kind)
    assert sent(picture) == picture


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (encoded((299, 300)), "'image' is 299x300 px; each side must have at least 300 px. Give a larger picture."),
        (
            encoded((300, 751)),
            "'image' is 300x751 px; its ratio must lie between 1:2.5 and 2.5:1. Crop it.",
        ),
        (
            encoded((320, 320), "GIF"),
            "'image' does not decode to a jpg or png picture that can be read. Give one of these formats.",
        ),
        (
            base64.b64encode(b"not a picture at all").decode(),
            "'image' does not decode to a jpg or png picture that can be read. Give one of these formats.",
        ),
        (
            base64.b64encode(base64.b64decode(PNG)[:90]).decode(),
            "'image' does not decode to a jpg or png picture that can be read. Give one of these formats.",
        ),
        (
            base64.b64encode(base64.b64decode(encoded((900, 900), "JPEG"))[:-400]).decode(),
            "'image' does not decode to a jpg or png picture that can be read. Give one of these formats.",
        ),
        ("A" * 14_000_000, "'image' is too large: Kling takes pictures of up to 10 MB. Give a smaller one."),
        (
            "/home/me/cat.png",
            NO_PICTURE,
        ),
        (
            r"C:\cat.png",
            NO_PICTURE,
        ),
        (
            "data:image/png,abc",
            "'image' is a data: URI without ';base64,'. Give data:image/png;base64,... or the bare Base64.",
        ),
        (
            "file:///home/me/cat.png",
            "'image' has an address that starts with file:, but Kling fetches only http:// and https://.",
        ),
        (
            "https://me:secret@cdn.example/a.png",
            "'image' has a user name or password in its URL. Give an address that needs none, or Base64.",
        ),
        ("https:///a.png", "'image' is not a usable URL: it needs a host, no spaces, and at most 8192 characters."),
        (
            "https://cdn.example/a b.png",
            "'image' is not a usable URL: it needs a host, no spaces, and at most 8192 characters.",
        ),
        (
            "https://cdn.example/" + "a" * 8192,
            "'image' is not a usable URL: it needs a host, no spaces, and at most 8192 characters.",
        ),
        (
            "https://cdn.example:port/a.png",
            "'image' is not a well-formed URL. Give the address of a jpg or png that starts with https://.",
        ),
        (17, "'image' must be text: an http(s) URL, or the Base64 of a jpg or png."),
        (["https://cdn.example/a.png"], "'image' must be text: an http(s) URL, or the Base64 of a jpg or png."),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_picture_kling_would_refuse_is_refused_without_repeating_it(picture: object, sentence: str) -> None:
    assert refusal(picture) == sentence


def test_every_picture_of_a_request_is_looked_at() -> None:
    small = encoded((100, 100))
    masks = [{"mask": small, "trajectories": [{"x": 1, "y": 1}, {"x": 2, "y": 2}]}]
    arguments = {"prompt": "x", "model_name": "kling-v1", "image": small, "image_tail": small}
    with pytest.raises(InvalidRequest) as caught:
        GenerateVideo.parse({**arguments, "static_mask": small, "dynamic_masks": masks})
    assert [problem.field for problem in caught.value.problems] == [
        "image",
        "image_tail",
        "static_mask",
        "dynamic_masks[0].mask",
    ]


@pytest.mark.parametrize(
    ("image", "static", "dynamic", "told"),
    [
        (PNG, PNG, PNG, []),
        (PNG, encoded((640, 600)), None, []),
        ("https://cdn.example/a.png", PNG, PNG, []),
        (PNG, "https://cdn.example/mask.png", "https://cdn.example/mask.png", []),
        (
            PNG,
            encoded((320, 320)),
            None,
            ["'static_mask' is 320x320 px, 'image' 320x300 px; their ratios must be equal."],
        ),
        (
            PNG,
            encoded((640, 600)),
            PNG,
            ["'static_mask' is 640x600 px, but another mask is 320x300 px; all must be equal."],
        ),
    ],
)
def test_masks_must_fit_each_other_and_the_picture(
    image: str, static: str, dynamic: str | None, told: list[str]
) -> None:
    arguments: dict[str, Any] = {"prompt": "x", "model_name": "kling-v1", "image": image, "static_mask": static}
    if dynamic:
        path = [{"x": 1, "y": 1}, {"x": 2, "y": 2}]
        arguments["dynamic_masks"] = [{"mask": dynamic, "trajectories": path}]
    found: list[str] = []
    try:
        GenerateVideo.parse(arguments)
    except InvalidRequest as error:
        found = [problem.sentence for problem in error.problems]
    assert found == told


def test_a_last_frame_may_have_any_shape_but_not_any_size() -> None:
    """Kling's page does not restate the limit of the ratio for it. Contract: video.md section 6."""
    tall = encoded((300, 900))
    request = GenerateVideo.parse({"prompt": "x", "image": PNG, "image_tail": tall})
    assert request.body()["image_tail"] == tall
    with pytest.raises(InvalidRequest) as caught:
        GenerateVideo.parse({"prompt": "x", "image": PNG, "image_tail": encoded((299, 900))})
    [problem] = caught.value.problems
    assert problem.sentence == "'image_tail' is 299x900 px; each side must have at least 300 px. Give a larger picture."
