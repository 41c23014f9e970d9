"""Clips that are delivered joined to the one before them: made on this machine, and made again if somebody deletes one.

Joining costs no units and loses none, so nothing that goes wrong here fails a job: a sentence says what is missing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kling_mcp.errors import KlingError
from kling_mcp.jobs import whole
from kling_mcp.jobs.fetcher import on_disk, stem
from kling_mcp.jobs.model import Delivery, Job, Media
from kling_mcp.operations.sources import MEDIA_URI

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kling_mcp.jobs.ledger import Ledger
    from kling_mcp.media.probe import Facts
    from kling_mcp.operations.base import Ending

log = logging.getLogger(__name__)


async def joined(ledger: Ledger, plan: Job, ending: Ending, steps: Sequence[Job]) -> tuple[Media | None, Sequence[str]]:
    """The result joined to the clip before it, where that was asked for; or, in a note, why not."""
    if not ending.after:
        return None, ()
    last = next(step for step in steps if step.step == ending.step)
    before, result = await _clip(ledger, ending.after), last.media[0] if last.media else None
    if before is None or result is None or result.path is None or last.delivery is not Delivery.STORED:
        return None, ("The joined clip was not made: not both clips are on disk.",)
    media_id = f"{plan.id}_{len(last.media) + 1}"
    into = Path(plan.folder) / f"{stem(plan, media_id)}.mp4"
    try:
        return await _apart(partial(_join, before, Path(result.path), into, media_id)), ()
    except KlingError as trouble:
        return None, (f"The joined clip could not be made: {trouble}",)
    except Exception:
        log.exception("a bug while joining clips for %s", plan.id)
        return None, ("The joined clip could not be made because of an internal error; the log has it.",)


async def lost(plan: Job) -> Media | None:
    """The joined clip of a job, if there was one and somebody has deleted it."""
    for media in plan.media:
        if media.label == whole.JOINED and not await on_disk(media):
            return media
    return None


async def _clip(ledger: Ledger, uri: str) -> Path | None:
    """The file of a clip of ours, if it is on disk."""
    media_id = uri.removeprefix(MEDIA_URI)
    for job in (await ledger.many([media_id.rpartition("_")[0]])).values():
        for media in job.media:
            if media.media_id == media_id and media.path and await on_disk(media):
                return Path(media.path)
    return None


async def _apart(work: Callable[[], Media]) -> Media:
    """Run it in a thread that ends with the process: a server that is told to stop does not wait for a clip."""
    outcome = Future[Media]()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            outcome.set_exception(error)

    outcome.set_running_or_notify_cancel()
    threading.Thread(target=run, name="joining", daemon=True).start()
    return await asyncio.wrap_future(outcome)


def _join(first: Path, then: Path, into: Path, media_id: str) -> Media:
    """The joined clip, made unless it is there already. Synchronous and busy for seconds."""
    import hashlib  # noqa: PLC0415 - with the two below, which slow the start

    from kling_mcp.media.joining import joined as join  # noqa: PLC0415 - loaded at first use
    from kling_mcp.media.probe import probe  # noqa: PLC0415 - as above

    path, facts = into, _whole(into)
    if facts is None:
        path = join(first, then, into)
        facts = probe(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Media(
        media_id=media_id,
        kind="video",
        url="",
        path=str(path),
        mime=facts.form.mime,
        width=facts.width,
        height=facts.height,
        duration_s=facts.duration_s,
        size=path.stat().st_size,
        sha256=digest,
        label=whole.JOINED,
    )


def _whole(path: Path) -> Facts | None:
    """What is known of a joined clip that an earlier process made; None if it made none, or not all of it."""
    from kling_mcp.media.probe import probe  # noqa: PLC0415 - loaded at first use: it slows the start

    try:
        return probe(path) if path.exists() else None
    except KlingError:
        return None
