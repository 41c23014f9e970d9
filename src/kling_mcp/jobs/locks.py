"""Locks that the kernel drops when their holder dies: no time-out stands between a crash and the next process."""

from __future__ import annotations

import os
import socket
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

if sys.platform == "win32":  # pragma: no cover - no Windows machine runs the tests
    import msvcrt

    def _lock(fd: int, *, wait: bool) -> bool:
        try:
            msvcrt.locking(fd, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(fd: int, *, wait: bool) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def private_file(path: Path) -> int:
    """Open (making it if need be) a file only its owner may read, in a folder only its owner may enter."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def exclusive(path: Path) -> Generator[None]:
    """Hold the lock file for the length of the block. Waiters queue in the kernel, so none of them starves."""
    fd = private_file(path)
    try:
        while not _lock(fd, wait=True):
            pass  # Windows gives up after 10 s by itself; there is nothing to do but ask again
        yield
    finally:
        os.close(fd)


class Owner:
    """This process's name as a holder of claims, provably alive while it lives.

    It keeps a lock on a file of its own; others find out whether it is alive by trying that lock. A reused process
    id therefore never keeps a dead process's claims alive.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = f"{socket.gethostname()[:40]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._fd: int | None = None

    def appear(self) -> Self:
        """Start being provably alive."""
        if self._fd is None:
            self._fd = private_file(self._file(self.name))
            _lock(self._fd, wait=True)
        return self

    def leave(self) -> None:
        """Stop: our claims are free for others at once."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            self._file(self.name).unlink(missing_ok=True)

    def is_alive(self, name: str) -> bool:
        """Whether the process of this name still runs. Unknown counts as alive: then the lease decides.

        Its lock decides even if it ran under another host name: a container has a new one at each start.
        """
        if name == self.name:
            return True
        file = self._file(name)
        try:
            fd = os.open(file, os.O_RDWR)
        except FileNotFoundError:
            return not name.startswith(f"{socket.gethostname()[:40]}-")
        except OSError:
            return True
        try:
            dead = _lock(fd, wait=False)
            if dead:
                file.unlink(missing_ok=True)
            return not dead
        finally:
            os.close(fd)

    def sweep_dead(self, older_than_s: float) -> None:
        """Remove the lock files of processes that died without removing theirs.

        Args:
            older_than_s: Younger files are left alone: their process may be between making its file and locking it.
        """
        for file in self._folder.glob("*.lock"):
            with suppress(OSError):
                if time.time() - file.stat().st_mtime > older_than_s:
                    self.is_alive(file.stem)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.lock"
