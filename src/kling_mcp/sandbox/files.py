"""The finished clips: made when they are first asked for, kept as files, served with ranges and an ETag."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from starlette.responses import FileResponse, PlainTextResponse

from kling_mcp.sandbox.shapes import file_name, length_s

if TYPE_CHECKING:
    from starlette.responses import Response

    from kling_mcp.sandbox.order import Task
    from kling_mcp.sandbox.state import State

_NAME = re.compile(r"([0-9]{18,19})(-watermark)?\.mp4")
_KEPT = 100
"""Clips kept on disk; the oldest goes first, and is made again when somebody asks for it."""


class Files:
    """What ``/files`` serves. Result addresses need no credential, as at Kling."""

    def __init__(self, state: State, folder: Path | None) -> None:
        self._state = state
        self._folder = folder / "files" if folder is not None else _passing_folder(self)
        self._making = anyio.Lock()

    async def serve(self, name: str) -> Response:
        """A clip; 404 in plain words while there is none, for a failed task, and after 30 days."""
        match = _NAME.fullmatch(name)
        task = self._state.by_id(match[1]) if match else None
        exists = task is not None and task.at(self._state.now()).status == "succeeded"
        if match is None or task is None or not exists or (match[2] and not task.order.watermark):
            return PlainTextResponse("Not Found", 404)
        async with self._making:
            path = await anyio.to_thread.run_sync(self._made, task, bool(match[2]))
        return FileResponse(path, media_type="video/mp4")

    def _made(self, task: Task, watermark: bool) -> Path:
        path = self._folder / file_name(task, watermark=watermark)
        if path.exists():
            return path
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=self._folder, suffix=".draft")
        with os.fdopen(handle, "wb") as file:
            file.write(_clip(task, watermark=watermark))
        os.utime(draft, (task.ends_at, task.ends_at))  # so that the ETag is the same whenever it is made
        Path(draft).replace(path)
        self._make_room()
        return path

    def _make_room(self) -> None:
        clips = sorted(self._folder.glob("*.mp4"), key=lambda clip: clip.name)
        for clip in clips[:-_KEPT]:
            with contextlib.suppress(OSError):  # another process removed it, or still reads it
                clip.unlink()


def _passing_folder(owner: object) -> Path:
    folder = tempfile.mkdtemp(prefix="kling-sandbox-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _clip(task: Task, *, watermark: bool) -> bytes:
    from kling_mcp.sandbox.samples import sample_video  # noqa: PLC0415 - loaded at first use: it slows the start

    order = task.order
    return sample_video(
        caption=order.prompt,
        label=f"{order.external_id or task.id}{' · watermark' if watermark else ''}",
        aspect_ratio=order.aspect_ratio,
        duration_s=length_s(task),
        sound=order.sound,
        backdrop=base64.b64decode(order.backdrop) if order.backdrop else None,
    )
