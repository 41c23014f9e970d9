"""The first record of a job: what was asked, what it will cost, and the id it will have for ever."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from kling_mcp.jobs.model import PLAN, Job
from kling_mcp.jobs.moves import STALE_QUEUE_S
from kling_mcp.providers.base import Request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kling_mcp.operations.base import Generation, Step
    from kling_mcp.providers.base import Provider

LONG_VALUE = 4000
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Intents:
    """Makes first records.

    Attributes:
        provider: Who will run the jobs.
        folder: Where their files go.
        notes: Said with every job (that results are samples, for instance).
    """

    provider: Provider
    folder: Path
    notes: tuple[str, ...] = ()

    def of(self, operation: Generation, arguments: Mapping[str, Any], request: Request, now: float) -> Job:
        """The record of a request that is about to be accepted."""
        quote = operation.quote()
        return Job(
            id=_new_id(now),
            account=self.provider.account,
            provider=self.provider.name,
            tool=operation.tool,
            request_hash=_digest({"path": request.path, "body": request.body}),
            arguments={name: _elided(value) for name, value in arguments.items()},
            model_name=operation.model,
            units_quoted=quote.units,
            created_at=now,
            updated_at=now,
            wire=request.wire,
            path=request.path,
            folder=str(self.folder),
            notes=(*self.notes, *quote.notes),
            nameless=request.nameless,
            package=quote.package,
            slots=operation.slots,
            pace=operation.pace,
        )

    def of_plan(self, operation: Generation, arguments: Mapping[str, Any], now: float) -> Job:
        """The record of a request that takes several steps, for which itself nothing is posted.

        What tells it from others is all that it asks for, however it was written, with its sources looked up.
        """
        asked = Request("v1", operation.tool, operation.model_dump(mode="json", exclude_none=True, warnings=False))
        return replace(self.of(operation, arguments, asked, now), wire=PLAN, path="", slots=0)

    def of_step(self, plan: Job, step: Step, request: Request, now: float, since: float) -> Job:
        """The record of a step. Its id follows from its job's and its name, so that it can never be made twice.

        Args:
            plan: The job it is a step of.
            step: Which step, and what it runs, looked up.
            request: What will be posted.
            now: Unix seconds.
            since: When its job last moved. Of one that nobody touched for very long, as in a restored backup, the step
                may be older than this record: it is queued since then, so that it is not posted before it was looked
                up.
        """
        arguments = step.request.model_dump(mode="json", exclude_none=True, warnings=False)
        return replace(
            self.of(step.request, arguments, request, now),
            id=f"{plan.id}-{step.name}",
            folder=plan.folder,
            parent=plan.id,
            step=step.name,
            updated_at=since if now - since > STALE_QUEUE_S else now,
        )

    def of_task(self, task_id: str, tool: str, path: str, now: float) -> Job:
        """The record of a task that was made elsewhere."""
        return Job(
            id=_new_id(now),
            account=self.provider.account,
            provider=self.provider.name,
            tool=tool,
            request_hash=_digest({"task_id": task_id}),
            arguments={"task_id": task_id},
            model_name=None,
            units_quoted=None,
            created_at=now,
            updated_at=now,
            wire="v1",
            path=path,
            folder=str(self.folder),
            notes=(*self.notes, "adopted: made elsewhere, not through this server."),
            task_id=task_id,
        )


def _new_id(now: float) -> str:
    """A ULID under our prefix: sorts by time, 80 random bits, never derived from the request."""
    number = (int(now * 1000) << 80) | secrets.randbits(80)
    return "km1-" + "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def is_elided(value: object) -> bool:
    """Whether an argument is kept for people only."""
    return isinstance(value, str) and _ELIDED.fullmatch(value) is not None


_ELIDED = re.compile(r"<\d+ characters, sha256 [0-9a-f]{16}>")


def _elided(value: Any) -> Any:  # noqa: ANN401 - JSON
    """An argument as it is kept for people: a picture's Base64 becomes its size and digest."""
    if isinstance(value, str) and len(value) > LONG_VALUE:
        return f"<{len(value)} characters, sha256 {hashlib.sha256(value.encode()).hexdigest()[:16]}>"
    if isinstance(value, dict):
        return {name: _elided(inner) for name, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_elided(inner) for inner in cast("list[Any]", value)]
    return value
