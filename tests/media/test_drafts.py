"""Disks that are full, folders that are none, and processes that were killed half-way."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from kling_mcp.errors import LocalTrouble
from kling_mcp.media.downloads import PIECE, Bounds, Downloads
from kling_mcp.media.drafts import HEADROOM, Draft

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.media.raw_server import RawServer

STEM = "kj_1_1"
FIX = "then call get_job: it fetches the result again, at no cost."


async def trouble(server: RawServer, folder: Path, url: str, bounds: Bounds | None = None) -> LocalTrouble:
    with anyio.fail_after(10), pytest.raises(LocalTrouble) as raised:
        await Downloads(folder, trusted_origin=server.origin, bounds=bounds).fetch(url, stem=STEM, kind="video")
    assert str(folder) in raised.value.failure.message
    assert raised.value.failure.fix.endswith(FIX)
    return raised.value


@contextmanager
def files_no_larger_than(size: int) -> Generator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk(folder: Path, size: int) -> Generator[None]:
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None or os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    folder.mkdir()
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("this container may not mount")
    try:
        yield
    finally:
        subprocess.run([umount, str(folder)], check=True)


@pytest.mark.anyio
async def test_a_disk_that_fills_up_on_the_way_says_so_and_leaves_nothing(
    server: RawServer, tmp_path: Path, video: bytes
) -> None:
    folder = tmp_path / "small"
    with small_disk(folder, HEADROOM + 8 * PIECE):
        url = server.serves("/v", video, bytes(HEADROOM + 9 * PIECE))
        assert (await trouble(server, folder, url)).failure.code == "disk_full"
        assert list(folder.iterdir()) == []


@pytest.mark.anyio
async def test_a_write_the_disk_does_not_take_leaves_nothing(server: RawServer, tmp_path: Path, video: bytes) -> None:
    url = server.serves_file("/v", video)
    with files_no_larger_than(len(video) // 2):
        assert (await trouble(server, tmp_path, url)).failure.code == "disk_full"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anyio
async def test_a_result_larger_than_the_room_left_is_not_even_begun(
    server: RawServer, tmp_path: Path, video: bytes
) -> None:
    url = server.serves("/v", video, content_length=str(10**17))
    raised = await trouble(server, tmp_path, url, Bounds(bytes={"video": 10**18}))
    assert raised.failure.code == "disk_full"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anyio
async def test_a_folder_that_is_a_file_says_so(server: RawServer, tmp_path: Path, video: bytes) -> None:
    folder = tmp_path / "file"
    folder.write_text("not a folder")
    raised = await trouble(server, folder, server.serves_file("/v", video))
    assert raised.failure.code == "folder_not_writable"


@pytest.mark.anyio
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system nobody can write to")
async def test_a_folder_nobody_can_write_to_says_so(server: RawServer, video: bytes) -> None:
    for folder in (Path("/proc/self"), Path("/proc/kling/made")):
        raised = await trouble(server, folder, server.serves_file("/v", video))
        assert raised.failure.code == "folder_not_writable"


def test_a_draft_is_hidden_until_it_is_kept(tmp_path: Path) -> None:
    with Draft(tmp_path, STEM) as draft:
        draft.begin(None)
        draft.write(b"abc")
        (hidden,) = tmp_path.iterdir()
        assert hidden.name.startswith(f".{STEM}.")
        kept = draft.keep(".mp4")
    assert list(tmp_path.iterdir()) == [kept] == [tmp_path / f"{STEM}.mp4"]
    assert kept.read_bytes() == b"abc"


def test_a_disk_that_does_not_know_its_size_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = type(shutil.disk_usage(tmp_path))(0, 0, 0)

    def usage(_: object) -> object:
        return unknown

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with Draft(tmp_path, STEM) as draft:
        draft.begin(100)


def test_a_disk_without_links_gets_the_file_too_and_nothing_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "not supported here")

    monkeypatch.setattr(os, "link", no_links)
    for content in (b"one", b"two", b"one"):
        with Draft(tmp_path, STEM) as draft:
            draft.begin(len(content))
            draft.write(content)
            draft.keep(".mp4")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        f"{STEM}.mp4": b"one",
        f"{STEM}-2.mp4": b"two",
    }


def test_a_umask_does_not_hide_the_file_from_its_owners_other_programs(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with Draft(tmp_path, STEM) as draft:
            draft.begin(None)
            kept = draft.keep(".mp4")
    finally:
        os.umask(before)
    assert kept.stat().st_mode & 0o777 == 0o644


def test_what_a_killed_process_left_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    old = time.time() - 7200
    dead, alive, foreign = (tmp_path / name for name in (".a.0123456789ab.part", ".b.0123456789ab.part", ".mine.part"))
    for path in (dead, alive, foreign):
        path.touch()
    for path in (dead, foreign):
        os.utime(path, (old, old))
    with Draft(tmp_path, STEM) as draft:
        draft.begin(None)
    assert sorted(tmp_path.iterdir()) == sorted([alive, foreign])
