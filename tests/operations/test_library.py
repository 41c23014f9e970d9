"""Voices and elements: making them, and the questions about them.

The bodies are typed in from image-audio-general.md, sections 9 and 10; none was produced by our code.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations import library
from kling_mcp.operations.base import Quote
from kling_mcp.operations.library import DeleteElement, DeleteVoice, ListElements, ListVoices
from kling_mcp.operations.library_element import CreateElement
from kling_mcp.operations.library_tags import TAGS
from kling_mcp.operations.library_voice import CreateVoice
from kling_mcp.operations.sources import Source, SourceFacts

from .test_pictures import encoded

if TYPE_CHECKING:
    from kling_mcp.operations.base import Generation, Operation

F, S = "https://img.example/f.png", "https://img.example/s.png"
MP3, MP4 = "https://media.example/a.mp3", "https://media.example/a.mp4"
JOB = "km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK"
OURS = f"kling://media/{JOB}_1"
COURIER = {"element_name": "Courier", "element_description": "Young courier in a yellow jacket"}
FROM_PICTURES = {**COURIER, "frontal_image": F, "refer_images": [S]}


def problems(operation: type[Operation], arguments: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        operation.parse(arguments)
    return [(problem.field, problem.sentence) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("operation", "path", "arguments", "body"),
    [
        (
            CreateVoice,
            "/v1/general/custom-voices",
            {"voice_name": "Narrator A", "voice_url": MP3},
            {"voice_name": "Narrator A", "voice_url": MP3},
        ),
        (
            CreateVoice,
            "/v1/general/custom-voices",
            {"voice_name": "B", "video_id": 743211632612511839, "voice_url": ""},
            {"voice_name": "B", "video_id": "743211632612511839"},
        ),
        (
            CreateElement,
            "/v1/general/advanced-custom-elements",
            {**FROM_PICTURES, "refer_images": S, "tag_list": "Character"},
            {
                "element_name": "Courier",
                "element_description": "Young courier in a yellow jacket",
                "reference_type": "image_refer",
                "element_image_list": {"frontal_image": F, "refer_images": [{"image_url": S}]},
                "tag_list": [{"tag_id": "o_102"}],
            },
        ),
        (
            CreateElement,
            "/v1/general/advanced-custom-elements",
            {
                **COURIER,
                "frontal_image": F,
                "refer_images": '["https://img.example/s.png", {"image_url": "https://img.example/f.png"}]',
                "element_voice_id": "829836802793406551",
                "tag_list": '[{"tag_id": "o_101"}, "Others", "animals", "O_107"]',
            },
            {
                "element_name": "Courier",
                "element_description": "Young courier in a yellow jacket",
                "reference_type": "image_refer",
                "element_image_list": {"frontal_image": F, "refer_images": [{"image_url": S}, {"image_url": F}]},
                "element_voice_id": "829836802793406551",
                "tag_list": [{"tag_id": "o_101"}, {"tag_id": "o_108"}, {"tag_id": "o_103"}, {"tag_id": "o_107"}],
            },
        ),
        (
            CreateElement,
            "/v1/general/advanced-custom-elements",
            {**COURIER, "video_url": MP4, "refer_images": [], "frontal_image": ""},
            {
                "element_name": "Courier",
                "element_description": "Young courier in a yellow jacket",
                "reference_type": "video_refer",
                "element_video_list": {"refer_videos": [{"video_url": MP4}]},
            },
        ),
    ],
)
def test_a_request_is_sent_as_the_contract_writes_it(
    operation: type[Generation], path: str, arguments: dict[str, Any], body: dict[str, Any]
) -> None:
    request = operation.parse(arguments)
    assert (request.path, request.body()) == (path, body)


def test_a_picture_as_base64_loses_its_prefix() -> None:
    png = encoded((300, 300))
    pictures = {**COURIER, "frontal_image": f"data:image/png;base64,{png}", "refer_images": [png]}
    assert CreateElement.parse(pictures).body()["element_image_list"] == {
        "frontal_image": png,
        "refer_images": [{"image_url": png}],
    }


def test_a_voice_costs_a_little_and_an_element_nothing() -> None:
    voice = CreateVoice.parse({"voice_name": "A", "voice_url": MP3}).quote()
    assert voice == Quote(Decimal("0.05"), "video", "1 voice x 0.05 units (custom voice)", "2026-09-20")
    assert voice.usd == Decimal("0.0070")
    element = CreateElement.parse(FROM_PICTURES).quote()
    assert (element.units, element.package, element.usd, element.notes) == (0, "", 0, ())
    [note] = CreateElement.parse({**COURIER, "video_url": MP4}).quote().notes
    assert note == "An element made from a video works only with models of the 3.0 generation."


@pytest.mark.parametrize(("width", "height", "said"), [(1920, 1080, False), (1080, 1920, False), (1280, 720, True)])
def test_an_element_of_a_smaller_video_than_kling_asks_for_is_told_so(width: int, height: int, said: bool) -> None:
    request = CreateElement.parse({**COURIER, "video_url": OURS})
    clip = Source.of(MP4, SourceFacts(OURS, "video", duration_s=5.04, width=width, height=height))
    notes = request.resolved({"video_url": clip}).quote().notes
    assert (f"Kling asks for a video in 1080p (mode pro), and this one is {width}x{height} px." in notes) is said


CLIP = SourceFacts(OURS, "video", kling_id="77", tool="lip_sync", duration_s=10, width=1920, height=1080)
SOUND = SourceFacts(OURS, "audio", kling_id="88", tool="text_to_speech", duration_s=10)


@pytest.mark.parametrize(
    ("field", "facts", "wire"),
    [
        ("video_id", CLIP, {"video_id": "77"}),
        ("voice_url", CLIP, {"video_id": "77"}),
        ("voice_url", SOUND, {"voice_url": MP3}),
        ("voice_url", SourceFacts(OURS, "video", duration_s=10), {"voice_url": MP3}),
        ("video_id", SourceFacts(OURS, "video", duration_s=10), {"voice_url": MP3}),
    ],
)
def test_a_voice_is_taken_from_a_result_of_ours(field: str, facts: SourceFacts, wire: dict[str, str]) -> None:
    request = CreateVoice.parse({"voice_name": "A", field: OURS})
    assert [reference.wants for reference in request.references().values()] == [
        "video" if field == "video_id" else "audio or video"
    ]
    assert request.resolved({field: Source.of(MP3, facts)}).body() == {"voice_name": "A", **wire}


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (
            SourceFacts(OURS, "audio", duration_s=4.5),
            "'voice_url' lasts 4.5 s, but a voice is made from 5 to 30 s. Give another.",
        ),
        (
            SourceFacts(OURS, "video", duration_s=31),
            "'voice_url' lasts 31 s, but a voice is made from 5 to 30 s. Give another.",
        ),
        (
            SourceFacts(OURS, "video", kling_id="77", duration_s=5, sound=False),
            "'voice_url' is a video made without sound, so nobody speaks in it. Give another.",
        ),
    ],
)
def test_a_result_in_which_no_voice_can_be_heard_is_refused(facts: SourceFacts, sentence: str) -> None:
    request = CreateVoice.parse({"voice_name": "A", "voice_url": JOB})
    with pytest.raises(InvalidRequest) as caught:
        request.resolved({"voice_url": Source.of(MP3, facts)})
    assert [problem.sentence for problem in caught.value.problems] == [sentence]


@pytest.mark.parametrize("length", [4.95, 5, 30, 30.04, None])
def test_a_sound_at_the_edge_of_the_limits_makes_a_voice(length: float | None) -> None:
    request = CreateVoice.parse({"voice_name": "A", "voice_url": JOB})
    request.resolved({"voice_url": Source.of(MP3, SourceFacts(OURS, "audio", duration_s=length))})


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        (
            {"voice_url": MP3},
            "voice_name",
            "'voice_name' is required: create_voice cannot run without it.",
        ),
        (
            {"voice_name": "x" * 21, "voice_url": MP3},
            "voice_name",
            "'voice_name' string should have at most 20 characters (you gave 'xxxxxxxxxxxxxxxxxxxxx').",
        ),
        (
            {"voice_name": "A"},
            "voice_url",
            "'voice_url' or 'video_id' is missing: give one of them to say whose voice it is.",
        ),
        (
            {"voice_name": "A", "voice_url": "", "video_id": " "},
            "voice_url",
            "'voice_url' or 'video_id' is missing: give one of them to say whose voice it is.",
        ),
        (
            {"voice_name": "A", "voice_url": MP3, "video_id": "7"},
            "video_id",
            "'video_id' cannot be used together with 'voice_url'. Remove one of them.",
        ),
        *(
            (
                {"voice_name": "A", "voice_url": given},
                "voice_url",
                (
                    "'voice_url' must be an http(s) URL of an mp3, wav, mp4 or mov, or a job id or kling://media/… of "
                    "this server."
                ),
            )
            for given in ("UklGRgAA", "data:audio/mpeg;base64,SUQz", "/home/me/a.mp3", 7)
        ),
        (
            {"voice_name": "A", "voice_url": "http://10.0.0.1/a.mp3"},
            "voice_url",
            (
                "'voice_url' is an address inside a machine or network (10.0.0.1), which Kling cannot reach. Give a "
                "public address."
            ),
        ),
        (
            {"voice_name": "A", "video_id": MP4},
            "video_id",
            ("'video_id' is an address, but must be a Kling video id, or a job id or kling://media/… of this server."),
        ),
        (
            {"voice_name": "A", "url": MP3, "voice_url": MP3},
            "url",
            "'url' is not an argument of create_voice. Did you mean 'voice_url'?",
        ),
    ],
)
def test_a_voice_that_kling_would_not_make(arguments: dict[str, Any], field: str, sentence: str) -> None:
    assert problems(CreateVoice, arguments) == [(field, sentence)]


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"element_name": ""}, "element_name", "'element_name' is required: create_element cannot run without it."),
        (
            {"element_name": "x" * 21},
            "element_name",
            "'element_name' string should have at most 20 characters (you gave 'xxxxxxxxxxxxxxxxxxxxx').",
        ),
        (
            {"element_description": None},
            "element_description",
            "'element_description' is required: create_element cannot run without it.",
        ),
        (
            {"element_description": "x" * 101},
            "element_description",
            "'element_description' string should have at most 100 characters (you gave a text of 101 characters).",
        ),
        (
            {"frontal_image": None, "refer_images": None},
            "frontal_image",
            "Give 'frontal_image' and 'refer_images', or 'video_url', to show the element.",
        ),
        (
            {"frontal_image": None},
            "frontal_image",
            "'frontal_image' is missing: refer_images only add further views to it.",
        ),
        (
            {"refer_images": []},
            "refer_images",
            "'refer_images' is missing: with frontal_image Kling needs 1 to 3 more views (ai_multi_shot draws some).",
        ),
        (
            {"refer_images": [S] * 4},
            "refer_images",
            "'refer_images' list should have at most 3 items (you gave a list of 4).",
        ),
        (
            {"refer_images": [{"image": S}]},
            "refer_images[0].image_url",
            "'refer_images[0].image_url' is required: create_element cannot run without it.",
        ),
        (
            {"frontal_image": encoded((300, 900))},
            "frontal_image",
            "'frontal_image' is 300x900 px; its ratio must lie between 1:2.5 and 2.5:1. Crop it.",
        ),
        (
            {"video_url": MP4, "refer_images": None},
            "frontal_image",
            "'frontal_image' cannot be used together with 'video_url'. Remove one of them.",
        ),
        (
            {"video_url": "AAAA", "refer_images": None, "frontal_image": None},
            "video_url",
            "'video_url' must be an http(s) URL of an mp4 or mov, or a job id or kling://media/… of this server.",
        ),
        (
            {"tag_list": ["person"]},
            "tag_list[0].tag_id",
            (
                "'tag_list[0].tag_id' must be one of hottest, character, animal, item, costume, scene, effect, others, "
                "or an id o_101 to o_108 (you gave 'person')."
            ),
        ),
        (
            {"tag_list": [{"id": "o_102"}]},
            "tag_list[0].tag_id",
            "'tag_list[0].tag_id' is required: create_element cannot run without it.",
        ),
        (
            {"element_voice_id": MP3},
            "element_voice_id",
            "'element_voice_id' is an address, but must be a voice id, or a job id or kling://media/… of this server.",
        ),
        (
            {"reference_type": "image_refer"},
            "reference_type",
            (
                "'reference_type' is not an argument of create_element. Its arguments are: element_name, "
                "element_description, frontal_image, refer_images, video_url, element_voice_id, tag_list."
            ),
        ),
    ],
)
def test_an_element_that_kling_would_not_make(changes: dict[str, Any], field: str, sentence: str) -> None:
    assert (field, sentence) in problems(CreateElement, {**FROM_PICTURES, **changes})


def test_an_element_is_made_from_results_of_ours() -> None:
    arguments = {**COURIER, "frontal_image": OURS, "refer_images": [JOB], "element_voice_id": JOB}
    request = CreateElement.parse(arguments)
    assert {where: found.wants for where, found in request.references().items()} == {
        "frontal_image": "image",
        "refer_images[0].image_url": "image",
        "element_voice_id": "voice",
    }
    picture = Source.of(F, SourceFacts(OURS, "image", width=1024, height=1024))
    found = {"frontal_image": picture, "refer_images[0].image_url": picture, "element_voice_id": "99"}
    assert request.resolved(found).body() == {
        **COURIER,
        "reference_type": "image_refer",
        "element_image_list": {"frontal_image": F, "refer_images": [{"image_url": F}]},
        "element_voice_id": "99",
    }


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (SourceFacts(OURS, "video", duration_s=3.04, width=1920, height=1080), None),
        (SourceFacts(OURS, "video", duration_s=8.041, width=1080, height=1920), None),
        (SourceFacts(OURS, "video"), None),
        (
            SourceFacts(OURS, "video", duration_s=10.04),
            "'video_url' lasts 10.04 s, but an element is made from 3 to 8 s. Give another.",
        ),
        (
            SourceFacts(OURS, "video", duration_s=2),
            "'video_url' lasts 2 s, but an element is made from 3 to 8 s. Give another.",
        ),
        (
            SourceFacts(OURS, "video", duration_s=5, width=1080, height=1080),
            "'video_url' is 1080x1080 px; an element's video is 16:9 or 9:16.",
        ),
    ],
)
def test_an_elements_video_has_a_length_and_a_shape(facts: SourceFacts, sentence: str | None) -> None:
    request = CreateElement.parse({**COURIER, "video_url": OURS})
    told: list[str] = []
    try:
        request.resolved({"video_url": Source.of(MP4, facts)})
    except InvalidRequest as error:
        told = [problem.sentence for problem in error.problems]
    assert told == ([] if sentence is None else [sentence])


def test_the_tags_are_those_of_the_contract() -> None:
    names = ["hottest", "character", "animal", "item", "costume", "scene", "effect", "others"]
    assert dict(TAGS) == {name: f"o_10{number}" for number, name in enumerate(names, start=1)}


@pytest.mark.parametrize(
    ("operation", "arguments", "meant"),
    [
        (ListVoices, {}, {"origin": "own", "words": None, "page": 1, "page_size": 30}),
        (
            ListVoices,
            {"origin": "speech", "words": "young woman", "page": "2", "page_size": 1000},
            {"origin": "speech", "words": "young woman", "page": 2, "page_size": 1000},
        ),
        (
            ListElements,
            {"origin": "preset", "words": "", "page": 1000, "page_size": 500},
            {"origin": "preset", "words": None, "page": 1000, "page_size": 500},
        ),
        (DeleteVoice, {"voice_id": 77}, {"voice_id": "77"}),
        (DeleteVoice, {"voice_id": JOB}, {"voice_id": JOB}),
        (DeleteElement, {"element_id": "829836802793406551"}, {"element_id": 829836802793406551}),
        (DeleteElement, {"element_id": JOB}, {"element_id": JOB}),
    ],
)
def test_the_library_is_asked(operation: type[Operation], arguments: dict[str, Any], meant: dict[str, Any]) -> None:
    assert operation.parse(arguments).model_dump() == meant


@pytest.mark.parametrize(
    ("operation", "arguments", "sentence"),
    [
        (ListVoices, {"origin": "all"}, "'origin' should be 'own', 'preset' or 'speech' (you gave 'all')."),
        (ListVoices, {"page": 0}, "'page' should be greater than or equal to 1 (you gave 0)."),
        (ListVoices, {"page": 1001}, "'page' should be less than or equal to 1000 (you gave 1001)."),
        (ListVoices, {"page_size": 1001}, "'page_size' should be less than or equal to 1000 (you gave 1001)."),
        (ListVoices, {"page": True}, "'page' must be a number, not true or false."),
        (ListElements, {"origin": "speech"}, "'origin' should be 'own' or 'preset' (you gave 'speech')."),
        (ListElements, {"page_size": 501}, "'page_size' should be less than or equal to 500 (you gave 501)."),
        (DeleteVoice, {}, "'voice_id' is required: delete_voice cannot run without it."),
        (
            DeleteVoice,
            {"voice_id": "a b"},
            "'voice_id' must be a voice id, or a job id or kling://media/… of this server.",
        ),
        (DeleteElement, {"element_id": " "}, "'element_id' is required: delete_element cannot run without it."),
        (
            DeleteElement,
            {"element_id": 8.298368027934065e17},
            "'element_id' must be an id of digits, best given as text so that none is lost.",
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    operation: type[Operation], arguments: dict[str, Any], sentence: str
) -> None:
    assert [told for _, told in problems(operation, arguments)] == [sentence]


def test_what_is_made_is_recorded_and_what_is_asked_is_not() -> None:
    assert list(library.OPERATIONS) == [CreateVoice, CreateElement]
    assert list(library.QUESTIONS) == [ListVoices, DeleteVoice, ListElements, DeleteElement]
    assert [each.yields for each in library.OPERATIONS] == ["voice", "element"]
    assert {each.kind for each in library.QUESTIONS} == {"immediate"}
    assert {each.toolset for each in (*library.OPERATIONS, *library.QUESTIONS)} == {"library"}
    assert not any(each.nameless for each in library.OPERATIONS)
