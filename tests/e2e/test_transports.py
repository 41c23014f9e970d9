"""The main job over every transport in both eras of the protocol, with the SDK's own client and real processes."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import anyio
import av
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.types import ImageContent, ResourceLink

from .processes import COMMAND, announced, environment, pretend_kling

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.anyio

Transport = Literal["stdio", "http", "sse"]
SPEED = "100"
PATIENCE_S = 40.0


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    with pretend_kling("--speed", SPEED) as kling:
        yield environment(tmp_path_factory.mktemp("house"), KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox")


@pytest.fixture(scope="module")
def url(env: dict[str, str]) -> Generator[str]:
    with announced("http", "--port", "0", env=env) as listening:
        yield listening


@contextmanager
def connection(transport: Transport, url: str, env: dict[str, str]) -> Generator[Any]:
    """What the SDK's client connects to."""
    if transport == "stdio":
        yield stdio_client(StdioServerParameters(command=COMMAND[0], args=list(COMMAND[1:]), env=env))
    else:
        yield f"{url}/mcp" if transport == "http" else sse_client(f"{url}/sse")


@pytest.mark.parametrize(
    ("transport", "mode"),
    [
        ("stdio", "auto"),
        ("stdio", "legacy"),
        ("http", "auto"),
        pytest.param("http", "legacy", marks=pytest.mark.battery),
        pytest.param("sse", "auto", marks=pytest.mark.battery),
        ("sse", "legacy"),
    ],
)
async def test_a_sentence_becomes_a_file_over(
    transport: Transport, mode: Literal["auto", "legacy"], url: str, env: dict[str, str]
) -> None:
    seen: list[float] = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        assert total is not None
        assert message
        seen.append(progress)

    wish = {"prompt": f"a kite over {transport}, {mode}", "aspect_ratio": "9:16", "duration": 3, "wait_seconds": 30}
    with anyio.fail_after(PATIENCE_S), connection(transport, url, env) as target:
        async with Client(target, mode=mode) as client:
            assert (client.protocol_version >= "2026") == (mode == "auto")
            made = await client.call_tool("generate_video", wish, progress_callback=tell)
            facts = cast("dict[str, Any]", made.structured_content)
            assert facts["status"] == "succeeded", facts
            (result,) = facts["media"]
            with av.open(str(result["path"]), "r") as film:
                assert film.duration is not None
                assert film.duration / 1e6 == pytest.approx(3.041, abs=0.1)
                assert (film.streams.video[0].width, film.streams.video[0].height) == (720, 1280)
            assert {type(part) for part in made.content[1:]} == {ResourceLink, ImageContent}
            blob = (await client.read_resource(result["uri"])).contents[0]
            assert len(blob.blob) > Path(result["path"]).stat().st_size  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
            sheet = await client.call_tool("preview_media", {"job_id": facts["job_id"]})
            assert [part.type for part in sheet.content] == ["text", "image"]
    assert seen
    assert seen == sorted(set(seen)), "progress only ever grows"
