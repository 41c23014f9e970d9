"""A canary in every credential: it may appear in the Authorization header and nowhere else."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import anyio
import httpx2
import pytest

from kling_mcp.errors import KlingError
from kling_mcp.providers.base import Request, TaskRef
from kling_mcp.providers.credentials import ApiKey, KeyPair
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import OfficialProvider

from .far_side import ACCESS, KEY, SECRET, Answer, FarSide, HurryingClock, answered, legacy_task, pair, refused
from .test_door import answering

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio

CREATE = Request("v1", "/v1/videos/text2video", {"prompt": "a gull"})
SPEECH = Request("v1", "/v1/audio/tts", {"text": "a gull"}, nameless=True)
REF = TaskRef("v1", "/v1/videos/text2video", "km1-A")
ANSWERS: list[Answer] = [
    answered(legacy_task(1)),
    refused(401, 1002),
    refused(401, 1004, headers={"Date": "Sat, 21 Nov 2026 12:00:00 GMT"}),
    httpx2.Response(502, html="<html>"),
    httpx2.Response(307, headers={"Location": "https://evil.example"}),
    httpx2.ReadError("broken"),
    httpx2.LocalProtocolError(f"Illegal header value b'Bearer {KEY.get_secret_value()}'"),
    httpx2.ConnectError("down"),
]


async def told(provider: OfficialProvider) -> str:
    """Everything a provider says while it is used: results, errors with their tracebacks, its own repr."""
    said = [repr(provider), repr(vars(provider)), provider.account]
    calls: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: provider.submit(CREATE, "km1-A"),
        lambda: provider.submit(SPEECH, "km1-B"),
        lambda: provider.look_up([REF]),
        provider.balance,
        lambda: provider.voices("own", 1, 30),
        lambda: provider.elements("preset", 1, 30),
        lambda: provider.delete("element", "77"),
        lambda: provider.charges(0.0, 1.0, cash=True, limit=10),
    )
    for call in calls:
        try:
            said.append(repr(await call()))
        except KlingError as error:
            said += [repr(error), repr(error.failure), error.failure.sentence()]
            said += traceback.format_exception(error)
    return "\n".join(said)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: type(answer).__name__)
@pytest.mark.parametrize("kind", ["key", "pair"])
async def test_no_secret_is_told_or_logged(kind: str, answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    credential = ApiKey(KEY) if kind == "key" else pair()
    far_side = FarSide([answer])
    with caplog.at_level(logging.DEBUG):
        said = await told(far_side.provider(credential)) + caplog.text + repr(vars(credential)) + repr(credential)
    tokens = {request.headers["authorization"].removeprefix("Bearer ") for request in far_side.requests}
    assert tokens
    for secret in (*(s.get_secret_value() for s in (KEY, ACCESS, SECRET)), *tokens):
        assert secret not in said


def quoting(request: httpx2.Request) -> httpx2.Response:
    """A gateway that tells what it was shown, in every place where words may stand."""
    shown = request.headers["authorization"]
    return httpx2.Response(400, json={"code": 1201, "message": f"No: {shown}", "request_id": shown, "data": [shown]})


@pytest.mark.parametrize("credential", [ApiKey(KEY), pair()], ids=["key", "pair"])
async def test_a_credential_that_is_quoted_back_is_hidden(credential: ApiKey | KeyPair) -> None:
    far_side = FarSide([quoting])
    said = await told(far_side.provider(credential))
    assert "No: Bearer ***" in said
    for request in far_side.requests:
        assert request.headers["authorization"].removeprefix("Bearer ") not in said


async def test_no_secret_is_logged_by_the_client_beneath_us(caplog: pytest.LogCaptureFixture) -> None:
    answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}"
    beneath = caplog.at_level(logging.DEBUG, logger="httpcore2")  # another test may have quieted it
    with caplog.at_level(logging.DEBUG), beneath, anyio.fail_after(10):
        async with answering(answer) as address:
            door = Door(f"http://{address}", clock=HurryingClock())
            said = await told(OfficialProvider(door, ApiKey(KEY)))
            await door.aclose()
    assert "send_request_headers" in caplog.text
    assert KEY.get_secret_value() not in said + caplog.text
