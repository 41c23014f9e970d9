"""Jobs of several steps in real processes, really killed: no step is paid twice, and what is lost is said."""

from __future__ import annotations

import random
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.processes import PretendKling, StdioServer, environment, pretend_kling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_S = 40.0
FACES, SPEECH, RENDER = "/v1/videos/identify-face", "/v1/audio/tts", "/v1/videos/advanced-lip-sync"
WORDS = {"text": "Good evening, and welcome to the programme.", "voice_id": "girlfriend_1_speech02"}
OVER = {"succeeded", "failed", "cancelled", "unconfirmed"}


@pytest.fixture(scope="module")
def kling() -> Iterator[PretendKling]:
    with pretend_kling("--speed", "100") as running:
        yield running


@pytest.fixture(scope="module")
def clip(kling: PretendKling, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a ledger that has one clip, to be copied, and the clip's job id."""
    folder = tmp_path_factory.mktemp("clip")
    with StdioServer(settings(kling, folder)) as server:
        asked = {"prompt": "a newsreader", "model_name": "kling-v2-5-turbo", "wait_seconds": PATIENCE_S}
        return folder, server.call("generate_video", **asked)["job_id"]


def settings(kling: PretendKling, folder: Path) -> dict[str, str]:
    return environment(folder, KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox")


class Scene:
    """One ledger, and what Kling counted since it was laid out."""

    def __init__(self, kling: PretendKling, clip: tuple[Path, str], folder: Path) -> None:
        unwanted = shutil.ignore_patterns("*.lock", "owners")
        shutil.copytree(clip[0] / "state", folder / "state", ignore=unwanted)
        self.kling, self.clip, self.env = kling, clip[1], settings(kling, folder)
        self._before = kling.ledger()

    def begin(self, server: StdioServer, tool: str = "lip_sync", **more: object) -> None:
        asked = {"video_id": self.clip, "wait_seconds": 0, **(more or WORDS)}
        server.begin("tools/call", {"name": tool, "arguments": asked})

    def posts(self, path: str) -> int:
        key = f"POST {path}"
        return self.kling.ledger()["requests"].get(key, 0) - self._before["requests"].get(key, 0)

    def deducted(self) -> float:
        return round(float(self.kling.ledger()["units_deducted"]) - float(self._before["units_deducted"]), 3)

    def ended(self, server: StdioServer, tool: str = "lip_sync") -> dict[str, Any] | None:
        """The job as it ends in this server; None if it was never accepted."""
        rows = [job for job in server.call("list_jobs")["jobs"] if job["tool"] == tool]
        if not rows:
            return None
        (job,) = server.call("wait_for_jobs", job_ids=[rows[0]["job_id"]], wait_seconds=PATIENCE_S)["jobs"]
        assert job["status"] in OVER, job
        return job


@pytest.fixture
def scene(kling: PretendKling, clip: tuple[Path, str], tmp_path: Path) -> Scene:
    return Scene(kling, clip, tmp_path)


def eventually(condition: Callable[[], object]) -> None:
    """Another process reaches a state; there is no event of it to wait for, so it is looked for, bounded."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "path",
    [pytest.param(FACES, marks=pytest.mark.battery), SPEECH, pytest.param(RENDER, marks=pytest.mark.battery)],
)
def test_killed_between_the_post_of_a_step_and_its_answer(scene: Scene, path: str) -> None:
    scene.kling.trouble(kind="delay", path=path, method="POST", delay_s=1e6)
    with StdioServer(scene.env) as victim:
        scene.begin(victim)
        eventually(lambda: scene.posts(path))
        victim.process.kill()
    with StdioServer(scene.env) as heir:
        job = scene.ended(heir)
    assert job is not None
    assert (scene.posts(FACES), scene.posts(SPEECH) <= 1, scene.posts(RENDER) <= 1) == (1, True, True)
    if path == RENDER:
        assert (job["status"], float(job["units_charged"])) == ("succeeded", scene.deducted())
    else:
        assert (job["status"], scene.posts(RENDER)) == ("unconfirmed", 0)
        assert "list_charges" in job["error"]["fix"]


@pytest.mark.battery
@pytest.mark.parametrize("tool", ["lip_sync", "extend_video"])
@pytest.mark.parametrize("seed", range(6))
def test_three_servers_on_one_ledger_of_which_one_stops_and_is_killed_anywhere(
    scene: Scene, tool: str, seed: int
) -> None:
    dice = random.Random(seed)
    more = {"prompt": "she smiles"} if tool == "extend_video" else {}
    with StdioServer(scene.env) as one, StdioServer(scene.env) as other:
        with StdioServer(scene.env) as victim:
            scene.begin(victim, tool, **more)
            time.sleep(dice.uniform(0, 4))  # anywhere: in a post, between two steps, in a download, in the join
            victim.process.send_signal(signal.SIGSTOP)
            time.sleep(dice.uniform(0, 3))
            victim.process.send_signal(signal.SIGCONT)
            time.sleep(dice.uniform(0, 1))
            victim.process.kill()
        done = [scene.ended(server, tool) for server in (one, other)]
    assert done[0] == done[1]
    assert all(scene.posts(path) <= 1 for path in (FACES, SPEECH))
    if (job := done[0]) is None:
        assert scene.deducted() == 0
    elif job["status"] == "succeeded":
        assert float(job["units_charged"]) == scene.deducted()
    else:
        assert (job["status"], scene.posts(RENDER)) == ("unconfirmed", 0)
