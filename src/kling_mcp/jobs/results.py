"""The moves of a job's results: named by Kling, fetched, stored, fetched again. Pure, like ``moves``."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kling_mcp.errors import KlingError, Lost, Unavailable
from kling_mcp.jobs.model import Delivery, Job, Media, State, free, spread, taken
from kling_mcp.operations.catalogue import GENERATIONS

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Sequence

    from kling_mcp.media.downloads import Stored
    from kling_mcp.providers.base import Output, Progress

FETCH_LEASE_S = 3600.0
"""How long a download holds: a gigabyte on a slow line. A dead process's claim is free at once all the same."""
RESULT_LIFE_S = 30 * 86_400.0
"""Kling deletes results 30 days after generation. Contract: video.md section 6."""
FETCHES_IN_A_ROW = 5
ALARM_S = 5 * 86_400.0
"""How long before Kling deletes a file that is not on disk this is said aloud, and fetching becomes insistent."""
INSISTENT_S = 600.0
"""The longest pause between two attempts from then on."""
GRACE_S = 86_400.0
"""Kling may be late with deleting: this long it is still tried, unless Kling itself says that the file is gone."""

INLINE = "data:"
"""How the address of a result begins that Kling sent itself, instead of keeping it."""
_FILES = frozenset({"video", "image", "audio"})
_A_TIME = 1.5e9
"""A number below it is no time in seconds that Kling could mean."""


def complete(job: Job, progress: Progress) -> bool:
    """Whether a task that succeeded says all we need to know: what makes files must name one, others tell facts."""
    if wanted(job, progress.outputs) or answered_at_once(job):
        return True
    operation = GENERATIONS.get(job.tool)
    return bool(progress.facts) and not (operation and operation.yields in _FILES)


def answered_at_once(job: Job) -> bool:
    """Whether Kling's whole answer comes with the POST and can never be asked for again."""
    operation = GENERATIONS.get(job.tool)
    return job.nameless and operation is not None and operation.kind == "immediate"


def succeeded(job: Job, progress: Progress, now: float) -> Job:
    """The end with a result, which may be nothing but facts: then there is nothing to fetch."""
    media = tuple(_named(job, n, output, progress) for n, output in enumerate(wanted(job, progress.outputs), start=1))
    return replace(
        free(job, now),
        state=State.SUCCEEDED,
        delivery=Delivery.FETCHING if media else Delivery.NONE,
        task_id=progress.task_id or job.task_id or None,
        media=media,
        facts=dict(progress.facts),
        units_charged=progress.units,
        finished_at=_ended_at(job, progress, now),
        not_before=now,
        blocked_reason="",
        failure=None,
    )


def _ended_at(job: Job, progress: Progress, now: float) -> float:
    """When it ended: by Kling's word, if that can be, because it may have been noticed much later."""
    ended = progress.ended_at
    return ended if ended is not None and (job.begun_at or job.created_at) <= ended <= now else now


def wanted(job: Job, outputs: Sequence[Output]) -> list[Output]:
    """The results to keep: watermarked copies only where they were asked for."""
    asked = str(job.arguments.get("watermark", "")).lower() in {"true", "1", "yes", "on"}
    return [output for output in outputs if asked or not output.watermarked]


def fetching(job: Job, owner: str, now: float) -> Job:
    """This process is fetching the files now."""
    return replace(taken(job, owner, now), delivery=Delivery.FETCHING, fetches=job.fetches + 1)


def to_fetch(job: Job, missing: Collection[str], now: float, outputs: Sequence[Output] = ()) -> Job:
    """The missing files (media ids) shall be fetched as soon as somebody can, from fresh addresses where there are."""
    fresh = {f"{job.id}_{n}": output.url for n, output in enumerate(wanted(job, outputs), start=1)}
    media = tuple(
        replace(m, path=None if m.media_id in missing else m.path, trouble="", url=fresh.get(m.media_id, m.url))
        for m in job.media
    )
    return replace(free(job, now), delivery=Delivery.FETCHING, media=media, fetches=0, not_before=now)


def on_disk(result: Media, stored: Stored) -> Media:
    """A result whose file is fetched and verified. What the file says beats what Kling said.

    A file that was its own address is kept once: on disk.
    """
    return replace(
        result,
        url="" if result.url.startswith(INLINE) else result.url,
        trouble="",
        path=str(stored.path),
        mime=stored.mime,
        size=stored.size,
        sha256=stored.sha256,
        width=stored.width,
        height=stored.height,
        duration_s=stored.duration_s or result.duration_s,
    )


def troubled(result: Media, trouble: KlingError) -> Media:
    """A result that could not be fetched this time, and why."""
    return replace(result, trouble=f"{trouble.failure.message} {trouble.failure.fix}".strip())


def delivered(job: Job, media: tuple[Media, ...], now: float) -> Job:
    """Every file is on disk and verified."""
    return replace(free(job, now), delivery=Delivery.STORED, media=media, blocked_reason="")


def undelivered(job: Job, media: tuple[Media, ...], trouble: KlingError, now: float, dice: random.Random) -> Job:
    """Some file could not be fetched. The job stays succeeded; the result is never given up before it expires."""
    job = replace(free(job, now), media=media)
    if _nothing_left(job, now if isinstance(trouble, Lost) else now - GRACE_S):
        return replace(job, delivery=Delivery.EXPIRED)
    if isinstance(trouble, Unavailable) and job.fetches < FETCHES_IN_A_ROW:
        return replace(job, delivery=Delivery.FETCHING, not_before=now + spread(2.0**job.fetches, dice))
    may_help = trouble.retryable or isinstance(trouble, Lost)  # an address that ran out is asked for anew
    since = now - (job.finished_at or now)
    pause = spread(min(3600.0, max(60.0, since / 2.0)), dice) if may_help else RESULT_LIFE_S
    pause = min(pause, INSISTENT_S) if perishes_at(job, now) else pause
    return replace(job, delivery=Delivery.FAILED, not_before=now + pause)


def perishes_at(job: Job, now: float) -> float | None:
    """When Kling deletes the first file of a job that is not on disk, if that is soon or has just been; else None."""
    if job.delivery not in (Delivery.FETCHING, Delivery.FAILED):
        return None
    ends = [media.expires_at for media in job.media if media.path is None and media.expires_at is not None]
    return min(ends) if ends and now >= min(ends) - ALARM_S else None


def alarm(job: Job, now: float) -> str:
    """What a person should know about a file that Kling is about to delete, as a sentence; empty if there is none."""
    ends = perishes_at(job, now)
    if ends is None:
        return ""
    day = datetime.fromtimestamp(ends, UTC).date().isoformat()
    if now >= ends:
        return (
            f"Kling was to delete a file of it on {day}, and it is not on disk: it is still tried, for the last time."
        )
    days = max(1, math.ceil((ends - now) / 86_400.0))
    left = "1 day is" if days == 1 else f"{days} days are"
    return (
        f"Kling deletes a file of it on {day} and it is not on disk yet: {left} left to put right what keeps it away."
    )


def insisted(job: Job, now: float) -> Job:
    """A job whose file perishes, to be fetched now and not when its pause is over."""
    if job.delivery is not Delivery.FAILED or job.not_before <= now + INSISTENT_S or not perishes_at(job, now):
        return job
    return replace(job, not_before=now, updated_at=now)


def _named(job: Job, number: int, output: Output, progress: Progress) -> Media:
    return Media(
        media_id=f"{job.id}_{number}",
        kind=output.kind,
        url=output.url,
        kling_id=output.kling_id,
        expires_at=None if output.url.startswith(INLINE) else _made_at(job, progress) + RESULT_LIFE_S,
        duration_s=output.duration_s,
        label=output.label,
    )


def _made_at(job: Job, progress: Progress) -> float:
    """When Kling made it, if what it says can be (it might count in other units one day), else when we asked for it.

    What was made elsewhere may be of any age.
    """
    stated = progress.created_at or 0.0
    if not job.attempts and _A_TIME < stated <= job.created_at:
        return stated
    return stated if abs(stated - job.created_at) < RESULT_LIFE_S else job.created_at


def _nothing_left(job: Job, now: float) -> bool:
    """Whether Kling keeps none of the files we lack any more."""
    return all(m.expires_at is not None and m.expires_at < now for m in job.media if m.path is None and m.url)
