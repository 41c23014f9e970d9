"""Kling itself, over its two wires: the provider most people use.

Contract: video.md sections 1 to 6, B7 and D. Every POST is sent once; whatever speaks for trying again is left to the
engine, which records each attempt before it leaves.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import InvalidRequest, Refused, Unavailable
from kling_mcp.operations.model_facts import MODELS
from kling_mcp.providers import official_v2
from kling_mcp.providers.accounts import BalanceReader
from kling_mcp.providers.base import Balance, Progress, Request, TaskRef, Wire
from kling_mcp.providers.credentials import ApiKey, Credential, KeyPair
from kling_mcp.providers.http import Door, quoted_id
from kling_mcp.providers.lookup import by_families, by_tasks, one_by_one
from kling_mcp.providers.refusals import StaleToken, doubt, unanswered
from kling_mcp.providers.tasks import progress_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.envelope import Reply

_WIRE_NEEDS_KEY = (
    "It runs only on Kling's new API, which takes an API key and no KLING_ACCESS_KEY/KLING_SECRET_KEY pair. "
    "Create a key at https://kling.ai/dev/api-key and set KLING_API_KEY, or choose another model_name, "
    "for example kling-v3."
)


class OfficialProvider:
    """Kling's own API, with one credential.

    Args:
        door: The way there; its base URL says which of Kling's hosts.
        credential: Who we are.
        name: As reported to the agent; the sandbox runs under its own.
        dice: Decides which of very many jobs are asked for first.
    """

    settle_s = 5.0
    """Kling refuses a second task with the same external id, so a late one cannot double it."""

    def __init__(
        self, door: Door, credential: Credential, *, name: str = "official", dice: random.Random | None = None
    ) -> None:
        self.name = name
        self.account = _fingerprint(door.base_url, credential)
        self._door, self._credential = door, credential
        self._dice = dice or random.Random()  # noqa: S311 - fairness, not secrets
        self._balance = BalanceReader(self._read, door.clock)

    def prepare(self, operation: Generation) -> Request:
        """Choose the wire, the model's preferred one first, and write the body.

        Raises:
            InvalidRequest: No wire of this credential carries it; the sentence says what would.
        """
        path, body = operation.path, operation.body()
        facts = MODELS.get(operation.model or "")
        reasons: list[str] = []
        for wire in facts.wires if facts else ("v1",):
            reason = self._obstacle(wire, path, body)
            if reason is None:
                return Request("v1", path, body) if wire == "v1" else Request("v2", *official_v2.rewritten(path, body))
            reasons.append(reason)
        raise InvalidRequest.one("model_name", f"'{operation.model}' cannot run here. {' '.join(reasons)}")

    async def submit(self, request: Request, ext_id: str) -> Progress:
        """Post once, under our id. See ``Provider.submit`` for what each exception means.

        A signed token that Kling calls stale teaches us its clock; nothing was created, and the next attempt, which
        the engine records like any other, is signed by that clock.
        """
        body = _labelled(request, quoted_id("external_task_id", ext_id))
        try:
            reply = await self._door.create(request.path, body, bearer=self._bearer())
        except StaleToken as stale:
            if not self._corrected(stale):
                raise
            raise Unavailable(
                "This machine's clock and Kling's disagree; the next attempt is signed by Kling's.",
                code=stale.failure.code,
            ) from stale
        progress = progress_of(reply.payload)
        if progress is None:
            raise doubt("Kling accepted the request but named no task.", paid=True, reply=reply)
        return progress

    async def look_up(self, refs: Sequence[TaskRef]) -> Mapping[str, Progress]:
        """Ask about many tasks: see ``Provider.look_up``."""
        if not isinstance(self._credential, ApiKey):
            return await by_families(self._read, refs, self._dice)
        found = await by_tasks(self._read, refs)
        # GET /tasks was seen to know tasks of the old wire, but not every family of them: absent there is not yet
        # absent. The old wire's own read decides.
        missing = [ref for ref in refs if ref.wire == "v1" and ref.ext_id not in found]
        return found | await one_by_one(self._read, missing, self._dice) if missing else found

    async def balance(self) -> Balance:
        """Read the account's packs: see ``Provider.balance``."""
        return await self._balance.read()

    async def aclose(self) -> None:
        """Close connections."""
        await self._door.aclose()

    def _obstacle(self, wire: Wire, path: str, body: Mapping[str, Any]) -> str | None:
        if wire not in self._credential.wires:
            return _WIRE_NEEDS_KEY
        return official_v2.obstacle(path, body) if wire == "v2" else None

    async def _read(self, path: str, params: Mapping[str, str] | None = None, /) -> Reply:
        """A signed read; signed once more if Kling calls the token stale.

        Raises:
            TaskAbsent: Kling certainly has no such task.
            Unavailable, Busy, NotAuthorised: The question could not be answered.
        """
        try:
            return await self._signed_read(path, params)
        except Refused as refusal:
            raise unanswered(refusal) from refusal.__cause__

    async def _signed_read(self, path: str, params: Mapping[str, str] | None) -> Reply:
        try:
            return await self._door.read(path, bearer=self._bearer(), params=params)
        except StaleToken as stale:
            if not self._corrected(stale):
                raise
        return await self._door.read(path, bearer=self._bearer(), params=params)

    def _bearer(self) -> str:
        return self._credential.bearer(self._door.clock.now())

    def _corrected(self, stale: StaleToken) -> bool:
        return self._credential.corrected(stale.server_time, self._door.clock.now())


def _labelled(request: Request, ext_id: str) -> dict[str, Any]:
    """The body with our id where its wire wants it."""
    if request.wire == "v1":
        return {**request.body, "external_task_id": ext_id}
    return {**request.body, "options": {**request.body.get("options", {}), "external_task_id": ext_id}}


def _fingerprint(base_url: str, credential: Credential) -> str:
    return hashlib.sha256(f"{base_url} {credential.fingerprint}".encode()).hexdigest()[:16]


__all__ = ["ApiKey", "KeyPair", "OfficialProvider"]
