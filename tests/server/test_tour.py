"""A tour: what an agent does to get a video, in both eras of the protocol."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import anyio
import pytest
from mcp.types import ImageContent, ResourceLink, TextContent

from .studio import ERAS, WISH, text, told

if TYPE_CHECKING:
    from .studio import House, Mode

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("mode", ERAS)]


async def test_one_call_makes_a_video_and_hands_over_file_link_and_picture(house: House, mode: Mode) -> None:
    with anyio.fail_after(20):
        async with house.client(mode) as client:
            result = await client.call_tool("generate_video", {**WISH, "wait_seconds": 55})
    answer = told(result)
    job_id, media = answer["job_id"], answer["media"][0]
    assert not result.is_error
    assert (answer["status"], answer["units_charged"], answer["notes"]) == ("succeeded", 3, ["A test film."])
    size = (await anyio.Path(media["path"]).stat()).st_size
    assert [type(block) for block in result.content] == [TextContent, ResourceLink, ImageContent]
    link, picture = result.content[1:]
    assert isinstance(link, ResourceLink)
    assert isinstance(picture, ImageContent)
    assert (link.uri, link.mime_type) == (f"kling://media/{job_id}_1", "video/mp4")
    assert link.size == size
    assert len(base64.b64decode(picture.data)) <= 40_000
    assert picture.data[:50] not in text(result)


async def test_a_long_job_returns_its_handle_and_is_waited_for(house: House, mode: Mode) -> None:
    house.studio.lasts = 60
    with anyio.fail_after(20):
        async with house.client(mode) as client:
            handle = told(await client.call_tool("generate_video", {**WISH, "wait_seconds": 0}))
            assert (handle["status"], "wait_for_jobs" in handle["next"]) == ("running", True)
            done = told(await client.call_tool("wait_for_jobs", {"job_ids": [handle["job_id"]]}))
            while "do not resubmit" in done["next"]:
                done = told(await client.call_tool("wait_for_jobs", {"job_ids": [handle["job_id"]]}))
    assert done["jobs"][0]["status"] == "succeeded"
    assert done["next"] == "All are finished; nothing to wait for."
    assert len(house.studio.creates) == 1


async def test_the_price_is_known_before(house: House, mode: Mode) -> None:
    async with house.client(mode) as client:
        result = await client.call_tool("estimate_cost", {"tool": "generate_video", "arguments": WISH})
    assert not result.is_error
    assert told(result)["units"] > 0
    assert told(result)["usd"] == pytest.approx(told(result)["units"] * 0.14)
    assert house.studio.creates == []


async def test_what_is_left_is_known(house: House, mode: Mode) -> None:
    async with house.client(mode) as client:
        result = await client.call_tool("check_balance", {})
    assert told(result)["units"] == {"video": 995.5}
    assert told(result)["packs"][0] == {
        "name": "Video pack",
        "package": "video",
        "status": "online",
        "remaining": 995.5,
        "total": 1000,
        "expires_at": "2027-01-15T08:00:00Z",
    }


async def test_a_result_can_be_looked_at(house: House, mode: Mode) -> None:
    with anyio.fail_after(20):
        async with house.client(mode) as client:
            made = told(await client.call_tool("generate_video", {**WISH, "wait_seconds": 55}))
            by_job = await client.call_tool("preview_media", {"job_id": made["job_id"]})
            by_uri = await client.call_tool("preview_media", {"uri": made["media"][0]["uri"]})
    assert told(by_job) == told(by_uri)
    assert told(by_job)["times"][0] == 0
    assert isinstance(by_job.content[1], ImageContent)
    assert len(base64.b64decode(by_job.content[1].data)) <= 150_000


async def test_an_id_is_understood_wherever_one_is_asked_for(house: House, mode: Mode) -> None:
    with anyio.fail_after(20):
        async with house.client(mode) as client:
            made = told(await client.call_tool("generate_video", {**WISH, "wait_seconds": 55}))
            job_id, uri = made["job_id"], made["media"][0]["uri"]
            for name in (f"kling://jobs/{job_id}", uri, f"{uri}#last"):
                assert told(await client.call_tool("get_job", {"job_id": name}))["job_id"] == job_id
                waited = told(await client.call_tool("wait_for_jobs", {"job_ids": [name, job_id]}))
                assert [job["job_id"] for job in waited["jobs"]] == [job_id]
            for asked in ({"uri": job_id}, {"job_id": uri}, {"uri": uri.removeprefix("kling://media/")}):
                assert told(await client.call_tool("preview_media", asked))["uri"] == uri


async def test_a_lost_handle_is_found_again(house: House, mode: Mode) -> None:
    async with house.client(mode) as client:
        made = told(await client.call_tool("generate_video", {**WISH, "wait_seconds": 0}))
        listing = told(await client.call_tool("list_jobs", {"tool": "generate_video", "status": "running"}))
        again = told(await client.call_tool("get_job", {"job_id": made["job_id"]}))
    assert [row["job_id"] for row in listing["jobs"]] == [made["job_id"]]
    assert again["job_id"] == made["job_id"]
