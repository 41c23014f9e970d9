"""What a job of several steps is, given how its steps stand. Pure, like ``moves``."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from kling_mcp.errors import Failure, trimmed
from kling_mcp.jobs import doubts, moves
from kling_mcp.jobs.model import Delivery, Job, Media, State, free
from kling_mcp.jobs.spend import UNSTATED
from kling_mcp.operations.base import Done
from kling_mcp.operations.sources import MEDIA_URI

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_mcp.operations.base import Ending

JOINED = "joined"
"""Label of the clip that was joined here, of which Kling knows nothing."""
_NOT_POSTED = frozenset({State.QUEUED, State.CANCELLED})


def done(step: Job) -> Done:
    """A step that succeeded, as an operation asks about it."""
    facts = dict(step.facts)
    if step.media and step.media[0].duration_s is not None:
        facts["duration_s"] = step.media[0].duration_s
    if step.model_name is not None:
        facts["model_name"] = step.model_name
    return Done(tuple(f"{MEDIA_URI}{media.media_id}" for media in step.media), facts)


def under_way(plan: Job, steps: Sequence[Job], now: float) -> Job:
    """While a step runs. The same record comes back if that is no news."""
    posted = any(step.state not in _NOT_POSTED for step in steps)
    shown = replace(
        plan,
        state=State.RUNNING if posted else State.QUEUED,
        blocked_reason=steps[-1].blocked_reason if steps else "",
        failure=steps[-1].failure if steps and steps[-1].state is State.QUEUED else None,
        units_charged=charged(steps),
    )
    return plan if shown == plan else replace(shown, updated_at=now)


def held_up(plan: Job, reason: str, until: float) -> Job:
    """It could go on, but not just now."""
    return replace(plan, blocked_reason=trimmed(reason), not_before=until)


def finished(plan: Job, ending: Ending, steps: Sequence[Job], now: float, extra: Sequence[str] = ()) -> Job:
    """The end: the ending step's results are the whole's. ``extra``: notes on how it went."""
    last = next(step for step in steps if step.step == ending.step)
    notes = (*plan.notes, *ending.notes, *last.notes, *extra, *_unstated(steps))
    return replace(
        free(mirrored(replace(plan, step=ending.step), last, now), now),
        state=State.SUCCEEDED,
        facts=last.facts,
        model_name=plan.model_name or last.model_name,
        units_charged=charged(steps),
        notes=tuple(dict.fromkeys(notes)),
        finished_at=now,
        blocked_reason="",
        failure=None,
    )


def mirrored(plan: Job, last: Job, now: float) -> Job:
    """The results as they stand with the step that made them; what was joined here stays behind them."""
    own = tuple(replace(media, media_id=f"{plan.id}_{n}") for n, media in enumerate(last.media, start=1))
    joined = tuple(media for media in plan.media if media.label == JOINED)
    shown = replace(plan, media=own + joined, delivery=last.delivery)
    return plan if shown == plan else replace(shown, updated_at=now)


def ended(plan: Job, steps: Sequence[Job], now: float) -> Job:
    """The end without a result, because the last step has none."""
    last = steps[-1]
    if last.state is State.CANCELLED and len(steps) == 1:
        return moves.cancelled(plan, now)
    cause = last.failure or Failure(code="cancelled", message="it was cancelled.")
    told = replace(
        cause,
        message=f"Its step '{last.step}' ({last.tool}) {_ENDS[last.state]}: {cause.message}",
        fix=cause.fix.replace(last.tool, plan.tool),  # what can be called again is the whole
    )
    state = last.state if last.state is State.UNCONFIRMED else State.FAILED
    return replace(refused(plan, steps, told, now), state=state)


_ENDS = {State.FAILED: "failed", State.UNCONFIRMED: "is unconfirmed", State.CANCELLED: "did not run"}


def refused(plan: Job, steps: Sequence[Job], cause: Failure, now: float) -> Job:
    """The end without a result, for this cause. What steps before it cost is said, and where their results are."""
    kept = [f"{step.step}: {MEDIA_URI}{step.media[0].media_id}" for step in steps if step.media]
    fix = f"{cause.fix} What the steps before it made is kept ({', '.join(kept)})." if kept else cause.fix
    failure = replace(cause, fix=fix.strip(), charged=_paid(steps) or cause.charged)
    if failure.charged is False and any(_may_have_cost(step) for step in steps):
        failure = replace(failure, charged=None)
    notes = tuple(dict.fromkeys((*plan.notes, *_unstated(steps))))
    return replace(moves.failed(plan, failure, now), units_charged=charged(steps), notes=notes)


def charged(steps: Sequence[Job]) -> Decimal | None:
    """What the steps cost, as far as Kling says; None where it says nothing."""
    known = [step.units_charged for step in steps if step.units_charged is not None]
    return sum(known, Decimal()) if known else None


def files_pending(steps: Sequence[Job], now: float) -> bool:
    """Whether a step's files are not on disk and may still come: they are waited for as long as a lost task is."""
    young = [step for step in steps if now - (step.finished_at or now) < doubts.LOST_AFTER_S]
    return any(step.delivery in {Delivery.FETCHING, Delivery.FAILED} for step in young)


def abandoned(plan: Job, steps: Sequence[Job], now: float) -> Job:
    """The end of a job that a credential before ours began and that nobody has moved on since: it may be gone.

    The same record comes back while there is hope: while a step of it waits for that credential, or was only just made.
    """
    idle = now - max([plan.updated_at, *(step.updated_at for step in steps)]) > doubts.LOST_AFTER_S
    if plan.finished or not steps or not idle or not all(step.settled for step in steps):
        return plan
    hours = f"{doubts.LOST_AFTER_S / 3600:.0f}"
    cause = Failure(
        code="credential_gone",
        message=f"It was begun under another Kling credential, and no server with that one went on for {hours} hours.",
        fix=f"Call {plan.tool} again under the present one.",
    )
    return refused(plan, steps, cause, now)


def with_joined(plan: Job, media: Media) -> Job:
    """The job with a clip that was joined on this machine, to be placed behind its other results."""
    return replace(plan, media=(media,))


def _paid(steps: Sequence[Job]) -> bool:
    return bool(charged(steps))


def _may_have_cost(step: Job) -> bool:
    """A step that had a price and may have been charged, and whose cost Kling does not state."""
    spared = step.failure is not None and step.failure.charged is False
    made = step.finished and step.state is not State.CANCELLED and not spared
    return made and step.units_charged is None and step.units_quoted != 0


def _unstated(steps: Sequence[Job]) -> Sequence[str]:
    silent = [step for step in steps if _may_have_cost(step)]
    if not silent:
        return ()
    named = ", ".join(f"{step.step}, by the price list {_price(step)}" for step in silent)
    return (f"{UNSTATED} steps whose cost Kling does not state ({named}). list_charges has it.",)


def _price(step: Job) -> str:
    return "not known" if step.units_quoted is None else f"{step.units_quoted} units"
