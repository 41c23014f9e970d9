"""Where tasks live when they must outlive a process: one JSON file each, in a folder that processes may share."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kling_mcp.errors import LocalTrouble
from kling_mcp.sandbox.order import Note, Task

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_Record = TypeVar("_Record", Task, Note)

_log = logging.getLogger(__name__)

_NOTE = "note-"
_COARSE_NS = 2_000_000_000
"""File systems keep the time of a change no finer than this: what changed since may have changed again."""


@cache
def _form(record: type[Any]) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - loaded at first use: it slows the start

    return TypeAdapter(record)


class TaskFolder:
    """Tasks and notes as files. A task's is named after its external id, so that only one process can create it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self._changed = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise LocalTrouble(
                f"The sandbox cannot keep its tasks in {folder} ({error.strerror}).", fix="Make that folder writable."
            ) from error

    def add(self, record: Task | Note, *, unique: bool = True) -> bool:
        """Store a record whole or not at all; False if a task's external id is already there, and must be unique.

        Raises:
            OSError: The folder cannot be written.
        """
        name = _name(record) if unique else f"{_NOTE if isinstance(record, Note) else ''}{record.id}.json"
        handle, draft = tempfile.mkstemp(dir=self._folder, suffix=".draft")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_form(type(record)).dump_json(record))
            # A link appears with its whole content and never replaces a file: neither a reader nor a crash sees half.
            os.link(draft, self._folder / name)
        except FileExistsError:
            return False
        finally:
            Path(draft).unlink()
        self._seen.add(name)
        return True

    def new(self) -> tuple[list[Task], list[Note]]:
        """What appeared since the last look, other than by ``add``, oldest first."""
        changed = self._folder.stat().st_mtime_ns
        if changed == self._changed and time.time_ns() - changed > _COARSE_NS:
            return [], []
        self._changed = changed
        names = {entry.name for entry in os.scandir(self._folder) if entry.name.endswith(".json")} - self._seen
        self._seen |= names
        notes = [self._loaded(Note, name) for name in names if name.startswith(_NOTE)]
        tasks = [self._loaded(Task, name) for name in names if not name.startswith(_NOTE)]
        return (
            sorted((task for task in tasks if task is not None), key=lambda task: (task.created_at, task.id)),
            sorted((note for note in notes if note is not None), key=lambda note: (note.at, note.id)),
        )

    def _loaded(self, record: type[_Record], name: str) -> _Record | None:
        from pydantic import ValidationError  # noqa: PLC0415 - loaded at first use: it slows the start

        try:
            return _form(record).validate_json((self._folder / name).read_bytes())
        except (OSError, ValidationError):
            _log.warning("The sandbox cannot read its record %s, perhaps of another version; it is left alone.", name)
            return None


def _name(record: Task | Note) -> str:
    if isinstance(record, Note):
        return f"{_NOTE}{record.id}.json"
    if record.order.external_id is None:
        return f"{record.id}.json"
    return f"ext-{hashlib.sha256(record.order.external_id.encode()).hexdigest()[:40]}.json"
