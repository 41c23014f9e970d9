"""Every outcome of an exchange, and what it is taken for. One row here is one line of reliability.md section 1.3."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import anyio
import httpx2
import pytest

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
from kling_mcp.providers.base import Progress, Request
from kling_mcp.providers.refusals import CODES

from .far_side import Answer, FarSide, answered, legacy_task, refused

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

REQUEST = Request("v1", "/v1/videos/text2video", {"model_name": "kling-v3", "prompt": "a gull"})
HTML = "<html><body>Bad gateway</body></html>"


async def submitted(answer: Answer) -> tuple[Progress | KlingError, int]:
    """What a create makes of an answer, and how many requests it took."""
    far_side = FarSide([answer])
    with anyio.fail_after(5):
        try:
            return await far_side.provider().submit(REQUEST, "km1-A"), len(far_side.requests)
        except KlingError as error:
            return error, len(far_side.requests)


async def read(answer: Answer) -> KlingError | None:
    """What a read makes of an answer."""
    with anyio.fail_after(5):
        try:
            await FarSide([answer]).door().read("/tasks", bearer="b")
        except KlingError as error:
            return error
    return None


CREATES: list[tuple[str, Callable[[], Answer], type[KlingError]]] = [
    ("no connection", lambda: httpx2.ConnectError("refused"), Unavailable),
    ("no name", lambda: httpx2.ConnectError("[Errno -2] Name or service not known"), Unavailable),
    ("no handshake", lambda: httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"), Unavailable),
    ("connect timeout", lambda: httpx2.ConnectTimeout("slow"), Unavailable),
    ("pool timeout", lambda: httpx2.PoolTimeout("full"), Unavailable),
    ("proxy refuses the tunnel", lambda: httpx2.ProxyError("403 Forbidden"), Unavailable),
    ("read timeout", lambda: httpx2.ReadTimeout("slow"), OutcomeUnknown),
    ("write timeout", lambda: httpx2.WriteTimeout("slow"), OutcomeUnknown),
    ("read error", lambda: httpx2.ReadError("reset"), OutcomeUnknown),
    ("write error", lambda: httpx2.WriteError("reset"), OutcomeUnknown),
    ("server hangs up", lambda: httpx2.RemoteProtocolError("disconnected"), OutcomeUnknown),
    ("local protocol", lambda: httpx2.LocalProtocolError("canary"), OutcomeUnknown),
    ("close error", lambda: httpx2.CloseError("close"), OutcomeUnknown),
    ("tls dies midway", lambda: ssl.SSLError("bad record mac"), OutcomeUnknown),
    ("socket dies", lambda: ConnectionResetError("reset"), OutcomeUnknown),
    ("deadline", TimeoutError, OutcomeUnknown),
    ("1000", lambda: refused(401, 1000), NotAuthorised),
    ("1001", lambda: refused(401, 1001, "Authorization is empty"), NotAuthorised),
    ("1002", lambda: refused(401, 1002, "The token was expected to have 3 parts, but got 0"), NotAuthorised),
    ("1003", lambda: refused(401, 1003), NotAuthorised),
    ("1004", lambda: refused(401, 1004), NotAuthorised),
    ("1100", lambda: refused(429, 1100), NotAuthorised),
    ("1101", lambda: refused(429, 1101), OutOfCredit),
    ("1102", lambda: refused(429, 1102, "Account balance not enough"), OutOfCredit),
    ("1103", lambda: refused(403, 1103), NotAuthorised),
    ("1200", lambda: refused(400, 1200), Refused),
    ("1201", lambda: refused(400, 1201, "mode value 'std' is invalid"), Refused),
    ("1202", lambda: refused(404, 1202), Refused),
    ("1203", lambda: refused(404, 1203), Refused),
    ("1300", lambda: refused(400, 1300), Refused),
    ("1301", lambda: refused(400, 1301), Refused),
    ("1302", lambda: refused(429, 1302), Busy),
    ("1303", lambda: refused(429, 1303, "parallel task over resource pack limit"), Busy),
    ("1304", lambda: refused(429, 1304), NotAuthorised),
    ("5000", lambda: refused(500, 5000), OutcomeUnknown),
    ("5001", lambda: refused(503, 5001), OutcomeUnknown),
    ("5002", lambda: refused(504, 5002), OutcomeUnknown),
    ("exists", lambda: refused(400, 1201, "External_task_id km1-A already exists"), AlreadySubmitted),
    ("not base64", lambda: refused(400, 1201, "File is not in a valid base64 format"), Refused),
    ("retired, any code", lambda: refused(400, 9999, "The model 'kling-v1' has been discontinued and …"), Refused),
    ("Kling's own trouble beats its words", lambda: refused(500, 5000, "mode value 'x' is invalid"), OutcomeUnknown),
    ("an empty account beats its words", lambda: refused(429, 1102, "model is not supported"), OutOfCredit),
    (
        "ours exists, whatever the code",
        lambda: refused(500, 5000, "External_task_id a already exists"),
        AlreadySubmitted,
    ),
    ("code beats a good status", lambda: refused(200, 1102), OutOfCredit),
    ("code beats a bad status", lambda: refused(502, 1301), Refused),
    ("code as text", lambda: httpx2.Response(400, json={"code": "1301", "message": "no"}), Refused),
    ("unknown code, refused by status", lambda: refused(400, 1299), Refused),
    ("unknown code, forbidden", lambda: refused(403, 1199), NotAuthorised),
    ("unknown code, slow down", lambda: refused(429, 1399), Busy),
    ("unknown code, success status", lambda: refused(200, 77), OutcomeUnknown),
    ("unknown code, server error", lambda: refused(500, 5999), OutcomeUnknown),
    ("proxy 502", lambda: httpx2.Response(502, html=HTML), OutcomeUnknown),
    ("proxy 503", lambda: httpx2.Response(503, html=HTML), OutcomeUnknown),
    ("proxy 504", lambda: httpx2.Response(504, html=HTML), OutcomeUnknown),
    ("html 200", lambda: httpx2.Response(200, html=HTML), OutcomeUnknown),
    ("html 400", lambda: httpx2.Response(400, html=HTML), OutcomeUnknown),
    ("request timeout 408", lambda: httpx2.Response(408, html=HTML), OutcomeUnknown),
    ("wall 403", lambda: httpx2.Response(403, html=HTML), NotAuthorised),
    ("proxy password 407", lambda: httpx2.Response(407, html=HTML), NotAuthorised),
    ("framework 404", lambda: httpx2.Response(404, json={"status": 404, "error": "Not Found"}), NotAuthorised),
    ("too large 413", lambda: httpx2.Response(413, html=HTML), Refused),
    ("gateway 429", lambda: httpx2.Response(429, text="slow"), Busy),
    ("redirect", lambda: httpx2.Response(307, headers={"Location": "https://evil.test/"}), OutcomeUnknown),
    ("permanent redirect", lambda: httpx2.Response(301, headers={"Location": "/elsewhere"}), OutcomeUnknown),
    ("truncated", lambda: httpx2.Response(200, content=b'{"code":0,"data":{"task_id":"8'), OutcomeUnknown),
    ("empty", lambda: httpx2.Response(200, content=b""), OutcomeUnknown),
    ("no content", lambda: httpx2.Response(204), OutcomeUnknown),
    ("json without code", lambda: httpx2.Response(200, json={"data": {"task_id": "1"}}), OutcomeUnknown),
    ("code null", lambda: httpx2.Response(200, json={"code": None}), OutcomeUnknown),
    ("code true", lambda: httpx2.Response(200, json={"code": True}), OutcomeUnknown),
    ("a list", lambda: httpx2.Response(200, json=[{"code": 0}]), OutcomeUnknown),
    ("no task", lambda: answered({}), OutcomeUnknown),
    ("no data", lambda: answered(None), OutcomeUnknown),
    ("data is text", lambda: answered("8936"), OutcomeUnknown),
    ("another's task", lambda: answered(legacy_task(1, "submitted", "km1-B")), OutcomeUnknown),
    ("task id empty", lambda: answered({"task_id": ""}), OutcomeUnknown),
    ("task id is a path", lambda: answered({"task_id": "../../account/costs"}), OutcomeUnknown),
]


@pytest.mark.parametrize(("answer", "kind"), [row[1:] for row in CREATES], ids=[row[0] for row in CREATES])
async def test_a_create_is_sent_once_and_its_outcome_is_taken_for_what_it_is(
    answer: Callable[[], Answer], kind: type[KlingError]
) -> None:
    outcome, requests = await submitted(answer())
    assert isinstance(outcome, kind), outcome
    assert requests == 1
    assert "canary" not in str(outcome)


SAME_FOR_READS = (NotAuthorised, OutOfCredit, Busy, Refused)


@pytest.mark.parametrize(
    ("answer", "kind"), [row[1:] for row in CREATES if "task" not in row[0] and "data" not in row[0]]
)
async def test_a_read_knows_no_lost_outcome_only_no_answer(
    answer: Callable[[], Answer], kind: type[KlingError]
) -> None:
    error = await read(answer())
    redirect = isinstance(answer(), httpx2.Response) and error and "sends us elsewhere" in str(error)
    expected = NotAuthorised if redirect else kind if issubclass(kind, SAME_FOR_READS) else Unavailable
    assert isinstance(error, AlreadySubmitted if kind is AlreadySubmitted else expected), error


def test_every_code_of_the_contract_has_its_row() -> None:
    contract = [*range(1000, 1005), *range(1100, 1104), *range(1200, 1204), *range(1300, 1305), *range(5000, 5003)]
    assert list(CODES) == contract


async def test_an_accepted_create_returns_the_task() -> None:
    outcome, requests = await submitted(answered(legacy_task(1, "submitted", "km1-A")))
    assert outcome == Progress("893605946402811901", "submitted", "km1-A", created_at=1_781_080_778.802)
    assert requests == 1


async def test_a_code_of_zero_under_an_odd_status_is_a_success_when_it_names_the_task() -> None:
    answer = httpx2.Response(500, json={"code": 0, "message": "SUCCEED", "data": {"id": "77", "status": "submitted"}})
    assert await submitted(answer) == (Progress("77", "submitted"), 1)


async def test_a_failure_keeps_kling_s_code_words_and_request_id_and_says_how_to_fix_it() -> None:
    outcome, _ = await submitted(refused(429, 1102, "Account balance\u200b not enough"))
    assert isinstance(outcome, OutOfCredit)
    failure = outcome.failure
    assert (failure.code, failure.request_id, failure.charged) == ("1102", "req-2", False)
    assert 'Kling\'s words: "Account balance not enough".' in failure.message
    assert "https://kling.ai/dev" in failure.fix


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("File is not in a valid base64 format", "plain Base64"),
        ("Image pixel is invalid", "300 pixels"),
        ("Voice id not found", "origin 'speech'"),
        ("image can not be null", "Give the picture"),
        ("Duration only supports 5 or 10 seconds when no refer_image is provided", "durations Kling names"),
        ("model is not supported", "Leave model_name out"),
        ("model/mode/duration(kling-v2-5-turbo/std/5) is not supported with image_tail", "Leave image_tail out"),
        ("Image tail is not supported by the current model", "Leave image_tail out"),
        ("camera_control is only supported in std mode with 5s duration and kling-v1", "Leave camera_control out"),
        ("settings.resolution value '9000p' is invalid", "Change what Kling names"),
        ("Something never seen before", "Change the argument Kling names"),
    ],
)
async def test_a_captured_sentence_is_answered_with_what_helps(message: str, advice: str) -> None:
    outcome, _ = await submitted(refused(400, 1201, message))
    assert isinstance(outcome, Refused)
    assert advice in outcome.failure.fix


@pytest.mark.parametrize(
    ("path", "pack"),
    [
        ("/v1/videos/omni-video", "a video pack"),
        ("/v1/videos/image-recognize", "a video pack"),
        ("/v1/audio/tts", "a video pack"),
        ("/v1/general/custom-voices", "a video pack"),
        ("/text-to-video/kling-3.0-turbo", "a video pack"),
        ("/v1/images/generations", "an image pack"),
        ("/v1/images/editing/expand", "an image pack"),
        ("/v1/general/ai-multi-shot", "an image pack"),
        ("/v1/images/kolors-virtual-try-on", "a try-on pack"),
    ],
)
async def test_an_empty_account_is_told_which_pack_to_buy(path: str, pack: str) -> None:
    provider = FarSide([refused(429, 1102, "Account balance not enough")]).provider()
    with pytest.raises(OutOfCredit) as refusal:
        await provider.submit(Request("v1", path, {}), "km1-A")
    assert f"Buy {pack} in the console" in refusal.value.failure.fix
    assert "none pays for the others" in refusal.value.failure.fix


async def test_a_retired_model_of_another_function_is_not_answered_with_a_model_for_clips() -> None:
    words = "The model 'kling-v2' has been discontinued and is no longer available."
    with pytest.raises(Refused) as refusal:
        await FarSide([refused(404, 1203, words)]).provider().submit(Request("v1", "/v1/images/generations", {}), "a")
    assert refusal.value.failure.fix == "Leave model_name out: every tool's own default is a current model."


async def test_a_wrong_key_is_answered_with_the_settings_to_check_and_where_keys_are_made() -> None:
    for answer in (refused(401, 1002), httpx2.Response(404, html=HTML)):
        outcome, _ = await submitted(answer)
        assert isinstance(outcome, NotAuthorised)
        for word in ("KLING_API_KEY", "KLING_REGION", "KLING_BASE_URL", "https://kling.ai/dev/api-key"):
            assert word in outcome.failure.fix


@pytest.mark.parametrize(
    ("retired", "instead"),
    [
        ("kling-v2-1", "kling-v2-6"),
        ("kling-v1-6", "kling-v2-6"),
        ("kling-v2-master", "kling-v3"),
        ("nobody", "kling-v3"),
    ],
)
async def test_a_retired_model_is_answered_with_the_nearest_current_one(retired: str, instead: str) -> None:
    message = f"The model '{retired}' has been discontinued and is no longer available."
    outcome, _ = await submitted(refused(404, 1203, message))
    assert isinstance(outcome, Refused)
    assert f"Use model_name '{instead}'" in outcome.failure.fix
    assert MODELS[instead].retired is None


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({}, 1.0),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "-5"}, 1.0),
        ({"Retry-After": "86400"}, 300.0),
        ({"Retry-After": "soon"}, 1.0),
        ({"Date": "Sat, 21 Nov 2026 12:00:00 GMT", "Retry-After": "Sat, 21 Nov 2026 12:00:40 GMT"}, 40.0),
    ],
)
async def test_busy_says_how_long_to_wait(headers: dict[str, str], pause: float) -> None:
    outcome, _ = await submitted(refused(429, 1303, headers=headers))
    assert isinstance(outcome, Busy)
    assert outcome.retry_after == pause
