"""Results of every kind: what an agent sees of pictures, sounds, ids and faces, and how it is told to go on."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp.types import ImageContent, ResourceLink

from kling_mcp.errors import Failure
from kling_mcp.jobs.model import Job, State
from kling_mcp.operations.base import Composite
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.providers.base import Output
from kling_mcp.sandbox.sample_pictures import sample_image
from kling_mcp.sandbox.sample_sounds import sample_sound
from kling_mcp.server.advice import advice
from kling_mcp.server.views import viewed
from kling_mcp.server.waiting import told as progress

from .studio import ORIGIN, House, text, told
from .test_views import FILM, ID, SUCCEEDED, T0

if TYPE_CHECKING:
    from mcp.types import CallToolResult

PICTURE = ("image/png", sample_image(caption="A fox", label="x", aspect_ratio="3:2", long_side=300))
SOUND = ("audio/mpeg", sample_sound(seconds=1.0, text="a fox", form="mp3"))


async def called(house: House, tool: str, **arguments: Any) -> CallToolResult:  # noqa: ANN401 - JSON
    with anyio.fail_after(20):
        async with house.client() as client:
            return await client.call_tool(tool, arguments)


@pytest.mark.anyio
async def test_several_pictures_are_linked_and_the_first_four_are_seen(wide: House) -> None:
    wide.studio.files["png"] = PICTURE
    wide.studio.outputs = tuple(Output("image", f"{ORIGIN}/{n}.png", label=f"set 1 view {n}") for n in range(1, 7))
    result = await called(wide, "generate_image", prompt="A red fox", n=6)
    assert [type(block) for block in result.content[1:]] == [ResourceLink] * 6 + [ImageContent] * 4
    first = await called(wide, "preview_media", job_id=told(result)["job_id"])
    second = await called(wide, "preview_media", uri=f"{told(result)['media'][1]['uri']}#last")
    uris = [media["uri"] for media in told(result)["media"]]
    assert (told(first)["uri"], told(first)["others"]) == (uris[0], uris[1:])
    assert (told(second)["uri"], "others" in told(second)) == (uris[1], False)
    assert uris[5] in text(first)
    assert [media["label"] for media in told(result)["media"]] == [f"set 1 view {n}" for n in range(1, 7)]
    assert (told(result)["media"][0]["width"], told(result)["media"][0]["height"]) == (300, 200)
    assert "set 1 view 6, image/png, 300x200" in text(result)


@pytest.mark.anyio
async def test_a_speech_is_seen_as_its_waveform_and_the_answer_says_who_may_speak_it(wide: House) -> None:
    wide.studio.files["mp3"], wide.studio.at_once = SOUND, True
    wide.studio.outputs = (Output("audio", f"{ORIGIN}/a.mp3", "8801", 1.0),)
    result = await called(wide, "text_to_speech", text="A red fox in fresh snow", voice_id="oversea_male1")
    job_id = told(result)["job_id"]
    assert [block.type for block in result.content] == ["text", "resource_link", "image"]
    assert f'give audio_id="{job_id}" to lip_sync or generate_avatar' in told(result)["next"]


@pytest.mark.anyio
async def test_what_kling_tells_beside_files_is_in_both_channels(wide: House) -> None:
    wide.studio.at_once, wide.studio.outputs = True, ()
    wide.studio.facts = {
        "session_id": "s-77",
        "faces": [{"face_id": "0", "start_ms": 0, "end_ms": 900}, {"face_id": "1", "start_ms": 100, "end_ms": 800}],
    }
    result = await called(wide, "identify_faces", video_id="990017")
    job_id = told(result)["job_id"]
    assert (told(result)["status"], told(result)["result"]) == ("succeeded", wide.studio.facts)
    assert "media" not in told(result)
    assert "face_id 0, start_ms 0, end_ms 900; face_id 1, start_ms 100, end_ms 800" in text(result)
    assert told(result)["next"] == (
        f'Call lip_sync(session_id="{job_id}", face_id="0", text=… or audio_id=…), or with face_id 1.'
    )


@pytest.mark.anyio
async def test_an_immediate_tool_takes_no_waiting_time_and_is_a_job_all_the_same(wide: House) -> None:
    result = await called(wide, "text_to_speech", text="A red fox", voice_id="oversea_male1", wait_seconds=3)
    assert result.is_error
    assert text(result).splitlines()[-1] == "Nothing was submitted and nothing was charged."
    assert "'wait_seconds' is not an argument of text_to_speech." in text(result)


def test_a_file_that_kling_sent_itself_has_no_address_and_its_base64_is_nowhere() -> None:
    sent = replace(FILM, url="data:audio/mpeg;base64,SUQzBAAAAAAAI1RTU0UAAAAP")
    view = viewed(replace(SUCCEEDED, media=(sent,)), now=T0, eta_s=None)
    (media,) = view.structured()["media"]
    assert not {"url", "expires_at"} & media.keys()
    assert "base64" not in view.text() + json.dumps(view.structured())


NEXT: dict[str, tuple[dict[str, Any], str]] = {
    "create_element": ({"element_id": "861"}, f'element_list=[{{"element_id": "{ID}"}}]'),
    "create_voice": ({"voice_id": "v1"}, f'voice_list=[{{"voice_id": "{ID}"}}]'),
    "start_video_edit": ({"session_id": "s1"}, f'mark_video_edit(session_id="{ID}", action="add", frame_index=0'),
    "mark_video_edit": ({}, 'edit_video(session_id="km1-S"'),
    "preview_video_edit": ({}, 'edit_video(session_id="km1-S"'),
    "identify_faces": ({"session_id": "s1", "faces": [{"face_id": "3"}]}, 'lip_sync(session_id="' + ID),
    "lip_sync": ({"session_id": "s1", "faces": [{"face_id": "3"}, {"face_id": "4"}]}, 'face_id="3"'),
    "ai_multi_shot": ({}, f'refer_images=["kling://media/{ID}_1", "kling://media/{ID}_2", "kling://media/{ID}_3"]'),
    "recognize_image": ({"regions": {"face": True}}, "It is done."),
}


@pytest.mark.parametrize("tool", NEXT)
def test_an_answer_says_how_to_go_on_from_what_was_made(tool: str) -> None:
    facts, call = NEXT[tool]
    job = replace(SUCCEEDED, tool=tool, media=(), facts=facts, arguments={"session_id": "km1-S"})
    assert call in advice(job)


def test_a_choice_of_faces_is_answered_with_the_call_that_goes_on() -> None:
    faces = [{"face_id": "3"}, {"face_id": "4"}]
    arguments = {"video_id": "km1-V", "text": "你好", "sound_volume": 1.5, "wait_seconds": 9}
    job = replace(SUCCEEDED, tool="lip_sync", media=(), facts={"faces": faces}, arguments=arguments)
    call = f'lip_sync(session_id="{ID}", face_id="3", text="你好", sound_volume=1.5)'
    assert advice(job) == f"Call {call}, or with face_id 4."
    long = replace(job, arguments={"text": "x" * 500}, facts={"faces": faces[:1]})
    assert advice(long) == f'Call lip_sync(session_id="{ID}", face_id="3", text=…).'


def test_a_continued_film_is_continued_as_a_whole() -> None:
    both = (FILM, replace(FILM, media_id=f"{ID}_2", label="joined"))
    said = advice(replace(SUCCEEDED, tool="extend_video", media=both))
    assert said.startswith(f'Show the files to the human; preview_media(job_id="{ID}") shows the first to you.')
    assert said.endswith(f'To continue the whole film, call extend_video(video_id="kling://media/{ID}_2", …).')


def test_a_film_with_a_chosen_face_is_a_film_like_any_other() -> None:
    spoken = replace(SUCCEEDED, tool="lip_sync", facts={"session_id": "s", "faces": [{"face_id": "0"}]})
    assert "lip_sync(" not in advice(spoken)
    assert f"kling://media/{ID}_1#last" in advice(spoken)


def test_a_lost_answer_that_nobody_can_look_up_sends_the_human_to_the_bill() -> None:
    lost = replace(SUCCEEDED, tool="text_to_speech", state=State.UNCONFIRMED, nameless=True, media=())
    assert "list_charges(days=1) shows whether it was charged" in advice(lost)


def test_a_job_of_several_steps_shows_what_each_did_and_cost() -> None:
    steps: list[Job] = [
        replace(SUCCEEDED, id=f"{ID}-faces", tool="identify_faces"),
        replace(SUCCEEDED, id=f"{ID}-render", tool="lip_sync", state=State.RUNNING, units_charged=None),
    ]
    view = viewed(SUCCEEDED, now=T0, eta_s=None, steps=steps)
    assert view.structured()["steps"] == [
        {"job_id": f"{ID}-faces", "tool": "identify_faces", "status": "succeeded", "units_charged": 4},
        {"job_id": f"{ID}-render", "tool": "lip_sync", "status": "running"},
    ]
    assert f"step {ID}-faces succeeded: identify_faces, 4 units charged" in view.text()


def test_who_waits_for_a_job_of_several_steps_hears_at_which_it_is() -> None:
    whole = replace(SUCCEEDED, state=State.RUNNING, finished_at=None, media=())
    assert progress([whole], 6, 9, replace(whole, step="speech")) == "step speech running, 6 s of about 15 s"
    assert progress([whole], 6, 9) == "running, 6 s of about 15 s"


def test_what_a_failed_job_was_charged_all_the_same_is_said_in_units() -> None:
    failure = Failure("invalid_request", "The text is too short.", charged=True)
    failed = replace(SUCCEEDED, state=State.FAILED, media=(), units_charged=Decimal("0.05"), failure=failure)
    assert "[invalid_request] The text is too short. Charged: 0.05 units." in viewed(failed, now=T0, eta_s=None).text()


@pytest.mark.parametrize("state", [State.FAILED, State.UNCONFIRMED, State.CANCELLED, State.RUNNING])
def test_what_to_do_about_a_step_is_the_business_of_its_whole(state: State) -> None:
    step = replace(SUCCEEDED, id=f"{ID}-render", tool="advanced_lip_sync", parent=ID, state=state, media=())
    assert f'"{ID}"' in advice(step)
    assert "advanced_lip_sync" not in advice(step)


def test_there_is_a_tool_of_several_steps() -> None:
    assert [name for name, operation in GENERATIONS.items() if issubclass(operation, Composite)]
