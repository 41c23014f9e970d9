"""apply_effect: every scene Kling has, how it is found by words, and what it needs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.effect_facts import EFFECTS, Effect
from kling_mcp.operations.effect_search import find_effects
from kling_mcp.operations.effects import ApplyEffect

A, B = "https://cdn.example/l.jpg", "https://cdn.example/r.jpg"

# video.md A11, in its order.
DUAL = """
pet_skateboard daily_ootd toss_run switch_to_silk studio_look french_elegance finger_swipe smooth_transition kiss_pro
snow_night_kiss eternal_kiss cheers_2026 fight_pro hug_pro heart_gesture_pro
"""


def test_all_219_scenes_of_the_contract_are_known() -> None:
    listed = [effect for effect in EFFECTS.values() if effect.standing in {"offered", "ending"}]
    assert len(listed) == 219
    assert [effect.name for effect in listed if effect.images == 2] == DUAL.split()
    assert sum(effect.images == 1 for effect in listed) == 204
    # the first, two in between, and the last of capabilities.json
    assert [effect.name for effect in listed[:2]] == ["net_the_fish", "birthday_board"]
    assert {"3d_cartoon_2", "whirling_beverage_9_16"} <= EFFECTS.keys()
    assert listed[203].name == "skateskate"


ENDED = [
    Effect("celebration", 1, "discontinued", "2025-12-30", None),
    Effect("c4d_cartoon", 1, "discontinued", "2025-12-30", None),
    Effect("kiss", 2, "discontinued", "2026-01-30", "kiss_pro"),
    Effect("fight", 2, "discontinued", "2026-01-30", "fight_pro"),
    Effect("hug", 2, "discontinued", "2026-01-30", "hug_pro"),
    Effect("thumbs_up", 1, "discontinued", "2026-01-30", "thumbs_up_pro"),
    Effect("tiger_hug", 1, "discontinued", "2026-01-30", "tiger_hug_pro"),
    Effect("pet_lion", 1, "discontinued", "2026-01-30", "pet_lion_pro"),
    Effect("3d_cartoon_1", 1, "discontinued", "2026-01-30", "3d_cartoon_2"),
    Effect("magic_match_tree", 1, "ending", "2026-07-03", None),
]


def test_what_was_announced_to_end_is_marked_with_its_date_and_its_successor() -> None:
    assert [effect for effect in EFFECTS.values() if effect.ended] == [ENDED[-1], *ENDED[:-1]]
    assert all(EFFECTS[effect.successor].standing == "offered" for effect in EFFECTS.values() if effect.successor)


@pytest.mark.parametrize("effect", [each for each in ENDED if each.standing == "discontinued"], ids=lambda e: e.name)
def test_a_discontinued_scene_is_refused_with_what_took_its_place(effect: Effect) -> None:
    pictures = {"images": [A, B]} if effect.images == 2 else {"image": A}
    with pytest.raises(InvalidRequest) as caught:
        ApplyEffect.parse({"effect_scene": effect.name, **pictures})
    (problem,) = caught.value.problems
    instead = f"Use {effect.successor} instead." if effect.successor else "It has no successor."
    assert problem.sentence == (
        f"'effect_scene' is '{effect.name}', which Kling discontinued on {effect.ended}. {instead}"
    )


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        (
            {"effect_scene": "magic_match_tree", "image": A},
            "Kling announced the end of 'magic_match_tree' on 2026-07-03",
        ),
        ({"effect_scene": "heart_gesture", "images": [A, B]}, "'heart_gesture' is in no list of Kling's today, only"),
        ({"effect_scene": "puff_cheeks", "image": A}, "'puff_cheeks' is in no list of Kling's today"),
        ({"effect_scene": "pet_vlogger", "images": [A, B]}, "'pet_vlogger' is in no list of Kling's today"),
        ({"effect_scene": "palm_sized_figure", "image": A}, "'palm_sized_figure' is in no list of Kling's today"),
    ],
)
def test_a_scene_of_doubtful_standing_passes_with_a_word_of_warning(arguments: dict[str, Any], note: str) -> None:
    (told,) = ApplyEffect.parse(arguments).quote().notes
    assert told.startswith(note)
    assert told.endswith("A refusal is free.")


def test_the_contracts_example_is_sent_as_it_stands() -> None:
    """video.md A11."""
    request = ApplyEffect.parse({"effect_scene": "hug_pro", "images": f'["{A}", "{B}"]'})
    assert request.path == "/v1/videos/effects"
    assert request.body() == {
        "effect_scene": "hug_pro",
        "input": {"images": ["https://cdn.example/l.jpg", "https://cdn.example/r.jpg"]},
    }


@pytest.mark.parametrize("name", ["disco_paws", "Disco Paws", " disco-paws "])
def test_a_scene_for_one_picture_is_sent_with_one(name: str) -> None:
    body = ApplyEffect.parse({"effect_scene": name, "image": A}).body()
    assert body == {"effect_scene": "disco_paws", "input": {"image": A}}


@pytest.mark.parametrize("effect", [e for e in EFFECTS.values() if e.standing == "offered"], ids=lambda e: e.name)
def test_every_scene_takes_its_number_of_pictures_and_no_other(effect: Effect) -> None:
    right, wrong = {"image": A}, {"images": [A, B]}
    if effect.images == 2:
        right, wrong = wrong, right
    ApplyEffect.parse({"effect_scene": effect.name, **right})
    with pytest.raises(InvalidRequest, match=f"'{effect.name}' takes (one picture|two pictures)"):
        ApplyEffect.parse({"effect_scene": effect.name, **wrong})


@pytest.mark.parametrize(
    ("arguments", "field", "sentence"),
    [
        ({"image": A}, "effect_scene", "'effect_scene' is required: apply_effect cannot run without it."),
        ({"effect_scene": "disco_paws"}, "image", "'disco_paws' needs one picture as image."),
        ({"effect_scene": "hug_pro"}, "images", "'hug_pro' needs two pictures as images."),
        ({"effect_scene": "puff_cheeks"}, "image", "'puff_cheeks' needs image or images."),
        (
            {"effect_scene": "hug_pro", "images": [A]},
            "images",
            "'images' has 1 entries; 'hug_pro' takes exactly two, left",
        ),
        (
            {"effect_scene": "hug_pro", "images": A},
            "images",
            "'images' has 1 entries; 'hug_pro' takes exactly two, left",
        ),
        ({"effect_scene": "hug_pro", "images": [A, B, A]}, "images", "'images' has 3 entries; 'hug_pro' takes exactly"),
        ({"effect_scene": "hug_pro", "image": A, "images": [A, B]}, "images", "'images' cannot be used together with"),
        ({"effect_scene": "hug_pro", "images": [A, "no"]}, "images[1]", "'images[1]' does not decode to a jpg or png"),
        (
            {"effect_scene": "disco_pawz", "image": A},
            "effect_scene",
            "'effect_scene' is 'disco_pawz', which is no effect of Kling's. Perhaps you mean disco_paws or paw_head",
        ),
        (
            {"effect_scene": "qqqq", "image": A},
            "effect_scene",
            "'effect_scene' is 'qqqq', which is no effect of Kling's. Give a name from kling://catalogue/effects.",
        ),
        ({"effect_scene": 7, "image": A}, "effect_scene", "'effect_scene' is 7, which is no effect of Kling's."),
        (
            {"effect_scene": "hug_pro", "images": [A, B], "watermark": True},
            "watermark",
            "'watermark' is not an argument of apply_effect.",
        ),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ApplyEffect.parse(arguments)
    assert [(p.field, p.sentence[: len(sentence)]) for p in caught.value.problems] == [(field, sentence)]


# what somebody looks for, and the scenes that must come first, in this order
SEARCHES = [
    ("disco", ["disco_paws"]),
    ("hug_pro", ["hug_pro"]),
    ("hug_prow", ["hug_pro"]),
    ("Happy Birthday!", ["happy_birthday"]),
    ("dance with a dragon", ["dance_with_dragon"]),
    ("pet dance", ["pet_dance"]),
    ("dancing pets", ["pet_dance"]),
    ("zombi", ["zombie_transform"]),
    ("vampires", ["vampire_transform"]),
    ("kisses", ["kiss_pro", "eternal_kiss", "snow_night_kiss"]),
    ("snowboard", ["snowboarding"]),
    ("f1", ["f1_live"]),
    ("wing", ["golden_wing"]),
    ("xmas", ["steampunk_christmas", "my_santa_pic", "santa_gift"]),
]


@pytest.mark.parametrize(("words", "first"), SEARCHES)
def test_scenes_are_found_by_words(words: str, first: list[str]) -> None:
    found = [effect.name for effect in find_effects(words)]
    assert set(first) <= set(found), found
    assert found[0] == first[0] or len(first) > 1, found
    assert found == [effect.name for effect in find_effects(words)]


@pytest.mark.parametrize("words", ["dog", "puppy", "cats", "kitten"])
def test_a_scene_is_found_by_what_people_say_for_its_words(words: str) -> None:
    assert any("pet" in effect.name for effect in find_effects(words))


def test_every_scene_is_found_first_by_its_own_name() -> None:
    for name in EFFECTS:
        assert [effect.name for effect in find_effects(name, 1)] == [name]


def test_a_search_for_nothing_begins_the_list_and_one_for_nonsense_finds_nothing() -> None:
    assert [effect.name for effect in find_effects(" ", 2)] == ["net_the_fish", "birthday_board"]
    assert find_effects("qqqq zzzz") == []
    assert len(find_effects("dance", 4)) == 4
    assert find_effects("x" * 10_000) == []


def test_what_can_no_longer_be_used_can_be_left_out() -> None:
    assert "hug" in [effect.name for effect in find_effects("hug")]
    assert "hug" not in [effect.name for effect in find_effects("hug", usable=True)]


def test_no_price_is_claimed() -> None:
    quote = ApplyEffect.parse({"effect_scene": "hug_pro", "images": [A, B]}).quote()
    assert (quote.units, quote.usd, quote.package, quote.notes) == (None, None, "video", ())
    assert "no price of any is known" in quote.basis


def test_everything_about_the_tool_fits_its_share_of_the_list() -> None:
    schema = json.dumps(ApplyEffect.input_schema(), separators=(",", ":"), ensure_ascii=False)
    assert len((schema + " ".join((ApplyEffect.__doc__ or "").split())).encode()) <= 650
