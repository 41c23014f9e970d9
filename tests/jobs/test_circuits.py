"""When circuits open, when they are tried, and what closes them, as tables."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from kling_mcp.errors import Failure
from kling_mcp.jobs import circuits, moves
from kling_mcp.jobs.circuits import (
    ACCOUNT,
    DOUBTS_TO_OPEN,
    FIRST_DOUBT_PAUSE_S,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    Circuit,
)
from kling_mcp.jobs.outcomes import Outcome
from kling_mcp.providers.base import Balance, Pack

from .test_moves import T0, queued

if TYPE_CHECKING:
    from kling_mcp.jobs.model import Job

VIDEO = "pack:video"


def sent(at: float) -> Job:
    return moves.claimed(replace(queued(), package="video"), "me", at)


def refusal(code: str) -> Failure:
    return Failure(code, f"Kling says {code}.", "Do something.")


def opened(code: str, scope: str = ACCOUNT) -> Circuit:
    return circuits.after(Circuit(scope), sent(T0 - 1), Outcome.HELD, refusal(code), T0)


def pack(remaining: str, name: str = "Trial-Video-100Units-5Con-1Months", status: str = "online") -> Pack:
    return Pack(name, status, Decimal(100), Decimal(remaining))


@pytest.mark.parametrize("code", ["1000", "1001", "1002", "1003", "1004", "1100", "1101", "1304"])
def test_what_the_whole_account_is_refused_for_holds_all_its_jobs(code: str) -> None:
    assert circuits.scope_of(sent(T0), code) == ACCOUNT
    assert opened(code).is_open


def test_an_empty_pack_holds_what_it_pays_and_a_missing_right_one_model_of_one_function() -> None:
    assert circuits.scope_of(sent(T0), "1102") == VIDEO
    assert circuits.scope_of(sent(T0), "1103") == "model:/v1/videos/text2video kling-v3"
    assert not circuits.after(Circuit(ACCOUNT), sent(T0), Outcome.HELD, refusal("1102"), T0).is_open


def test_a_refusal_opens_it_for_15_seconds_and_each_probe_that_fails_for_twice_as_long_up_to_10_minutes() -> None:
    circuit, pauses = opened("1002"), list[float]()
    for _ in range(8):
        now = circuit.probe_at
        pauses.append(circuit.pause)
        assert not circuits.is_due(circuit, now - 1, T0 - 60)
        assert circuits.is_due(circuit, now, T0 - 60)
        circuit = circuits.asked(circuit, now)
        assert not circuits.is_due(circuit, now + 60, T0 - 60), "one process makes the probe"
        circuit = circuits.after(circuit, sent(now), Outcome.HELD, refusal("1002"), now + 1)
    assert pauses == [15, 30, 60, 120, 240, 480, 600, 600]
    assert circuit.opened_at == T0


def test_refusals_of_what_was_under_way_when_it_opened_lengthen_nothing() -> None:
    circuit = opened("1002")
    assert circuits.after(circuit, sent(T0 - 1), Outcome.HELD, refusal("1002"), T0 + 2).pause == FIRST_PAUSE_S


def test_a_new_job_of_somebody_who_may_have_put_things_right_shortens_a_long_pause() -> None:
    circuit = replace(opened("1102", VIDEO), pause=LONGEST_PAUSE_S, probe_at=T0 + LONGEST_PAUSE_S)
    assert not circuits.is_due(circuit, T0 + FIRST_PAUSE_S, T0 - 1)
    assert circuits.is_due(circuit, T0 + FIRST_PAUSE_S, T0 + 5)
    assert not circuits.is_due(circuit, T0 + FIRST_PAUSE_S - 1, T0 + 5), "no more than four a minute"


@pytest.mark.parametrize(
    ("code", "outcome", "closes"),
    [
        ("1002", Outcome.DONE, True),
        ("1002", Outcome.BUSY, True),
        ("1002", Outcome.ALREADY_THERE, True),
        ("1002", Outcome.REFUSED, True),
        ("1101", Outcome.REFUSED, False),
        ("1101", Outcome.DONE, True),
        ("1002", Outcome.AMBIGUOUS, False),
        ("1002", Outcome.NEVER_LEFT, False),
    ],
)
def test_what_a_probe_proves(code: str, outcome: Outcome, closes: bool) -> None:
    probing = circuits.asked(opened(code), T0 + 15)
    after = circuits.after(probing, sent(T0 + 15), outcome, None, T0 + 16)
    assert after.is_open is not closes
    if not closes:
        assert after.probe_at == T0 + 16 + FIRST_PAUSE_S


def test_an_empty_pack_does_not_mean_that_the_key_is_wrong() -> None:
    probing = circuits.asked(opened("1002"), T0 + 15)
    assert not circuits.after(probing, sent(T0 + 15), Outcome.HELD, refusal("1102"), T0 + 16).is_open


@pytest.mark.parametrize(
    ("scope", "code", "balance", "lets"),
    [
        (ACCOUNT, "1002", Balance(), True),
        (ACCOUNT, "1002", None, False),
        (VIDEO, "1102", Balance((pack("0", status="runOut"),)), False),
        (VIDEO, "1102", Balance((pack("7"),)), True),
        (VIDEO, "1102", Balance((pack("7", status="expired"),)), False),
        (VIDEO, "1102", Balance((pack("0"), pack("7", "Image-10Units-9Con"))), False),
        ("pack:try-on", "1102", Balance((pack("7", "TryOn-10Units-9Con"),)), True),
        (VIDEO, "1102", Balance((pack("7", "Sondermodell"),)), True),
        (VIDEO, "1102", Balance(), False),
    ],
)
def test_a_probe_is_worth_a_job_if_the_free_balance_speaks_for_it(
    scope: str,
    code: str,
    balance: Balance | None,
    lets: bool,
) -> None:
    assert circuits.lets_one_through(opened(code, scope), balance) is lets


def test_after_the_longest_pause_a_job_is_tried_whatever_the_balance_says_because_it_lags() -> None:
    circuit = replace(opened("1102", VIDEO), pause=LONGEST_PAUSE_S)
    assert circuits.lets_one_through(circuit, None)


def test_answers_lost_in_a_row_stop_posting_for_30_seconds_doubling_and_any_answer_ends_the_row() -> None:
    circuit = Circuit(ACCOUNT)
    for _ in range(DOUBTS_TO_OPEN - 1):
        circuit = circuits.after(circuit, sent(T0), Outcome.AMBIGUOUS, None, T0)
    assert circuits.after(circuit, sent(T0), Outcome.REFUSED, None, T0) == Circuit(ACCOUNT)
    circuit = circuits.after(circuit, sent(T0), Outcome.AMBIGUOUS, None, T0)
    assert (circuit.is_open, circuit.probe_at) == (True, T0 + FIRST_DOUBT_PAUSE_S)
    again = circuits.after(circuits.asked(circuit, T0 + 30), sent(T0 + 30), Outcome.AMBIGUOUS, None, T0 + 31)
    assert again.pause == 2 * FIRST_DOUBT_PAUSE_S
    assert circuits.after(again, sent(T0 + 91), Outcome.DONE, None, T0 + 92) == Circuit(ACCOUNT)


def test_a_clock_that_was_a_year_ahead_keeps_no_circuit_open() -> None:
    year = 31_536_000.0
    ahead = replace(opened("1002"), opened_at=T0 + year, probe_at=T0 + year)
    assert circuits.is_due(ahead, T0, T0)
    probing = circuits.asked(ahead, T0)
    assert not circuits.after(probing, sent(T0), Outcome.DONE, None, T0 + 1).is_open


def test_what_was_held_for_a_day_is_given_up() -> None:
    circuit, day = opened("1002"), circuits.HELD_AT_MOST_S
    assert circuits.given_up_before(circuit, circuit.opened_at + day) is None
    assert circuits.given_up_before(circuit, circuit.opened_at + day + 1) == circuit.opened_at + 1
    assert circuits.given_up_before(Circuit(""), T0 + day + 1) is None


def test_the_reason_says_that_nothing_was_charged_and_leaves_the_remedy_to_the_failure() -> None:
    told = circuits.reason(refusal("1102"))
    for part in ("Kling says 1102.", "Nothing was charged.", "24 hours"):
        assert part in told
    assert "Do something." not in told


@pytest.mark.parametrize("pause", [FIRST_PAUSE_S, 300.0, LONGEST_PAUSE_S])
def test_while_a_probe_is_under_way_nobody_makes_another_though_a_new_job_was_just_accepted(pause: float) -> None:
    circuit = circuits.asked(replace(opened("1002"), pause=pause, probe_at=T0 + pause), T0 + pause)
    assert not circuits.is_due(circuit, T0 + pause + 2.0, T0 + pause - 1.0)
    assert not circuits.is_due(circuit, T0 + pause + 120.0, T0 + pause - 1.0)
