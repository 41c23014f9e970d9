"""The table of outcomes, end to end: what each answer of reliability.md section 1.3 makes of a job in the ledger.

Through the real way to Kling (the door and the official provider, on a transport that answers what the row says) and
the real engine, into the ledger on disk.
"""

from __future__ import annotations

import random
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2
import pytest

from kling_mcp.errors import KlingError
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.locks import Owner
from kling_mcp.jobs.model import State
from kling_mcp.jobs.outcomes import Outcome, class_of
from kling_mcp.jobs.posting import Posting
from kling_mcp.jobs.records import Records
from kling_mcp.providers.base import Request
from kling_mcp.providers.refusals import CODES
from tests.providers.far_side import FarSide, answered, legacy_task, refused

from .test_moves import queued

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kling_mcp.jobs.model import Job
    from tests.providers.far_side import Answer

pytestmark = pytest.mark.anyio

HTML = "<html><body>Bad gateway</body></html>"
EXISTS = "External_task_id km1-A already exists"

TABLE: list[tuple[str, Callable[[], Answer], Outcome]] = [
    ("code 0 and a task id", lambda: answered(legacy_task(1, "submitted", "km1-A")), Outcome.DONE),
    ("ConnectError", lambda: httpx2.ConnectError("refused"), Outcome.NEVER_LEFT),
    ("ConnectTimeout", lambda: httpx2.ConnectTimeout("slow"), Outcome.NEVER_LEFT),
    ("PoolTimeout", lambda: httpx2.PoolTimeout("full"), Outcome.NEVER_LEFT),
    ("DNS", lambda: httpx2.ConnectError("[Errno -2] Name or service not known"), Outcome.NEVER_LEFT),
    ("TLS handshake", lambda: httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"), Outcome.NEVER_LEFT),
    ("a proxy refuses the tunnel", lambda: httpx2.ProxyError("502 Bad Gateway"), Outcome.NEVER_LEFT),
    ("1302", lambda: refused(429, 1302), Outcome.BUSY),
    ("1303", lambda: refused(429, 1303), Outcome.BUSY),
    ("1000", lambda: refused(401, 1000), Outcome.HELD),
    ("1001", lambda: refused(401, 1001), Outcome.HELD),
    ("1002", lambda: refused(401, 1002), Outcome.HELD),
    ("1003", lambda: refused(401, 1003), Outcome.HELD),
    ("1004", lambda: refused(401, 1004), Outcome.HELD),
    ("1100", lambda: refused(429, 1100), Outcome.HELD),
    ("1101", lambda: refused(429, 1101), Outcome.HELD),
    ("1102", lambda: refused(429, 1102), Outcome.HELD),
    ("1103", lambda: refused(403, 1103), Outcome.HELD),
    ("1304", lambda: refused(429, 1304), Outcome.HELD),
    ("1200", lambda: refused(400, 1200), Outcome.REFUSED),
    ("1201", lambda: refused(400, 1201), Outcome.REFUSED),
    ("1202", lambda: refused(404, 1202), Outcome.REFUSED),
    ("1203", lambda: refused(404, 1203), Outcome.REFUSED),
    ("1300", lambda: refused(400, 1300), Outcome.REFUSED),
    ("1301", lambda: refused(400, 1301), Outcome.REFUSED),
    ("1201, already there", lambda: refused(400, 1201, EXISTS), Outcome.ALREADY_THERE),
    ("5000", lambda: refused(500, 5000), Outcome.AMBIGUOUS),
    ("5001", lambda: refused(503, 5001), Outcome.AMBIGUOUS),
    ("5002", lambda: refused(504, 5002), Outcome.AMBIGUOUS),
    ("another 5xx", lambda: refused(599, 5999), Outcome.AMBIGUOUS),
    ("2xx that is HTML", lambda: httpx2.Response(200, html=HTML), Outcome.AMBIGUOUS),
    ("2xx that is cut short", lambda: httpx2.Response(200, content=b'{"code":0,"data":{"ta'), Outcome.AMBIGUOUS),
    ("2xx without a task id", lambda: answered({}), Outcome.AMBIGUOUS),
    ("ReadTimeout", lambda: httpx2.ReadTimeout("slow"), Outcome.AMBIGUOUS),
    ("WriteTimeout", lambda: httpx2.WriteTimeout("slow"), Outcome.AMBIGUOUS),
    ("WriteError", lambda: httpx2.WriteError("reset"), Outcome.AMBIGUOUS),
    ("ReadError", lambda: httpx2.ReadError("reset"), Outcome.AMBIGUOUS),
    ("RemoteProtocolError", lambda: httpx2.RemoteProtocolError("disconnected"), Outcome.AMBIGUOUS),
    ("TLS breaks midway", lambda: ssl.SSLError("bad record mac"), Outcome.AMBIGUOUS),
    ("deadline", TimeoutError, Outcome.AMBIGUOUS),
    ("a gateway's 502", lambda: httpx2.Response(502, html=HTML), Outcome.AMBIGUOUS),
    ("a gateway's 503", lambda: httpx2.Response(503, html=HTML), Outcome.AMBIGUOUS),
    ("a gateway's 504", lambda: httpx2.Response(504, html=HTML), Outcome.AMBIGUOUS),
]

NAMED = {
    Outcome.DONE: State.RUNNING,
    Outcome.NEVER_LEFT: State.QUEUED,
    Outcome.BUSY: State.QUEUED,
    Outcome.HELD: State.QUEUED,
    Outcome.REFUSED: State.FAILED,
    Outcome.ALREADY_THERE: State.RUNNING,  # it is Kling's, so no look-up may ever send it back to be posted
    Outcome.AMBIGUOUS: State.UNKNOWN,
}
NAMELESS = NAMED | {Outcome.ALREADY_THERE: State.UNCONFIRMED, Outcome.AMBIGUOUS: State.UNCONFIRMED}
WAITING = {Outcome.NEVER_LEFT, Outcome.BUSY, Outcome.HELD}


async def posted(folder: Path, answer: Answer, *, nameless: bool = False) -> tuple[Job, int]:
    """What one POST makes of a job in the ledger, and how many requests that took."""
    far_side = FarSide([answer])
    provider, ledger = far_side.provider(), Ledger(folder / "ledger.db", far_side.clock)
    owner = Owner(folder / "owners").appear()

    async def changed(_: Job) -> None: ...

    posting = Posting(Records(ledger, far_side.clock, owner, changed), provider, random.Random(1))
    now = far_side.clock.now()
    path = "/v1/audio/tts" if nameless else "/v1/videos/text2video"
    job = replace(queued(), account=provider.account, created_at=now, updated_at=now, path=path)
    if nameless:
        job = replace(job, tool="text_to_speech", nameless=True, slots=0)
    await ledger.add(job, Request("v1", path, {"prompt": "a kite"}, nameless=nameless))
    (claimed,) = await posting.claim()
    await posting.send(claimed)
    row = (await ledger.many([job.id]))[job.id]
    await ledger.close()
    owner.leave()
    return row, len(far_side.requests)


@pytest.mark.parametrize(("answer", "outcome"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
async def test_every_answer_to_a_post_leaves_the_job_where_its_class_says(
    tmp_path: Path, answer: Callable[[], Answer], outcome: Outcome
) -> None:
    job, requests = await posted(tmp_path, answer())
    assert (job.state, requests) == (NAMED[outcome], 1)
    assert (job.owner, job.lease_until) == (None, None)
    assert bool(job.blocked_reason) == (outcome in WAITING or outcome is Outcome.AMBIGUOUS)
    assert (job.failure is not None) == (outcome in {Outcome.HELD, Outcome.REFUSED, Outcome.AMBIGUOUS})
    if outcome in WAITING | {Outcome.REFUSED} and job.failure:
        assert job.failure.charged is False


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [row[1:] for row in TABLE if row[2] is not Outcome.DONE],
    ids=[row[0] for row in TABLE if row[2] is not Outcome.DONE],
)
async def test_what_has_no_name_is_never_in_doubt_for_long_and_never_sent_again_after_one(
    tmp_path: Path, answer: Callable[[], Answer], outcome: Outcome
) -> None:
    job, requests = await posted(tmp_path, answer(), nameless=True)
    assert (job.state, requests) == (NAMELESS[outcome], 1)
    if job.state is State.UNCONFIRMED:
        assert job.failure is not None
        assert job.failure.charged is None


@pytest.mark.parametrize(("answer", "outcome"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
async def test_the_class_of_an_answer_is_a_value(answer: Callable[[], Answer], outcome: Outcome) -> None:
    try:
        heard = await FarSide([answer()]).provider().submit(Request("v1", "/v1/videos/text2video", {}), "km1-A")
    except KlingError as error:
        heard = error
    assert class_of(heard) is outcome


def test_every_code_of_the_contract_stands_in_the_table() -> None:
    assert {int(name) for name, *_ in TABLE if name.isdigit()} == set(CODES)
