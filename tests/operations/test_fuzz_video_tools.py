"""Whatever an agent sends to the video tools: a request with a wire form and a quote, or one InvalidRequest."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations import editing, effects, extend, motion, multi_image, omni_video
from kling_mcp.operations.base import Composite
from kling_mcp.operations.sources import Reference, Source, SourceFacts

if TYPE_CHECKING:
    from kling_mcp.operations.base import Generation

A, V = "https://cdn.example/a.png", "https://cdn.example/v.mp4"
CLIP = "kling://media/km1-01JCZ8Q5W6X7Y8Z9ABCDEFGHJK_1"
OPERATIONS = [
    *(each for room in (omni_video, motion, extend, effects, multi_image, editing) for each in room.OPERATIONS),
    extend.NativeExtend,
]

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([A, CLIP, "9" * 999]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
pictures = st.sampled_from([A, CLIP, f"{CLIP}#last"])
frames = st.sampled_from([None, "first_frame", "end_frame"])

# Mostly right values for every argument these tools have, so that requests get as far as the rules and the price.
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "prompt": st.sampled_from(["x", "<<<image_1>>> in <<<video_1>>>", "<<<element_2>>>", "y" * 2600, "z" * 3100]),
    "model_name": st.sampled_from(["kling-v3-omni", "kling-o1", "kling-v3", "kling-v2-6", "kling-v1-6"]),
    "image_list": st.lists(st.fixed_dictionaries({"image_url": pictures, "type": frames}) | pictures, max_size=9),
    "element_list": st.lists(st.sampled_from(["1", {"element_id": 2**60}]), max_size=8),
    "video_list": st.lists(
        st.fixed_dictionaries(
            {"video_url": st.sampled_from([V, CLIP]), "refer_type": st.sampled_from(["base", "feature"])},
            optional={"keep_original_sound": st.sampled_from(["yes", "no"])},
        ),
        max_size=2,
    ),
    "sound": st.sampled_from(["on", "off"]),
    "mode": st.sampled_from(["std", "pro", "4k"]),
    "aspect_ratio": st.sampled_from(["16:9", "9:16", "1:1"]),
    "duration": st.integers(2, 16) | st.sampled_from(["5", "10"]),
    "multi_shot": st.booleans(),
    "shot_type": st.sampled_from(["customize", "intelligence"]),
    "multi_prompt": st.sampled_from([[{"index": 1, "prompt": "<<<image_1>>>", "duration": 5}]]),
    "watermark": st.booleans(),
    "image_url": pictures,
    "video_url": st.sampled_from([V, CLIP]),
    "character_orientation": st.sampled_from(["image", "video"]),
    "keep_original_sound": st.sampled_from(["yes", True]),
    "video_id": st.sampled_from(["743211632612511839", CLIP]),
    "negative_prompt": st.just("rain"),
    "cfg_scale": st.floats(0, 1),
    "effect_scene": st.sampled_from(["hug_pro", "disco_paws", "kiss", "puff_cheeks", "disco"]),
    "image": pictures,
    "images": st.lists(pictures, max_size=3),
    "session_id": st.sampled_from(["847570360458960960", CLIP]),
    "edit_mode": st.sampled_from(["addition", "swap", "removal"]),
    "action": st.sampled_from(["add", "delete", "clear"]),
    "frame_index": st.integers(0, 9),
    "points": st.lists(st.just([0.5, 0.5]), max_size=3),
}
names = st.sampled_from([*LIKELY, "promt", ""]) | st.text(max_size=12)
quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.tool)

# What may be known of a result of ours.
known = st.builds(
    SourceFacts,
    st.just(CLIP),
    st.sampled_from(["video", "image"]),
    kling_id=st.sampled_from([None, "7"]),
    tool=st.sampled_from([None, "generate_video", "extend_video", "generate_omni_video"]),
    model_name=st.sampled_from([None, "kling-v1", "kling-v1-6", "kling-v2-6", "kling-v3", "kling-video-o1", "other"]),
    mode=st.sampled_from([None, "std", "pro", "4k"]),
    duration_s=st.none() | st.floats(0.1, 400),
    width=st.none() | st.integers(1, 5000),
    height=st.none() | st.integers(1, 5000),
    sound=st.sampled_from([None, True, False]),
)


@each_operation
@quick
@given(arguments=st.dictionaries(names, anything, max_size=6))
def test_nonsense_is_either_read_or_refused(operation: type[Generation], arguments: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidRequest):
        operation.parse(arguments)


@each_operation
@quick
@given(drawn=st.data(), odd=st.dictionaries(names, anything, max_size=1))
def test_what_passes_has_a_wire_form_and_an_honest_quote(
    operation: type[Generation], drawn: st.DataObject, odd: dict[str, Any]
) -> None:
    own = {name: LIKELY[name] for name in operation.argument_names()}
    needed = {name: own.pop(name) for name, info in operation.model_fields.items() if info.is_required()}
    arguments = drawn.draw(st.fixed_dictionaries(needed, optional=own))
    request, refused = outcome(operation, {**arguments, **odd})
    assert all(sentence.endswith((".", "?")) for sentence in refused)
    if request is None:
        return
    check_whole(request)
    found = {name: looked_up(reference, drawn.draw(known)) for name, reference in request.references().items()}
    with contextlib.suppress(InvalidRequest):
        check_whole(request.resolved(found))


def outcome(operation: type[Generation], arguments: dict[str, Any]) -> tuple[Generation | None, list[str]]:
    try:
        return operation.parse(arguments), []
    except InvalidRequest as error:
        return None, [problem.sentence for problem in error.problems]


def looked_up(reference: Reference, facts: SourceFacts) -> str | int:
    if reference.wants in {"image", "video"}:
        return Source.of(V if reference.wants == "video" else A, facts)
    return 2**60 if reference.wants == "element" else "847570360458960960"


def check_whole(request: Generation) -> None:
    body = request.body()
    assert None not in body.values()
    assert json.loads(json.dumps(body)) == body
    quote = request.quote()
    assert quote.units is None or isinstance(quote.units, Decimal)
    assert quote.basis
    if isinstance(request, Composite) and not request.references():
        assert request.next_step({}) == request.next_step({})
