"""Jobs and results as resources: listed, readable, and told of when they change, in both eras."""

from __future__ import annotations

import base64
import json
import warnings
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from mcp import Client, MCPDeprecationWarning, MCPError
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import ResourcesListChanged, ResourceUpdated
from mcp.types import BlobResourceContents, SubscribeRequestParams, TextResourceContents

from kling_mcp.server import news, resources
from kling_mcp.server.news import News

from .studio import ANOTHER, ERAS, House, told
from .test_views import RUNNING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.shared.dispatcher import CallOptions

    from .studio import Mode

pytestmark = pytest.mark.anyio


async def made(client: Client, wait_seconds: float = 55) -> str:
    job = told(await client.call_tool("generate_video", {**ANOTHER, "wait_seconds": wait_seconds}))
    return job["job_id"]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_job_and_its_film_are_listed_and_readable(house: House, mode: Mode, film: bytes) -> None:
    with anyio.fail_after(20):
        async with house.client(mode) as client:
            job_id = await made(client)
            listed = (await client.list_resources()).resources
            (job,) = (await client.read_resource(f"kling://jobs/{job_id}")).contents
            (media,) = (await client.read_resource(f"kling://media/{job_id}_1")).contents
            looked = told(await client.call_tool("get_job", {"job_id": job_id}))
    assert [(r.uri, r.mime_type) for r in listed if "catalogue" not in r.uri] == [
        (f"kling://jobs/{job_id}", "application/json"),
        (f"kling://media/{job_id}_1", "video/mp4"),
    ]
    assert isinstance(job, TextResourceContents)
    assert json.loads(job.text) == looked
    assert isinstance(media, BlobResourceContents)
    assert (media.mime_type, base64.b64decode(media.blob)) == ("video/mp4", film)


@pytest.mark.parametrize("mode", ERAS)
async def test_the_kinds_of_address_are_listed_as_templates(house: House, mode: Mode) -> None:
    async with house.client(mode) as client:
        templates = (await client.list_resource_templates()).resource_templates
    assert [t.uri_template for t in templates][:2] == ["kling://jobs/{job_id}", "kling://media/{media_id}"]
    assert "kling://catalogue/voices/{words}" in [t.uri_template for t in templates]


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    "uri",
    ["kling://jobs/km1-NO", "kling://media/km1-NO_1", "kling://media/../../etc/passwd", "kling://x", "file:///etc"],
)
async def test_what_is_not_there_is_not_found(house: House, mode: Mode, uri: str) -> None:
    async with house.client(mode) as client:
        with pytest.raises(MCPError) as missing:
            await client.read_resource(uri)
    assert (missing.value.code, missing.value.data) == (-32602, {"uri": uri})


async def test_a_long_list_is_read_page_by_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "PAGE", 2)
    house.studio.lasts = 500
    async with house.client() as client:
        ids = [await made(client, 0) for _ in range(3)]
        first = await client.list_resources()
        second = await client.list_resources(cursor=first.next_cursor)
    listed = [r.name for r in [*first.resources, *second.resources] if "catalogue" not in r.uri]
    assert listed == ids[::-1]
    assert second.next_cursor is None


async def test_a_huge_or_missing_film_is_explained_instead_of_sent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with anyio.fail_after(20):
        async with house.client() as client:
            job_id = await made(client)
            uri = f"kling://media/{job_id}_1"
            path = told(await client.call_tool("get_job", {"job_id": job_id}))["media"][0]["path"]
            monkeypatch.setattr(resources, "INLINE_AT_MOST", 10)
            (huge,) = (await client.read_resource(uri, cache_mode="refresh")).contents
            monkeypatch.undo()
            await anyio.Path(path).unlink()
            (missing,) = (await client.read_resource(uri, cache_mode="refresh")).contents
    assert isinstance(huge, TextResourceContents)
    assert path in huge.text
    assert isinstance(missing, TextResourceContents)
    assert f'get_job(job_id="{job_id}")' in missing.text


async def test_a_listening_client_hears_of_new_jobs_and_of_the_one_it_asked_for(house: House) -> None:
    house.studio.lasts = 100
    heard: list[Any] = []
    with anyio.fail_after(20):
        async with house.client() as client:
            job_id = await made(client, 0)
            uri = f"kling://jobs/{job_id}"
            async with client.listen(resource_subscriptions=[uri], resources_list_changed=True) as events:
                await made(client, 0)
                async for event in events:
                    heard.append(event)
                    if {type(each) for each in heard} == {ResourcesListChanged, ResourceUpdated}:
                        break
    assert ResourceUpdated(uri=uri) in heard


async def test_a_subscriber_of_the_older_era_hears_of_its_job_until_it_unsubscribes(house: House) -> None:
    house.studio.lasts = 40
    heard: list[str] = []

    async def hear(message: Any) -> None:  # noqa: ANN401 - the SDK's own union
        await anyio.lowlevel.checkpoint()
        heard.append(getattr(message, "method", ""))

    with anyio.fail_after(20), warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)  # subscribing is deprecated; older clients still do it
        async with Client(house.server, mode="legacy", message_handler=hear) as client:
            assert client.server_capabilities.resources is not None
            assert client.server_capabilities.resources.subscribe
            assert client.server_capabilities.resources.list_changed
            await client.list_resources()
            job_id = await made(client, 0)
            await client.subscribe_resource(f"kling://jobs/{job_id}")  # pyright: ignore[reportDeprecated] - the older era
            await client.call_tool("wait_for_jobs", {"job_ids": [job_id]})
            assert "notifications/resources/updated" in heard
            assert "notifications/resources/list_changed" in heard
            await client.unsubscribe_resource(f"kling://jobs/{job_id}")  # pyright: ignore[reportDeprecated] - as above
            before = heard.count("notifications/resources/updated")
            await house.server.news.tell((await house.jobs.list())[0])
            assert heard.count("notifications/resources/updated") == before


class Dead:
    """The way to a client that is gone: it fails, or never returns."""

    def __init__(self, *, fails: bool) -> None:
        self.tried, self._fails = 0, fails

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        del method, params, opts
        self.tried += 1
        if self._fails:
            raise anyio.BrokenResourceError
        await anyio.sleep_forever()

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        raise NotImplementedError


@pytest.mark.parametrize("fails", [True, False])
async def test_a_subscriber_that_is_gone_is_tried_once_and_hurts_nobody(
    monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    monkeypatch.setattr(news, "PATIENCE_S", 0.01)
    dead, told_news = Dead(fails=fails), News()
    session = ServerSession(cast("Any", dead), Connection.for_loop(dead))
    context = ServerRequestContext[Any](
        session=session, lifespan_context={}, protocol_version="2025-11-25", method="resources/subscribe"
    )
    params = SubscribeRequestParams(uri=f"kling://jobs/{RUNNING.id}")
    await told_news.subscribe(context, params)
    with anyio.fail_after(5):
        await told_news.tell(RUNNING)
        await told_news.tell(RUNNING)
    assert dead.tried == 1
