"""Expanding a picture: by four ratios, or to a shape that is worked out from the picture's size."""

from __future__ import annotations

from typing import Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.image_expand import ExpandImage
from kling_mcp.operations.sources import Source, SourceFacts

from .test_pictures import encoded

A = "https://img.example/a.png"
OURS = "kling://media/km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK_1"
SQUARE = encoded((400, 400))


def ratios(body: dict[str, Any]) -> tuple[float, float, float, float]:
    up, down, left, right = (body[f"{side}_expansion_ratio"] for side in ("up", "down", "left", "right"))
    return up, down, left, right


def told(arguments: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        ExpandImage.parse(arguments)
    return [(problem.field, problem.sentence) for problem in caught.value.problems]


def sides(up: float, down: float, left: float, right: float) -> dict[str, Any]:
    return {
        "up_expansion_ratio": up,
        "down_expansion_ratio": down,
        "left_expansion_ratio": left,
        "right_expansion_ratio": right,
    }


@pytest.mark.parametrize(
    ("size", "shape", "expected"),
    [
        ((400, 400), "16:9", (0, 0, 0.3889, 0.3889)),
        ((400, 400), "9:16", (0.3889, 0.3889, 0, 0)),
        ((400, 400), "3:2", (0, 0, 0.25, 0.25)),
        ((600, 400), "1:1", (0.25, 0.25, 0, 0)),
        ((400, 600), "1 : 1", (0, 0, 0.25, 0.25)),
        ((640, 360), "21:9", (0, 0, 0.1562, 0.1562)),
        ((400, 400), "3:1", (0, 0, 1, 1)),
        ((400, 400), "1.5:1", (0, 0, 0.25, 0.25)),
        ((400, 400), "3/2", (0, 0, 0.25, 0.25)),
        ((400, 400), "3x2", (0, 0, 0.25, 0.25)),
    ],
)
def test_a_shape_is_reached_by_adding_to_two_opposite_sides_alike(
    size: tuple[int, int], shape: str, expected: tuple[float, ...]
) -> None:
    body = ExpandImage.parse({"image": encoded(size), "target_aspect_ratio": shape}).body()
    assert ratios(body) == pytest.approx(expected, abs=1e-9)
    assert "target_aspect_ratio" not in body
    assert body["n"] == 1


@pytest.mark.parametrize("shape", ["16:9", "9:16", "1:1", "4:3", "2:3"])
@pytest.mark.parametrize("size", [(1024, 1365), (1280, 720), (333, 777), (1672, 941)])
def test_the_shape_comes_out_to_a_pixel_and_nothing_is_cut_off(size: tuple[int, int], shape: str) -> None:
    arguments = {"image": OURS, "target_aspect_ratio": shape}
    found = Source.of(A, SourceFacts(OURS, "image", width=size[0], height=size[1]))
    try:
        up, down, left, right = ratios(ExpandImage.parse(arguments).resolved({"image": found}).body())
    except InvalidRequest as error:
        # Only because there is nothing to add, or too much.
        assert any(words in error.problems[0].sentence for words in ("has that shape already", "allows 3 times"))  # noqa: PT017
        return
    assert min(up, down, left, right) >= 0
    width, height = size[0] * (1 + left + right), size[1] * (1 + up + down)
    across, down_ = (int(each) for each in shape.split(":"))
    assert abs(width - height * across / down_) <= 1 + across / down_


def test_ratios_that_are_left_out_are_nought() -> None:
    body = ExpandImage.parse({"image": A, "left_expansion_ratio": 2, "prompt": "a wall"}).body()
    assert body == {"image": A, "prompt": "a wall", **sides(0, 0, 2, 0), "n": 1}


@pytest.mark.parametrize(
    "given",
    [
        (0.5, 0.5, 0.25, 0.25),
        (0.1495, 0.1495, 0.6547, 0.6547),
        (1, 1, 0, 0),
        (2, 0, 0, 0),
        (0.366, 0.366, 0.366, 0.366),
        (0.36605, 0.36605, 0.36605, 0.36605),
    ],
)
def test_three_times_the_area_is_the_most(given: tuple[float, float, float, float]) -> None:
    assert ratios(ExpandImage.parse({"image": A, **sides(*given)}).body()) == tuple(round(each, 4) for each in given)


@pytest.mark.parametrize("given", [(1, 1, 0.01, 0), (2, 0.002, 0, 0), (2, 2, 2, 2), (0.5, 0.5, 0.26, 0.25)])
def test_more_than_three_times_the_area_is_refused(given: tuple[float, float, float, float]) -> None:
    [(field, sentence)] = told({"image": A, **sides(*given)})
    assert field == "up_expansion_ratio"
    assert sentence.startswith("'up_expansion_ratio' and its like make the picture ")
    assert sentence.endswith(" times as large, but Kling allows 3 times. Make them smaller.")


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        (
            {"image": A},
            "target_aspect_ratio",
            (
                "Say how far to expand: give 'target_aspect_ratio' such as 16:9, or one or more of up_, down_, left_ "
                "and right_expansion_ratio."
            ),
        ),
        (
            {"image": SQUARE, "target_aspect_ratio": "16:9", "up_expansion_ratio": 0},
            "up_expansion_ratio",
            "'up_expansion_ratio' cannot be used together with 'target_aspect_ratio', which sets all four. Remove one.",
        ),
        (
            {"image": A, "target_aspect_ratio": "16:9"},
            "target_aspect_ratio",
            (
                "'target_aspect_ratio' needs the picture's size, which this server knows of Base64 and of results of "
                "its own. Give the picture as one of these, or give the four expansion ratios instead."
            ),
        ),
        (
            {"image": SQUARE, "target_aspect_ratio": "4:1"},
            "target_aspect_ratio",
            (
                "'target_aspect_ratio' makes the picture of 400x400 px 4.00 times as large, but Kling allows 3 times. "
                "Choose a ratio nearer to the picture's."
            ),
        ),
        (
            {"image": SQUARE, "target_aspect_ratio": "1:1"},
            "target_aspect_ratio",
            (
                "'target_aspect_ratio' has no effect: the picture of 400x400 px has that shape already. The call would "
                "be charged all the same."
            ),
        ),
        (
            {"image": A, **sides(0, 0, 0, 0)},
            "up_expansion_ratio",
            (
                "'up_expansion_ratio' has no effect: the picture does not grow if every ratio is 0. The call would be "
                "charged all the same."
            ),
        ),
        *(
            (
                {"image": SQUARE, "target_aspect_ratio": shape},
                "target_aspect_ratio",
                "'target_aspect_ratio' must be width:height, such as 16:9 or 3:2.",
            )
            for shape in ("wide", "16", "0:9", "16:0", "-1:2", 1.5, ["16:9"], "16:9:1")
        ),
        (
            {"image": A, "up_expansion_ratio": 2.1},
            "up_expansion_ratio",
            "'up_expansion_ratio' should be less than or equal to 2 (you gave 2.1).",
        ),
        (
            {"image": A, "left_expansion_ratio": -0.1},
            "left_expansion_ratio",
            "'left_expansion_ratio' should be greater than or equal to 0 (you gave -0.1).",
        ),
        (
            {"image": A, "down_expansion_ratio": True},
            "down_expansion_ratio",
            "'down_expansion_ratio' must be a number, not true or false.",
        ),
        (
            {"image": A, "right_expansion_ratio": float("nan")},
            "right_expansion_ratio",
            "'right_expansion_ratio' should be a finite number (you gave nan).",
        ),
        ({"image": A, "up_expansion_ratio": 1, "n": 10}, "n", "'n' should be less than or equal to 9 (you gave 10)."),
    ],
)
def test_an_expansion_that_cannot_be_is_refused(arguments: dict[str, Any], field: str, sentence: str) -> None:
    assert told(arguments) == [(field, sentence)]


def test_a_result_of_ours_is_expanded_to_a_shape_once_its_size_is_known() -> None:
    request = ExpandImage.parse({"image": OURS, "target_aspect_ratio": "16:9", "n": 2})
    assert request.quote().units == 16
    found = Source.of(A, SourceFacts(OURS, "image", width=1000, height=1000))
    assert request.resolved({"image": found}).body() == {"image": A, **sides(0, 0, 0.3889, 0.3889), "n": 2}
    with pytest.raises(InvalidRequest, match="needs the picture's size"):
        request.resolved({"image": Source.of(A, SourceFacts(OURS, "image"))})
    with pytest.raises(InvalidRequest, match="has that shape already"):
        request.resolved({"image": Source.of(A, SourceFacts(OURS, "image", width=1280, height=720))})
    frame = Source.of(SQUARE, SourceFacts(OURS, "video"))
    assert ratios(request.resolved({"image": frame}).body()) == (0, 0, 0.3889, 0.3889)
