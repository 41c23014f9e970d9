"""Files that cannot be stored, or are gone: the job stays what it is, and the agent learns how to get its film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from .studio import WISH, House, text, told

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


async def test_a_folder_that_cannot_be_written_leaves_the_job_succeeded_and_get_job_fetches_it_later(
    house: House, tmp_path: Path
) -> None:
    blocked = anyio.Path(tmp_path / "films")
    await blocked.write_text("a file where the folder should be")
    with anyio.fail_after(20):
        async with house.client() as client:
            made = await client.call_tool("generate_video", WISH)
            job_id = told(made)["job_id"]
            preview = await client.call_tool("preview_media", {"job_id": job_id})
            await blocked.unlink()
            again = await client.call_tool("get_job", {"job_id": job_id})
    assert (made.is_error, told(made)["status"]) == (False, "succeeded")
    assert "path" not in told(made)["media"][0]
    assert any("films" in note for note in told(made)["notes"])
    assert f'call get_job(job_id="{job_id}")' in told(made)["next"]
    assert preview.is_error
    assert f'get_job(job_id="{job_id}")' in text(preview)
    assert told(again)["media"][0]["path"].startswith(str(blocked))


async def test_a_film_that_was_deleted_is_fetched_again(house: House) -> None:
    with anyio.fail_after(20):
        async with house.client() as client:
            made = told(await client.call_tool("generate_video", WISH))
            path = anyio.Path(made["media"][0]["path"])
            await path.unlink()
            preview = await client.call_tool("preview_media", {"uri": made["media"][0]["uri"]})
            again = told(await client.call_tool("get_job", {"job_id": made["job_id"]}))
            exists = await path.exists()
    assert preview.is_error
    assert again["media"][0]["path"] == made["media"][0]["path"]
    assert exists


async def test_a_job_without_a_result_cannot_be_looked_at_and_says_what_to_do(house: House) -> None:
    house.studio.lasts = 500
    with anyio.fail_after(20):
        async with house.client() as client:
            job_id = told(await client.call_tool("generate_video", {**WISH, "wait_seconds": 0}))["job_id"]
            result = await client.call_tool("preview_media", {"job_id": job_id})
    assert result.is_error
    assert f'is running and has no result yet: call wait_for_jobs(job_ids=["{job_id}"]) first.' in text(result)


async def test_a_damaged_film_is_answered_without_a_thumbnail(house: House) -> None:
    with anyio.fail_after(20):
        async with house.client() as client:
            made = told(await client.call_tool("generate_video", WISH))
            await anyio.Path(made["media"][0]["path"]).write_bytes(b"no film at all")
            looked = await client.call_tool("get_job", {"job_id": made["job_id"]})
            preview = await client.call_tool("preview_media", {"job_id": made["job_id"]})
    assert (looked.is_error, [block.type for block in looked.content]) == (False, ["text", "resource_link"])
    assert preview.is_error
