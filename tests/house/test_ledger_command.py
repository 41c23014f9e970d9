"""``kling-mcp ledger``, as people run it: while servers work on the file, without a key, altering nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pty
import random
import re
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.cli import main
from kling_mcp.errors import Failure
from kling_mcp.jobs import moves, results
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.model import Delivery, Job, Media, State
from kling_mcp.providers.base import Output, Progress, Request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = pytest.mark.anyio

COMMAND = [sys.executable, "-m", "kling_mcp", "ledger"]
FIRST, LATER, REFUSED = (f"km1-01KG7Z7Q0C3W9B2V5N8M4T6R{n}X" for n in "123")


def new(job_id: str, **changes: object) -> Job:
    now = time.time() - 600
    job = Job(
        id=job_id,
        account="acc",
        provider="official",
        tool="generate_video",
        request_hash="h",
        arguments={"prompt": "a kite über Köln"},
        model_name="kling-v3",
        units_quoted=Decimal("4.5"),
        created_at=now,
        updated_at=now,
        wire="v1",
        path="/v1/videos/text2video",
        notes=("a note",),
    )
    return replace(job, **changes)


def made(job: Job, file: Path) -> Job:
    """The job as it is once its file is on disk."""
    at = job.created_at
    done = Progress("t1", "succeeded", outputs=(Output("video", "https://cdn.example/v.mp4", "v1"),), units=Decimal(4))
    job = moves.after_post(moves.claimed(job, "me", at), replace(done, created_at=at), at, 5.0, random.Random(1))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    media = tuple(replace(each, path=str(file), sha256=digest) for each in job.media)
    return results.delivered(job, media, at)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncGenerator[Ledger]:
    """A ledger with three jobs, open in this process as it is in a server."""
    opened, film = Ledger(tmp_path / "ledger.db"), tmp_path / "film.mp4"
    film.write_bytes(b"a film")
    refused = replace(new(REFUSED), tool="generate_image", state=State.FAILED, finished_at=time.time() - 590)
    for job in (
        new(FIRST, created_at=time.time() - 9 * 86_400.0),
        made(new(LATER), film),
        replace(refused, failure=Failure("1301", "Refused.")),
    ):
        await opened.add(job, Request("v1", "/p", {"prompt": "a kite"}))
        if job.state is not State.QUEUED:
            await opened.save(job)  # Kling has answered: what was to be posted goes
    yield opened
    await opened.close()


def asked(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command in this process: a third of a second less for each of many."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("KLING_DATABASE_URL", f"sqlite:///{path}")
        try:
            code = main(["ledger", *words])
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess([*words], code, out.getvalue(), err.getvalue())


def really_asked(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"KLING_DATABASE_URL": f"sqlite:///{path}", "PATH": os.environ["PATH"]}
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False, env=environment, timeout=60)


async def test_a_listing_is_plain_lines_when_it_is_piped_newest_first(ledger: Ledger, tmp_path: Path) -> None:
    told = really_asked(ledger.path, "list")
    rows = [line.split("\t") for line in told.stdout.splitlines()]
    assert (told.returncode, told.stderr) == (0, "")
    assert [(row[0], *row[2:]) for row in rows] == [
        (REFUSED, "generate_image", "failed", "(4.5)", ""),
        (LATER, "generate_video", "succeeded", "4", str(tmp_path / "film.mp4")),
        (FIRST, "generate_video", "queued", "(4.5)", ""),
    ]
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\dZ", row[1]) for row in rows)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--state", "queued,failed"], [REFUSED, FIRST]),
        (["--tool", "generate_image"], [REFUSED]),
        (["--since", "7d"], [REFUSED, LATER]),
        (["--since", "2020-01-01", "--limit", "1"], [REFUSED]),
        (["--tool", "lip_sync"], []),
    ],
)
async def test_a_listing_can_be_narrowed(ledger: Ledger, words: list[str], ids: list[str]) -> None:
    assert [line.split("\t")[0] for line in asked(ledger.path, "list", *words).stdout.splitlines()] == ids


async def test_on_a_terminal_it_is_a_table(ledger: Ledger) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "KLING_DATABASE_URL": f"sqlite:///{ledger.path}", "COLUMNS": "200", "TERM": "xterm"}
    with subprocess.Popen([*COMMAND, "list"], stdout=theirs, env=environment) as told:  # noqa: ASYNC220 - nothing else runs
        assert told.wait(60) == 0
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    for word in ("accepted", "units", LATER, "film.mp4", "quoted, not charged"):
        assert word in shown


async def test_an_export_is_every_field_of_every_job_a_line_each(ledger: Ledger) -> None:
    told = asked(ledger.path, "export")
    records = [json.loads(line) for line in told.stdout.splitlines()]
    assert [record["id"] for record in records] == [FIRST, LATER, REFUSED]
    with closing(sqlite3.connect(ledger.path)) as db:
        columns = {row[1] for row in db.execute("PRAGMA table_info(job)")}
    assert all(set(record) == columns for record in records)
    film = records[1]
    assert (film["arguments"], film["notes"]) == ({"prompt": "a kite über Köln"}, ["a note"])
    assert (film["media"][0]["sha256"], film["units_charged"]) == (hashlib.sha256(b"a film").hexdigest(), "4")
    assert records[2]["failure"]["code"] == "1301"


async def test_an_export_to_a_file_is_private_and_whole(ledger: Ledger, tmp_path: Path) -> None:
    out = tmp_path / "out" / "jobs.jsonl"
    refused = asked(ledger.path, "export", "--out", str(out))
    assert (refused.returncode, "cannot be written" in refused.stderr) == (2, True)
    out.parent.mkdir()
    out.write_text("what was there")
    told = really_asked(ledger.path, "export", "--out", str(out))
    assert (told.returncode, told.stdout, len(out.read_text().splitlines())) == (0, "", 3)
    assert "prompts" in told.stderr
    assert (stat.S_IMODE(out.stat().st_mode), [file.name for file in out.parent.iterdir()]) == (0o600, [out.name])


async def test_a_sound_ledger_is_said_to_be_sound_and_nothing_is_written(ledger: Ledger) -> None:
    before = (ledger.path.read_bytes(), ledger.path.stat().st_mtime_ns, sorted(ledger.path.parent.iterdir()))
    told = really_asked(ledger.path, "verify", "--files")
    assert (told.returncode, told.stdout) == (0, "")
    assert told.stderr == f"{ledger.path}: no findings. All is well.\n"
    assert (ledger.path.read_bytes(), ledger.path.stat().st_mtime_ns, sorted(ledger.path.parent.iterdir())) == before


def written(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


FINDINGS = [
    (FIRST, "state='unknown', attempts=1", 1, "is in doubt"),
    (FIRST, "reserved=1", 1, "reserves other units"),
    (REFUSED, "state='unconfirmed'", 1, "may have been charged"),
    (LATER, "delivery='expired'", 1, "can only be made again"),
    (FIRST, "state='running'", 2, "never posted"),
    (FIRST, "state='submitting'", 2, "submitted by nobody"),
    (LATER, "finished_at=NULL", 2, "no one knows when"),
    (REFUSED, "failure=NULL", 2, "for no reason"),
    (LATER, "media='what'", 2, "cannot be read"),
    (REFUSED, "task_id='t1'", 2, "the same task"),
    (LATER, "parent='km1-nobody'", 2, "a step of a job that is not there"),
]


@pytest.mark.parametrize(("job_id", "change", "verdict", "said"), FINDINGS, ids=[said for *_, said in FINDINGS])
async def test_each_finding_is_one_sentence_with_what_to_do(
    ledger: Ledger, job_id: str, change: str, verdict: int, said: str
) -> None:
    written(ledger.path, f"UPDATE job SET {change} WHERE id='{job_id}'")  # noqa: S608 - words of this file
    told = asked(ledger.path, "verify")
    findings = [line for line in told.stdout.splitlines() if said in line]
    assert (told.returncode, len(findings)) == (verdict, 1), told.stdout
    assert findings[0].count(". ") >= 1, "what is so, and what to do"


async def test_what_belongs_together_and_is_not_is_a_finding(ledger: Ledger) -> None:
    written(ledger.path, "UPDATE request SET job_id='km1-nobody'")
    told = asked(ledger.path, "verify")
    assert (told.returncode, "there is no such job" in told.stdout) == (2, True)
    assert f"Job {FIRST} waits to be posted, but what was to be posted is gone" in told.stdout


async def test_a_file_that_perishes_is_a_finding(ledger: Ledger) -> None:
    media = Media(f"{LATER}_1", "video", "https://cdn.example/v.mp4", expires_at=time.time() + 86_400)
    job = (await ledger.many([LATER]))[LATER]
    await ledger.save(replace(job, delivery=Delivery.FAILED, media=(media,)))
    told = asked(ledger.path, "verify")
    assert (told.returncode, f'get_job(job_id="{LATER}")' in told.stdout) == (1, True)


async def test_files_are_looked_at_only_when_asked(ledger: Ledger, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"another film")
    for said in ("was altered", "is not there"):
        assert asked(ledger.path, "verify").returncode == 0
        told = asked(ledger.path, "verify", "--files")
        assert (told.returncode, said in told.stdout) == (1, True)
        film.unlink(missing_ok=True)


async def test_a_damaged_file_is_told_of_and_never_touched(ledger: Ledger) -> None:
    await ledger.close()
    spoilt = bytearray(ledger.path.read_bytes())
    spoilt[8192 : 8192 + 20_000] = os.urandom(20_000)
    ledger.path.write_bytes(spoilt)
    told = asked(ledger.path, "verify")
    assert (told.returncode, "restore a backup" in told.stdout + told.stderr or "cannot be used" in told.stderr) == (
        2,
        True,
    )
    assert ledger.path.read_bytes() == spoilt


@pytest.mark.parametrize("words", [["list"], ["export"], ["verify"]])
def test_a_ledger_that_cannot_be_read_says_why(tmp_path: Path, words: list[str]) -> None:
    path = tmp_path / "ledger.db"
    missing = asked(path, *words)
    assert (missing.returncode, "There is no ledger" in missing.stderr, path.exists()) == (2, True, False)
    path.write_text("this is no database, whatever its name says")
    garbage = asked(path, *words)
    assert (garbage.returncode, "not a database" in garbage.stderr) == (2, True)
    for version, said in ((2, "an older kling-mcp"), (99, "a newer kling-mcp")):
        path.unlink()
        written(path, f"PRAGMA user_version={version}")
        other = asked(path, *words)
        assert (other.returncode, said in other.stderr, "Traceback" in other.stderr) == (2, True, False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--state", "sleeping"], "--state knows queued"),
        (["list", "--since", "yesterday"], "--since takes a date"),
        (["list", "--limit", "0"], "is not a number of jobs"),
        ([], "COMMAND"),
    ],
)
async def test_a_wrong_word_is_refused_with_what_would_be_right(ledger: Ledger, words: list[str], said: str) -> None:
    told = asked(ledger.path, *words)
    assert (told.returncode, said in told.stderr, "Traceback" in told.stderr) == (2, True, False)


async def filled(ledger: Ledger, jobs: int) -> None:
    async with anyio.create_task_group() as group:
        for number in range(jobs):
            group.start_soon(ledger.add, new(f"km1-01KG8{number:021}"), Request("v1", "/p", {}))


async def test_it_works_while_a_server_is_in_the_middle_of_writing(ledger: Ledger) -> None:
    await filled(ledger, 300)
    with subprocess.Popen(  # noqa: ASYNC220 - it is not waited for
        [*COMMAND, "export"],
        stdout=subprocess.PIPE,
        env={**os.environ, "KLING_DATABASE_URL": f"sqlite:///{ledger.path}"},
    ) as export:
        assert export.stdout
        export.stdout.readline()
        for number in range(5):  # its pipe is full: it stands in the middle of the file, and holds nobody up
            await ledger.add(new(f"km1-01KG9{number:021}"), Request("v1", "/p", {}))
        rest = export.stdout.read().splitlines()
    assert (export.returncode, len(rest) >= 302) == (0, True)


async def test_a_reader_that_has_enough_is_no_trouble(ledger: Ledger) -> None:
    await filled(ledger, 300)
    line = f"{sys.executable} -m kling_mcp ledger export | head -n 1"
    told = subprocess.run(  # noqa: ASYNC221 - nothing else runs
        ["/bin/sh", "-c", line],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "KLING_DATABASE_URL": f"sqlite:///{ledger.path}"},
    )
    assert (len(told.stdout.splitlines()), told.stderr) == (1, "")


def test_help_loads_nothing_of_it() -> None:
    loaded = "import sys; from kling_mcp.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    probe = "print(*sorted(m for m in sys.modules if m in ('sqlite3', 'rich', 'pydantic') or 'kling_mcp.jobs' in m))"
    told = subprocess.run([sys.executable, "-c", loaded + probe], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == ""
