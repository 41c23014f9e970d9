"""The finished files: made when they are first asked for, kept on disk, served with ranges and an ETag."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import weakref
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from starlette.responses import FileResponse, PlainTextResponse

from kling_mcp.sandbox.order import KEPT_S
from kling_mcp.sandbox.render import ENDINGS, Sheet, rendered
from kling_mcp.sandbox.shapes import file_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from kling_mcp.sandbox.order import Make, Task
    from kling_mcp.sandbox.state import State

_RESULT = re.compile(r"([0-9]{18,19})(-watermark)?\.(mp4|png|mp3|wav)")
_EXTRA = re.compile(r"x[0-9a-f]{20}-[a-z0-9-]+\.(mp4|png|mp3|wav)")
_TYPES: Mapping[str, str] = MappingProxyType(
    {"mp4": "video/mp4", "png": "image/png", "mp3": "audio/mpeg", "wav": "audio/wav"}
)
_MARKED = frozenset({"video", "image"})
_KEPT = 100
"""Files of results kept on disk; the oldest goes first, and is made again when somebody asks for it."""


class Files:
    """What ``/files`` serves. Result addresses need no credential, as at Kling."""

    def __init__(self, state: State, folder: Path | None, short_side: int) -> None:
        self._state, self._short_side = state, short_side
        self._folder = folder / "files" if folder is not None else _passing_folder(self)
        self._making = anyio.Lock()

    async def serve(self, name: str) -> Response:
        """A file; 404 in plain words while there is none, for a failed task, and after 30 days."""
        path = self._extra(name)
        if path is None and (wanted := self._wanted(name)) is not None:
            async with self._making:
                path = await anyio.to_thread.run_sync(self._made, name, wanted)
        if path is None:
            return PlainTextResponse("Not Found", 404)
        return FileResponse(path, media_type=_TYPES[path.suffix[1:]])

    # --- results -------------------------------------------------------------------------------------------

    def _wanted(self, name: str) -> tuple[Task, Make] | None:
        """What a name stands for, if that is finished and still there."""
        match = _RESULT.fullmatch(name)
        found = self._state.by_result(match[1]) if match else None
        if match is None or found is None or match[3] not in ENDINGS[found[1].kind]:
            return None
        task, make = found
        now = self._state.now()
        there = task.at(now).status == "succeeded" and not task.purged(now)
        marked = bool(task.order.watermark) and make.kind in _MARKED
        return found if there and (marked or not match[2]) else None

    def _made(self, name: str, wanted: tuple[Task, Make]) -> Path:
        path = self._folder / name
        if path.exists():
            return path
        task, make = wanted
        sheet = Sheet(task, make, path.suffix[1:], "-watermark" in name, self._earlier, self._short_side)
        self._write(path, rendered(sheet), task.ends_at)  # so that the ETag is the same whenever it is made
        self._make_room(path)
        return path

    def _earlier(self, result_id: str) -> Path | None:
        """The file of a result that another builds on, although that one may be gone by now."""
        found = self._state.by_result(result_id)
        if found is None or not ENDINGS[found[1].kind]:
            return None
        return self._made(file_name(result_id, ENDINGS[found[1].kind][0]), found)

    def of(self, result_id: str) -> Path | None:
        """The file of a result, made now if nobody asked for it before: slow. None for what has no file."""
        return self._earlier(result_id)

    # --- what is no result ---------------------------------------------------------------------------------

    def keep(self, base_url: str, content: bytes, name: str) -> str:
        """Keep a file for 30 days; its address."""
        name = f"x{hashlib.sha256(content).hexdigest()[:20]}-{name}"
        assert _EXTRA.fullmatch(name), name  # noqa: S101 - only our own endpoints choose names
        self._write(self._folder / name, content, self._state.now())
        return f"{base_url}/files/{name}"

    def extra_at(self, base_url: str, url: str) -> bytes | None:
        """What is kept at an address; None for an address of another kind."""
        path = self._extra(url.removeprefix(f"{base_url}/files/"))
        return path.read_bytes() if path else None

    def _extra(self, name: str) -> Path | None:
        path = self._folder / name
        if not _EXTRA.fullmatch(name) or not path.exists():
            return None
        return path if self._state.now() < path.stat().st_mtime + KEPT_S else None

    # -------------------------------------------------------------------------------------------------------

    def _write(self, path: Path, content: bytes, time: float) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=self._folder, suffix=".draft")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.utime(draft, (time, time))
        Path(draft).replace(path)

    def _make_room(self, newest: Path) -> None:
        results = sorted(path for path in self._folder.iterdir() if path.name[0].isdigit() and path != newest)
        for path in results[: 1 - _KEPT]:
            with contextlib.suppress(OSError):  # another process removed it, or still reads it
                path.unlink()


def _passing_folder(owner: object) -> Path:
    folder = tempfile.mkdtemp(prefix="kling-sandbox-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
