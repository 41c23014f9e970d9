"""How many jobs of a lane may be posted, and what answers teach, as tables."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kling_mcp.jobs import slots
from kling_mcp.jobs.ledger.lanes import Standing
from kling_mcp.jobs.queueing import explained
from kling_mcp.jobs.slots import FIRST_IN_AIR, LONGEST_PROBE_S, MEMORY_S, PROBE_S, Lane, Load

from .test_moves import queued

T = 1_790_000_000.0
DICE = random.Random(1)
KNOWN = Lane(cap=5, learnt_at=T, probe_at=T + PROBE_S)
FULL = Load(taken=5)


@pytest.mark.parametrize(
    ("lane", "load", "waiting", "go"),
    [
        (Lane(), Load(), [1] * 50, FIRST_IN_AIR),
        (Lane(), Load(in_air=3, posts=3), [1] * 50, 1),
        (Lane(), Load(taken=20), [1] * 50, 10),
        (Lane(), Load(taken=20, in_air=10, posts=10), [1] * 50, 0),
        (KNOWN, Load(), [1] * 50, 5),
        (KNOWN, Load(taken=2, in_air=1, posts=1), [1] * 50, 2),
        (KNOWN, Load(taken=2), [1], 1),
        (KNOWN, FULL, [1] * 50, 0),
        (KNOWN, Load(taken=9), [1], 0),
        (KNOWN, Load(taken=1), [3, 1, 1], 2),
        (KNOWN, Load(taken=3), [3, 1, 1], 0),
        (KNOWN, Load(), [9, 1, 1], 1),
        (KNOWN, Load(taken=1), [9, 1, 1], 0),
        (replace(KNOWN, wait_until=T + 1), Load(), [1], 0),
    ],
    ids=[
        "nothing known: a few",
        "nothing known: a few in the air",
        "nothing known: ever more",
        "nothing known: but not all at once",
        "as many as there are",
        "as many as are free",
        "fewer wait than are free",
        "none is free",
        "more held than the cap",
        "in their order, as far as they fit",
        "one that needs many is not overtaken",
        "one that needs more than all goes alone",
        "and waits until it is alone",
        "a lane that rests",
    ],
)
def test_who_may_be_posted(lane: Lane, load: Load, waiting: list[int], go: int) -> None:
    assert slots.admitted(lane, load, waiting, T)[0] == go


def test_one_more_than_the_cap_is_tried_when_it_binds_and_its_time_has_come() -> None:
    later = T + PROBE_S
    assert slots.admitted(KNOWN, FULL, [1, 1], later) == (1, replace(KNOWN, base=5, probe_at=later + PROBE_S))
    assert slots.admitted(KNOWN, FULL, [], later) == (0, KNOWN), "nobody waits"
    assert slots.admitted(KNOWN, Load(taken=4), [1], later) == (1, KNOWN), "the cap does not bind"
    assert slots.admitted(KNOWN, Load(taken=4, in_air=1, posts=1), [1], later) == (0, KNOWN), "one is on its way"


def test_a_trial_that_finds_room_is_twice_as_bold_the_next_time() -> None:
    lane, now, held = KNOWN, T, 5
    for more in (1, 2, 4, 8):
        now += PROBE_S
        count, lane = slots.admitted(lane, Load(taken=held), [1] * 50, now)
        assert count == more
        for _ in range(count):
            held += 1
            lane = slots.taken(lane, Load(taken=held), now)
    assert (lane.cap, lane.pause) == (20, PROBE_S)


def test_a_trial_that_finds_none_waits_twice_as_long_and_for_three_jobs() -> None:
    lane, now = KNOWN, T
    for pause in (30.0, 60.0, 120.0, 240.0, LONGEST_PROBE_S, LONGEST_PROBE_S):
        now = max(now, lane.probe_at)
        count, lane = slots.admitted(lane, FULL, [1], now)
        assert count == 1
        lane = slots.full(lane, FULL, now, 1.0, DICE)
        assert (lane.cap, lane.pause, lane.probe_at) == (5, pause, now + pause)
        now = lane.probe_at
        assert slots.admitted(lane, FULL, [1], now)[0] == 0, "no job was accepted since"
        for _ in range(slots.JOBS_BETWEEN_PROBES):
            lane = slots.taken(lane, FULL, now)


def test_fewer_slots_than_there_were_are_learnt_at_once_and_soon_tried_again() -> None:
    slow = replace(KNOWN, pause=LONGEST_PROBE_S, probe_at=T + LONGEST_PROBE_S)
    lane = slots.full(slow, Load(taken=2), T, 1.0, DICE)
    assert (lane.cap, lane.pause) == (2, PROBE_S)
    assert T < lane.probe_at <= T + PROBE_S
    assert slots.admitted(lane, Load(taken=1), [1], T)[0] == 0, "for a second it is left alone"
    assert slots.admitted(lane, Load(taken=1), [1], T + 1)[0] == 1


def test_of_a_burst_into_the_unknown_those_accepted_are_the_cap_whatever_the_order_of_the_answers() -> None:
    for answers in ("aaarr", "rraaa", "arara", "raraa"):
        lane, taken, in_air = Lane(), 0, len(answers)
        for answer in answers:
            in_air -= 1
            taken += answer == "a"
            load = Load(taken, in_air, in_air)
            lane = slots.taken(lane, load, T) if answer == "a" else slots.full(lane, load, T, 1.0, DICE)
        assert lane.cap == 3, answers


def test_a_refusal_although_we_hold_nothing_means_that_others_do_so_the_lane_rests_ever_longer() -> None:
    lane, rests, now = KNOWN, list[float](), T
    for _ in range(10):
        lane = slots.full(lane, Load(), now, 1.0, DICE)
        rests.append(lane.wait_until - now)
        now = lane.wait_until
    assert lane.cap == 1
    assert rests[0] == 1.0
    assert slots.LONGEST_WAIT_S / 2 <= rests[-1] <= slots.LONGEST_WAIT_S
    assert slots.taken(lane, Load(taken=1), now).wait == 0.0


def test_too_many_requests_rest_the_lane_and_teach_nothing_of_its_slots() -> None:
    lane = slots.rested(KNOWN, T, 1.0, DICE)
    assert (lane.cap, lane.probe_at, lane.wait_until) == (5, KNOWN.probe_at, T + 1.0)
    assert slots.rested(lane, T + 0.5, 1.0, DICE).wait == lane.wait, "what was under way lengthens no rest"
    assert slots.rested(lane, T + 2, 120.0, DICE).wait_until == T + 122, "a gateway's own wish is heeded"


@pytest.mark.parametrize(
    ("learnt_at", "cap"), [(T - MEMORY_S + 60, 5), (T - MEMORY_S - 60, None), (T + 3600, None), (T, 5)]
)
def test_a_cap_is_believed_for_a_day_and_not_if_it_is_from_the_future(learnt_at: float, cap: int | None) -> None:
    assert slots.aged(replace(KNOWN, learnt_at=learnt_at), T).cap == cap


def test_a_rest_from_the_future_is_not_believed() -> None:
    assert slots.aged(replace(KNOWN, wait_until=T + 31_536_000), T).wait_until == 0.0


def test_finding_the_place_of_a_job_whose_end_was_not_seen_yet_makes_no_one_bolder() -> None:
    slow = replace(KNOWN, pause=80.0, accepted=3, probe_at=T)
    _, lane = slots.admitted(slow, FULL, [1], T)
    lane = slots.taken(lane, Load(taken=6), T)
    assert (lane.cap, lane.pause) == (6, 80.0)
    lane = slots.full(lane, FULL, T + 5, 1.0, DICE)
    assert (lane.cap, lane.pause) == (5, 160.0)


def test_a_trial_is_made_at_last_though_none_was_accepted_since_tasks_that_hang_may_hold_the_slots() -> None:
    lane = replace(KNOWN, pause=LONGEST_PROBE_S)
    assert slots.admitted(lane, FULL, [1], lane.probe_at + slots.STUCK_S - 1.0)[0] == 0
    assert slots.admitted(lane, FULL, [1], lane.probe_at + slots.STUCK_S)[0] == 1


@pytest.mark.parametrize(
    ("before", "place"), [(0, "it is next."), (1, "1 job is before it."), (4, "4 jobs are before it.")]
)
def test_who_waits_for_a_slot_is_told_its_place(before: int, place: str) -> None:
    standing = Standing(None, Lane(cap=2), Load(taken=2), before, before)
    told = explained(replace(queued(), package="video", slots=1), standing, T).blocked_reason
    assert told == f"It waits for one of the account's 2 parallel video slots; {place}"
