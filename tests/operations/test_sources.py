"""Results of ours as arguments: recognised, found, put in place."""

from __future__ import annotations

from typing import Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.inputs import id_or_url
from kling_mcp.operations.sources import Reference, Source, SourceFacts
from kling_mcp.operations.video import GenerateVideo

JOB = "km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK"
CLIP = f"kling://media/{JOB}_1"


@pytest.mark.parametrize(
    ("text", "media_id", "last"),
    [
        (CLIP, f"{JOB}_1", False),
        (f"{CLIP}#last", f"{JOB}_1", True),
        (JOB, None, False),
        (f"{JOB}#last", None, True),
        (f"kling://jobs/{JOB}", None, False),
        (f" {JOB}-render ", None, False),
    ],
)
def test_a_result_of_ours_is_recognised(text: str, media_id: str | None, last: bool) -> None:
    image = GenerateVideo.parse({"image": text, "prompt": "A cat"}).image
    assert isinstance(image, Reference)
    assert (image.wants, image.media_id, image.last_frame) == ("image", media_id, last)
    assert image.job_id.startswith(JOB)


@pytest.mark.parametrize("text", ["kling://media/7", "km1-short", "kling://catalogue/effects", f"{CLIP}#first"])
def test_what_begins_like_a_result_and_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="neither a job id nor a result"):
        GenerateVideo.parse({"image": text, "prompt": "A cat"})


def test_references_are_found_wherever_they_stand_and_replaced_there() -> None:
    request = GenerateVideo.parse({"image": CLIP, "prompt": "<<<element_1>>>", "element_list": [{"element_id": JOB}]})
    assert {where: found.wants for where, found in request.references().items()} == {
        "image": "image",
        "element_list[0].element_id": "element",
    }
    picture = Source.of("https://kling.example/a.png", SourceFacts(CLIP, "image", width=600, height=400))
    body = request.resolved({"image": picture, "element_list[0].element_id": 829836802793406551}).body()
    assert body["image"] == "https://kling.example/a.png"
    assert body["element_list"] == [{"element_id": 829836802793406551}]


def test_a_request_without_references_stays_the_same() -> None:
    request = GenerateVideo.parse({"prompt": "A cat"})
    assert request.references() == {}
    assert request.resolved({}) == request


@pytest.mark.parametrize(
    ("given", "wire"),
    [
        ((None, None), {}),
        (("743211632612511839", None), {"video_id": "743211632612511839"}),
        ((None, "https://v.example/a.mp4"), {"video_url": "https://v.example/a.mp4"}),
        ((None, Source.of("https://v/1", SourceFacts(CLIP, "video", kling_id="7"))), {"video_id": "7"}),
        ((Source.of("https://v/1", SourceFacts(CLIP, "video")), None), {"video_url": "https://v/1"}),
    ],
)
def test_kling_gets_its_own_id_of_a_result_where_it_has_one(given: tuple[Any, Any], wire: dict[str, str]) -> None:
    assert id_or_url(*given) == wire
