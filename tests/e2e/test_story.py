"""A story told in one conversation: every step is chained by our own ids, and the bill adds up."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from .agent import Agent, Json, hosted, opened
from .processes import environment, pretend_kling
from .test_every_tool import picture

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.battery]

PATIENCE_S = 120.0
SAYS = "I have come a long way to stand on this hill and look at the sea."


async def told(agent: Agent) -> list[Json]:
    """The jobs of the story, in order."""
    jobs: list[Json] = []

    async def then(tool: str, /, **arguments: Any) -> Json:  # noqa: ANN401 - JSON
        jobs.append(await agent.made(tool, **arguments))
        return jobs[-1]

    ann = await then(
        "create_element",
        element_name="Ann",
        element_description="A traveller in a red coat",
        frontal_image=picture(600, 800, "firebrick"),
        refer_images=[picture(600, 800, "darkred")],
    )
    walk = await then(
        "generate_omni_video",
        prompt="<<<element_1>>> on a hill above the sea",
        element_list=[{"element_id": ann["job_id"]}],
        aspect_ratio="16:9",
        mode="std",
        duration=6,
    )
    speech = await then("text_to_speech", text=SAYS, voice_id="commercial_lady_en_f-v1", voice_language="en")
    spoken = await then("lip_sync", video_id=walk["job_id"], audio_id=speech["job_id"])
    sounding = await then("video_to_audio", video_id=spoken["job_id"], sound_effect_prompt="wind", bgm_prompt="strings")
    still = await then(
        "generate_image",
        prompt="the same hill",
        image=f"{sounding['media'][0]['uri']}#last",
        model_name="kling-v2-1",
        image_reference="subject",
    )
    await then("apply_effect", effect_scene="disco_paws", image=still["job_id"])
    classic = await then("generate_video", prompt="the sea", model_name="kling-v1-6", image=still["job_id"])
    longer = await then("extend_video", video_id=classic["job_id"], prompt="a sail appears")
    assert "native" in " ".join(longer["notes"]).lower() or "extended" in " ".join(longer["notes"]).lower()
    dressed = await then("virtual_try_on", human_image=still["job_id"], cloth_image=picture(500, 500, "gold"))
    await then("expand_image", image=dressed["job_id"], target_aspect_ratio="21:9")
    return jobs


async def test_a_story_is_told_in_one_conversation_and_the_bill_adds_up(tmp_path: Path) -> None:
    with pretend_kling("--speed", "200", "--retired-models") as kling, anyio.fail_after(PATIENCE_S):
        env = environment(tmp_path, KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox", KLING_TOOLSETS="all")
        async with hosted(env) as agent:
            jobs = await told(agent)
            charges = await agent.ask("list_charges", product_type="video")
        for job in jobs:
            for result in job.get("media", []):
                print(f"| {job['tool']} | {opened(result)} | {job.get('units_charged')} |")  # noqa: T201 - shown with -s
        charged = sum(Decimal(str(job.get("units_charged", 0))) for job in jobs)
        packs = kling.ledger()["packs"].values()
        assert charged == sum(Decimal(pack["units_deducted"]) for pack in packs)
        quoted = {
            job["tool"]: (job.get("units_quoted"), job["units_charged"]) for job in jobs if "units_charged" in job
        }
        assert [tool for tool, (quote, paid) in quoted.items() if quote is not None and quote != paid] == []
        assert charges["charges"]
