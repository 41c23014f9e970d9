"""A file on its way to its name: complete and verified before anybody sees it, and gone if that fails."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from typing import TYPE_CHECKING, Self

from kling_mcp.errors import LocalTrouble

if TYPE_CHECKING:
    from pathlib import Path

READABLE = 0o644
"""The owner's other programs may read it too."""
HEADROOM = 16 * 1024 * 1024
"""Bytes left free on the disk: the ledger has to be able to write what became of the job."""

ABANDONED_S = 3600
"""A draft nobody has written to for so long was left by a process that was killed."""

_PART = re.compile(r"\..+\.[0-9a-f]{12}\.part")
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,150}")
_NAMES = 100
"""How many different files may have asked for one name before something is plainly wrong."""


class Draft:
    """A hidden temporary file beside its future place. Synchronous: use it in a worker thread.

    Leaving the ``with`` block removes it, unless ``keep`` has given it its name.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        """Nothing is touched yet.

        Raises:
            ValueError: ``stem`` is not one plain path segment.
        """
        if not _SEGMENT.fullmatch(stem):
            raise ValueError(f"{stem!r} is no plain file name")
        self._folder, self._stem = folder, stem
        self.path = folder / f".{stem}.{secrets.token_hex(6)}.part"
        self.size = 0
        self._sum = hashlib.sha256()
        self._fd: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        # The file may be gone already, and a disk in trouble must not hide what went wrong before.
        with contextlib.suppress(OSError):
            self.path.unlink()

    @property
    def sha256(self) -> str:
        """Hex digest of what has been written."""
        return self._sum.hexdigest()

    def begin(self, expected: int | None) -> None:
        """Create the folder and the file.

        Args:
            expected: How many bytes are coming, as far as anybody knows.

        Raises:
            LocalTrouble: The folder cannot be written to, or the disk has no room for it.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _sweep(self._folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            self._fd = os.open(self.path, flags, READABLE)
            self.path.chmod(READABLE)  # whatever the umask
            room = shutil.disk_usage(self._folder)
            if room.total and room.free < (expected or 0) + HEADROOM:  # some network folders do not know
                raise _disk_full(self._folder)
        except OSError as error:
            raise trouble(self._folder, error) from error

    def write(self, piece: bytes) -> None:
        """Append. Raises ``LocalTrouble`` when the disk does not take it."""
        assert self._fd is not None  # noqa: S101 - begun before anything is written
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            raise trouble(self._folder, error) from error
        self._sum.update(piece)
        self.size += len(piece)

    def recount(self) -> None:
        """Take in what another program wrote to ``path`` instead of ``write``.

        Raises:
            LocalTrouble: It cannot be read back.
        """
        try:
            with self.path.open("rb") as file:
                self._sum, self.size = hashlib.file_digest(file, "sha256"), file.tell()
        except OSError as error:
            raise trouble(self._folder, error) from error

    def keep(self, extension: str) -> Path:
        """Make it durable and give it its name: ``<stem><extension>``, or a numbered one if that is taken.

        A file of the same content already there is used instead. Nothing is ever overwritten.

        Raises:
            LocalTrouble: The disk failed at the last moment.
        """
        assert self._fd is not None  # noqa: S101 - begun before anything is kept
        try:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = None
            return self._placed(extension)
        except OSError as error:
            raise trouble(self._folder, error) from error

    def _placed(self, extension: str) -> Path:
        for number in range(1, _NAMES):
            place = self._folder / (f"{self._stem}{extension}" if number == 1 else f"{self._stem}-{number}{extension}")
            if _moved(self.path, place):
                _sync_folder(self._folder)
                return place
            if _sha256_of(place) == self.sha256:
                return place
        raise FileExistsError(errno.EEXIST, "every name for it is taken", str(self._folder / self._stem))


def _sweep(folder: Path) -> None:
    """Remove what killed processes left."""
    for path in folder.glob(".*.part"):
        with contextlib.suppress(OSError):  # another process may be sweeping too
            if _PART.fullmatch(path.name) and path.stat().st_mtime < time.time() - ABANDONED_S:
                path.unlink()


def _moved(source: Path, place: Path) -> bool:
    """Rename, but only to a name that is free. False if it is not."""
    try:
        os.link(source, place)  # the one call that is both atomic and never replaces anything
    except FileExistsError:
        return False
    except OSError:
        return _moved_without_links(source, place)
    source.unlink()
    return True


def _moved_without_links(source: Path, place: Path) -> bool:
    """For memory cards, network shares and the like: reserve the name with an empty file, then replace that."""
    try:
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, READABLE))
    except FileExistsError:
        return False
    source.replace(place)
    return True


def _sync_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows has no such call; NTFS journals names by itself
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot, and need not
            raise
    finally:
        os.close(fd)


def _sha256_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _disk_full(folder: Path) -> LocalTrouble:
    return LocalTrouble(
        f"The disk is full, so the result could not be saved in {folder}.",
        fix="Free some space there (or set KLING_OUTPUT_DIR to another folder), then call get_job: it fetches the "
        "result again, at no cost.",
        code="disk_full",
    )


def trouble(folder: Path, error: OSError) -> LocalTrouble:
    """The failure of a folder that does not take a file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _disk_full(folder)
    return LocalTrouble(
        f"The folder {folder} cannot be written to ({error.strerror or type(error).__name__}).",
        fix="Make it a folder you may write to (or set KLING_OUTPUT_DIR to another), then call get_job: it fetches "
        "the result again, at no cost.",
        code="folder_not_writable",
    )
