"""Whatever an agent sends: a checked request, or one InvalidRequest. Nothing else, and nothing in between."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.account import CheckBalance, EstimateCost
from kling_mcp.operations.model_facts import ALIASES, MODELS
from kling_mcp.operations.video import GenerateVideo
from kling_mcp.operations.wording import root

if TYPE_CHECKING:
    from kling_mcp.errors import Problem

A, B = "https://cdn.example/a.png", "https://cdn.example/b.png"

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([A, "9" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)

# Mostly right values, so that requests get as far as the rules and the price.
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "prompt": st.sampled_from(["x", "<<<voice_1>>>", "<<<element_2>>>", "y" * 2600, "z" * 3100]),
    "model_name": st.sampled_from([*MODELS, *ALIASES]),
    "image": st.just(A),
    "image_tail": st.just(B),
    "negative_prompt": st.just("rain"),
    "duration": st.integers(1, 17) | st.sampled_from(["5", "10"]),
    "mode": st.sampled_from(["std", "pro", "4k"]),
    "aspect_ratio": st.sampled_from(["16:9", "9:16", "1:1"]),
    "sound": st.sampled_from(["on", "off", True, False]),
    "cfg_scale": st.floats(0, 1),
    "camera_control": st.sampled_from([{"type": "down_back"}, {"type": "simple", "config": {"zoom": 1}}]),
    "static_mask": st.just(B),
    "dynamic_masks": st.just([{"mask": B, "trajectories": [{"x": 1, "y": 1}, {"x": 2, "y": 2}]}]),
    "multi_shot": st.booleans(),
    "shot_type": st.sampled_from(["customize", "intelligence"]),
    "multi_prompt": st.sampled_from(
        [[{"index": 1, "prompt": "a", "duration": 5}], '[{"index": 1, "prompt": "b", "duration": "10"}]']
    ),
    "element_list": st.sampled_from([[{"element_id": "1"}], [{"element_id": 2**60}] * 4]),
    "voice_list": st.just([{"voice_id": "1"}]),
    "watermark": st.booleans(),
}
names = st.sampled_from([*LIKELY, "promt", "tool", "arguments", ""]) | st.text(max_size=12)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(st.dictionaries(names, anything, max_size=6))
def test_nonsense_is_either_read_or_refused(arguments: dict[str, Any]) -> None:
    for operation in (GenerateVideo, EstimateCost, CheckBalance):
        with contextlib.suppress(InvalidRequest):
            operation.parse(arguments)


@quick
@given(st.fixed_dictionaries({}, optional=LIKELY), st.dictionaries(names, anything, max_size=1))
def test_what_passes_has_a_wire_form_and_a_price(arguments: dict[str, Any], odd: dict[str, Any]) -> None:
    request, refused = outcome({**arguments, **odd})
    assert all(sentence.endswith((".", "?")) for sentence in refused)
    if request is not None:
        body = request.body()
        assert None not in body.values()
        assert json.loads(json.dumps(body)) == body
        assert isinstance(request.quote().units, Decimal)


def outcome(arguments: dict[str, Any]) -> tuple[GenerateVideo | None, list[str]]:
    try:
        return GenerateVideo.parse(arguments), []
    except InvalidRequest as error:
        return None, [problem.sentence for problem in error.problems]


@quick
@given(st.fixed_dictionaries({}, optional=LIKELY))
@example({"model_name": "kling-v1-5", "mode": "4k", "image_tail": B})
def test_a_refused_request_passes_after_three_corrections_at_most(arguments: dict[str, Any]) -> None:
    """Everything is said at once; but a mode that does not exist hides its row, and a removal may uncover more."""
    for _ in range(4):
        try:
            GenerateVideo.parse({"prompt": "x", **arguments})
        except InvalidRequest as error:
            arguments = corrected(arguments, error.problems)
        else:
            return
    message = f"still refused: {arguments}"
    raise AssertionError(message)


# field, words in its problem, the value they name
NAMED = (("mode", "has std or pro", "pro"), ("sound", "needs 'on'", "on"))


def corrected(arguments: dict[str, Any], problems: tuple[Problem, ...]) -> dict[str, Any]:
    """The arguments with the values that were named, and without what else was complained about."""
    faulty = {root(problem.field) for problem in problems}
    told = {problem.field: problem.sentence for problem in problems}
    named = {name: value for name, words, value in NAMED if words in told.get(name, "")}
    if "prompt" in faulty:  # its voice goes with it
        named.pop("sound", None)
    arguments, faulty = {**arguments, **named}, faulty - named.keys()
    shots = {"multi_shot", "shot_type", "multi_prompt"}
    gone = faulty | shots if faulty & shots else faulty
    return {name: value for name, value in arguments.items() if name not in gone}
