"""Results of ours as arguments: what Kling is given for them, and every reason why one cannot be used."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from kling_mcp.errors import Failure, InvalidRequest
from kling_mcp.jobs.ledger import Ledger
from kling_mcp.jobs.model import PLAN, Delivery, Job, Media, State
from kling_mcp.jobs.results import RESULT_LIFE_S
from kling_mcp.jobs.sources import Sources
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.operations.sources import SourceFacts, facts_of, kling_id_of
from kling_mcp.providers.base import Request
from tests.providers.far_side import FarSide

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = pytest.mark.anyio

DAY_S = 86_400.0


def _id(letter: str, step: str = "") -> str:
    return f"km1-{letter * 26}{step}"


VIDEO, PICTURE, SOUND, SESSION, ELEMENT, VOICE = (_id(letter) for letter in "VPSXEW")
RUNNING, FAILED, OLD, PRETENDED, FOREIGN, PLANNED, MISSING, FACES = (_id(letter) for letter in "RFQYGZMH")
FACE = {"face_id": "0", "start_ms": 0, "end_ms": 900}


class Shelf:
    """A ledger with one job of every sort, and what looks references up in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.far = FarSide([])
        self.provider = self.far.provider()
        self.now = self.far.clock.now()
        self.ledger = Ledger(folder / "ledger.db")
        self.sources = Sources(self.ledger, self.provider, self.far.clock, GENERATIONS)

    def job(self, job_id: str, tool: str = "generate_video", age_s: float = 60.0, **more: Any) -> Job:  # noqa: ANN401
        return replace(
            Job(
                id=job_id,
                account=self.provider.account,
                provider=self.provider.name,
                tool=tool,
                request_hash="h",
                arguments={"prompt": "a kite"},
                model_name="kling-v3",
                units_quoted=Decimal(3),
                created_at=self.now - age_s,
                updated_at=self.now - age_s,
                wire="v1",
                path="/p",
                state=State.SUCCEEDED,
                delivery=Delivery.STORED,
                folder=str(self.folder),
            ),
            **more,
        )

    def media(self, job_id: str, kind: Any = "video", age_s: float = 60.0, **more: Any) -> tuple[Media, ...]:  # noqa: ANN401
        first = Media(
            media_id=f"{job_id}_1",
            kind=kind,
            url=f"https://cdn.example/{job_id[4]}",
            kling_id=f"9{ord(job_id[4])}",
            expires_at=self.now - age_s + RESULT_LIFE_S,
            width=1280,
            height=720,
            duration_s=5.0,
        )
        return (replace(first, **more),)

    def picture_file(self, name: str = "p.png") -> str:
        path = self.folder / name
        Image.new("RGB", (640, 360), (9, 99, 9)).save(path)
        return str(path)

    async def filled(self) -> Shelf:
        asked = {"prompt": "a kite", "mode": "pro", "sound": "true"}
        jobs = [
            self.job(VIDEO, arguments=asked, media=self.media(VIDEO)),
            self.job(PICTURE, "generate_image", media=self.media(PICTURE, "image")),
            self.job(SOUND, "text_to_speech", media=self.media(SOUND, "audio"), model_name=None),
            self.job(SESSION, "start_video_edit", facts={"session_id": "s-1"}, delivery=Delivery.NONE),
            self.job(FACES, "identify_faces", facts={"session_id": "s-2", "faces": [FACE]}, delivery=Delivery.NONE),
            self.job(ELEMENT, "create_element", facts={"element_id": "9223372036854775806"}, delivery=Delivery.NONE),
            self.job(VOICE, "create_voice", facts={"voice_id": "v-1"}, media=self.media(VOICE, "audio")),
            self.job(RUNNING, state=State.RUNNING, delivery=Delivery.NONE),
            self.job(FAILED, state=State.FAILED, delivery=Delivery.NONE, failure=Failure("x", "Too dark.")),
            self.job(OLD, age_s=40 * DAY_S, media=self.media(OLD, age_s=40 * DAY_S)),
            self.job(PRETENDED, provider="sandbox", account="s", media=self.media(PRETENDED)),
            self.job(FOREIGN, account="another", media=self.media(FOREIGN)),
        ]
        step = replace(
            self.job(_id("Z", "-clip"), media=self.media(PLANNED), arguments={"mode": "4k"}),
            parent=PLANNED,
            step="clip",
        )
        plan = self.job(PLANNED, "extend_video", wire=PLAN, step="clip", media=self.media(PLANNED), model_name=None)
        for job in (*jobs, step, plan):
            await self.ledger.add(job, Request("v1", "/p", {}))
        return self

    async def resolved(self, tool: str, **arguments: object) -> Any:  # noqa: ANN401 - an operation of any class
        return await self.sources.resolved(GENERATIONS[tool].parse(arguments))

    async def refusal(self, tool: str, **arguments: object) -> InvalidRequest:
        with pytest.raises(InvalidRequest) as refused:
            await self.resolved(tool, **arguments)
        return refused.value


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncGenerator[Shelf]:
    filled = await Shelf(tmp_path).filled()
    yield filled
    await filled.ledger.close()


async def test_a_request_without_references_stays_as_it_is(shelf: Shelf) -> None:
    request = GENERATIONS["generate_video"].parse({"prompt": "a kite"})
    assert await shelf.sources.resolved(request) is request


async def test_a_video_is_its_address_and_everything_known_of_it(shelf: Shelf) -> None:
    request = await shelf.resolved("video_to_audio", video_id=VIDEO)
    assert str(request.video_id) == "https://cdn.example/V"
    assert facts_of(request.video_id) == SourceFacts(
        uri=f"kling://media/{VIDEO}_1",
        kind="video",
        kling_id="986",
        tool="generate_video",
        model_name="kling-v3",
        mode="pro",
        duration_s=5.0,
        width=1280,
        height=720,
        sound=True,
    )
    assert request.body()["video_id"] == "986"


@pytest.mark.parametrize("named", [PICTURE, f"kling://jobs/{PICTURE}", f"kling://media/{PICTURE}_1"])
async def test_a_job_id_alone_means_its_first_fitting_result(shelf: Shelf, named: str) -> None:
    request = await shelf.resolved("generate_video", prompt="a kite", image=named)
    assert request.body()["image"] == "https://cdn.example/P"


async def test_a_sound_goes_by_klings_id_of_it(shelf: Shelf) -> None:
    request = await shelf.resolved("generate_avatar", image="https://x.example/p.png", audio_id=SOUND)
    assert request.body()["audio_id"] == "983"


async def test_ids_that_kling_gave_with_a_job(shelf: Shelf) -> None:
    video = await shelf.resolved(
        "generate_video", prompt="<<<element_1>>> flies", image=PICTURE, element_list=[{"element_id": ELEMENT}]
    )
    assert video.body()["element_list"] == [{"element_id": 9223372036854775806}]
    marked = await shelf.resolved("preview_video_edit", session_id=SESSION)
    assert marked.session_id == "s-1"
    spoken = await shelf.resolved("lip_sync", session_id=FACES, face_id="0", text="a kite")
    facts = facts_of(spoken.session_id)
    assert (spoken.session_id, facts and facts.faces) == ("s-2", [FACE])


async def test_the_result_of_a_job_of_several_steps_is_known_by_its_last_step(shelf: Shelf) -> None:
    facts = facts_of((await shelf.resolved("video_to_audio", video_id=PLANNED)).video_id)
    assert facts is not None
    assert (facts.uri, facts.tool, facts.model_name, facts.mode) == (
        f"kling://media/{PLANNED}_1",
        "generate_video",
        "kling-v3",
        "4k",
    )


async def test_what_another_account_made_goes_by_its_address(shelf: Shelf) -> None:
    request = await shelf.resolved("video_to_audio", video_id=FOREIGN)
    assert kling_id_of(request.video_id) is None
    assert request.body()["video_url"] == "https://cdn.example/G"


async def test_a_bare_id_of_klings_is_understood_as_the_result_it_is(shelf: Shelf) -> None:
    request = await shelf.resolved("video_to_audio", video_id="986")
    facts = facts_of(request.video_id)
    assert facts is not None
    assert (facts.uri, facts.duration_s, request.body()["video_id"]) == (f"kling://media/{VIDEO}_1", 5.0, "986")
    unknown = await shelf.resolved("video_to_audio", video_id="4711")
    assert (facts_of(unknown.video_id), unknown.body()["video_id"]) == (None, "4711")


async def test_an_old_picture_goes_as_the_file_on_disk(shelf: Shelf) -> None:
    path, old = shelf.picture_file(), 31 * DAY_S
    job = shelf.job(MISSING, "generate_image", age_s=old, media=shelf.media(MISSING, "image", old, path=path))
    await shelf.ledger.add(job, Request("v1", "/p", {}))
    request = await shelf.resolved("generate_video", prompt="a kite", image=MISSING)
    assert Image.open(io.BytesIO(base64.b64decode(request.body()["image"]))).size == (640, 360)
    assert kling_id_of(request.image) is None


async def test_a_result_within_its_last_hour_is_not_relied_on(shelf: Shelf) -> None:
    nearly = RESULT_LIFE_S - 1800
    job = shelf.job(MISSING, age_s=nearly, media=shelf.media(MISSING, age_s=nearly))
    await shelf.ledger.add(job, Request("v1", "/p", {}))
    assert "older than 30 days" in str(await shelf.refusal("video_to_audio", video_id=MISSING))


async def test_a_file_kling_sent_itself_goes_back_as_it_came(shelf: Shelf) -> None:
    media = shelf.media(MISSING, "image", url="data:image/png;base64,QUJD", expires_at=None)
    await shelf.ledger.add(shelf.job(MISSING, "recognize_image", media=media), Request("v1", "/p", {}))
    assert (await shelf.resolved("generate_video", prompt="a kite", image=MISSING)).body()["image"] == "QUJD"


UNKNOWN = _id("N")


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("generate_video", {"image": UNKNOWN}, [f"'image' names job {UNKNOWN}", "not in this ledger", "list_jobs"]),
        ("generate_video", {"image": VIDEO}, ["is a video, but must be a picture", f"kling://media/{VIDEO}_1#last"]),
        ("generate_video", {"image": f"kling://media/{VIDEO}_1"}, ["is a video", "#last for its last frame"]),
        ("generate_video", {"image": SOUND}, ["is a sound, but must be a picture", "Choose another"]),
        ("generate_video", {"image": f"{PICTURE}#last"}, ["is a picture, but must be a video", "Remove #last"]),
        ("generate_video", {"image": f"kling://media/{PICTURE}_7"}, ["does not have", "1 results", "get_job"]),
        ("generate_video", {"image": SESSION}, ["has no result", "no result that is a file"]),
        ("generate_video", {"image": RUNNING}, ["not finished yet", f'wait_for_jobs(job_ids=["{RUNNING}"])']),
        ("generate_video", {"image": FAILED}, ["failed (Too dark.)", "has no result"]),
        ("generate_video", {"image": f"{VIDEO}#last"}, ["file is not on disk", f'get_job(job_id="{VIDEO}")']),
        ("video_to_audio", {"video_id": PICTURE}, ["is a picture, but must be a video"]),
        ("video_to_audio", {"video_id": OLD}, ["older than 30 days", "takes no video as a file", "#last"]),
        ("video_to_audio", {"video_url": PRETENDED}, ["a sample of the sandbox", "generate_video"]),
        ("generate_avatar", {"audio_id": VIDEO}, ["is a video, but must be a sound", "no sound out of a video"]),
        ("preview_video_edit", {"session_id": VIDEO}, ["made no session", "start_video_edit"]),
        ("preview_video_edit", {"session_id": FACES}, ["made no session of this kind", "start_video_edit"]),
        ("lip_sync", {"session_id": SESSION}, ["made no session of this kind", "identify_faces"]),
    ],
)
async def test_what_cannot_be_used_is_said_with_the_way_out(
    shelf: Shelf, tool: str, arguments: dict[str, object], says: list[str]
) -> None:
    needed: dict[str, dict[str, object]] = {
        "lip_sync": {"face_id": "0", "text": "Hello"},
        "generate_video": {"prompt": "a kite"},
        "generate_avatar": {"image": "https://x.example/p.png"},
    }
    refused = await shelf.refusal(tool, **{**needed.get(tool, {}), **arguments})
    (problem,) = refused.problems
    assert problem.field == next(iter(arguments))
    for part in says:
        assert part in problem.sentence


async def test_every_problem_is_said_at_once(shelf: Shelf) -> None:
    refused = await shelf.refusal(
        "generate_video", prompt="a kite", image=RUNNING, image_tail=SOUND, element_list=[{"element_id": VIDEO}]
    )
    assert [problem.field for problem in refused.problems] == ["image", "image_tail", "element_list[0].element_id"]
    assert not shelf.far.requests, "nothing left this machine"


async def test_a_picture_kling_would_refuse_for_its_size_is_refused_here(shelf: Shelf) -> None:
    media = shelf.media(MISSING, "image", width=2000, height=400)
    await shelf.ledger.add(shelf.job(MISSING, "generate_image", media=media), Request("v1", "/p", {}))
    assert "2000x400" in str(await shelf.refusal("generate_video", prompt="a kite", image=MISSING))


async def test_a_joined_clip_can_be_continued_but_not_be_given_to_kling(shelf: Shelf) -> None:
    path = shelf.folder / "joined.mp4"
    path.touch()
    media = shelf.media(MISSING, url="", kling_id=None, expires_at=None, label="joined", path=str(path))
    await shelf.ledger.add(shelf.job(MISSING, media=media), Request("v1", "/p", {}))
    assert "joined on this machine" in str(await shelf.refusal("video_to_audio", video_id=MISSING))
    extended = await shelf.resolved("extend_video", video_id=MISSING, prompt="it lands")
    assert extended.way == "continuation"
