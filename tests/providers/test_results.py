"""What every family of tasks makes, in both wires' words, typed in from the contract: results, labels and facts."""

from __future__ import annotations

from typing import Any

import pytest

from kling_mcp.providers.base import Output, Progress
from kling_mcp.providers.tasks import progress_of

CDN = "https://cdn.example"


def legacy(**result: object) -> Progress | None:
    return progress_of({"task_id": "1", "task_status": "succeed", "task_result": result})


def new(*outputs: object) -> Progress | None:
    return progress_of({"id": "1", "status": "succeeded", "outputs": list(outputs)})


def done(*outputs: Output, **facts: object) -> Progress:
    return Progress("1", "succeeded", outputs=outputs, facts=facts)


def test_a_sound_comes_as_mp3_and_as_wav() -> None:
    expected = done(
        Output("audio", f"{CDN}/a.mp3", "7", 5.146, label="mp3"),
        Output("audio", f"{CDN}/a.wav", "7", 5.08, label="wav"),
    )
    lengths = {"duration_mp3": "5.146", "duration_wav": "5.08"}
    assert legacy(audios=[{"id": "7", "url_mp3": f"{CDN}/a.mp3", "url_wav": f"{CDN}/a.wav", **lengths}]) == expected
    sound = {"type": "audio", "id": 7, "mp3_url": f"{CDN}/a.mp3", "wav_url": f"{CDN}/a.wav"}
    assert new({**sound, "mp3_duration": "5.146", "wav_duration": "5.08"}) == expected


@pytest.mark.parametrize("key", ["url_mp3", "url_wav", "url"])
def test_a_sound_in_one_form_needs_no_label(key: str) -> None:
    assert legacy(audios=[{key: f"{CDN}/a", "duration": "2"}]) == done(Output("audio", f"{CDN}/a", None, 2.0))


def test_a_dubbed_clip_goes_before_its_sound_in_either_order() -> None:
    clip = {"id": "5", "url": f"{CDN}/v.mp4", "duration": "5"}
    sound = {"id": "7", "url_mp3": f"{CDN}/a.mp3"}
    expected = done(Output("video", f"{CDN}/v.mp4", "5", 5.0), Output("audio", f"{CDN}/a.mp3", "7"))
    assert legacy(audios=[sound], videos=[clip]) == legacy(videos=[clip], audios=[sound]) == expected
    assert new({"type": "audio", "id": "7", "mp3_url": f"{CDN}/a.mp3"}, {"type": "video", **clip}) == expected


def test_a_series_of_pictures_is_told_from_single_ones() -> None:
    two = [{"index": n, "url": f"{CDN}/{n}.png", "watermark_url": ""} for n in range(2)]
    pictures = (Output("image", f"{CDN}/0.png"), Output("image", f"{CDN}/1.png"))
    assert legacy(result_type="series", images=[], series_images=two) == done(*pictures, result_type="series")
    assert legacy(result_type="single", images=two, series_images=[]) == done(*pictures, result_type="single")


def test_side_views_say_which_set_they_belong_to() -> None:
    sets = [{"index": n, **{f"url_{v}": f"{CDN}/{n}{v}.png" for v in (1, 2, 3)}} for n in range(3)]
    views = [Output("image", f"{CDN}/{n}{v}.png", label=f"set {n + 1} view {v}") for n in range(3) for v in (1, 2, 3)]
    assert legacy(images=sets) == done(*views)
    flat = [{"type": "image", "url": f"{CDN}/{n}{v}.png", "group_id": f"g{n}"} for n in range(3) for v in (1, 2, 3)]
    assert new(*flat) == done(*views)


@pytest.mark.parametrize("groups", [["a", "a", "a"], ["a", "b", "c"], [None, None, None], ["a", "a", "b"]])
def test_groups_that_say_nothing_are_no_sets(groups: list[str | None]) -> None:
    progress = new(*({"type": "image", "url": f"{CDN}/{n}.png", "group_id": g} for n, g in enumerate(groups)))
    assert progress
    assert [output.label for output in progress.outputs] == ["", "", ""]


def test_a_voice_is_an_id_a_name_and_a_trial() -> None:
    expected = done(Output("audio", f"{CDN}/t.mp3"), voice_id="829836802793406551", voice_name="Narrator A")
    made = {"voice_id": "829836802793406551", "voice_name": "Narrator A", "trial_url": f"{CDN}/t.mp3", "owned_by": "1"}
    assert legacy(voices=[made]) == expected
    named = {"id": 829836802793406551, "name": "Narrator A", "url": f"{CDN}/t.mp3", "owned_by": "1", "status": "x"}
    assert new({"type": "voice", **named}) == expected


def test_an_element_is_an_id_and_a_name_without_a_file() -> None:
    expected = done(element_id="829836802793406551", element_name="Courier")
    made: dict[str, Any] = {
        "element_id": 829836802793406551,
        "element_name": "Courier",
        "element_description": "Young courier in a yellow jacket",
        "reference_type": "image_refer",
        "element_image_list": {"frontal_image": f"{CDN}/f.png", "refer_images": [{"image_url": f"{CDN}/s.png"}]},
        "element_voice_info": {"voice_id": "9", "voice_name": "Calm", "trial_url": f"{CDN}/t.mp3"},
        "status": "succeed",
    }
    assert legacy(elements=[made]) == expected
    references = [{"type": "image", "role": "frontal", "url": f"{CDN}/f.png"}]
    thing = {"type": "element", "id": "829836802793406551", "name": "Courier", "references": references}
    assert new(thing) == expected


def test_an_edited_clip_names_its_session() -> None:
    clip = {"id": "5", "session_id": "847570360458960960", "url": f"{CDN}/v.mp4", "duration": "5.1"}
    expected = done(Output("video", f"{CDN}/v.mp4", "5", 5.1), session_id="847570360458960960")
    assert legacy(videos=[clip]) == expected
    assert new({"type": "video", **clip}) == expected


def test_a_family_nobody_has_heard_of_is_understood() -> None:
    assert legacy(
        hologram_videos=[{"id": "5", "url": f"{CDN}/h.mp4", "duration": 3}],
        side_images=[{"url": f"{CDN}/s.png", "watermark_url": f"{CDN}/w.png"}],
        holograms=[{"url": f"{CDN}/x"}],
        videos_count=3,
    ) == done(
        Output("video", f"{CDN}/h.mp4", "5", 3.0),
        Output("image", f"{CDN}/s.png"),
        Output("image", f"{CDN}/w.png", watermarked=True),
    )


@pytest.mark.parametrize("value", [8.298368e17, "8.3e17", True, -5, None, [], {}, 10**60, "a/b"])
def test_an_id_that_is_not_exact_is_no_id(value: object) -> None:
    assert legacy(elements=[{"element_id": value, "element_name": "Cat"}]) == done(element_name="Cat")
