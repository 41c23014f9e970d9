"""The image tables against the contract's, typed in: capability map (16), models (2 to 4), prices (15), sizes."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations import image, image_edit, image_omni, library, try_on
from kling_mcp.operations.image_facts import ALIASES, MODELS, TOOLS, Endpoint
from kling_mcp.operations.rates_image import RATES

if TYPE_CHECKING:
    from kling_mcp.operations.base import Generation, Operation

MAKING: tuple[type[Generation], ...] = (
    *image.OPERATIONS,
    *image_omni.OPERATIONS,
    *image_edit.OPERATIONS,
    *try_on.OPERATIONS,
    *library.OPERATIONS,
)
ALL: tuple[type[Operation], ...] = (*MAKING, *library.QUESTIONS)
A = "https://img.example/a.png"

# endpoint, model: resolutions, series, elements, image_reference, retired
ROWS: dict[tuple[Endpoint, str], tuple[str, bool, bool, str, bool]] = {
    ("generations", "kling-v3"): ("1k 2k", False, True, "", False),
    ("generations", "kling-v2-1"): ("1k 2k", False, False, "subject face", False),
    ("generations", "kling-v2"): ("1k 2k", False, False, "", True),
    ("generations", "kling-v2-new"): ("1k 2k", False, False, "", True),
    ("generations", "kling-v1-5"): ("1k 2k", False, False, "subject face", True),
    ("generations", "kling-v1"): ("1k 2k", False, False, "", True),
    ("omni-image", "kling-v3-omni"): ("1k 2k 4k", True, True, "", False),
    ("omni-image", "kling-image-o1"): ("1k 2k", False, True, "", False),
    ("multi-image2image", "kling-v2-1"): ("1k 2k", False, False, "", False),
    ("multi-image2image", "kling-v2"): ("1k 2k", False, False, "", True),
    ("kolors-virtual-try-on", "kolors-virtual-try-on-v1"): ("1k 2k", False, False, "", False),
    ("kolors-virtual-try-on", "kolors-virtual-try-on-v1-5"): ("1k 2k", False, False, "", False),
}


def test_the_table_is_the_contracts() -> None:
    assert {
        (endpoint, name): (
            " ".join(facts.resolutions),
            facts.series,
            facts.elements,
            " ".join(facts.image_reference),
            facts.retired is not None,
        )
        for endpoint, rows in MODELS.items()
        for name, facts in rows.items()
    } == ROWS


def test_every_other_spelling_leads_to_a_model() -> None:
    names = {name for rows in MODELS.values() for name in rows}
    assert set(ALIASES.values()) <= names
    assert not set(ALIASES) & names


def test_every_endpoint_belongs_to_a_tool() -> None:
    paths = {operation.tool: operation.posts_to for operation in MAKING}
    assert {endpoint: paths[tool] for endpoint, tool in TOOLS.items()} == {
        "generations": "/v1/images/generations",
        "omni-image": "/v1/images/omni-image",
        "multi-image2image": "/v1/images/multi-image2image",
        "kolors-virtual-try-on": "/v1/images/kolors-virtual-try-on",
    }


def test_the_price_list_is_the_contracts() -> None:
    assert {what: (rate.units, rate.per, rate.package) for what, rate in RATES.items()} == {
        "kling-v3": (8, "image", "image"),
        "kling-v3-omni": (8, "image", "image"),
        "kling-v3-omni in 4k": (16, "image", "image"),
        "kling-image-o1": (8, "image", "image"),
        "kling-v2-1 from text": (4, "image", "image"),
        "kling-v2-1 from a picture": (8, "image", "image"),
        "kling-v2-1 from several pictures": (16, "image", "image"),
        "expansion": (8, "image", "image"),
        "multi-shot views": (20, "call", "image"),
        "recognition": (Decimal("0.1"), "call", "video"),
        "custom voice": (Decimal("0.05"), "voice", "video"),
        "custom element": (0, "element", ""),
    }


BUDGETS = {"generate_image": 1250, "virtual_try_on": 600}


@pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.tool)
def test_a_tool_is_described_in_few_bytes(operation: type[Operation]) -> None:
    schema = json.dumps(operation.input_schema(), separators=(",", ":"))
    assert len(schema) + len(operation.__doc__ or "") <= BUDGETS.get(operation.tool, 1500)
    assert not any(word in schema for word in ("anyOf", "oneOf", "$ref", '"null"', '"title"'))
    for name, argument in operation.input_schema()["properties"].items():
        assert 10 <= len(argument["description"]) <= 160, name


likely: dict[str, st.SearchStrategy[Any]] = {
    "prompt": st.sampled_from(["x", "<<<image_1>>>", "<<<element_2>>>", "y" * 2501]),
    "model_name": st.sampled_from([*ALIASES, *(name for rows in MODELS.values() for name in rows)]),
    "image": st.sampled_from([A, "AAAA"]),
    "image_list": st.lists(st.sampled_from([A, {"image": A}, {}, ""]), max_size=3),
    "subject_image_list": st.lists(st.sampled_from([A, {"subject_image": A}]), max_size=5),
    "element_list": st.lists(st.sampled_from(["1", {"element_id": 2**60}, 3.5]), max_size=3),
    "negative_prompt": st.just("rain"),
    "image_reference": st.sampled_from(["subject", "face", "hair"]),
    "image_fidelity": st.floats(0, 1) | st.just("0.5"),
    "human_fidelity": st.floats(0, 1),
    "resolution": st.sampled_from(["1k", "2K", "4k"]),
    "result_type": st.sampled_from(["single", "series"]),
    "n": st.integers(0, 10),
    "series_amount": st.integers(1, 10) | st.sampled_from(["auto", "4"]),
    "aspect_ratio": st.sampled_from(["16:9", "21:9", "auto"]),
    "target_aspect_ratio": st.sampled_from(["16:9", "wide"]),
    "up_expansion_ratio": st.floats(0, 2.1),
    "left_expansion_ratio": st.floats(0, 2.1),
    "element_frontal_image": st.just(A),
    "human_image": st.just(A),
    "cloth_image": st.just(A),
    "voice_name": st.just("A"),
    "voice_url": st.sampled_from([A, "AAAA"]),
    "video_id": st.sampled_from(["7", A]),
    "element_name": st.just("A"),
    "element_description": st.just("A"),
    "frontal_image": st.just(A),
    "refer_images": st.lists(st.just(A), max_size=4),
    "video_url": st.just(A),
    "tag_list": st.lists(st.sampled_from(["scene", "o_101", 5]), max_size=2),
    "watermark": st.booleans(),
}
anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers())


def outcome(operation: type[Generation], arguments: dict[str, Any]) -> tuple[Generation | None, list[str]]:
    try:
        return operation.parse(arguments), []
    except InvalidRequest as error:
        return None, [problem.sentence for problem in error.problems]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({}, optional=likely), st.dictionaries(st.sampled_from(list(likely)), anything, max_size=2))
def test_whatever_comes_is_refused_in_sentences_or_has_a_wire_form_and_a_price(
    arguments: dict[str, Any], odd: dict[str, Any]
) -> None:
    for operation in MAKING:
        known = {name: value for name, value in {**arguments, **odd}.items() if name in operation.model_fields}
        request, told = outcome(operation, known)
        assert all(sentence.endswith((".", "?")) for sentence in told)
        if request is None:
            continue
        body = request.body()
        assert None not in body.values()
        assert json.loads(json.dumps(body)) == body
        assert request.quote().basis


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from(list(likely)) | st.text(max_size=9), anything, max_size=5))
def test_nonsense_is_either_read_or_refused(arguments: dict[str, Any]) -> None:
    for operation in ALL:
        with contextlib.suppress(InvalidRequest):
            operation.parse(arguments)
