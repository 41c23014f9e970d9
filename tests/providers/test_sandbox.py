"""The provider against the pretend Kling, in process: two programs that know the contract and not each other."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
from PIL import Image
from pydantic import SecretStr

from kling_mcp.errors import (
    AlreadySubmitted,
    Busy,
    KlingError,
    NotAuthorised,
    OutcomeUnknown,
    OutOfCredit,
    Refused,
    Unavailable,
)
from kling_mcp.operations.model_facts import MODELS
from kling_mcp.operations.video import GenerateVideo
from kling_mcp.providers.base import Output, Pack, Progress, Request, TaskRef
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import ApiKey, KeyPair, OfficialProvider
from kling_mcp.providers.official_v2 import rewritten
from kling_mcp.sandbox.app import ACCESS_KEY, API_KEY, SECRET_KEY, Fault, Sandbox

from .far_side import HurryingClock

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

HOST = "https://sandbox.test"
CREDENTIALS: dict[str, Callable[[], ApiKey | KeyPair]] = {
    "key": lambda: ApiKey(SecretStr(API_KEY)),
    "pair": lambda: KeyPair(SecretStr(ACCESS_KEY), SecretStr(SECRET_KEY)),
}


@dataclass
class Side:
    """A pretend Kling, and how to reach it."""

    sandbox: Sandbox
    clock: HurryingClock

    def provider(self, credential: ApiKey | KeyPair) -> OfficialProvider:
        def client() -> httpx2.AsyncClient:
            return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.sandbox.app))

        return OfficialProvider(Door(HOST, clock=self.clock, client_factory=client), credential)


def side(**options: Any) -> Side:  # noqa: ANN401 - the sandbox's own options
    clock = HurryingClock()
    return Side(Sandbox(clock=clock, base_url=HOST, **options), clock)


@pytest.fixture(params=list(CREDENTIALS))
def credential(request: pytest.FixtureRequest) -> ApiKey | KeyPair:
    return CREDENTIALS[request.param]()


def key() -> ApiKey | KeyPair:
    return CREDENTIALS["key"]()


def picture() -> str:
    held = io.BytesIO()
    Image.new("RGB", (400, 300), "teal").save(held, "PNG")
    return base64.b64encode(held.getvalue()).decode()


def wanted(**arguments: object) -> GenerateVideo:
    return GenerateVideo.parse({"prompt": "a gull over the harbour", **arguments})


def ref(request: Request, ext_id: str, task_id: str | None = None) -> TaskRef:
    return TaskRef(request.wire, request.path, ext_id, task_id)


async def outcome(provider: OfficialProvider, request: Request, ext_id: str) -> Progress | KlingError:
    with anyio.fail_after(10):
        try:
            return await provider.submit(request, ext_id)
        except KlingError as error:
            return error


async def test_a_clip_is_ordered_followed_and_found_with_its_price(credential: ApiKey | KeyPair) -> None:
    kling = side()
    provider = kling.provider(credential)
    request = provider.prepare(wanted(duration=3, mode="pro", sound="on"))
    born = kling.clock.now()

    accepted = await provider.submit(request, "km1-A")
    assert accepted == Progress(accepted.task_id, "submitted", "km1-A", created_at=born)
    kling.clock.advance(10)
    by_ours = await provider.look_up([ref(request, "km1-A")])
    assert by_ours == {"km1-A": replace(accepted, status="processing")}
    kling.clock.advance(600)
    done = await provider.look_up([ref(request, "km1-A", accepted.task_id)])

    task = kling.sandbox.state.tasks[0]
    clip = Output("video", f"{HOST}/files/{task.result_id}.mp4", task.result_id, 3.041)
    assert done == {
        "km1-A": replace(
            accepted,
            status="succeeded",
            outputs=(clip,),
            units=wanted(duration=3, mode="pro", sound="on").quote().units,
            ended_at=round(task.ends_at, 3),
        )
    }
    assert kling.sandbox.state.creates == 1


@pytest.mark.parametrize("frames", [{}, {"image": picture()}])
async def test_turbo_runs_over_the_new_wire(frames: dict[str, str]) -> None:
    kling = side()
    provider = kling.provider(key())
    request = provider.prepare(wanted(model_name="kling-3.0-turbo", duration=4, **frames))
    accepted = await provider.submit(request, "km1-T")
    kling.clock.advance(600)
    found = await provider.look_up([ref(request, "km1-T")])
    assert (found["km1-T"].task_id, found["km1-T"].status) == (accepted.task_id, "succeeded")
    assert found["km1-T"].units == wanted(model_name="kling-3.0-turbo", duration=4).quote().units
    order = kling.sandbox.state.tasks[0].order
    assert (order.wire, order.model, order.makes[0].duration, order.external_id) == (
        "v2",
        "kling-3.0-turbo",
        4,
        "km1-T",
    )


async def test_a_pair_on_the_new_wire_is_told_to_get_a_key() -> None:
    kling = side()
    refusal = await outcome(
        kling.provider(CREDENTIALS["pair"]()), Request("v2", "/text-to-video/kling-3.0", {}), "km1-A"
    )
    assert isinstance(refusal, NotAuthorised)
    assert "does not support AK/SK" in str(refusal)


REQUESTS: dict[str, dict[str, Any]] = {
    "text": {"aspect_ratio": "9:16", "mode": "4k", "duration": 15},
    "sound": {"sound": "on", "mode": "pro"},
    "frames": {"image": picture(), "image_tail": picture(), "duration": 10, "mode": "pro"},
    "watermark": {"watermark": True, "sound": "off"},
    "older": {"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "duration": 10},
    "oldest": {"model_name": "kling-v2-5-turbo"},
    "voices": {
        "model_name": "kling-v2-6",
        "image": picture(),
        "mode": "pro",
        "sound": "on",
        "prompt": "<<<voice_1>>> says hello",
        "voice_list": [{"voice_id": "829836802793406"}],
    },
    "elements": {
        "image": picture(),
        "prompt": "<<<element_1>>> meets <<<element_2>>>",
        "element_list": [{"element_id": "829836802793406551"}, {"element_id": "829836802793406552"}],
    },
    "shots": {
        "prompt": "",
        "multi_shot": True,
        "shot_type": "customize",
        "duration": 7,
        "multi_prompt": [
            {"index": 1, "prompt": "harbour; dawn", "duration": 3},
            {"index": 2, "prompt": "a gull", "duration": 4},
        ],
    },
    "own shots": {"multi_shot": True, "shot_type": "intelligence", "prompt": "a day in three shots"},
    "literal": {"prompt": "shot 1, 3, this is no shot"},
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_one_request_is_the_same_order_on_both_wires(name: str) -> None:
    kling = side()
    operation = GenerateVideo.parse({"prompt": "a gull", **REQUESTS[name]})
    legacy = Request("v1", operation.path, operation.body())
    new = Request("v2", *rewritten(operation.path, operation.body()))
    for request, ext_id in ((legacy, "km1-1"), (new, "km1-2")):
        accepted = await outcome(kling.provider(key()), request, ext_id)
        assert isinstance(accepted, Progress), accepted
    orders = sorted((task.order for task in kling.sandbox.state.tasks), key=lambda order: order.wire)
    assert [order.wire for order in orders] == ["v1", "v2"]
    same = {"wire": "", "path": "", "prompt": "", "external_id": ""}
    assert replace(orders[0], **same) == replace(orders[1], **same)


OMNI, MOTION = "/v1/videos/omni-video", "/v1/videos/motion-control"
PIC, CLIP = "https://cdn.example/a.png", "https://cdn.example/c.mp4"
V3 = {"model_name": "kling-v3-omni", "mode": "pro", "duration": "5", "prompt": "a gull"}
MOVED = {"image_url": PIC, "video_url": CLIP, "mode": "std"}
OMNI_BODIES: list[tuple[str, dict[str, Any]]] = [
    (OMNI, {**V3, "aspect_ratio": "9:16"}),
    (OMNI, {**V3, "mode": "4k", "sound": "on", "aspect_ratio": "1:1", "image_list": [{"image_url": PIC}]}),
    (
        OMNI,
        {
            **V3,
            "prompt": "<<<element_1>>> goes from <<<image_1>>> to <<<image_2>>>",
            "image_list": [{"image_url": PIC, "type": "first_frame"}, {"image_url": PIC, "type": "end_frame"}],
            "element_list": [{"element_id": 163}],
        },
    ),
    (OMNI, {**V3, "video_list": [{"video_url": CLIP, "refer_type": "base", "keep_original_sound": "yes"}]}),
    (
        OMNI,
        {
            **V3,
            "aspect_ratio": "16:9",
            "video_list": [{"video_url": CLIP, "refer_type": "feature", "keep_original_sound": "no"}],
        },
    ),
    (OMNI, {**V3, "model_name": "kling-video-o1", "aspect_ratio": "1:1"}),
    (
        OMNI,
        {
            **V3,
            "aspect_ratio": "1:1",
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": [
                {"index": 1, "prompt": "a", "duration": "2"},
                {"index": 2, "prompt": "b", "duration": "3"},
            ],
        },
    ),
    (MOTION, {**MOVED, "model_name": "kling-v2-6", "character_orientation": "image", "prompt": "dance"}),
    (
        MOTION,
        {
            **MOVED,
            "model_name": "kling-v3",
            "character_orientation": "video",
            "keep_original_sound": "no",
            "element_list": [{"element_id": 163}],
        },
    ),
]


@pytest.mark.parametrize(("path", "body"), OMNI_BODIES)
async def test_one_omni_request_is_the_same_order_on_both_wires(path: str, body: dict[str, Any]) -> None:
    kling = side()
    for request, ext_id in ((Request("v1", path, body), "km1-1"), (Request("v2", *rewritten(path, body)), "km1-2")):
        accepted = await outcome(kling.provider(key()), request, ext_id)
        assert isinstance(accepted, Progress), accepted
    old, new = sorted((task.order for task in kling.sandbox.state.tasks), key=lambda order: order.wire)
    same = {"wire": "", "path": "", "prompt": "", "external_id": ""}
    assert replace(old, **same) == replace(new, **same)


async def test_one_id_of_ours_is_never_two_tasks(credential: ApiKey | KeyPair) -> None:
    kling = side()
    provider = kling.provider(credential)
    request = provider.prepare(wanted())
    first = await provider.submit(request, "km1-A")
    again = await outcome(provider, request, "km1-A")
    assert isinstance(again, AlreadySubmitted)
    assert (await provider.look_up([ref(request, "km1-A")]))["km1-A"].task_id == first.task_id
    assert kling.sandbox.state.creates == 1


@pytest.mark.parametrize("kind", ["html", "truncated", "drop", "code", "junk"])
async def test_a_lost_answer_is_settled_by_looking_it_up(credential: ApiKey | KeyPair, kind: Any) -> None:  # noqa: ANN401 - a Literal
    kling = side()
    provider = kling.provider(credential)
    request = provider.prepare(wanted())
    kling.sandbox.faults.add(Fault(kind, method="POST", when="after"))
    assert isinstance(await outcome(provider, request, "km1-A"), OutcomeUnknown)
    assert set(await provider.look_up([ref(request, "km1-A"), ref(request, "km1-B")])) == {"km1-A"}
    assert kling.sandbox.state.creates == 1


@pytest.mark.parametrize("kind", ["html", "drop", "code"])
async def test_an_order_that_never_arrived_is_certainly_absent(credential: ApiKey | KeyPair, kind: Any) -> None:  # noqa: ANN401 - a Literal
    kling = side()
    provider = kling.provider(credential)
    request = provider.prepare(wanted())
    kling.sandbox.faults.add(Fault(kind, method="POST"))
    assert isinstance(await outcome(provider, request, "km1-A"), OutcomeUnknown)
    assert await provider.look_up([ref(request, "km1-A")]) == {}
    assert kling.sandbox.state.creates == 0


async def test_a_look_up_survives_a_short_illness_and_concludes_nothing_from_a_long_one(
    credential: ApiKey | KeyPair,
) -> None:
    kling = side()
    provider = kling.provider(credential)
    request = provider.prepare(wanted())
    await provider.submit(request, "km1-A")
    for fault in (Fault("html", method="GET"), Fault("code", method="GET", code=1302), Fault("drop", method="GET")):
        kling.sandbox.faults.add(fault)
        assert set(await provider.look_up([ref(request, "km1-A")])) == {"km1-A"}
    kling.sandbox.faults.add(Fault("html", method="GET", times=None))
    with pytest.raises(Unavailable):
        await provider.look_up([ref(request, "km1-A")])


async def test_many_tasks_of_both_families_are_found_in_few_requests() -> None:
    for name, requests in (("key", 2), ("pair", 2)):
        kling = side(units=Decimal(10_000), concurrency=100)
        provider = kling.provider(CREDENTIALS[name]())
        made = [provider.prepare(wanted()), provider.prepare(wanted(image=picture()))] * 12
        refs = [ref(r, f"km1-{n}", (await provider.submit(r, f"km1-{n}")).task_id) for n, r in enumerate(made)]
        before = sum(kling.sandbox.requests.values())
        assert set(await provider.look_up(refs)) == {f"km1-{n}" for n in range(24)}
        assert sum(kling.sandbox.requests.values()) - before == requests


async def test_the_balance_falls_by_what_was_charged(credential: ApiKey | KeyPair) -> None:
    kling = side(units=Decimal(100))
    provider = kling.provider(credential)
    await provider.submit(provider.prepare(wanted(duration=10)), "km1-A")
    start = kling.sandbox.state.pack
    kling.clock.advance(600)
    first, *_others = (await provider.balance()).packs
    assert first == Pack(
        start.name,
        "online",
        Decimal(100),
        Decimal(100) - (wanted(duration=10).quote().units or 0),
        start.invalid_at,
    )
    await provider.balance()


async def test_moderation_after_acceptance_is_a_failed_task_that_cost_nothing(credential: ApiKey | KeyPair) -> None:
    kling = side()
    provider = kling.provider(credential)
    request = provider.prepare(wanted(prompt="sandbox-risk"))
    await provider.submit(request, "km1-A")
    kling.clock.advance(600)
    found = (await provider.look_up([ref(request, "km1-A")]))["km1-A"]
    assert (found.status, found.message, found.outputs) == ("failed", "Failure to pass the risk control system", ())
    assert not found.units


async def test_every_refusal_of_the_pretend_kling_is_named_by_who_can_act(credential: ApiKey | KeyPair) -> None:
    body = wanted().body()
    text = Request("v1", "/v1/videos/text2video", body)
    rows: list[tuple[Side, Request, type[KlingError]]] = [
        (side(), Request("v1", text.path, {**body, "prompt": "sandbox-refuse"}), Refused),
        (side(), Request("v1", text.path, {**body, "duration": "99"}), Refused),
        (side(), Request("v1", text.path, {**body, "model_name": "kling-v1"}), Refused),
        (side(units=Decimal(1)), text, OutOfCredit),
        (side(concurrency=0), text, Busy),
        (side(), Request("v1", "/v1/videos/elsewhere", body), NotAuthorised),
    ]
    for kling, request, kind in rows:
        refusal = await outcome(kling.provider(credential), request, "km1-A")
        assert isinstance(refusal, kind), refusal
        assert kling.sandbox.state.creates == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ApiKey(SecretStr("not-the-key")),
        KeyPair(SecretStr("nobody"), SecretStr(SECRET_KEY)),
        KeyPair(SecretStr(ACCESS_KEY), SecretStr("x" * 48)),
    ],
)
async def test_a_wrong_credential_is_the_human_s_to_fix_whatever_is_asked(wrong: ApiKey | KeyPair) -> None:
    provider = side().provider(wrong)
    request = Request("v1", "/v1/videos/text2video", {})
    for call in (
        lambda: provider.submit(request, "km1-A"),
        lambda: provider.look_up([ref(request, "km1-A")]),
        provider.balance,
    ):
        with pytest.raises(NotAuthorised) as refusal:
            await call()
        assert "KLING_API_KEY" in refusal.value.failure.fix


@pytest.mark.parametrize("name", [name for name, facts in MODELS.items() if facts.retired])
async def test_a_retired_model_is_refused_with_a_current_one_named(name: str) -> None:
    frame = {} if "text2video" in MODELS[name].endpoints else {"image": picture()}
    kling = side()
    provider = kling.provider(key())
    refusal = await outcome(provider, provider.prepare(wanted(model_name=name, **frame)), "km1-A")
    assert isinstance(refusal, Refused)
    assert "Use model_name 'kling-" in refusal.failure.fix


# --- what is answered at once, and what is free


async def test_speech_faces_and_parts_come_with_the_answer(credential: ApiKey | KeyPair) -> None:
    kling = side()
    provider = kling.provider(credential)

    async def at_once(path: str, **body: object) -> Progress:
        progress = await provider.submit(Request("v1", path, body, nameless=True), "km1-A")
        assert progress.status == "succeeded"
        assert await provider.look_up([TaskRef("v1", path, "km1-A")])
        return progress

    speech = await at_once("/v1/audio/tts", text="hello", voice_id="oversea_male1", voice_language="en")
    assert [output.kind for output in speech.outputs] == ["audio"]
    faces = await at_once("/v1/videos/identify-face", video_url=CLIP)
    assert faces.facts["session_id"]
    assert [f"face {face['face_id']}" for face in faces.facts["faces"]] == [each.label for each in faces.outputs]
    parts = await at_once("/v1/videos/image-recognize", image=PIC)
    named = {f"{name}_seg" for name, there in parts.facts["regions"].items() if there}
    assert named == {output.label for output in parts.outputs}
    assert [progress.units for progress in (speech, faces, parts)] == [
        Decimal("0.05"),
        Decimal("0.05"),
        Decimal("0.1"),
    ]
    charges = (await provider.charges(0.0, kling.clock.now() + 1, cash=False, limit=10)).charges
    assert sum(charge.amount for charge in charges) == Decimal("0.2")
    assert {charge.package for charge in charges} == {"video"}


async def test_an_editing_session_is_walked_from_end_to_end(credential: ApiKey | KeyPair) -> None:
    provider = side().provider(credential)
    base = "/v1/videos/multi-elements"
    opened = await provider.submit(Request("v1", f"{base}/init-selection", {"video_url": CLIP}, nameless=True), "a")
    assert [output.label for output in opened.outputs] == ["normalized"]
    session = opened.facts["session_id"]
    points = {"frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]}
    told: dict[str, Progress] = {}
    for call in ("add-selection", "preview-selection", "delete-selection", "clear-selection"):
        body = {"session_id": session} | (points if call in ("add-selection", "delete-selection") else {})
        told[call] = await provider.submit(Request("v1", f"{base}/{call}", body, nameless=True), "a")
        assert told[call].facts["session_id"] == session
    assert [output.label for output in told["add-selection"].outputs] == [
        f"mask {thing}" for thing in told["add-selection"].facts["marked"]
    ]
    assert told["add-selection"].outputs[0].url.startswith("data:image/png;base64,")
    assert [output.label for output in told["preview-selection"].outputs] == ["preview", "cover", "tracking"]
    assert told["delete-selection"].facts["marked"] == told["clear-selection"].facts["marked"] == []


async def test_a_voice_and_an_element_are_made_listed_and_deleted(credential: ApiKey | KeyPair) -> None:
    kling = side()
    provider = kling.provider(credential)
    look = {"frontal_image": PIC, "refer_images": [{"image_url": PIC}]}
    wishes = {
        "voice": ("/v1/general/custom-voices", {"voice_name": "Ann", "voice_url": "https://cdn.example/a.mp3"}),
        "element": (
            "/v1/general/advanced-custom-elements",
            {
                "element_name": "Ann",
                "element_description": "A woman in a green coat",
                "reference_type": "image_refer",
                "element_image_list": look,
            },
        ),
    }
    for shelf, (path, body) in wishes.items():
        await provider.submit(Request("v1", path, body), f"km1-{shelf}")
        kling.clock.advance(600)
        made = (await provider.look_up([TaskRef("v1", path, f"km1-{shelf}")]))[f"km1-{shelf}"]
        assert (made.status, made.facts[f"{shelf}_name"]) == ("succeeded", "Ann")
        listed = provider.voices if shelf == "voice" else provider.elements
        own = (await listed("own", 1, 30)).things
        assert [each.id for each in own] == [made.facts[f"{shelf}_id"]]
        await provider.delete(shelf, own[0].id)  # pyright: ignore[reportArgumentType] - a Shelf
        assert (await listed("own", 1, 30)).things == ()
        with pytest.raises(Refused, match="to delete"):
            await provider.delete(shelf, own[0].id)  # pyright: ignore[reportArgumentType] - as above


async def test_a_deletion_whose_answer_was_lost_is_settled_by_repeating_it(credential: ApiKey | KeyPair) -> None:
    kling = side()
    provider = kling.provider(credential)
    voice = Request("v1", "/v1/general/custom-voices", {"voice_name": "Ann", "voice_url": "https://cdn.example/a.mp3"})
    await provider.submit(voice, "km1-A")
    kling.clock.advance(600)
    (own,) = (await provider.voices("own", 1, 30)).things
    kling.sandbox.faults.add(Fault("drop", method="POST", when="after"))
    await provider.delete("voice", own.id)
    assert (await provider.voices("own", 1, 30)).things == ()
