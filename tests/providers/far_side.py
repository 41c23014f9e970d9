"""A stand-in for Kling's server, written by hand from captured answers: it answers what a test tells it to."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
from pydantic import SecretStr

from kling_mcp.clock import ManualClock
from kling_mcp.providers.http import Door
from kling_mcp.providers.official import ApiKey, KeyPair, OfficialProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BASE = "https://kling.test"
KEY = SecretStr("canary-api-key-57-characters-long-0123456789-0123456789")
ACCESS = SecretStr("canary-access-key-0123456789")
SECRET = SecretStr("canary-secret-key-0123456789abcdef0123456789abcdef")

Answer = httpx2.Response | Exception


class HurryingClock(ManualClock):
    """A clock on which waiting takes no time, and which remembers for how long one waited."""

    def __init__(self) -> None:
        super().__init__()
        self.naps: list[float] = []

    async def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.naps.append(seconds)
            self.advance(seconds)


@dataclass
class FarSide:
    """Answers in turn; the last answer is repeated. A function of the request may stand for an answer."""

    answers: list[Answer | Callable[[httpx2.Request], Answer]]
    requests: list[httpx2.Request] = field(default_factory=list[httpx2.Request])
    clock: HurryingClock = field(default_factory=HurryingClock)

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        answer = answer if isinstance(answer, httpx2.Response | Exception) else answer(request)
        if isinstance(answer, Exception):
            raise answer
        return _unread(answer)

    def door(self, base_url: str = BASE) -> Door:
        def client() -> httpx2.AsyncClient:
            return httpx2.AsyncClient(transport=httpx2.MockTransport(self._handle))

        return Door(base_url, clock=self.clock, client_factory=client, dice=random.Random(7))

    def provider(self, credential: ApiKey | KeyPair | None = None) -> OfficialProvider:
        return OfficialProvider(self.door(), credential or ApiKey(KEY), dice=random.Random(7))

    @property
    def lines(self) -> list[str]:
        """What was asked, one request per line."""
        return [f"{r.method} {r.url.raw_path.decode()}" for r in self.requests]

    def body(self, number: int = 0) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.requests[number].content)


def _unread(answer: httpx2.Response) -> httpx2.Response:
    """The answer as it comes over a network: a stream nobody has read yet."""
    if not answer.is_stream_consumed:
        return answer
    return httpx2.Response(answer.status_code, headers=answer.headers, stream=httpx2.ByteStream(answer.content))


def pair() -> KeyPair:
    return KeyPair(ACCESS, SECRET)


def answered(payload: object) -> httpx2.Response:
    """Kling's success, as captured."""
    return httpx2.Response(
        200, json={"code": 0, "message": "SUCCEED", "request_id": "req-1", "data": payload}, headers={"Server": "istio"}
    )


def refused(
    status: int, code: int, message: str = "words", headers: Mapping[str, str] | None = None
) -> httpx2.Response:
    """Kling's refusal: exactly three keys, no data."""
    return httpx2.Response(
        status, json={"code": code, "message": message, "request_id": "req-2"}, headers=dict(headers or {})
    )


def legacy_task(number: int, status: str = "processing", ext_id: str | None = None, **more: object) -> dict[str, Any]:
    info = {"external_task_id": ext_id} if ext_id else {}
    return {
        "task_id": f"8936059464028119{number:02}",
        "task_status": status,
        "task_status_msg": "",
        "task_info": info,
        "created_at": 1_781_080_778_802,
        "updated_at": 1_781_080_894_151,
        **more,
    }


def new_task(number: int, status: str = "processing", ext_id: str | None = None, **more: object) -> dict[str, Any]:
    return {
        "id": f"8936059464028119{number:02}",
        "status": status,
        "message": "",
        "create_time": 1_781_080_778_802,
        "update_time": 1_781_080_894_151,
        "external_id": ext_id or "",
        "outputs": [],
        "billing": [],
        **more,
    }
