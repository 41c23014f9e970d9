"""Every tool of the table, called once over stdio against the pretend Kling, and its result opened.

``pytest -s tests/e2e/test_every_tool.py`` prints what each one gave.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest
from PIL import Image

from kling_mcp.server.catalogue import TOOLS

from .agent import Agent, Json, hosted, opened
from .processes import environment, pretend_kling

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.battery]

PATIENCE_S = 170.0
WORDS = "Good morning, and welcome aboard this little ship of ours."


def picture(width: int = 640, height: int = 480, colour: str = "seagreen") -> str:
    """A picture as an agent would send one."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


class Tour:
    """The tools called so far, and what each of them gave."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.seen: dict[str, str] = {}

    async def makes(self, tool: str, /, **arguments: object) -> Json:
        """Call a tool that makes something; every file of it is opened."""
        job = await self.agent.made(tool, **arguments)
        files = [await anyio.to_thread.run_sync(opened, result) for result in job.get("media", [])]
        told = [f"{name}={str(value)[:60]}" for name, value in job.get("result", {}).items()]
        assert files or told, job
        self.seen[tool] = "; ".join([*dict.fromkeys(files), *told])
        return job

    async def asks(self, tool: str, check: Callable[[Json], Any], /, **arguments: object) -> Json:
        """Call a tool that tells something; ``check`` says what must be there."""
        answer = await self.agent.ask(tool, **arguments)
        assert check(answer), (tool, answer)
        self.seen[tool] = str(check(answer))[:100]
        return answer


async def together(*tasks: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Several branches of the tour at once, as one agent may call several tools."""
    async with anyio.create_task_group() as group:
        for task in tasks:
            group.start_soon(task)


async def pictures(tour: Tour, image: str) -> None:
    async def wider() -> None:
        wide = await tour.makes("expand_image", image=image, target_aspect_ratio="21:9")
        assert abs(wide["media"][0]["width"] / wide["media"][0]["height"] - 21 / 9) < 0.02

    async def views() -> None:
        views = await tour.makes("ai_multi_shot", element_frontal_image=image)
        assert len(views["media"]) == 9, "three sets of three views"

    async def regions() -> None:
        regions = await tour.makes("recognize_image", image=image)
        assert {m["label"] for m in regions["media"]} <= {"object_seg", "head_seg", "face_seg", "cloth_seg"}

    await together(
        lambda: tour.makes(
            "generate_omni_image", prompt="<<<image_1>>> by night", image_list=[image], aspect_ratio="1:1"
        ),
        lambda: tour.makes(
            "multi_image_to_image", subject_image_list=[image, picture()], prompt="x", aspect_ratio="4:3"
        ),
        lambda: tour.makes("virtual_try_on", human_image=picture(600, 900), cloth_image=image),
        lambda: tour.makes(
            "generate_omni_video", prompt="<<<image_1>>> at sea", image_list=[image], duration=3, mode="std"
        ),
        lambda: tour.makes("apply_effect", effect_scene="disco_paws", image=image),
        lambda: tour.makes("multi_image_to_video", image_list=[image, picture()], prompt="both"),
        lambda: tour.makes("text_to_audio", prompt="waves on a beach", duration=4.5),
        wider,
        views,
        regions,
    )


async def films(tour: Tour, clip: Json, image: str) -> None:
    film = clip["media"][0]["uri"]

    async def longer() -> None:
        longer = await tour.makes("extend_video", video_id=clip["job_id"], prompt="it sails on", duration=5)
        assert [m.get("label") for m in longer["media"]] == [None, "joined"]
        assert longer["media"][1]["duration_s"] > 9, "two clips of five seconds"

    async def talking() -> None:
        speech = await tour.makes("text_to_speech", text=WORDS, voice_id="oversea_male1", voice_language="en")
        await together(
            lambda: tour.makes("lip_sync_classic", video_id=clip["job_id"], audio_url=speech["job_id"]),
            lambda: tour.makes("generate_avatar", image=image, audio_id=speech["job_id"]),
        )

    await together(
        lambda: tour.makes("motion_control", image_url=image, video_url=film, character_orientation="image"),
        lambda: tour.makes("video_to_audio", video_url=film, sound_effect_prompt="waves"),
        lambda: tour.makes("identify_faces", video_id=clip["job_id"]),
        lambda: tour.makes("lip_sync", video_id=clip["job_id"], text="Hello to everyone on board of this ship"),
        longer,
        talking,
        lambda: editing(tour, clip),
        lambda: voices(tour, clip),
        lambda: elements(tour, image),
    )


async def editing(tour: Tour, clip: Json) -> None:
    session = await tour.makes("start_video_edit", video_id=clip["job_id"])
    where = {"session_id": session["job_id"]}
    marked = await tour.makes("mark_video_edit", **where, action="add", frame_index=0, points=[{"x": 0.5, "y": 0.5}])
    assert marked["media"], "the mask can be seen"
    await tour.makes("preview_video_edit", **where)
    await tour.makes("edit_video", **where, edit_mode="removal", prompt="remove it from <<<video_1>>>")


async def voices(tour: Tour, clip: Json) -> None:
    voice = await tour.makes("create_voice", voice_name="Captain", video_id=clip["job_id"])
    await tour.asks("list_voices", lambda a: [v["name"] for v in a["voices"] if v["name"] == "Captain"], origin="own")
    await tour.asks("delete_voice", bool, voice_id=voice["job_id"])


async def elements(tour: Tour, image: str) -> None:
    element = await tour.makes(
        "create_element",
        element_name="Ship",
        element_description="A small ship",
        frontal_image=image,
        refer_images=[picture()],
    )
    await tour.asks("list_elements", lambda a: [e["name"] for e in a["elements"] if e["name"] == "Ship"], origin="own")
    await tour.asks("delete_element", bool, element_id=element["job_id"])


async def account(tour: Tour, clip: Json) -> None:
    quote = {"tool": "generate_video", "arguments": {"prompt": "x"}}
    await tour.asks("estimate_cost", lambda a: f"{a['units']} units, {a['usd']} USD", **quote)
    await tour.asks("check_balance", lambda a: a["packs"])
    await tour.asks(
        "list_charges", lambda a: f"{len(a['charges'])} charges" if a["charges"] else "", product_type="video"
    )
    await tour.asks("get_job", lambda a: a["status"], job_id=clip["job_id"])
    await tour.asks("wait_for_jobs", lambda a: a["next"], job_ids=[clip["job_id"]])
    await tour.asks("list_jobs", lambda a: f"{len(a['jobs'])} jobs")
    await tour.asks("preview_media", lambda a: f"{a['width']}x{a['height']}", job_id=clip["job_id"])


async def strangers(tour: Tour, task_id: str) -> None:
    """A job that cannot be withdrawn any more, and one that was made without us."""
    job = await tour.agent.ask("generate_video", prompt="soon", wait_seconds=0)
    refused = await tour.agent.client.call_tool("cancel_job", {"job_id": job["job_id"]})
    assert refused.is_error
    tour.seen["cancel_job"] = "too late, and it says so"
    adopted = await tour.makes("adopt_task", task_id=task_id)
    assert adopted["media"]


async def test_every_tool_of_the_table_does_its_work(tmp_path: Path) -> None:
    with pretend_kling("--speed", "200", "--retired-models") as kling, anyio.fail_after(PATIENCE_S):
        task_id = kling.create("/v1/videos/text2video", {"model_name": "kling-v3", "prompt": "made elsewhere"})
        env = environment(tmp_path, KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox", KLING_TOOLSETS="all")
        async with hosted(env) as agent:
            listed = [tool.name for tool in (await agent.client.list_tools()).tools]
            assert listed == list(TOOLS)
            tour = Tour(agent)
            made = await tour.makes("generate_image", prompt="a lighthouse", aspect_ratio="3:2", n=2)
            assert [round(m["width"] / m["height"], 2) for m in made["media"]] == [1.5, 1.5]
            image = made["media"][0]["uri"]
            clip = await tour.makes(
                "generate_video",
                prompt="a ship",
                image=image,
                model_name="kling-v2-6",
                mode="pro",
                sound="on",
                duration=5,
            )
            await together(lambda: pictures(tour, image), lambda: films(tour, clip, image))
            await account(tour, clip)
            await strangers(tour, task_id)
        for tool, result in sorted(tour.seen.items()):
            print(f"| {tool} | {result} |")  # noqa: T201 - shown with -s
        assert set(tour.seen) == set(TOOLS)
