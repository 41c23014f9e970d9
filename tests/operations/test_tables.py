"""Our two tables against the contract's figures, typed in here by hand from video.md parts C and E."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kling_mcp.operations.model_facts import ALIASES, DEFAULT_VIDEO_MODEL, MODELS, ModeFacts
from kling_mcp.operations.rates import video_units

T2V, I2V = "text2video", "image2video"
UP_TO_15 = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
ALL_MOVES = ("simple", "down_back", "forward_up", "right_turn_forward", "left_turn_forward")

# video.md C, row by row, left to right; then B2 and B3 for the model that exists only on the new wire.
CAPABILITIES = {
    ("kling-v1", T2V, "std"): ModeFacts((5, 10), camera=(5,), camera_types=ALL_MOVES),
    ("kling-v1", T2V, "pro"): ModeFacts((5, 10)),
    ("kling-v1", I2V, "std"): ModeFacts((5, 10), first_last=(5,), brush=(5,)),
    ("kling-v1", I2V, "pro"): ModeFacts((5, 10), first_last=(5,), brush=(5,)),
    ("kling-v1-5", I2V, "std"): ModeFacts((5, 10)),
    ("kling-v1-5", I2V, "pro"): ModeFacts(
        (5, 10), first_last=(5, 10), last_only=(5, 10), brush=(5,), camera=(5,), camera_types=("simple",)
    ),
    ("kling-v1-6", T2V, "std"): ModeFacts((5, 10)),
    ("kling-v1-6", T2V, "pro"): ModeFacts((5, 10)),
    ("kling-v1-6", I2V, "std"): ModeFacts((5, 10)),
    ("kling-v1-6", I2V, "pro"): ModeFacts((5, 10), first_last=(5, 10), last_only=(5, 10)),
    ("kling-v2-master", T2V, "*"): ModeFacts((5, 10)),
    ("kling-v2-master", I2V, "*"): ModeFacts((5, 10)),
    ("kling-v2-1", I2V, "std"): ModeFacts((5, 10)),
    ("kling-v2-1", I2V, "pro"): ModeFacts((5, 10), first_last=(5, 10)),
    ("kling-v2-1-master", T2V, "*"): ModeFacts((5, 10)),
    ("kling-v2-1-master", I2V, "*"): ModeFacts((5, 10)),
    ("kling-v2-5-turbo", T2V, "std"): ModeFacts((5, 10)),
    ("kling-v2-5-turbo", T2V, "pro"): ModeFacts((5, 10)),
    ("kling-v2-5-turbo", I2V, "std"): ModeFacts((5, 10)),
    ("kling-v2-5-turbo", I2V, "pro"): ModeFacts((5, 10), first_last=(5, 10)),
    ("kling-v2-6", T2V, "std"): ModeFacts((5, 10)),
    ("kling-v2-6", T2V, "pro"): ModeFacts((5, 10), sound=True),
    ("kling-v2-6", I2V, "std"): ModeFacts((5, 10)),
    ("kling-v2-6", I2V, "pro"): ModeFacts(
        (5, 10), sound=True, first_last=(5, 10), voice=(5, 10), max_voices=2, silent_with_last=True
    ),
    ("kling-v3", T2V, "std"): ModeFacts(UP_TO_15, sound=True, multi_shot=True),
    ("kling-v3", T2V, "pro"): ModeFacts(UP_TO_15, sound=True, multi_shot=True),
    ("kling-v3", T2V, "4k"): ModeFacts(UP_TO_15, sound=True, multi_shot=True),
    ("kling-v3", I2V, "std"): ModeFacts(UP_TO_15, sound=True, first_last=UP_TO_15, multi_shot=True, max_elements=3),
    ("kling-v3", I2V, "pro"): ModeFacts(UP_TO_15, sound=True, first_last=UP_TO_15, multi_shot=True, max_elements=3),
    ("kling-v3", I2V, "4k"): ModeFacts(UP_TO_15, sound=True, first_last=UP_TO_15, multi_shot=True, max_elements=3),
    ("kling-3.0-turbo", T2V, "std"): ModeFacts(UP_TO_15, sound=True),
    ("kling-3.0-turbo", T2V, "pro"): ModeFacts(UP_TO_15, sound=True),
    ("kling-3.0-turbo", I2V, "std"): ModeFacts(UP_TO_15, sound=True),
    ("kling-3.0-turbo", I2V, "pro"): ModeFacts(UP_TO_15, sound=True),
}

# model, mode, track, then units for clips of each length. video.md E: per second for current, per clip for retired.
PRICES = [
    ("kling-v3", "std", "silent", {3: "1.8", 5: "3", 7: "4.2", 10: "6", 15: "9"}),
    ("kling-v3", "std", "sound", {3: "2.7", 5: "4.5", 7: "6.3", 10: "9", 15: "13.5"}),
    ("kling-v3", "pro", "silent", {3: "2.4", 5: "4", 7: "5.6", 10: "8", 15: "12"}),
    ("kling-v3", "pro", "sound", {3: "3.6", 5: "6", 7: "8.4", 10: "12", 15: "18"}),
    ("kling-v3", "4k", "silent", {3: "9", 5: "15", 7: "21", 10: "30", 15: "45"}),
    ("kling-v3", "4k", "sound", {3: "9", 5: "15", 7: "21", 10: "30", 15: "45"}),
    ("kling-3.0-turbo", "std", "sound", {3: "2.4", 5: "4", 7: "5.6", 10: "8", 15: "12"}),
    ("kling-3.0-turbo", "pro", "sound", {3: "3", 5: "5", 7: "7", 10: "10", 15: "15"}),
    ("kling-v2-6", "std", "silent", {5: "1.5", 10: "3"}),
    ("kling-v2-6", "pro", "silent", {5: "2.5", 10: "5"}),
    ("kling-v2-6", "pro", "sound", {5: "5", 10: "10"}),
    ("kling-v2-6", "pro", "voice", {5: "6", 10: "12"}),
    ("kling-v2-5-turbo", "std", "silent", {5: "1.5", 10: "3"}),
    ("kling-v2-5-turbo", "pro", "silent", {5: "2.5", 10: "5"}),
    ("kling-v2-1-master", "*", "silent", {5: "10", 10: "20"}),
    ("kling-v2-1", "std", "silent", {5: "2", 10: "4"}),
    ("kling-v2-1", "pro", "silent", {5: "3.5", 10: "7"}),
    ("kling-v2-master", "*", "silent", {5: "10", 10: "20"}),
    ("kling-v1-6", "std", "silent", {5: "2", 10: "4"}),
    ("kling-v1-6", "pro", "silent", {5: "3.5", 10: "7"}),
    ("kling-v1-5", "std", "silent", {5: "2", 10: "4"}),
    ("kling-v1-5", "pro", "silent", {5: "3.5", 10: "7"}),
    ("kling-v1", "std", "silent", {5: "1", 10: "2"}),
    ("kling-v1", "pro", "silent", {5: "3.5", 10: "7"}),
]


def test_every_row_of_the_capability_map_is_in_our_table_and_nothing_else_is() -> None:
    ours = {
        (name, endpoint, mode): row
        for name, facts in MODELS.items()
        for endpoint, modes in facts.endpoints.items()
        for mode, row in modes.items()
    }
    assert ours == CAPABILITIES


def test_models_stand_best_first_and_current_before_retired() -> None:
    assert list(MODELS) == [
        "kling-v3",
        "kling-3.0-turbo",
        "kling-v2-6",
        "kling-v2-5-turbo",
        "kling-v2-1-master",
        "kling-v2-1",
        "kling-v2-master",
        "kling-v1-6",
        "kling-v1-5",
        "kling-v1",
    ]
    assert [facts.retired for facts in MODELS.values()] == [None] * 4 + ["2026-09-15"] * 6


def test_the_default_model_is_a_current_one() -> None:
    assert MODELS[DEFAULT_VIDEO_MODEL].retired is None


# model, name on the new wire, longest prompt from text, with an image, from text on the new wire, cfg_scale
FACTS = [
    ("kling-v3", "kling-3.0", 2500, 2500, 3072, "supported"),
    ("kling-3.0-turbo", "kling-3.0-turbo", 3072, 3072, 3072, "absent"),
    ("kling-v2-6", "kling-2.6", 2500, 2500, 2500, "ignored"),
    ("kling-v2-5-turbo", "kling-2.5-turbo", 2500, 2500, 2500, "ignored"),
    ("kling-v2-1-master", None, 2500, 2500, None, "ignored"),
    ("kling-v2-1", None, 2500, 2500, None, "ignored"),
    ("kling-v2-master", None, 2500, 2500, None, "ignored"),
    ("kling-v1-6", None, 2500, 2500, None, "supported"),
    ("kling-v1-5", None, 2500, 2500, None, "supported"),
    ("kling-v1", None, 2500, 2500, None, "supported"),
]


def test_the_facts_of_each_model_are_the_contracts() -> None:
    ours = [
        (m.name, m.v2_name, m.prompt_max, m.image_prompt_max, m.v2_prompt_max, m.cfg_scale) for m in MODELS.values()
    ]
    assert ours == FACTS
    assert {m.aspect_ratios for m in MODELS.values()} == {("16:9", "9:16", "1:1")}


def test_where_two_pages_disagree_about_the_prompt_the_larger_limit_holds_and_the_smaller_is_kept() -> None:
    assert {m.name: m.image_prompt_sure for m in MODELS.values() if m.image_prompt_sure} == {"kling-3.0-turbo": 2500}


def test_only_3_0_turbo_is_bound_to_the_new_wire_and_always_sounds() -> None:
    assert [m.name for m in MODELS.values() if m.wires == ("v2",)] == ["kling-3.0-turbo"]
    assert [m.name for m in MODELS.values() if m.always_sound] == ["kling-3.0-turbo"]
    assert [m.name for m in MODELS.values() if m.shot_grammar] == ["kling-3.0-turbo"]
    assert [m.name for m in MODELS.values() if not m.negative_prompt] == ["kling-3.0-turbo"]


def test_an_alias_names_a_model_and_hides_none() -> None:
    assert set(ALIASES.values()) <= set(MODELS)
    assert not set(ALIASES) & set(MODELS)


@pytest.mark.parametrize(
    ("model", "mode", "track", "duration", "units"),
    [(model, mode, track, s, u) for model, mode, track, by_s in PRICES for s, u in by_s.items()],
)
def test_a_clip_costs_what_the_price_list_says(model: str, mode: str, track: str, duration: int, units: str) -> None:
    sound, voice = track in {"sound", "voice"}, track == "voice"
    assert video_units(model, mode, duration, sound=sound, voice=voice) == Decimal(units)


def test_sound_is_included_in_the_price_of_3_0_turbo() -> None:
    silent = video_units("kling-3.0-turbo", "pro", 6, sound=False, voice=False)
    assert silent == video_units("kling-3.0-turbo", "pro", 6, sound=True, voice=False) == Decimal(6)


@pytest.mark.parametrize(
    ("model", "mode", "duration", "sound", "voice"),
    [
        ("kling-v2-6", "std", 5, True, False),  # std is silent
        ("kling-v2-6", "pro", 5, False, True),  # a voice needs sound
        ("kling-v3", "pro", 5, True, True),  # the map and a note disagree: no price we can stand behind
        ("kling-v2-5-turbo", "4k", 5, False, False),
        ("kling-v1", "std", 7, False, False),
        ("kling-v1", "std", 5, True, False),
        ("kling-9", "std", 5, False, False),
    ],
)
def test_what_the_price_list_lacks_has_no_price(model: str, mode: str, duration: int, sound: bool, voice: bool) -> None:
    assert video_units(model, mode, duration, sound=sound, voice=voice) is None


def test_every_row_has_a_price_for_every_length_and_track_it_offers() -> None:
    for (model, _, mode), row in CAPABILITIES.items():
        for duration in row.durations:
            for sound, voice in [(False, False)] + [(True, False)] * row.sound + [(True, True)] * bool(row.voice):
                assert video_units(model, mode, duration, sound=sound, voice=voice) is not None
