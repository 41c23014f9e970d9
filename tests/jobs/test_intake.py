"""The transaction that turns a request into a job: repeats found, limits held, approvals used once."""

from __future__ import annotations

import itertools
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from kling_mcp.clock import ManualClock
from kling_mcp.errors import Failure, InvalidRequest, KlingError, NeedsApproval, OverLimit
from kling_mcp.jobs import moves, whole
from kling_mcp.jobs.doubts import unconfirmed
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.ledger.intake import Intake, Wanted
from kling_mcp.jobs.model import PLAN, Job, State
from kling_mcp.jobs.results import succeeded
from kling_mcp.jobs.spend import Accepted, Limits, Terms, check_key, day, reserved
from kling_mcp.operations.base import Ending, Quote
from kling_mcp.providers.base import Progress, Request

from .test_moves import T0, queued

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio

POSTED = Request("v1", "/v1/videos/text2video", {"prompt": "a kite"})
DAY = 86_400.0
ANOTHER = Terms(allow_duplicate=True)
FREE = Limits()
_numbers = itertools.count()


@dataclass(frozen=True)
class Desk:
    """A ledger, and somebody who asks it to accept requests."""

    ledger: Ledger
    intake: Intake
    clock: ManualClock

    @classmethod
    def at(cls, path: Path, clock: ManualClock) -> Desk:
        ledger = Ledger(path / "ledger.db", clock)
        return cls(ledger, Intake(ledger), clock)

    def job(self, units: str | None = "3", **facts: Any) -> Job:  # noqa: ANN401 - a table's columns
        now = self.clock.now()
        quoted = None if units is None else Decimal(units)
        plain = replace(queued(), id=f"km1-{next(_numbers):06}", created_at=now, updated_at=now, units_quoted=quoted)
        return replace(plain, **facts)

    async def accept(
        self,
        units: str | None = "3",
        terms: Terms = ANOTHER,
        limits: Limits = FREE,
        **facts: Any,  # noqa: ANN401 - a table's columns
    ) -> Accepted:
        job = replace(self.job(units, **facts), idempotency_key=terms.idempotency_key)
        price = Quote(job.units_quoted, "video", "5 s x 0.6 units", "2026-11-01")
        return await self.intake.accept(Wanted(job, POSTED, price, terms, limits))

    async def put(self, job: Job) -> Job:
        """A job as it stands in the ledger, however it came there."""
        await self.ledger.add(job, POSTED)
        return job

    async def spent(self) -> Decimal:
        return await self.intake.spent("official", self.clock.now())


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    opened = Desk.at(tmp_path, ManualClock(T0))
    yield opened
    await opened.ledger.close()


# ---- repeats


@pytest.mark.parametrize("state", [s for s in State if s not in (State.FAILED, State.CANCELLED, State.UNCONFIRMED)])
async def test_the_same_request_within_two_minutes_is_the_same_job_whatever_it_is_doing(
    desk: Desk, state: State
) -> None:
    first = await desk.put(desk.job(state=state))
    desk.clock.advance(120.0)
    again = await desk.accept(terms=Terms())
    assert again == Accepted(first, deduplicated=True)
    assert len(await desk.ledger.newest("official")) == 1


@pytest.mark.parametrize(
    ("facts", "later", "terms"),
    [
        ({}, 120.1, Terms()),
        ({}, -120.1, Terms()),
        ({}, 1.0, ANOTHER),
        ({"state": State.FAILED}, 1.0, Terms()),
        ({"state": State.CANCELLED}, 1.0, Terms()),
        ({"request_hash": "other"}, 1.0, Terms()),
        ({"account": "another"}, 1.0, Terms()),
        ({"parent": "km1-P", "step": "clip"}, 1.0, Terms()),
    ],
    ids=["later", "clock set back", "said so", "failed", "cancelled", "other request", "other account", "a step"],
)
async def test_what_is_no_repeat_is_a_job_of_its_own(
    desk: Desk, facts: dict[str, Any], later: float, terms: Terms
) -> None:
    await desk.put(desk.job(**facts))
    desk.clock.advance(later)
    assert not (await desk.accept(terms=terms)).deduplicated


async def test_a_repeat_a_moment_before_by_another_processs_clock_is_one_too(desk: Desk) -> None:
    first = await desk.put(desk.job())
    desk.clock.advance(-5.0)
    assert (await desk.accept(terms=Terms())).job == first


async def test_a_failed_repeat_does_not_hide_the_job_before_it(desk: Desk) -> None:
    first = await desk.put(desk.job())
    desk.clock.advance(10.0)
    await desk.put(desk.job(state=State.FAILED))
    assert (await desk.accept(terms=Terms())).job == first


def _doubtful(job: Job, now: float) -> Job:
    return unconfirmed(replace(job, nameless=True), Failure("x", "The answer was lost."), now)


@pytest.mark.parametrize("age", [0.0, 121.0, DAY])
async def test_the_like_of_what_may_have_been_charged_is_refused_until_a_second_charge_is_accepted(
    desk: Desk, age: float
) -> None:
    doubtful = await desk.put(_doubtful(desk.job(), T0))
    desk.clock.advance(age)
    with pytest.raises(InvalidRequest) as refusal:
        await desk.accept(terms=Terms())
    assert [p.field for p in refusal.value.problems] == ["confirm_possible_duplicate"]
    for word in (doubtful.id, "list_charges", "confirm_possible_duplicate=true"):
        assert word in str(refusal.value)
    assert not (await desk.accept(terms=Terms(confirm_possible_duplicate=True))).deduplicated


@pytest.mark.parametrize(("units", "age", "terms"), [("3", DAY + 1, Terms()), ("3", 1.0, ANOTHER), ("0", 1.0, Terms())])
async def test_a_doubt_holds_nobody_up_once_it_is_old_or_overruled_or_about_nothing(
    desk: Desk, units: str, age: float, terms: Terms
) -> None:
    await desk.put(_doubtful(desk.job(units), T0))
    desk.clock.advance(age)
    assert not (await desk.accept(units, terms)).deduplicated


async def test_a_doubt_counts_from_when_it_was_known(desk: Desk) -> None:
    await desk.put(_doubtful(desk.job(), T0 + 2 * DAY))  # its look-ups could not be answered for two days
    desk.clock.advance(2 * DAY + 60)
    with pytest.raises(InvalidRequest):
        await desk.accept(terms=Terms())


async def test_who_accepted_a_second_charge_is_not_asked_again_and_its_repeat_is_found(desk: Desk) -> None:
    await desk.put(_doubtful(desk.job(), T0))
    desk.clock.advance(10.0)
    second = (await desk.accept(terms=Terms(confirm_possible_duplicate=True))).job
    desk.clock.advance(10.0)
    assert (await desk.accept(terms=Terms())).job.id == second.id


@pytest.mark.parametrize("state", list(State))
async def test_one_key_is_one_job_for_ever(desk: Desk, state: State) -> None:
    terms = Terms(idempotency_key="order-1")
    first = await desk.put(desk.job(state=state, idempotency_key="order-1"))
    desk.clock.advance(400 * DAY)
    for given in (terms, replace(terms, allow_duplicate=True)):
        assert await desk.accept(terms=given) == Accepted(first, deduplicated=True)
    with pytest.raises(InvalidRequest, match=f"used by job {first.id}"):
        await desk.accept(terms=terms, request_hash="other")
    assert not (await desk.accept(terms=terms, account="another")).deduplicated


async def test_requests_with_keys_of_their_own_are_apart_however_alike(desk: Desk) -> None:
    first = await desk.accept(terms=Terms(idempotency_key="order-1"))
    assert not (await desk.accept(terms=Terms(idempotency_key="order-2"))).deduplicated
    assert (await desk.accept(terms=Terms(idempotency_key="order-1"))).job.id == first.job.id
    assert (await desk.accept(terms=Terms())).deduplicated, "one without a key may be the retry of any"


async def test_a_retry_that_is_named_only_now_is_found_all_the_same(desk: Desk) -> None:
    first = await desk.accept(terms=Terms())
    assert (await desk.accept(terms=Terms(idempotency_key="order-1"))).job.id == first.job.id


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, "café", "a\n", "\x7f", "\u200b"])
def test_a_key_that_people_cannot_tell_from_another_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest, match="1 to 128 visible") as refusal:
        check_key(key)
    assert refusal.value.problems[0].field == "idempotency_key"


@pytest.mark.parametrize("key", [None, "a", "x" * 128, "3f0c-!~/="])
def test_other_keys_are_not(key: str | None) -> None:
    check_key(key)


async def test_a_job_that_moves_to_a_renewed_credential_where_its_key_was_used_moves_without_it(desk: Desk) -> None:
    terms = Terms(idempotency_key="order-1")
    old = (await desk.accept(terms=terms)).job
    new = (await desk.accept(terms=terms, account="renewed")).job
    moved = await desk.ledger.save(moves.rehomed(old, "renewed", T0))
    assert moved is not None
    assert (moved.account, moved.idempotency_key) == ("renewed", None)
    assert (await desk.accept(terms=terms, account="renewed")).job == new


async def test_the_same_request_from_two_processes_at_the_same_instant_is_one_job(desk: Desk, tmp_path: Path) -> None:
    other = Desk.at(tmp_path, desk.clock)
    found = list[Accepted]()

    async def ask(at: Desk, terms: Terms) -> None:
        found.append(await at.accept(terms=terms))

    for terms in (Terms(), Terms(idempotency_key="k", allow_duplicate=True)):
        found.clear()
        async with anyio.create_task_group() as crowd:
            for n in range(200):
                crowd.start_soon(ask, (desk, other)[n % 2], terms)
        assert len({a.job.id for a in found}) == 1
        assert sum(not a.deduplicated for a in found) == 1
    assert len(await desk.ledger.newest("official", limit=1000)) == 2
    await other.ledger.close()


async def test_a_repeat_is_found_before_limits_and_approval_are_asked(desk: Desk) -> None:
    first = await desk.accept(terms=Terms())
    tight = Limits(per_job=Decimal(1), per_day=Decimal(1), confirm_above=Decimal(0))
    assert (await desk.accept(terms=Terms(), limits=tight)).job.id == first.job.id


# ---- limits


async def test_a_job_may_cost_what_the_limit_says_and_not_a_millionth_more(desk: Desk) -> None:
    limits = Limits(per_job=Decimal("2.5"))
    await desk.accept("2.5", limits=limits)
    with pytest.raises(OverLimit) as refusal:
        await desk.accept("2.500001", limits=limits)
    failure = refusal.value.failure
    assert "2.500001 units, 0.35 USD (5 s x 0.6 units)" in failure.message
    assert "the 2.5 units that KLING_MAX_UNITS_PER_JOB allows" in failure.message
    assert "raise KLING_MAX_UNITS_PER_JOB" in failure.fix
    assert failure.sentence().endswith("Nothing was submitted and nothing was charged.")


async def test_a_day_may_cost_what_the_limit_says_and_not_a_millionth_more(desk: Desk) -> None:
    limits = Limits(per_day=Decimal(10))
    for units in ("9", "0.999999", "0.000001", "0"):
        await desk.accept(units, limits=limits)
    assert await desk.spent() == 10
    with pytest.raises(OverLimit):
        await desk.accept("0.000001", limits=limits)
    assert len(await desk.ledger.newest("official")) == 4


async def test_who_is_refused_for_the_day_is_told_what_is_left_and_when_it_ends(desk: Desk) -> None:
    _, midnight = day(T0)
    desk.clock.advance(midnight - T0 - 3 * 3600 - 120)
    await desk.accept("8.5")
    with pytest.raises(OverLimit) as refusal:
        await desk.accept("3", limits=Limits(per_day=Decimal(10)))
    failure = refusal.value.failure
    for words in ("costs 3 units, 0.42 USD", "the 10 units that KLING_MAX_UNITS_PER_DAY", "1.5 units are left"):
        assert words in failure.message
    assert failure.message.endswith("00:00 UTC, in 3 h 2 min.")
    assert "raise KLING_MAX_UNITS_PER_DAY" in failure.fix


async def test_who_asks_for_more_than_a_whole_day_allows_is_not_told_to_wait_for_the_next(desk: Desk) -> None:
    for cap in ("2", "0"):
        with pytest.raises(OverLimit) as refusal:
            await desk.accept("3", limits=Limits(per_day=Decimal(cap)))
        failure = refusal.value.failure
        assert f"more than the {cap} units that KLING_MAX_UNITS_PER_DAY allows for a whole day." in failure.message
        assert "the day is over" not in failure.fix


async def test_the_day_ends_at_midnight_utc(desk: Desk) -> None:
    limits = Limits(per_day=Decimal(3))
    began, ended = day(T0)
    assert (began % DAY, ended - began) == (0, DAY)
    desk.clock.advance(ended - T0 - 0.001)
    await desk.accept(limits=limits)
    with pytest.raises(OverLimit):
        await desk.accept(limits=limits)
    desk.clock.advance(0.001)
    assert await desk.spent() == 0
    await desk.accept(limits=limits)
    with pytest.raises(OverLimit):
        await desk.accept(limits=limits)


async def test_of_many_who_ask_at_once_in_two_processes_exactly_as_many_are_accepted_as_fit(
    desk: Desk, tmp_path: Path
) -> None:
    other, limits, refused = Desk.at(tmp_path, desk.clock), Limits(per_day=Decimal(100)), list[OverLimit]()

    async def ask(at: Desk) -> None:
        try:
            await at.accept("3", limits=limits)
        except OverLimit as refusal:
            refused.append(refusal)

    async with anyio.create_task_group() as crowd:
        for n in range(120):
            crowd.start_soon(ask, (desk, other)[n % 2])
    assert (len(refused), await desk.spent(), await other.spent()) == (120 - 33, 99, 99)
    await desk.accept("1", limits=limits)
    assert await other.spent() == 100
    await other.ledger.close()


async def test_the_sum_of_the_day_follows_every_kind_of_write(desk: Desk, tmp_path: Path) -> None:
    other, limits = Desk.at(tmp_path, desk.clock), Limits(per_day=Decimal(1000))
    first = (await desk.accept("5", limits=limits)).job
    assert await desk.spent() == 5
    await other.accept("7")
    assert await desk.spent() == 12
    await desk.ledger.save(moves.cancelled(first, T0))
    assert await desk.spent() == await other.spent() == 7
    await desk.accept("1")  # without a limit, in between
    await desk.accept("2", limits=limits)
    assert await desk.spent() == await other.spent() == 10
    await other.ledger.close()


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_sequence_of_writes_in_two_processes_both_know_the_same_true_sum(
    desk: Desk, tmp_path: Path, seed: int
) -> None:
    other, limits, dice = Desk.at(tmp_path, desk.clock), Limits(per_day=Decimal(60)), random.Random(seed)
    moved = [make for make, _ in ANSWERS.values()]
    for _ in range(60):
        at = dice.choice((desk, other))
        jobs = await at.ledger.newest("official", limit=1000)
        true = sum((reserved(job) for job in jobs), Decimal(0))
        if dice.random() < 0.5 and (open_jobs := [job for job in jobs if not job.finished]):
            await at.ledger.save(dice.choice(moved)(dice.choice(open_jobs)))
            continue
        units = Decimal(dice.randint(1, 20_000_000)) / 1_000_000
        if true + units <= 60:
            await at.accept(str(units), limits=dice.choice((limits, FREE)))
        else:
            with pytest.raises(OverLimit):
                await at.accept(str(units), limits=limits)
    true = sum((reserved(job) for job in await desk.ledger.newest("official", limit=1000)), Decimal(0))
    assert await desk.spent() == await other.spent() == true
    await other.ledger.close()


async def test_a_renewed_key_has_no_new_day_and_another_provider_has_its_own(desk: Desk) -> None:
    limits = Limits(per_day=Decimal(5))
    await desk.accept(limits=limits)
    with pytest.raises(OverLimit):
        await desk.accept(limits=limits, account="renewed")
    await desk.accept(limits=limits, provider="sandbox")


@pytest.mark.parametrize("limits", [Limits(per_job=Decimal(1)), Limits(per_day=Decimal(1))], ids=["job", "day"])
async def test_what_nobody_knows_the_price_of_cannot_be_held_to_a_limit(desk: Desk, limits: Limits) -> None:
    with pytest.raises(OverLimit) as refusal:
        await desk.accept(None, limits=limits)
    name = "KLING_MAX_UNITS_PER_JOB" if limits.per_job else "KLING_MAX_UNITS_PER_DAY"
    assert name in refusal.value.failure.message
    assert f"unset {name}" in refusal.value.failure.fix
    await desk.accept(None)
    await desk.accept("0", limits=limits)


# ---- what is reserved


def _done(job: Job, units: str | None) -> Job:
    progress = Progress("t1", "succeeded", units=None if units is None else Decimal(units))
    return succeeded(replace(job, task_id="t1"), progress, T0)


def _failed(job: Job, *, charged: bool | None) -> Job:
    return moves.failed(job, Failure("x", "no", charged=charged), T0)


ANSWERS: dict[str, tuple[Callable[[Job], Job], str]] = {
    "posted": (lambda job: moves.claimed(job, "me", T0), "3"),
    "lost": (lambda job: moves.doubted(job, Failure("x", "lost"), T0, 5), "3"),
    "running": (lambda job: moves.accepted(job, Progress("t1", "submitted"), T0), "3"),
    "cheaper": (lambda job: _done(job, "2.5"), "2.5"),
    "dearer": (lambda job: _done(job, "4"), "4"),
    "of untold cost": (lambda job: _done(job, None), "3"),
    "failed free": (lambda job: _failed(job, charged=False), "0"),
    "failed, perhaps charged": (lambda job: _failed(job, charged=None), "3"),
    "failed and charged": (lambda job: _failed(job, charged=True), "3"),
    "cancelled": (lambda job: moves.cancelled(job, T0), "0"),
    "doubtful": (lambda job: _doubtful(job, T0), "3"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_what_is_reserved_is_settled_by_the_answer(desk: Desk, name: str) -> None:
    after, left = ANSWERS[name]
    saved = await desk.ledger.save(after((await desk.accept("3")).job))
    assert saved is not None
    assert await desk.spent() == reserved(saved) == Decimal(left)


async def test_a_step_costs_nothing_beside_the_job_that_it_is_a_step_of(desk: Desk) -> None:
    await desk.accept("3")
    await desk.put(desk.job("3", parent="km1-P", step="clip", state=State.RUNNING))
    assert await desk.spent() == 3


# ---- approvals

DEAR = Limits(confirm_above=Decimal(2))


async def test_what_is_dear_needs_a_person_and_reserves_nothing_until_one_has_agreed(desk: Desk) -> None:
    with pytest.raises(NeedsApproval) as asked:
        await desk.accept("3", limits=DEAR)
    assert (asked.value.quote.units, asked.value.quote.usd, asked.value.quote.basis) == (
        Decimal(3),
        Decimal("0.42"),
        "5 s x 0.6 units",
    )
    assert "costs 3 units, 0.42 USD" in asked.value.failure.message
    assert "KLING_CONFIRM_ABOVE_UNITS is 2)" in asked.value.failure.message
    assert (await desk.spent(), await desk.ledger.newest("official")) == (0, [])
    await desk.accept("3", Terms(approved=True), DEAR)
    await desk.accept("2", limits=DEAR)


async def test_what_nobody_knows_the_price_of_needs_a_person_too(desk: Desk) -> None:
    with pytest.raises(NeedsApproval, match="price is not known") as asked:
        await desk.accept(None, limits=DEAR)
    assert asked.value.quote.units is None
    await desk.accept(None, Terms(approved=True), DEAR)


async def test_a_token_is_good_once(desk: Desk) -> None:
    token = await desk.intake.approval("acc", "h")
    await desk.accept("3", replace(ANOTHER, confirm=token), DEAR)
    with pytest.raises(NeedsApproval, match="not good for it"):
        await desk.accept("3", replace(ANOTHER, confirm=token), DEAR)


@pytest.mark.parametrize("facts", [{"request_hash": "other"}, {"account": "another"}], ids=["request", "account"])
async def test_a_token_is_good_for_that_request_only(desk: Desk, facts: dict[str, str]) -> None:
    token = await desk.intake.approval("acc", "h")
    with pytest.raises(NeedsApproval, match="not good for it"):
        await desk.accept("3", Terms(confirm=token), DEAR, **facts)
    await desk.accept("3", Terms(confirm=token), DEAR)


async def test_a_token_is_good_for_a_quarter_of_an_hour(desk: Desk) -> None:
    early, late = [await desk.intake.approval("acc", "h") for _ in range(2)]
    desk.clock.advance(899.9)
    await desk.accept("3", replace(ANOTHER, confirm=early), DEAR)
    desk.clock.advance(0.1)
    with pytest.raises(NeedsApproval, match="15 minutes"):
        await desk.accept("3", replace(ANOTHER, confirm=late), DEAR)


@pytest.mark.parametrize("token", ["", "ok-guessed", "' OR 1=1 --", "é" * 4000])
async def test_what_was_never_a_token_is_none(desk: Desk, token: str) -> None:
    await desk.intake.approval("acc", "h")
    with pytest.raises(NeedsApproval):
        await desk.accept("3", Terms(confirm=token), DEAR)


async def test_of_many_who_use_one_token_at_once_one_is_accepted(desk: Desk, tmp_path: Path) -> None:
    other, token = Desk.at(tmp_path, desk.clock), await desk.intake.approval("acc", "h")
    refused = list[KlingError]()

    async def ask(at: Desk) -> None:
        try:
            await at.accept("3", replace(ANOTHER, confirm=token), DEAR)
        except NeedsApproval as refusal:
            refused.append(refusal)

    async with anyio.create_task_group() as crowd:
        for n in range(40):
            crowd.start_soon(ask, (desk, other)[n % 2])
    assert len(refused) == 39
    await other.ledger.close()


async def test_a_token_survives_a_restart_and_the_file_does_not_tell_it(desk: Desk, tmp_path: Path) -> None:
    token = await desk.intake.approval("acc", "h")
    await desk.ledger.close()
    with closing(sqlite3.connect(desk.ledger.path)) as db:
        assert token not in "".join(db.iterdump())
    again = Desk.at(tmp_path, desk.clock)
    await again.accept("3", Terms(confirm=token), DEAR)
    await again.ledger.close()


async def test_a_refusal_for_another_reason_does_not_use_the_token_up(desk: Desk) -> None:
    token = await desk.intake.approval("acc", "h")
    with pytest.raises(OverLimit):
        await desk.accept("3", Terms(confirm=token), replace(DEAR, per_day=Decimal(1)))
    await desk.accept("3", Terms(confirm=token), replace(DEAR, per_day=Decimal(3)))


async def test_a_limit_comes_before_the_question_so_nobody_agrees_in_vain(desk: Desk) -> None:
    for limits in (replace(DEAR, per_job=Decimal(1)), replace(DEAR, per_day=Decimal(1))):
        with pytest.raises(OverLimit):
            await desk.accept("3", Terms(approved=True), limits)


async def test_a_key_given_with_a_repeat_of_a_nameless_request_names_its_job_from_then_on(desk: Desk) -> None:
    first = (await desk.accept(terms=Terms())).job
    claimed = await desk.ledger.save(moves.claimed(first, "somebody", desk.clock.now()))
    assert claimed is not None
    repeat = await desk.accept(terms=Terms(idempotency_key="film-1"))
    assert (repeat.job.id, repeat.job.idempotency_key, repeat.deduplicated) == (first.id, "film-1", True)
    running = moves.accepted(claimed, Progress("t1", "submitted"), desk.clock.now())
    assert await desk.ledger.save(running), "who was at it meanwhile read it without the key, and does not take it away"
    desk.clock.advance(DAY)
    again = await desk.accept(terms=Terms(idempotency_key="film-1"))
    assert (again.job.id, again.deduplicated) == (first.id, True)
    assert len(await desk.ledger.newest("official")) == 1


async def test_a_job_of_a_clock_that_was_ahead_does_not_hide_what_is_repeated(desk: Desk) -> None:
    await desk.put(desk.job(created_at=T0 + 3600.0))
    second = await desk.accept(terms=Terms())
    assert not second.deduplicated
    desk.clock.advance(5.0)
    assert await desk.accept(terms=Terms()) == Accepted(second.job, deduplicated=True)


# ---- what a job of several steps counts


def step_of(name: str, quoted: str, charged: str | None, state: State, told: Failure | None = None) -> Job:
    made = replace(queued(), id=f"km1-P-{name}", parent="km1-P", step=name, state=state, failure=told, finished_at=T0)
    return replace(made, units_quoted=Decimal(quoted), units_charged=None if charged is None else Decimal(charged))


LOST = Failure("lost", "Kling no longer lists this task.", charged=None)
REFUSED = Failure("1301", "Kling refused it.", charged=False)


@pytest.mark.parametrize(
    ("steps", "counts"),
    [
        ([("10", "9", State.SUCCEEDED, None), ("5", "4", State.SUCCEEDED, None)], "13"),
        ([("10", None, State.SUCCEEDED, None), ("5", "4", State.SUCCEEDED, None)], "15"),
        ([("10", "9", State.SUCCEEDED, None), ("5", None, State.UNCONFIRMED, LOST)], "15"),
        ([("10", "9", State.SUCCEEDED, None), ("5", None, State.FAILED, LOST)], "15"),
        ([("10", "9", State.SUCCEEDED, None), ("5", None, State.FAILED, REFUSED)], "9"),
        ([("10", "9", State.SUCCEEDED, None), ("5", None, State.CANCELLED, None)], "9"),
        ([("10", "19", State.SUCCEEDED, None), ("5", None, State.UNCONFIRMED, LOST)], "19"),
    ],
)
def test_a_whole_counts_its_price_as_long_as_a_step_may_have_cost_what_nobody_states(
    steps: list[tuple[str, str | None, State, Failure | None]], counts: str
) -> None:
    plan = replace(queued(), id="km1-P", wire=PLAN, state=State.RUNNING, units_quoted=Decimal(15))
    own = [step_of(name, *each) for name, each in zip(("first", "second"), steps, strict=True)]
    through = own[-1].state is State.SUCCEEDED
    over = whole.finished(plan, Ending("second"), own, T0) if through else whole.ended(plan, own, T0)
    assert reserved(over) == Decimal(counts)
