"""A customer of the pretend Kling: posts hand-written bodies and reads what comes back."""

from __future__ import annotations

import base64
import wave
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx2
from PIL import Image

from kling_mcp.sandbox.app import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from kling_mcp.clock import ManualClock

URL = "https://kling.test"
START = 1_790_000_000.0
START_MS = 1_790_000_000_000
TEXT, IMAGE = "/v1/videos/text2video", "/v1/videos/image2video"
LONG_ENOUGH_S = 600.0
"""Longer than any clip of these tests takes."""


@dataclass(frozen=True)
class Customer:
    client: httpx2.AsyncClient
    sandbox: Sandbox
    clock: ManualClock

    async def post(self, path: str, body: Mapping[str, Any]) -> httpx2.Response:
        return await self.client.post(path, json=body)

    async def get(self, path: str) -> httpx2.Response:
        return await self.client.get(path)

    async def data(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        answer = (await self.client.get(path)).json()
        assert answer["code"] == 0, answer
        return answer["data"]

    async def accepted(self, body: Mapping[str, Any], path: str = TEXT) -> str:
        """The id of the task a body makes."""
        answer = (await self.post(path, body)).json()
        assert answer["code"] == 0, answer
        return answer["data"].get("task_id") or answer["data"]["id"]

    async def finished(self, body: Mapping[str, Any], path: str = TEXT) -> Any:  # noqa: ANN401 - any JSON
        """A legacy task, made and waited for, as its query shows it."""
        task_id = await self.accepted(body, path)
        self.clock.advance(LONG_ENOUGH_S)
        shown = await self.data(f"{path}/{task_id}")
        assert shown["task_status"] == "succeed", shown
        return shown

    async def clip(self, **body: Any) -> str:  # noqa: ANN401 - any JSON
        """The id of a new finished video, of ``kling-v3`` unless said otherwise."""
        shown = await self.finished({"model_name": "kling-v3", "prompt": "A woman speaks"} | body)
        return shown["task_result"]["videos"][0]["id"]

    async def answered(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        """``data`` of an endpoint that answers at once."""
        answer = (await self.post(path, body)).json()
        assert answer["code"] == 0, answer
        return answer["data"]

    async def refusal(self, path: str, body: Mapping[str, Any]) -> tuple[int, int, str]:
        """HTTP status, code and message of a refused body; nothing was created."""
        before = self.sandbox.state.creates
        answer = await self.post(path, body)
        assert self.sandbox.state.creates == before, answer.text
        return refusal_in(answer)


def refusal_in(answer: httpx2.Response) -> tuple[int, int, str]:
    said = answer.json()
    assert set(said) == {"code", "message", "request_id"}
    return answer.status_code, said["code"], said["message"]


def sound(seconds: float = 3.0) -> str:
    """A wav in bare Base64."""
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * round(8000 * seconds)))
    return base64.b64encode(buffer.getvalue()).decode()


def new_sandbox(clock: ManualClock, **facts: Any) -> Sandbox:  # noqa: ANN401 - what Sandbox takes
    return Sandbox(clock=clock, base_url=URL, **facts)


@asynccontextmanager
async def opened(sandbox: Sandbox, clock: ManualClock) -> AsyncGenerator[Customer]:
    headers = {"authorization": "Bearer sandbox"}
    transport = httpx2.ASGITransport(sandbox.app)
    async with httpx2.AsyncClient(transport=transport, base_url=URL, headers=headers) as client:
        yield Customer(client, sandbox, clock)


def picture(width: int = 320, height: int = 320, form: str = "PNG") -> str:
    """A picture in bare Base64."""
    buffer = BytesIO()
    Image.new("RGB", (width, height), "navy").save(buffer, form)
    return base64.b64encode(buffer.getvalue()).decode()
