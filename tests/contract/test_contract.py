"""Client and sandbox against bodies that neither of them wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.clock import ManualClock
from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.sandbox.families import FAMILIES, INSTANTS, STANDARDS
from kling_mcp.sandbox.wire import STATUS
from tests.sandbox.shop import Customer, new_sandbox, opened

from .bodies import BAD, GOOD, MP3, PNG, A, Bad, Body, G, V

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.anyio

LONG_ENOUGH_S = 3600.0
PRICED = {"model_name", "mode", "duration", "sound", "aspect_ratio", "n", "resolution"}
"""What decides the price, or the shape: our client always writes it out."""
IDS = ("clip", "clip_v16", "fresh", "edit", "unmarked", "cleared", "faces", "speech", "voice")
MARK = {"frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]}
VOICE = {"voice_name": "Ann", "voice_url": MP3}
ELEMENT = {
    "element_name": "Ann",
    "element_description": "A woman",
    "reference_type": "image_refer",
    "element_image_list": {"frontal_image": PNG, "refer_images": [{"image_url": PNG}]},
}
WORDS = "a steady voice that speaks for more than two seconds, so that a face can say it"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def kling() -> AsyncGenerator[Customer]:
    clock = ManualClock()
    async with opened(new_sandbox(clock, serve_retired=True), clock) as customer:
        yield customer


@pytest.fixture(scope="module")
async def stock(kling: Customer) -> dict[str, Any]:
    """What the account has, by the name it goes by in the bodies."""

    async def result(path: str, body: dict[str, Any]) -> dict[str, Any]:
        task = await kling.accepted(body, path)
        kling.clock.advance(LONG_ENOUGH_S)
        return (await kling.data(f"{path}/{task}"))["task_result"]

    async def now(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = (await kling.post(path, body)).json()
        assert answer["code"] == 0, answer
        return answer["data"]

    old = await result(f"{V}/text2video", {"model_name": "kling-v1-6", "prompt": "a puppy"})
    clip = await result(
        f"{V}/text2video", {"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "prompt": "a chick"}
    )
    voices = [(await result(f"{G}/custom-voices", VOICE))["voices"][0]["voice_id"] for _ in range(2)]
    elements = [(await result(f"{G}/advanced-custom-elements", ELEMENT))["elements"][0]["element_id"] for _ in range(3)]
    speech = await now(f"{A}/tts", {"text": WORDS, "voice_id": "oversea_male1", "voice_language": "en"})
    faces = await now(f"{V}/identify-face", {"video_id": clip["videos"][0]["id"]})
    sessions: dict[str, str] = {}
    for name in ("fresh", "edit", "unmarked", "cleared"):
        opened = await now(f"{V}/multi-elements/init-selection", {"video_id": clip["videos"][0]["id"]})
        sessions[name] = opened["session_id"]
        if name != "fresh":
            await now(f"{V}/multi-elements/add-selection", MARK | {"session_id": sessions[name]})
    return {
        **sessions,
        "clip_v16": old["videos"][0]["id"],
        "clip": clip["videos"][0]["id"],
        "voice": voices[0],
        "unloved_voice": voices[1],
        "element": elements[0],
        "unloved": str(elements[1]),
        "unloved_too": str(elements[2]),
        "speech": speech["task_result"]["audios"][0]["id"],
        "faces": faces["session_id"],
    }


def filled(value: Any, stock: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """A body with what the account has in its places."""
    text = json.dumps(value)
    for name, thing in stock.items():
        text = text.replace(f'"{{{name}}}"', json.dumps(thing))
    return json.loads(text)


@pytest.mark.parametrize("good", GOOD, ids=lambda good: f"{good.path} {good.about}")
async def test_kling_as_we_pretend_it_takes_every_good_body(good: Body, kling: Customer, stock: dict[str, Any]) -> None:
    kling.clock.advance(LONG_ENOUGH_S / 60)
    answer = await kling.post(good.path, filled(good.body, stock))
    said = answer.json()
    assert (answer.status_code, said["code"]) == (200, 0), said
    assert (set(said), said["message"]) == ({"code", "message", "request_id", "data"}, "SUCCEED")


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.path} {bad.about}")
async def test_kling_as_we_pretend_it_refuses_every_bad_body(bad: Bad, kling: Customer, stock: dict[str, Any]) -> None:
    status, code, message = await kling.refusal(bad.path, filled(bad.body, stock))
    assert (status, code) == (STATUS[bad.code], bad.code), message
    assert bad.says in message


@pytest.mark.parametrize("good", [g for g in GOOD if g.tool], ids=lambda good: f"{good.tool} {good.about}")
def test_what_an_agent_says_becomes_that_very_body(good: Body) -> None:
    ids = dict.fromkeys(IDS, "847570360458960960")
    stock = {**ids, "element": 829836802793406551}
    request = GENERATIONS[good.tool].parse(filled(good.says, stock))
    expected = {name: value for name, value in filled(good.sent or good.body, stock).items() if value not in ("", [])}
    sent = request.body()
    assert request.path == good.path
    assert {**sent, **expected} == sent, "everything the contract's body has is sent as it is there"
    assert sent.keys() - expected.keys() <= PRICED, "only defaults"


@pytest.mark.parametrize("bad", [b for b in BAD if b.tool], ids=lambda bad: f"{bad.tool} {bad.about}")
def test_what_kling_would_refuse_never_leaves(bad: Bad) -> None:
    ids = dict.fromkeys(IDS, "847570360458960960")
    with pytest.raises(InvalidRequest) as refused:
        GENERATIONS[bad.tool].parse(filled(bad.arguments, {**ids, "element": 829836802793406551}))
    for problem in refused.value.problems:
        assert problem.sentence.endswith("."), problem


def test_every_tool_has_a_body_of_the_contract() -> None:
    composed = {"lip_sync", "extend_video"}
    assert set(GENERATIONS) - {good.tool for good in GOOD} == composed
    assert set(GENERATIONS) - {bad.tool for bad in BAD} == {"lip_sync", "preview_video_edit"}


def test_every_endpoint_has_a_good_and_a_bad_body() -> None:
    instants = [served for served in INSTANTS if served.method == "POST"]
    posted = {served.path for served in (*FAMILIES, *instants, *STANDARDS)}

    def lacking(bodies: tuple[Body | Bad, ...]) -> set[str]:
        return {path for path in posted if not any(_served_by(path, body.path) for body in bodies)}

    assert lacking(GOOD) == set()
    assert lacking(BAD) == set()


def _served_by(path: str, posted: str) -> bool:
    """Whether that address leads there; on the new wire the model follows."""
    return posted in (path, f"{path}/{posted.rpartition('/')[2]}")
