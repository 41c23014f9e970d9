"""Kling's bill beside the ledger: every charge has its job, or is told to have none; no charge explains two jobs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kling_mcp.jobs.billing import NEAR_S, audited
from kling_mcp.jobs.model import PLAN, Job, State
from kling_mcp.providers.base import Charge

NOW = 1_790_000_000.0
DAY = 86_400.0
FILM = Job(
    id="km1-A",
    account="acct",
    provider="official",
    tool="generate_video",
    request_hash="hash",
    arguments={},
    model_name="kling-v3",
    units_quoted=Decimal(3),
    created_at=NOW - 100,
    updated_at=NOW,
    wire="v1",
    path="/v1/videos/text2video",
    state=State.SUCCEEDED,
    task_id="t1",
    units_charged=Decimal(3),
    package="video",
)
FACES = replace(
    FILM,
    id="km1-F",
    tool="identify_faces",
    nameless=True,
    task_id=None,
    units_quoted=Decimal("0.05"),
    units_charged=Decimal("0.05"),
)
LOST = replace(FACES, id="km1-L", state=State.UNCONFIRMED, units_charged=None)


def charge(task_id: str, amount: str = "3", at: float = NOW - 50, function: str = "Text to Video") -> Charge:
    return Charge(task_id, function, "", at, Decimal(amount), "video")


def found(task_id: str = "x", at: float = NOW - 95, amount: str = "0.05", function: str = "Identify Face") -> Charge:
    return charge(task_id, amount, at, function)


def test_a_charge_of_a_known_task_is_its_jobs() -> None:
    audit = audited([charge("t1")], [FILM], NOW - DAY, NOW)
    assert audit.owners == (FILM,)
    assert (audit.alike, audit.unbooked, audit.unconfirmed) == (frozenset(), (), ())


def test_a_charge_of_an_unknown_task_has_no_job() -> None:
    audit = audited([charge("t1"), charge("t2")], [FILM], NOW - DAY, NOW)
    assert audit.owners == (FILM, None)
    (day,) = audit.days
    assert (day.ledger, day.kling) == (3, 6)


def test_a_charge_whose_task_kling_never_told_is_found_by_function_amount_and_time() -> None:
    assert audited([found()], [FILM, FACES], NOW - DAY, NOW).owners == (FACES,)
    assert audited([found(amount="0.1")], [FACES], NOW - DAY, NOW).owners == (None,)
    assert audited([found(function="Image Recognition")], [FACES], NOW - DAY, NOW).owners == (None,)
    assert audited([found(at=NOW - 101 - NEAR_S)], [FACES], NOW - DAY, NOW).owners == (None,)
    assert audited([found(function="")], [FACES], NOW - DAY, NOW).owners == (FACES,)


def test_what_a_hurried_clock_says_of_the_time_counts_for_nothing() -> None:
    assert audited([found(at=NOW + 5 * DAY)], [FACES], NOW - DAY, NOW).owners == (FACES,)


def test_one_charge_explains_one_job_the_sure_one_first() -> None:
    audit = audited([found()], [LOST, FACES], NOW - DAY, NOW)
    assert audit.owners == (FACES,)
    assert audit.unconfirmed == ((LOST, None),)
    both = audited([found("x"), found("y", NOW - 90)], [LOST, FACES], NOW - DAY, NOW)
    assert {job.id for job in both.owners if job} == {"km1-F", "km1-L"}
    assert [(job.id, charge is not None) for job, charge in both.unconfirmed] == [("km1-L", True)]


def test_a_charged_job_that_the_bill_lacks_is_not_booked_yet() -> None:
    assert audited([], [FILM, FACES], NOW - DAY, NOW).unbooked == (FILM, FACES)
    free, running = replace(FILM, units_charged=Decimal(0)), replace(FILM, units_charged=None, state=State.RUNNING)
    assert audited([], [free, running], NOW - DAY, NOW).unbooked == ()
    before = replace(FILM, created_at=NOW - 2 * DAY)
    assert audited([], [before], NOW - DAY, NOW).unbooked == ()
    assert audited([charge("t1")], [before], NOW - DAY, NOW).owners == (before,)


def test_a_job_of_several_steps_is_not_counted_beside_them() -> None:
    whole = replace(FILM, id="km1-W", wire=PLAN, task_id=None)
    audit = audited([charge("t1")], [whole, replace(FILM, parent="km1-W")], NOW - DAY, NOW)
    assert audit.unbooked == ()
    assert sum(day.ledger for day in audit.days) == 3


def test_money_is_matched_by_task_and_counted_as_no_units() -> None:
    paid = replace(charge("t1", "0.42"), currency="USD", package="")
    stray = replace(found(), currency="USD", package="")
    audit = audited([paid, stray], [FILM, FACES], NOW - DAY, NOW)
    assert audit.owners == (FILM, None)
    assert sum(day.kling for day in audit.days) == 0


@st.composite
def ledgers(draw: st.DrawFn) -> list[Job]:
    numbers = draw(st.lists(st.integers(0, 9), unique=True))
    states = st.sampled_from([State.SUCCEEDED, State.UNCONFIRMED])
    return [
        replace(
            FACES,
            id=f"km1-{number}",
            created_at=NOW - draw(st.floats(0, 2000)),
            state=draw(states),
            task_id=f"t{number}" if draw(st.booleans()) else None,
        )
        for number in numbers
    ]


@st.composite
def bills(draw: st.DrawFn) -> list[Charge]:
    numbers = draw(st.lists(st.integers(0, 20), unique=True))
    return [found(f"t{number}", NOW - draw(st.floats(0, 2000))) for number in numbers]


@given(bills(), ledgers())
def test_no_two_charges_are_ever_explained_by_one_job(bill: list[Charge], ledger: list[Job]) -> None:
    audit = audited(bill, ledger, NOW - DAY, NOW)
    owners = [job.id for job in audit.owners if job]
    assert len(owners) == len(set(owners))
    assert len(audit.owners) == len(bill)
    assert not {job.id for job in audit.unbooked} & set(owners)
