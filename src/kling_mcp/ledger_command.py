"""``kling-mcp ledger``: look into the ledger of paid jobs, while servers run, without a key, altering nothing.

Only argparse is loaded before a command runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from kling_mcp.jobs.model import Job, State

CLEAN, ATTENTION, DAMAGED = 0, 1, 2
HEAD = ("job", "accepted", "tool", "state", "units", "file")
WIDE = 160
"""Columns of a window in which a path does not become a tower of letters."""
_NEAT_S = {"h": 3600.0, "d": 86_400.0}


def add_ledger(ledger: argparse.ArgumentParser, path: Callable[[], Path]) -> None:
    """Give ``kling-mcp ledger`` its commands.

    Args:
        ledger: Its parser.
        path: Finds out where the ledger is, when a command runs.
    """
    commands = ledger.add_subparsers(metavar="COMMAND", required=True)

    listing = commands.add_parser("list", help="show jobs, newest first", description="Show jobs, newest first.")
    listing.add_argument("--state", help="only these, comma-separated (queued, running, succeeded, failed, …)")
    listing.add_argument("--tool", help="only those of this tool")
    listing.add_argument("--since", metavar="WHEN", help="a date (2026-11-30), or so long ago (12h, 7d)")
    listing.add_argument("--limit", type=_count, default=20, metavar="N", help="how many at most (default: 20)")
    _runs(listing, lambda asked: _list(path(), asked))

    export = commands.add_parser(
        "export",
        help="write every job as a line of JSON",
        description="Write every job as a line of JSON, with all its fields: prompts, the other arguments, and the "
        "addresses of results are among them; keys and tokens are not, because the ledger has none.",
    )
    export.add_argument("--out", type=Path, metavar="FILE", help="a file only you may read (default: standard output)")
    _runs(export, lambda asked: _export(path(), asked.out))

    verify = commands.add_parser(
        "verify",
        help="check the ledger and what it says",
        description="Check the ledger and what it says. It ends with 0 if all is well, 1 if somebody should look at "
        "a job, 2 if the ledger itself is damaged or cannot be read.",
    )
    verify.add_argument("--files", action="store_true", help="read the files of finished jobs too")
    _runs(verify, lambda asked: _verify(path(), files=asked.files))


def _runs(command: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    command.set_defaults(run=run)


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of jobs; give 1 or more")
    return int(text)


def _list(path: Path, asked: argparse.Namespace) -> int:
    from kling_mcp.jobs.ledger.inspection import inspected  # noqa: PLC0415 - loaded at first use: it slows the start

    states, since = _states(asked.state), _since(asked.since)
    with inspected(path) as ledger:
        jobs = ledger.newest(states=states, tool=asked.tool, since=since, limit=asked.limit)
    with _reader_may_leave():
        rows = [_row(job) for job in jobs]
        if not sys.stdout.isatty():
            print(*("\t".join(row) for row in rows), sep="\n", end="\n" if rows else "")
        elif rows:
            _table(rows)
        else:
            print("There are no such jobs.")
    return CLEAN


def _states(words: str | None) -> list[State]:
    from kling_mcp.errors import InvalidRequest  # noqa: PLC0415 - loaded at first use: it slows the start
    from kling_mcp.jobs.model import State  # noqa: PLC0415 - as above

    try:
        return [State(word.strip()) for word in words.split(",")] if words else []
    except ValueError:
        raise InvalidRequest.one("state", f"--state knows {', '.join(State)}; not '{words}'.") from None


def _since(when: str | None) -> float:
    """Unix seconds of a date (the start of the day here), or of so many hours or days ago."""
    import time  # noqa: PLC0415 - loaded at first use: it slows the start
    from datetime import datetime  # noqa: PLC0415 - as above

    from kling_mcp.errors import InvalidRequest  # noqa: PLC0415 - as above

    if not when:
        return 0.0
    if when[:-1].isdecimal() and when[-1] in _NEAT_S:
        return time.time() - int(when[:-1]) * _NEAT_S[when[-1]]
    try:
        return datetime.fromisoformat(when).astimezone().timestamp()
    except ValueError:
        raise InvalidRequest.one(
            "since", f"--since takes a date like 2026-11-30, or 12h or 7d; not '{when}'."
        ) from None


def _row(job: Job) -> tuple[str, ...]:
    from datetime import UTC, datetime  # noqa: PLC0415 - loaded at first use: it slows the start

    from kling_mcp.jobs.model import Delivery  # noqa: PLC0415 - as above

    when = datetime.fromtimestamp(job.created_at, UTC).strftime("%Y-%m-%d %H:%MZ")
    told = job.delivery in (Delivery.FETCHING, Delivery.FAILED, Delivery.EXPIRED)
    state = f"{job.state}, file {job.delivery}" if told else str(job.state)
    quoted = "" if job.units_quoted is None else f"({job.units_quoted.normalize():f})"
    units = quoted if job.units_charged is None else f"{job.units_charged.normalize():f}"
    files = [media.path for media in job.media if media.path]
    file = "" if not files else files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
    return job.id, when, job.tool, state, units, file


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - loaded at first use: it slows the start
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    console = Console()
    shown = len(HEAD) if console.width >= WIDE else len(HEAD) - 1
    hint = "" if shown == len(HEAD) else "; a wider window, or a pipe, shows the files"
    table = Table(box=None, pad_edge=False, caption=f"units in brackets: quoted, not charged (yet){hint}")
    for name in HEAD[:shown]:
        table.add_column(name, overflow="fold", no_wrap=name in HEAD[:2])
    for job_id, when, *rest in rows:
        moment = when if shown == len(HEAD) else when.partition("-")[2]  # no year where there is no room
        table.add_row(*map(Text, (job_id, moment, *rest)[:shown]))
    console.print(table)


def _export(path: Path, out: Path | None) -> int:
    import json  # noqa: PLC0415 - loaded at first use: it slows the start

    from kling_mcp.jobs.ledger.inspection import inspected  # noqa: PLC0415 - as above

    with inspected(path) as ledger, _written(out) if out else _reader_may_leave() as file:
        written = 0
        for record in ledger.records():
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            written += 1
    if out:
        print(f"{written} jobs written to {out}, prompts and all: only you may read it.", file=sys.stderr)
    return CLEAN


@contextmanager
def _written(out: Path) -> Generator[TextIO]:
    """A file only its owner may read, there as a whole or not at all.

    Raises:
        LocalTrouble: It cannot be written.
    """
    from kling_mcp.errors import LocalTrouble  # noqa: PLC0415 - loaded at first use: it slows the start

    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - of a descriptor
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise LocalTrouble(f"{out} cannot be written: {error.strerror}.", fix="Choose another --out.") from error


@contextmanager
def _reader_may_leave() -> Generator[TextIO]:
    """Standard output, whose reader (``head``) may have enough at any line."""
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more is said, at the end neither


def _verify(path: Path, *, files: bool) -> int:
    import time  # noqa: PLC0415 - loaded at first use: it slows the start

    from kling_mcp.jobs.audit import findings  # noqa: PLC0415 - as above
    from kling_mcp.jobs.ledger.inspection import inspected  # noqa: PLC0415 - as above

    verdict, told = CLEAN, 0
    with inspected(path) as ledger, _reader_may_leave():
        for finding in findings(ledger, time.time(), files=files):
            print(finding.sentence)
            verdict, told = max(verdict, DAMAGED if finding.damaged else ATTENTION), told + 1
    endings = {CLEAN: "All is well.", ATTENTION: "The ledger is sound.", DAMAGED: "The ledger is damaged."}
    print(f"{path}: {told or 'no'} finding{'' if told == 1 else 's'}. {endings[verdict]}", file=sys.stderr)
    return verdict
