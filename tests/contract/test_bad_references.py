"""Results of ours that a request cannot build on: refused by the whole house before anything is posted or charged.

The engine, the official provider and the pretend Kling are all there, on one clock that can be set on.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from kling_mcp.clock import SystemClock
from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.sandbox.sample_drawing import SHORT_SIDE
from tests.stack import HURRY, Stack, key_pair, running_stack

from .mistakes import GONE, RIGHT
from .values import PNG

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from kling_mcp.errors import Problem
    from kling_mcp.jobs.model import Job
    from kling_mcp.operations.sources import Wants

    from .values import Json

pytestmark = pytest.mark.anyio

DAY_S = 86_400.0
MADE: dict[str, tuple[str, Json]] = {
    "video": ("generate_video", {"prompt": "a puppy", "model_name": "kling-v2-6", "mode": "pro", "sound": "on"}),
    "image": ("generate_image", {"prompt": "a puppy"}),
    "audio": ("text_to_speech", {"text": "a steady voice that speaks for a good while, so that a face can say it"}),
    "element": ("create_element", RIGHT["create_element"]),
    "voice": ("create_voice", RIGHT["create_voice"]),
}
OPENED: dict[str, str] = {"session": "start_video_edit", "faces": "identify_faces"}
"""What is made of the video."""
IDS = {"element_id": "element", "voice_id": "voice"}


class MovedClock(SystemClock):
    """A hurrying clock that can be set on."""

    ahead_s = 0.0

    def now(self) -> float:
        return super().now() + self.ahead_s


@dataclass(frozen=True)
class House:
    stack: Stack
    clock: MovedClock
    jobs: dict[str, str]
    has: dict[str, set[str]]
    """What each job has to offer: files of some kinds, ids of some kinds. A session has its video too."""

    async def refused(self, tool: str, arguments: Json) -> tuple[Problem, ...]:
        """Why; and that nothing was posted, recorded or charged for it."""
        before = await self._left()
        with pytest.raises(InvalidRequest) as refusal:
            await self.stack.jobs.submit(GENERATIONS[tool].parse(arguments), arguments)
        assert await self._left() == before
        return refusal.value.problems

    async def _left(self) -> tuple[object, ...]:
        sandbox = self.stack.sandbox
        return (
            self.stack.posts,
            sandbox.state.creates,
            sandbox.state.deducted,
            len(await self.stack.ledger.newest(self.stack.provider.name, limit=100)),
        )


@asynccontextmanager
async def house(folder: Path) -> AsyncGenerator[House]:
    clock = MovedClock(HURRY)
    async with running_stack(folder, clock=clock, short_side=SHORT_SIDE) as stack:

        async def begun(tool: str, arguments: Json) -> str:
            return (await stack.jobs.submit(GENERATIONS[tool].parse(arguments), arguments)).id

        jobs = {kind: await begun(tool, arguments) for kind, (tool, arguments) in MADE.items()}
        await stack.jobs.wait(list(jobs.values()), 3600.0)
        jobs |= {kind: await begun(tool, {"video_id": jobs["video"]}) for kind, tool in OPENED.items()}
        done = await stack.jobs.wait(list(jobs.values()), 3600.0)
        assert [job.failure for job in done if job.failure] == []
        yield House(stack, clock, jobs, {kind: offered(job) for kind, job in zip(jobs, done, strict=True)})


def offered(job: Job) -> set[str]:
    kinds = {media.kind for media in job.media} | {kind for fact, kind in IDS.items() if fact in job.facts}
    return kinds | ({"faces" if "faces" in job.facts else "session"} if "session_id" in job.facts else set())


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[House]:
    async with house(tmp_path_factory.mktemp("house")) as built:
        yield built


def naming(tool: str, argument: str, job: str) -> tuple[Json, str, Wants] | None:
    """A request that names a job in an argument: where it stands, and what is wanted there. None: it takes no job."""
    others = {"video_id": "video_url", "video_url": "video_id", "audio_id": "sound_file", "sound_file": "audio_id"}
    others |= {"voice_url": "video_id"} if tool == "create_voice" else {}
    others |= {"video_id": "voice_url"} if tool == "create_voice" else {}
    gone = {others.get(argument, ""): GONE, **NEEDED.get((tool, argument), {})}
    for value in (job, [job], [{"voice_id": job}]):
        said = {n: v for n, v in (RIGHT[tool] | {argument: value} | gone).items() if v is not GONE}
        try:
            found = GENERATIONS[tool].parse(said).references()
        except InvalidRequest:
            continue
        if found:
            [(where, reference)] = found.items()
            return said, where, reference.wants
    return None


NEEDED: dict[tuple[str, str], Json] = {
    ("generate_video", "static_mask"): {"model_name": "kling-v1", "image": PNG},
    ("generate_video", "image_tail"): {"image": PNG},
    ("generate_video", "element_list"): {"image": PNG},
    ("generate_video", "voice_list"): {"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "image": PNG},
    ("lip_sync", "session_id"): {"video_url": GONE, "face_id": "0"},
    ("lip_sync", "audio_id"): {"text": GONE},
    ("lip_sync", "sound_file"): {"text": GONE},
    ("lip_sync_classic", "audio_url"): {"text": GONE},
    ("lip_sync_classic", "audio_file"): {"text": GONE},
    ("apply_effect", "images"): {"effect_scene": "hug_pro", "image": GONE},
    ("create_element", "video_url"): {"frontal_image": GONE, "refer_images": GONE},
}
"""What else has to be said so that an argument has its place."""
TAKEN = [
    (tool, argument)
    for tool, operation in GENERATIONS.items()
    for argument in operation.argument_names()
    if naming(tool, argument, f"km1-{'A' * 26}")
]


def test_every_argument_that_takes_media_is_asked() -> None:
    """What takes one may take two (``images`` of an effect), and masks may be in a list: those are asked elsewhere."""
    assert {tool for tool, _ in TAKEN} == set(GENERATIONS) - {"text_to_speech", "text_to_audio"}
    named = {argument for _, argument in TAKEN}
    assert named >= {
        "image",
        "video_id",
        "video_url",
        "audio_id",
        "sound_file",
        "element_list",
        "voice_list",
        "session_id",
    }


@pytest.mark.parametrize(("tool", "argument"), TAKEN)
async def test_a_result_of_the_wrong_kind_goes_nowhere(tool: str, argument: str, home: House) -> None:
    for kind, job in home.jobs.items():
        asked = naming(tool, argument, job)
        assert asked is not None
        arguments, where, wants = asked
        if home.has[kind] & set(wants.split(" or ")):
            continue
        [problem] = await home.refused(tool, arguments)
        assert problem.field == where
        assert problem.sentence.startswith(f"'{where}' names ")
        assert problem.sentence.endswith("."), problem.sentence
        assert job in problem.sentence


async def test_every_reference_that_is_wrong_is_told_at_once(home: House) -> None:
    arguments = {"image": home.jobs["audio"], "image_tail": home.jobs["voice"], "prompt": "a kite"}
    assert {problem.field for problem in await home.refused("generate_video", arguments)} == {"image", "image_tail"}


@pytest.mark.parametrize(
    ("tool", "changes"),
    [
        ("preview_video_edit", {"session_id": "session"}),
        ("lip_sync", {"session_id": "faces", "face_id": "0", "video_url": GONE}),
        ("create_element", {"element_voice_id": "voice"}),
        ("generate_image", {"element_list": ["element"]}),
    ],
)
async def test_an_id_of_another_account_goes_nowhere(tool: str, changes: Json, home: House) -> None:
    """One ledger, two Klings, two credentials. What is a file goes by its address, and so belongs to everybody."""
    async with running_stack(home.stack.folder, clock=home.clock, credential=key_pair()) as other:
        elsewhere = House(other, home.clock, home.jobs, home.has)
        [problem] = await elsewhere.refused(tool, named(tool, changes, home))
        assert "another key" in problem.sentence
        assert problem.sentence.endswith("."), problem.sentence
        assert other.posts == 0


async def test_a_bare_id_of_another_account_is_refused_by_kling_for_nothing(home: House) -> None:
    video = (await home.stack.jobs.wait([home.jobs["video"]], 1.0))[0].media[0].kling_id
    async with running_stack(home.stack.folder / "elsewhere", clock=home.clock, credential=key_pair()) as other:
        arguments = {"video_id": video}
        job = await other.jobs.submit(GENERATIONS["video_to_audio"].parse(arguments), arguments)
        [job] = await other.jobs.wait([job.id], 600.0)
        assert job.failure is not None
        assert job.failure.charged is False
        assert other.sandbox.state.creates == 0


OLD = [
    ("video_to_audio", {"video_id": "video", "video_url": GONE}, "older than 30 days"),
    ("start_video_edit", {"video_url": "video"}, "older than 30 days"),
    ("motion_control", {"video_url": "video"}, "older than 30 days"),
    ("generate_omni_video", {"video_list": ["video"]}, "older than 30 days"),
    ("lip_sync_classic", {"video_url": "video"}, "older than 30 days"),
    ("create_element", {"video_url": "video", "frontal_image": GONE, "refer_images": GONE}, "older than 30 days"),
    ("create_voice", {"voice_url": "video"}, "older than 30 days"),
    ("preview_video_edit", {"session_id": "session"}, "24 hours"),
    ("mark_video_edit", {"session_id": "session"}, "24 hours"),
    ("edit_video", {"session_id": "session"}, "24 hours"),
]


async def test_what_kling_has_deleted_goes_nowhere(tmp_path: Path) -> None:
    async with house(tmp_path) as old:
        old.clock.ahead_s = 31 * DAY_S
        told = {tool: (await old.refused(tool, named(tool, changes, old)), says) for tool, changes, says in OLD}
    for [problem], says in told.values():
        assert says in problem.sentence
        assert problem.sentence.endswith("."), problem.sentence


def named(tool: str, changes: Json, home: House) -> Json:
    """A right request, with jobs in place of their kinds."""

    def filled(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, list):
            return [filled(each) for each in cast("list[Any]", value)]
        return home.jobs.get(value, value)

    meant = {n: filled(v) for n, v in changes.items()}
    return {n: v for n, v in (RIGHT[tool] | meant).items() if v is not GONE}
