"""The demo as a person runs it: a process of its own, judged by what it prints, leaves and returns."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kling_mcp.media.probe import probe

COMMAND = [sys.executable, "-m", "kling_mcp", "demo", "--out"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("KLING_")}


def started(out: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*COMMAND, str(out)], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=ENVIRONMENT, cwd=out.parent
    )


def children(pid: int) -> list[int]:
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listing.read_text().split()]


def test_what_breaks_is_said_in_a_sentence_with_exit_code_1(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("not a folder")
    with started(taken) as demo:
        said, complaints = demo.communicate(timeout=60)
    assert (demo.returncode, complaints) == (1, "")
    assert said == f"The demo broke: {taken}: File exists.\n"


@pytest.mark.battery
def test_it_makes_two_films_twice_in_a_row_and_prints_the_bill(tmp_path: Path) -> None:
    out = tmp_path / "films"
    for films in (2, 4):
        with started(out) as demo:
            said, complaints = demo.communicate(timeout=60)
        assert (demo.returncode, complaints) == (0, "")
        assert "The pretend account had 1000 units and has 994 now." in said
        assert "\x1b" not in said
        facts = [probe(film) for film in out.glob("*.mp4")]
        assert [(round(f.duration_s or 0), round((f.width or 0) / (f.height or 1), 1)) for f in facts] == [
            (5, 1.8)
        ] * films
        assert len(list(out.glob("*.sheet.jpg"))) == films / 2


@pytest.mark.battery
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are counted as Linux lists them")
@pytest.mark.parametrize(("cause", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_nothing_outlives_it_however_it_ends(tmp_path: Path, cause: signal.Signals, code: int) -> None:
    with started(tmp_path / "films") as demo:
        assert demo.stdout
        while "generate_video" not in demo.stdout.readline():
            pass
        family = children(demo.pid)
        demo.send_signal(cause)
        _, complaints = demo.communicate(timeout=30)
    assert (len(family), demo.returncode, complaints) == (2, code, "")
    for child in family:
        _gone(child)


def _gone(pid: int) -> None:
    """Wait until a process that is not our child has ended, for at most ten seconds."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([watch], [], [], 10)[0], f"process {pid} is still there"
    finally:
        os.close(watch)
