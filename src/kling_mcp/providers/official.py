"""Kling itself, over its two wires: the provider most people use.

Contract: video.md sections 1 to 6, B7 and D. Every POST is sent once; whatever speaks for trying again is left to the
engine, which records each attempt before it leaves.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import NotAuthorised, Refused, Unavailable
from kling_mcp.providers import library, replies, strays
from kling_mcp.providers.accounts import BalanceReader, charges_of, charges_question
from kling_mcp.providers.addresses import quoted_id
from kling_mcp.providers.asking import Reading, as_known
from kling_mcp.providers.credentials import ApiKey, Credential, KeyPair
from kling_mcp.providers.http import READ_TRIES
from kling_mcp.providers.lists import Lists
from kling_mcp.providers.lookup import by_families, by_key, is_traceable
from kling_mcp.providers.refusals import StaleToken, doubt, unanswered
from kling_mcp.providers.routing import routed
from kling_mcp.providers.tasks import progress_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.base import (
        Balance,
        Charges,
        Element,
        Listed,
        Origin,
        Progress,
        Request,
        Shelf,
        TaskRef,
        Voice,
    )
    from kling_mcp.providers.envelope import Reply
    from kling_mcp.providers.http import Door


UNKNOWN_CREDENTIAL = "1002"
"""Kling's code, also of an API that takes keys only when it is shown a pair."""


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
        self._lists = Lists(door.clock)

    def prepare(self, operation: Generation) -> Request:
        """Choose the wire and write the body: see ``Provider.prepare``."""
        return routed(
            operation.path,
            operation.body(),
            self._credential.wires,
            nameless=operation.nameless,
            prefers_newer=operation.prefers_newer,
        )

    async def submit(self, request: Request, ext_id: str) -> Progress:
        """Post once, under our id. See ``Provider.submit`` for what each exception means.

        A signed token that Kling calls stale teaches us its clock; nothing was created, and the next attempt, which
        the engine records like any other, is signed by that clock.
        """
        reply = await self._post(request.path, _labelled(request, quoted_id("external_task_id", ext_id)))
        at_once = replies.is_immediate(request.path)
        progress = replies.read(request.path, reply.payload) if at_once else progress_of(reply.payload)
        if progress is None:
            trouble = "but its answer cannot be read" if at_once else "but named no task"
            raise doubt(f"Kling accepted the request {trouble}.", paid=True, reply=reply)
        if progress.ext_id and progress.ext_id != ext_id:
            raise doubt("The answer is about another request than ours.", paid=True, reply=reply)
        return progress

    async def look_up(self, refs: Sequence[TaskRef]) -> Mapping[str, Progress]:
        """Ask about many tasks: see ``Provider.look_up``. What proves absence stands at the top of ``lookup``."""
        asked = [ref for ref in refs if is_traceable(ref)]
        untold = {ref.ext_id: as_known(ref) for ref in refs if not is_traceable(ref)}
        reading = Reading(self._read, self._glanced, self._dice)
        if isinstance(self._credential, ApiKey):
            return untold | await by_key(reading, asked, self._lists)
        return untold | await by_families(reading, asked)

    async def taken_between(self, path: str, start: float, end: float) -> Sequence[Progress] | None:
        """List a function's tasks of a time: see ``Provider.taken_between``."""
        return await strays.taken_between(self._read, path, start, end)

    async def balance(self) -> Balance:
        """Read the account's packs: see ``Provider.balance``."""
        return await self._balance.read()

    async def voices(self, origin: Origin, page: int, size: int) -> Listed[Voice]:
        """List voices: see ``Provider.voices``."""
        return await library.voices(self._read, origin, page, size)

    async def elements(self, origin: Origin, page: int, size: int) -> Listed[Element]:
        """List elements: see ``Provider.elements``."""
        return await library.elements(self._read, origin, page, size)

    async def delete(self, shelf: Shelf, kling_id: str) -> None:
        """Delete from the library: see ``Provider.delete``."""
        await library.delete(self._post, self._door.clock, shelf, kling_id)

    async def charges(self, start: float, end: float, *, cash: bool, limit: int, cursor: str = "") -> Charges:
        """List deductions: see ``Provider.charges``."""
        path, question = charges_question(start, end, cash=cash, limit=limit, cursor=cursor)
        try:
            return charges_of(await self._read(path, question=question))
        except NotAuthorised as refusal:
            # Kling's pages disagree on whether these take a pair (video.md 2; image-audio-general.md 0.2).
            if isinstance(self._credential, ApiKey) or refusal.failure.code != UNKNOWN_CREDENTIAL:
                raise
            raise NotAuthorised(
                "Kling does not list charges for KLING_ACCESS_KEY and KLING_SECRET_KEY.",
                fix="Set KLING_API_KEY (made at https://kling.ai/dev/api-key) and restart this server.",
                code=refusal.failure.code,
                request_id=refusal.failure.request_id,
            ) from refusal

    async def aclose(self) -> None:
        """Close connections."""
        await self._door.aclose()

    async def _post(self, path: str, body: Mapping[str, Any], /) -> Reply:
        """A signed POST, once. See ``Provider.submit`` for what each exception means."""
        try:
            return await self._door.create(path, body, bearer=self._bearer(), patient=replies.is_immediate(path))
        except StaleToken as stale:
            if not self._corrected(stale):
                raise
            raise Unavailable(
                "This machine's clock and Kling's disagree; the next attempt is signed by Kling's.",
                code=stale.failure.code,
            ) from stale

    async def _read(
        self, path: str, params: Mapping[str, str] | None = None, /, *, question: Mapping[str, Any] | None = None
    ) -> Reply:
        """A signed question; signed once more if Kling calls the token stale.

        Raises:
            TaskAbsent: Kling certainly has no such task.
            Unavailable, Busy, NotAuthorised: The question could not be answered.
        """
        try:
            return await self._signed_read(path, params, question)
        except Refused as refusal:
            raise unanswered(refusal) from refusal.__cause__

    async def _glanced(
        self, path: str, params: Mapping[str, str] | None = None, /, *, question: Mapping[str, Any] | None = None
    ) -> Reply:
        """One of many questions that share a budget: asked once, and refused as Kling refuses it.

        Raises:
            KlingError: Any.
        """
        return await self._signed_read(path, params, question, tries=1)

    async def _signed_read(
        self,
        path: str,
        params: Mapping[str, str] | None,
        question: Mapping[str, Any] | None,
        tries: int = READ_TRIES,
    ) -> Reply:
        try:
            return await self._door.read(path, bearer=self._bearer(), params=params, question=question, tries=tries)
        except StaleToken as stale:
            if not self._corrected(stale):
                raise
        return await self._door.read(path, bearer=self._bearer(), params=params, question=question, tries=tries)

    def _bearer(self) -> str:
        return self._credential.bearer(self._door.clock.now())

    def _corrected(self, stale: StaleToken) -> bool:
        return self._credential.corrected(stale.server_time, self._door.clock.now())


def _labelled(request: Request, ext_id: str) -> dict[str, Any]:
    """The body with our id where its wire wants it; as it is where Kling has no place for one."""
    if request.nameless:
        return dict(request.body)
    if request.wire == "v1":
        return {**request.body, "external_task_id": ext_id}
    return {**request.body, "options": {**request.body.get("options", {}), "external_task_id": ext_id}}


def _fingerprint(base_url: str, credential: Credential) -> str:
    return hashlib.sha256(f"{base_url} {credential.fingerprint}".encode()).hexdigest()[:16]


__all__ = ["ApiKey", "KeyPair", "OfficialProvider"]
