"""Reports of a task's changes to the address it named, signed the Standard-Webhooks way.

Contract: video.md section 5. Retries are undocumented [OWN]: ``processing`` and the end are reported, each is tried
three times, and an answer has 5 seconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import logging
import uuid
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import anyio

from kling_mcp.sandbox.shapes import legacy_callback, standard_callback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from anyio.abc import TaskGroup

    from kling_mcp.clock import Clock
    from kling_mcp.sandbox.order import Task
    from kling_mcp.sandbox.shop import Shop
    from kling_mcp.sandbox.state import State

_TRIES = 3
_TIMEOUT_S = 5.0
_BETWEEN_TRIES_S = 2.0
_OK = 200

_log = logging.getLogger(__name__)


class Poster(Protocol):
    """Posts a body and returns the HTTP status. Whoever may do network I/O hands it in."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post once; any exception counts as a failed try."""
        ...


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One ``webhook-signature`` entry. ``secret`` as Kling shows it, ``whsec_…``."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine: a pretend Kling must never bother anybody else."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Callbacks:
    """Reports changes while ``Sandbox.running`` lends it a task group; without that or a poster nothing is sent."""

    def __init__(  # noqa: PLR0913 - all named by the one caller
        self,
        state: State,
        *,
        clock: Clock,
        shop: Shop,
        post: Poster | None,
        secret: str | None,
        anywhere: bool,
        date: Callable[[], float],
    ) -> None:
        self._state = state
        self._clock = clock
        self._shop = shop
        self._post = post
        self._secret = secret
        self._anywhere = anywhere
        self._date = date
        self.group: TaskGroup | None = None
        self.delivered: list[tuple[str, bytes]] = []
        """Address and body of every report that was answered with HTTP 200."""

    def watch(self, task: Task) -> None:
        """Report the changes of a task that was just accepted."""
        url = task.order.callback_url
        if url is None or self.group is None or self._post is None:
            return
        if self._anywhere or is_loopback(url):
            self.group.start_soon(self._report, self._post, task, url)
        else:
            _log.warning("The sandbox calls back only to this machine; %s is not called.", urlsplit(url).hostname)

    async def _report(self, post: Poster, task: Task, url: str) -> None:
        for step in task.life[1:]:
            await self._clock.sleep(step.at - self._state.now())
            shape = legacy_callback if task.order.wire == "v1" else standard_callback
            body = json.dumps(shape(task, self._shop, step.at), separators=(",", ":")).encode()
            if await self._deliver(post, url, body):
                self.delivered.append((url, body))

    async def _deliver(self, post: Poster, url: str, body: bytes) -> bool:
        message_id = uuid.uuid4().hex
        for attempt in range(_TRIES):
            if attempt:
                await self._clock.sleep(_BETWEEN_TRIES_S)
            try:
                with anyio.fail_after(_TIMEOUT_S):
                    if await post(url, body, self._headers(message_id, body)) == _OK:
                        return True
            except Exception:  # noqa: BLE001 - whatever the far side or the network did, it is one failed try
                _log.info("A callback to %s failed.", urlsplit(url).hostname)
        return False

    def _headers(self, message_id: str, body: bytes) -> Mapping[str, str]:
        headers = {"content-type": "application/json"}
        if self._secret is None:
            return headers
        timestamp = int(self._date())
        return headers | {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._secret, message_id, timestamp, body),
        }
