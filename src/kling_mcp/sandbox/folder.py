"""Where tasks live when they must outlive a process: one JSON file each, in a folder that processes may share."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kling_mcp.errors import LocalTrouble
from kling_mcp.sandbox.order import Task

if TYPE_CHECKING:
    from pydantic import TypeAdapter


_log = logging.getLogger(__name__)


@cache
def _form() -> TypeAdapter[Task]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - loaded at first use: it slows the start

    return TypeAdapter(Task)


class TaskFolder:
    """Tasks as files. A file is named after the external id, so that only one process can ever create it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise LocalTrouble(
                f"The sandbox cannot keep its tasks in {folder} ({error.strerror}).", fix="Make that folder writable."
            ) from error

    def add(self, task: Task) -> bool:
        """Store a task whole or not at all; False if its external id is already there.

        Raises:
            OSError: The folder cannot be written.
        """
        name = _name(task)
        handle, draft = tempfile.mkstemp(dir=self._folder, suffix=".draft")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_form().dump_json(task))
            # A link appears with its whole content and never replaces a file: neither a reader nor a crash sees half.
            os.link(draft, self._folder / name)
        except FileExistsError:
            return False
        finally:
            Path(draft).unlink()
        self._seen.add(name)
        return True

    def new(self) -> list[Task]:
        """The tasks that appeared since the last look, other than by ``add``, oldest first."""
        names = {entry.name for entry in os.scandir(self._folder) if entry.name.endswith(".json")} - self._seen
        self._seen |= names
        tasks = [task for name in names if (task := _loaded(self._folder / name)) is not None]
        return sorted(tasks, key=lambda task: (task.created_at, task.id))


def _loaded(path: Path) -> Task | None:
    from pydantic import ValidationError  # noqa: PLC0415 - loaded at first use: it slows the start

    try:
        return _form().validate_json(path.read_bytes())
    except (OSError, ValidationError):
        _log.warning("The sandbox cannot read its task %s, perhaps of another version; it is left alone.", path.name)
        return None


def _name(task: Task) -> str:
    if task.order.external_id is None:
        return f"{task.id}.json"
    return f"ext-{hashlib.sha256(task.order.external_id.encode()).hexdigest()[:40]}.json"
