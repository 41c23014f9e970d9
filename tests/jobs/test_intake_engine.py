"""Repeats, limits and approvals as tools meet them: the engine, the official provider and the pretend Kling."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.errors import InvalidRequest, NeedsApproval, OverLimit
from kling_mcp.jobs.model import State
from kling_mcp.jobs.spend import Accepted, Limits, Terms
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.sandbox.faults import Fault
from tests.stack import HURRY, Stack, new_sandbox, running_stack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = pytest.mark.anyio

CREATE = "/v1/videos/text2video"
SPEAK = "/v1/audio/tts"
EDIT = "/v1/videos/multi-elements"
SPOKEN = {"text": "Good evening.", "voice_id": "girlfriend_1_speech02"}
KITE: dict[str, Any] = {"prompt": "a kite", "duration": 5}
CAPPED = Limits(per_day=Decimal(7))


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncGenerator[Stack]:
    async with running_stack(tmp_path) as running:
        with anyio.fail_after(60):
            yield running


async def accept(stack: Stack, tool: str, terms: Terms | None = None, /, **arguments: object) -> Accepted:
    return await stack.jobs.accept(GENERATIONS[tool].parse(arguments), arguments, terms or Terms())


async def test_the_same_call_a_thousand_times_at_once_is_one_job_and_one_create(tmp_path: Path) -> None:
    found = list[Accepted]()
    async with running_stack(tmp_path, clock=SystemClock()) as stack:  # two minutes must not go by meanwhile

        async def call() -> None:
            found.append(await accept(stack, "generate_video", **KITE))

        async with anyio.create_task_group() as agents:
            for _ in range(1000):
                agents.start_soon(call)
        assert len({a.job.id for a in found}) == 1
        assert sum(not a.deduplicated for a in found) == 1
        await stack.jobs.answered(found[0].job.id, 30.0)
        assert (stack.posts, stack.sandbox.state.creates) == (1, 1)


async def test_a_repeat_is_found_by_another_process_and_after_a_restart(tmp_path: Path) -> None:
    clock = SystemClock()  # two minutes must not go by while the second one starts
    sandbox = new_sandbox(clock)
    async with (
        running_stack(tmp_path, sandbox=sandbox, clock=clock) as one,
        running_stack(tmp_path, sandbox=sandbox, clock=clock) as two,
    ):
        first = await accept(one, "generate_video", **KITE)
        again = await accept(two, "generate_video", **KITE)
        assert (again.job.id, again.deduplicated) == (first.job.id, True)
        await one.jobs.answered(first.job.id, 30.0)
    async with running_stack(tmp_path, sandbox=sandbox, clock=clock) as three:
        again = await accept(three, "generate_video", **KITE)
        assert (again.job.id, again.deduplicated) == (first.job.id, True)
        assert sandbox.state.creates == 1


@pytest.mark.parametrize(
    ("tool", "one", "other"),
    [
        ("generate_video", KITE, {**KITE, "duration": "5", "negative_prompt": ""}),
        ("extend_video", {"video_id": "123"}, {"video_id": "123", "prompt": None}),
        ("generate_image", {"prompt": "a kite"}, {"n": 1, "prompt": "a kite"}),
    ],
    ids=["plain", "of several steps", "a default written out"],
)
async def test_the_same_request_in_other_words_is_the_same_request(
    stack: Stack, tool: str, one: dict[str, object], other: dict[str, object]
) -> None:
    first = await accept(stack, tool, **one)
    assert (await accept(stack, tool, **other)).job.id == first.job.id


async def test_a_request_is_told_from_others_alike_in_every_process() -> None:
    script = (
        "from kling_mcp.jobs.intent import Intents\n"
        "from kling_mcp.operations.catalogue import GENERATIONS\n"
        "from kling_mcp.providers.base import Request\n"
        "from pathlib import Path\n"
        "class P: name, account = 'official', 'a'\n"
        "video = GENERATIONS['generate_video'].parse({'prompt': 'a kite', 'camera_control': {'type': 'simple', "
        "'config': {'zoom': 5}}, 'model_name': 'kling-v1'})\n"
        "clip = GENERATIONS['extend_video'].parse({'video_id': '123', 'prompt': 'on'})\n"
        "i = Intents(P, Path('x'))\n"
        "print(i.of(video, {}, Request('v1', video.path, video.body()), 1.0).request_hash)\n"
        "print(i.of_plan(clip, {}, 2.0).request_hash)\n"
    )

    async def told(seed: str) -> bytes:
        made = await anyio.run_process(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, stderr=subprocess.STDOUT
        )
        return made.stdout

    first, second = await told("1"), await told("2")
    assert first == second
    assert [len(line) for line in first.split()] == [64, 64]


async def test_a_repeat_of_a_job_of_several_steps_makes_no_second_step(stack: Stack) -> None:
    clip = await stack.made(prompt="a kite", model_name="kling-v2-5-turbo")
    first = await accept(stack, "extend_video", video_id=clip.id, prompt="on")
    again = await accept(stack, "extend_video", video_id=clip.id, prompt="on")
    await stack.jobs.wait([first.job.id], 6000.0)
    assert (again.job.id, again.deduplicated, stack.sandbox.state.creates) == (first.job.id, True, 2)


async def test_marks_of_a_session_are_no_repeats_of_each_other(stack: Stack) -> None:
    stack.sandbox.faults.add(Fault("delay", EDIT, hold_s=600.0, times=None))
    mark = {"session_id": "123", "action": "add", "frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]}
    marked = [await accept(stack, "mark_video_edit", **mark) for _ in range(2)]  # it may have been cleared in between
    shown = [await accept(stack, "preview_video_edit", session_id="123") for _ in range(2)]
    opened = [await accept(stack, "start_video_edit", video_url="https://clips.example/a.mp4") for _ in range(2)]
    assert [a.deduplicated for a in (*marked, *shown, *opened)] == [False, False, False, False, False, True]


async def test_what_may_have_been_charged_is_not_sent_again_unless_that_is_accepted(stack: Stack) -> None:
    stack.sandbox.faults.add(Fault("drop", SPEAK, "POST", when="after"))
    lost = await accept(stack, "text_to_speech", **SPOKEN)
    assert (await stack.jobs.wait([lost.job.id], 600.0))[0].state is State.UNCONFIRMED
    with pytest.raises(InvalidRequest, match="confirm_possible_duplicate=true"):
        await accept(stack, "text_to_speech", **SPOKEN)
    again = await accept(stack, "text_to_speech", Terms(confirm_possible_duplicate=True), **SPOKEN)
    assert (await stack.jobs.wait([again.job.id], 600.0))[0].state is State.SUCCEEDED
    assert stack.sandbox.requests[f"POST {SPEAK}"] == 2


async def test_a_failed_job_may_be_asked_for_again_at_once_and_gives_its_price_back(tmp_path: Path) -> None:
    async with running_stack(tmp_path, limits=Limits(per_day=Decimal(3))) as stack:
        with anyio.fail_after(60):
            stack.sandbox.faults.add(Fault("code", CREATE, "POST", code=1301))
            first = await stack.made(**KITE)
            assert (first.state, await stack.jobs.spent_today()) == (State.FAILED, 0)
            second = await stack.made(**KITE)
            assert (second.state, await stack.jobs.spent_today()) == (State.SUCCEEDED, 3)
            with pytest.raises(OverLimit, match="0 units are left"):
                await stack.submitted(prompt="another kite")


async def test_a_cancelled_job_gives_its_price_back_and_may_be_asked_for_again(tmp_path: Path) -> None:
    async with running_stack(tmp_path, limits=CAPPED, clock=SystemClock()) as stack:
        with anyio.fail_after(60):
            stack.sandbox.faults.add(Fault("code", CREATE, "POST", code=1303, times=None))
            job = await stack.submitted(**KITE)
            await stack.jobs.answered(job.id, 20.0)
            assert await stack.jobs.spent_today() == 3
            await stack.jobs.cancel(job.id)
            assert await stack.jobs.spent_today() == 0
            assert not (await accept(stack, "generate_video", **KITE)).deduplicated


async def test_a_job_of_several_steps_is_reserved_once_and_settled_by_what_its_steps_cost(tmp_path: Path) -> None:
    async with running_stack(tmp_path, limits=CAPPED) as stack:
        with anyio.fail_after(60):
            clip = await stack.made(**KITE)
            longer = await accept(stack, "extend_video", video_id=clip.id, prompt="on")
            assert await stack.jobs.spent_today() == 3 + (longer.job.units_quoted or 0) > 3
            await stack.jobs.wait([longer.job.id], 6000.0)
            assert await stack.jobs.spent_today() == stack.sandbox.state.deducted


async def test_a_dear_request_waits_for_a_person_and_a_token_is_for_that_request(tmp_path: Path) -> None:
    async with running_stack(tmp_path, limits=Limits(confirm_above=Decimal(2))) as stack:
        with anyio.fail_after(60):
            dear = GENERATIONS["generate_video"].parse(KITE)
            with pytest.raises(NeedsApproval) as asked:
                await stack.jobs.accept(dear, KITE)
            assert asked.value.quote == dear.quote()
            assert (await stack.jobs.list(), await stack.jobs.spent_today()) == ([], 0)
            terms = Terms(confirm=await stack.jobs.approval_token(dear))
            with pytest.raises(NeedsApproval):
                await accept(stack, "generate_video", terms, prompt="another kite")
            job = (await accept(stack, "generate_video", terms, **KITE)).job
            repeat = await accept(stack, "generate_video", terms, **KITE)
            assert (repeat.job.id, repeat.deduplicated) == (job.id, True), "its own retry with the used token"
            with pytest.raises(NeedsApproval):
                await accept(stack, "generate_video", Terms(confirm=terms.confirm, allow_duplicate=True), **KITE)
            clip = GENERATIONS["extend_video"].parse({"video_id": "123", "prompt": "on"})
            of_steps = Terms(confirm=await stack.jobs.approval_token(clip))
            await accept(stack, "extend_video", of_steps, video_id="123", prompt="on")


async def test_a_bad_key_is_refused_before_anything_else(stack: Stack) -> None:
    with pytest.raises(InvalidRequest, match="idempotency_key"):
        await accept(stack, "generate_video", Terms(idempotency_key="two words"), **KITE)
    named = Terms(idempotency_key="order-1")
    first = (await accept(stack, "generate_video", named, **KITE)).job
    assert first.idempotency_key == "order-1"
    await stack.jobs.wait([first.id], 3000.0)
    with pytest.raises(InvalidRequest, match=first.id):
        await accept(stack, "generate_video", named, prompt="another kite")
    assert (await accept(stack, "generate_video", named, **KITE)).job.id == first.id


async def test_two_engines_on_one_ledger_never_accept_a_unit_too_many(tmp_path: Path) -> None:
    clock, refused = SystemClock(HURRY), list[OverLimit]()
    sandbox = new_sandbox(clock)
    async with (
        running_stack(tmp_path, sandbox=sandbox, clock=clock, limits=CAPPED) as one,
        running_stack(tmp_path, sandbox=sandbox, clock=clock, limits=CAPPED) as two,
    ):

        async def ask(n: int) -> None:
            try:
                await (one, two)[n % 2].submitted(prompt=f"kite {n}")
            except OverLimit as refusal:
                refused.append(refusal)

        async with anyio.create_task_group() as agents:
            for n in range(12):
                agents.start_soon(ask, n)
        jobs = await one.jobs.list()
        await one.jobs.wait([job.id for job in jobs], 3000.0)
        assert (len(refused), len(jobs), sandbox.state.deducted) == (10, 2, 6)


@pytest.mark.parametrize(
    ("arguments", "slots"),
    [
        ({}, 1),
        ({"n": 4}, 4),
        ({"result_type": "series"}, 4),
        ({"result_type": "series", "series_amount": 7}, 7),
        ({"result_type": "series", "series_amount": "auto"}, 9),
    ],
)
def test_pictures_take_a_slot_each(arguments: dict[str, object], slots: int) -> None:
    assert GENERATIONS["generate_omni_image"].parse({"prompt": "kites", **arguments}).slots == slots
