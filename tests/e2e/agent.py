"""An agent's host with one conversation: it calls tools by name and does what the answers say."""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import av
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from PIL import Image

from .processes import COMMAND

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

Json = dict[str, Any]


@dataclass(frozen=True)
class Agent:
    client: Client

    async def ask(self, tool: str, /, **arguments: object) -> Json:
        """A tool's structured answer.

        Raises:
            AssertionError: The tool reported an error.
        """
        answer = await self.client.call_tool(tool, arguments)
        facts = cast("Json", answer.structured_content)
        assert not answer.is_error, (tool, facts)
        return facts

    async def made(self, tool: str, /, **arguments: object) -> Json:
        """A job, waited for as its answers say until it succeeded."""
        job = await self.ask(tool, **arguments)
        while job["status"] in ("queued", "running") or "wait_for_jobs" in job.get("next", ""):
            answer = await self.ask("wait_for_jobs", job_ids=[job["job_id"]])
            (job,) = answer["jobs"]
        assert job["status"] == "succeeded", job
        return job


@asynccontextmanager
async def hosted(env: Mapping[str, str]) -> AsyncGenerator[Agent]:
    """An agent whose host started kling-mcp over stdio."""
    server = StdioServerParameters(command=COMMAND[0], args=list(COMMAND[1:]), env=dict(env))
    async with Client(stdio_client(server)) as client:
        yield Agent(client)


def opened(result: Mapping[str, Any]) -> str:
    """What a result is, found by decoding its file to the end.

    Raises:
        AssertionError: The file is not what the answer says.
    """
    path = Path(result["path"])
    assert hashlib.sha256(path.read_bytes()).hexdigest() == result["sha256"]
    kind = str(result["mime"]).partition("/")[0]
    facts = _picture(path) if kind == "image" else _film(path) if kind == "video" else _sound(path)
    for name in ("width", "height"):
        if name in facts:
            assert facts[name] == result[name], (facts, result)
    if "seconds" in facts:
        assert abs(facts["seconds"] - result["duration_s"]) < 0.2, (facts, result)
    return ", ".join(str(facts[name]) for name in ("form", "size", "seconds", "sound") if name in facts)


def _picture(path: Path) -> Json:
    with Image.open(path) as image:
        image.load()
        return {
            "form": image.format,
            "width": image.width,
            "height": image.height,
            "size": f"{image.width}x{image.height}",
        }


def _film(path: Path) -> Json:
    with av.open(str(path)) as film:
        frames = sum(1 for _ in film.decode(video=0))
        picture = film.streams.video[0]
        facts = {
            "form": picture.codec_context.name,
            "width": picture.width,
            "height": picture.height,
            "size": f"{picture.width}x{picture.height}",
            "seconds": round((film.duration or 0) / 1e6, 2),
            "frames": frames,
        }
        assert frames > (film.duration or 0) / 1e5, "at least ten frames a second"
        has_sound = bool(film.streams.audio)
    return facts | {"sound": f"sound peak {loudest(path):.2f}" if has_sound else "silent"}


def _sound(path: Path) -> Json:
    with av.open(str(path)) as sound:
        facts = {"form": sound.format.name, "seconds": round((sound.duration or 0) / 1e6, 2)}
    return facts | {"sound": f"sound peak {loudest(path):.2f}"}


def loudest(path: Path) -> float:
    """The loudest moment of a sound track, 0 silence to 1 full."""
    peak = 0
    resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
    with av.open(str(path)) as sound:
        for frame in sound.decode(audio=0):
            for part in resampler.resample(frame):
                samples = memoryview(bytes(part.planes[0])).cast("h")[: part.samples]
                peak = max(peak, *samples, *(-each for each in samples))
    assert peak > 300, f"{path.name} cannot be heard"
    return peak / 32768
