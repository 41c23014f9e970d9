"""The table of outcomes: what each answer to a POST, and each look-up, makes of a job."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import pytest

from kling_mcp.errors import (
    AlreadySubmitted,
    Busy,
    Failure,
    KlingError,
    LocalTrouble,
    Lost,
    NotAuthorised,
    OutcomeUnknown,
    OutOfCredit,
    Refused,
    Unavailable,
)
from kling_mcp.jobs import doubts, moves, pauses, results
from kling_mcp.jobs.model import Delivery, Job, Media, State
from kling_mcp.providers.base import Output, Progress

T0 = 1_790_000_000.0
SETTLE = 5.0
DICE = random.Random(1)


def queued() -> Job:
    return Job(
        id="km1-A",
        account="acc",
        provider="official",
        tool="generate_video",
        request_hash="h",
        arguments={"prompt": "a kite"},
        model_name="kling-v3",
        units_quoted=Decimal(3),
        created_at=T0,
        updated_at=T0,
        wire="v1",
        path="/v1/videos/text2video",
        folder="/tmp",  # noqa: S108 - never opened here
    )


def submitting() -> Job:
    return moves.claimed(queued(), "me", T0)


def running() -> Job:
    return moves.accepted(submitting(), Progress("t1", "submitted"), T0)


def finished() -> Job:
    done = Progress("t1", "succeeded", outputs=(Output("video", "https://cdn.example/v.mp4", "v1", 5.041),))
    return moves.observed(running(), done, T0 + 60)


@pytest.mark.parametrize(
    ("outcome", "state", "posted_again_after"),
    [
        (Progress("t1", "submitted"), State.RUNNING, None),
        (Busy("no slot", code=1303), State.QUEUED, 0.0),  # the lane rests, not the job
        (Unavailable("no connection"), State.QUEUED, 1.0),
        (NotAuthorised("wrong key", code=1002), State.QUEUED, 0.0),
        (OutOfCredit("empty", code=1102), State.QUEUED, 0.0),
        (NotAuthorised("a wall"), State.FAILED, None),
        (Refused("policy", code=1301), State.FAILED, None),
        (AlreadySubmitted("exists", code=1201), State.RUNNING, None),
        (OutcomeUnknown("read timeout"), State.UNKNOWN, None),
    ],
)
def test_each_answer_to_a_post_has_exactly_one_meaning(
    outcome: Progress | KlingError, state: State, posted_again_after: float | None
) -> None:
    job = moves.after_post(submitting(), outcome, T0 + 1, SETTLE, DICE)
    assert job.state is state
    assert job.owner is None
    assert job.lease_until is None
    if posted_again_after is not None:
        assert job.not_before >= T0 + 1 + posted_again_after
        assert job.blocked_reason
    if state is State.FAILED:
        assert job.failure is not None
        assert job.failure.charged is False
        assert job.finished_at == T0 + 1


def test_a_doubt_is_posted_again_only_after_two_absences_and_the_settle_window() -> None:
    job = moves.doubted(submitting(), Failure("x", "lost"), T0, SETTLE)
    first = moves.absent(job, T0 + 1, DICE)
    assert (first.state, first.not_before >= T0 + 1 + moves.LOOKS_APART_S) == (State.UNKNOWN, True)
    early = moves.absent(first, T0 + 3, DICE)
    assert early.state is State.UNKNOWN, "two absences inside the settle window prove nothing"
    proved = moves.absent(early, T0 + 5.1, DICE)
    assert proved == replace(
        early,
        state=State.QUEUED,
        absences=3,
        not_before=T0 + 5.1,
        updated_at=T0 + 5.1,
        blocked_reason="",
        failure=None,
    )


def test_one_absence_after_the_settle_window_is_not_yet_proof() -> None:
    job = moves.doubted(submitting(), Failure("x", "lost"), T0, SETTLE)
    assert moves.absent(job, T0 + 60, DICE).state is State.UNKNOWN


def test_a_doubt_that_kling_knows_is_adopted_not_posted() -> None:
    job = moves.doubted(submitting(), Failure("x", "lost"), T0, SETTLE)
    found = moves.observed(job, Progress("t9", "processing"), T0 + 2)
    assert (found.state, found.task_id, found.blocked_reason) == (State.RUNNING, "t9", "")


def test_a_doubt_about_which_kling_cannot_tell_stays_one_and_is_asked_about_again() -> None:
    doubt = moves.after_post(submitting(), OutcomeUnknown("lost"), T0, SETTLE, DICE)
    untold = moves.observed(doubt, Progress("", "processing", fresh=False), T0 + 10)
    assert (untold.state, untold.task_id, untold.absences) == (State.UNKNOWN, None, 0)
    assert untold.not_before > T0 + 10


def test_a_doubt_whose_task_already_finished_is_delivered() -> None:
    job = moves.doubted(submitting(), Failure("x", "lost"), T0, SETTLE)
    done = Progress("t9", "succeeded", outputs=(Output("video", "https://cdn.example/v.mp4"),), units=Decimal(3))
    found = moves.observed(job, done, T0 + 2)
    assert (found.state, found.delivery, found.units_charged) == (State.SUCCEEDED, Delivery.FETCHING, Decimal(3))


def test_a_job_kling_says_it_already_holds_is_never_posted_again_and_finds_its_task_by_our_id() -> None:
    held = moves.after_post(submitting(), AlreadySubmitted("exists", code=1201), T0, SETTLE, DICE)
    missed = moves.absent(moves.absent(held, T0 + 10, DICE), T0 + 20, DICE)
    assert (missed.state, missed.task_id) == (State.RUNNING, None)
    assert moves.observed(missed, Progress("t5", "processing"), T0 + 30).task_id == "t5"


def test_a_look_up_that_was_not_answered_proves_nothing() -> None:
    job = moves.doubted(submitting(), Failure("x", "lost"), T0, SETTLE)
    after = moves.unanswered(job, Unavailable("no connection"), T0 + 60, 5.0)
    assert (after.state, after.absences) == (State.UNKNOWN, 0)
    assert after.not_before > T0 + 60


def test_endless_doubts_end_in_a_failure_that_was_not_charged() -> None:
    job = replace(moves.doubted(submitting(), Failure("5000", "internal"), T0, SETTLE), doubts=moves.MAX_DOUBTS)
    twice = moves.absent(moves.absent(job, T0 + 10, DICE), T0 + 20, DICE)
    assert twice.state is State.UNKNOWN, "what lands late is not given up"
    end = moves.absent(twice, T0 + SETTLE + moves.LAST_SETTLE_S, DICE)
    assert end.state is State.FAILED
    assert end.failure is not None
    assert (end.failure.retryable, end.failure.charged) == (True, False)


def test_a_job_of_which_an_attempt_was_lost_is_looked_for_once_more_before_it_is_given_up() -> None:
    late = T0 + moves.GIVE_UP_UNREACHABLE_S + 1
    job = replace(moves.after_post(submitting(), Unavailable("down"), T0, SETTLE, DICE), doubts=1)
    last = moves.after_post(moves.claimed(job, "me", late), Unavailable("down"), late, SETTLE, DICE)
    assert last.state is State.UNKNOWN
    landed = moves.observed(last, Progress("t1", "processing"), late + 60)
    assert (landed.state, landed.task_id) == (State.RUNNING, "t1")
    gone = moves.absent(moves.absent(last, late + 60, DICE), late + moves.LAST_SETTLE_S, DICE)
    assert (gone.state, gone.failure and gone.failure.charged) == (State.FAILED, False)


def test_a_host_that_stays_unreachable_fails_the_job_after_ten_minutes() -> None:
    late = T0 + moves.GIVE_UP_UNREACHABLE_S + 1
    job = moves.after_post(submitting(), Unavailable("down"), T0, SETTLE, DICE)
    assert (
        moves.after_post(moves.claimed(job, "me", late), Unavailable("down"), late, SETTLE, DICE).state is State.FAILED
    )


def test_a_job_that_waited_long_for_a_slot_survives_a_lost_connection() -> None:
    late = T0 + moves.GIVE_UP_UNREACHABLE_S + 1
    job = moves.after_post(submitting(), Unavailable("down"), T0, SETTLE, DICE)
    job = moves.after_post(moves.claimed(job, "me", T0 + 5), Busy("full", code=1303), T0 + 5, SETTLE, DICE)
    assert (
        moves.after_post(moves.claimed(job, "me", late), Unavailable("down"), late, SETTLE, DICE).state is State.QUEUED
    )


def test_a_task_kling_forgot_is_given_up_only_after_two_days() -> None:
    job = running()
    for hour in range(1, 48):
        job = moves.absent(job, T0 + 3600 * hour, DICE)
        assert job.state is State.RUNNING
    gone = moves.absent(job, T0 + doubts.LOST_AFTER_S + 1, DICE)
    assert (gone.state, gone.failure and gone.failure.code) == (State.FAILED, "lost")
    assert gone.failure is not None
    assert gone.failure.charged is None


def test_success_names_each_result_and_when_kling_deletes_it() -> None:
    done = Progress(
        "t1",
        "succeeded",
        outputs=(Output("video", "https://cdn.example/v.mp4", "v1", 5.041),),
        units=Decimal("3.0"),
        created_at=T0 + 1,
    )
    job = moves.observed(running(), done, T0 + 60)
    assert job.media == (
        Media(
            media_id="km1-A_1",
            kind="video",
            url="https://cdn.example/v.mp4",
            kling_id="v1",
            expires_at=T0 + 1 + 30 * 86_400,
            duration_s=5.041,
        ),
    )
    assert (job.state, job.delivery, job.settled) == (State.SUCCEEDED, Delivery.FETCHING, False)


def test_a_failed_task_says_why_and_that_it_was_not_charged() -> None:
    job = moves.observed(running(), Progress("t1", "failed", message="Failure to pass the risk control system"), T0 + 9)
    assert job.failure is not None
    assert "risk control" in job.failure.message
    assert job.failure.charged is False


def test_a_full_disk_leaves_the_job_succeeded_and_waits_to_be_asked() -> None:
    job = results.fetching(finished(), "me", T0 + 61)
    after = results.undelivered(job, job.media, LocalTrouble("disk full"), T0 + 62, DICE)
    assert (after.state, after.delivery, after.settled) == (State.SUCCEEDED, Delivery.FAILED, True)
    again = results.to_fetch(after, {"km1-A_1"}, T0 + 99, (Output("video", "https://cdn.example/fresh.mp4"),))
    assert again.delivery is Delivery.FETCHING
    assert again.media[0].url == "https://cdn.example/fresh.mp4"


def test_a_shaky_line_is_tried_again_a_few_times() -> None:
    job = finished()
    for n in range(results.FETCHES_IN_A_ROW - 1):
        job = results.undelivered(results.fetching(job, "me", T0 + n), job.media, Unavailable("reset"), T0 + n, DICE)
        assert job.delivery is Delivery.FETCHING
    job = results.undelivered(results.fetching(job, "me", T0 + 99), job.media, Unavailable("reset"), T0 + 99, DICE)
    assert job.delivery is Delivery.FAILED


def test_a_result_counts_as_expired_only_when_kling_deletes_results() -> None:
    job = results.fetching(finished(), "me", T0 + 61)
    soon = results.undelivered(job, job.media, Lost("404"), T0 + 62, DICE)
    assert soon.delivery is Delivery.FAILED, "a dead address inside 30 days is asked for anew"
    late = results.undelivered(job, job.media, Lost("404"), T0 + results.RESULT_LIFE_S + 1, DICE)
    assert late.delivery is Delivery.EXPIRED


def test_a_success_that_names_no_result_is_asked_about_again_and_not_given_up() -> None:
    empty = Progress("t1", "succeeded", units=Decimal(3))
    job = moves.observed(running(), empty, T0 + 60)
    assert (job.state, job.settled, bool(job.blocked_reason)) == (State.RUNNING, False, True)
    named = replace(empty, outputs=(Output("video", "https://cdn.example/v.mp4"),))
    assert moves.observed(job, named, T0 + 90).state is State.SUCCEEDED
    for hour in range(1, 50):
        job = moves.observed(job, empty, T0 + 3600 * hour)
    assert job.failure is not None
    assert (job.state, job.failure.code, job.failure.charged) == (State.FAILED, "no_result", True)


def test_a_look_that_brings_no_news_leaves_nothing_to_write() -> None:
    assert moves.observed(running(), Progress("t1", "processing"), T0 + 60) == running()


def test_an_outage_of_hours_is_asked_about_once_a_minute() -> None:
    waits = [pauses.patience([running()], T0 + age, DICE) for age in (10, 120, 7200)]
    assert 2 <= waits[0] <= 5 < waits[1] < 15 < waits[2] <= 60


def test_a_task_that_never_ends_is_asked_about_ever_more_rarely() -> None:
    assert [pauses.look_after(age) for age in (1, 60, 300, 3600, 864_000)] == [2, 5, 10, 60, 600]


def test_only_the_missing_file_loses_its_path() -> None:
    media = tuple(Media(f"km1-A_{n}", "video", f"https://cdn.example/{n}.mp4", path=f"/films/{n}.mp4") for n in (1, 2))
    job = replace(finished(), delivery=Delivery.STORED, media=media)
    assert [m.path for m in results.to_fetch(job, {"km1-A_2"}, T0).media] == ["/films/1.mp4", None]


@pytest.mark.parametrize("created_at", [None, 0.0, T0 * 1000, T0 / 1000], ids=["absent", "zero", "larger", "smaller"])
def test_a_creation_time_in_other_units_does_not_move_the_expiry(created_at: float | None) -> None:
    done = Progress("t1", "succeeded", outputs=(Output("video", "https://cdn.example/v.mp4"),), created_at=created_at)
    assert moves.observed(running(), done, T0 + 60).media[0].expires_at == T0 + results.RESULT_LIFE_S
