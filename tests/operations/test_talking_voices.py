"""The voices of speech are found by words; schemas of the talking tools are short."""

from __future__ import annotations

import inspect
import json

import pytest

from kling_mcp.operations import audio, avatar, faces, lip_sync_classic, talking
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.operations.voices import DEFAULT_VOICES, SPEECH_VOICES, find_voices, intended_voices

# Typed in from the contract's list, so that the table cannot lose one unseen.
ZH = [
    "genshin_vindi2",
    "zhinen_xuesheng",
    "tiyuxi_xuedi",
    "ai_shatang",
    "genshin_klee2",
    "genshin_kirara",
    "ai_kaiya",
    "tiexin_nanyou",
    "ai_chenjiahao_712",
    "girlfriend_1_speech02",
    "chat1_female_new-3",
    "girlfriend_2_speech02",
    "cartoon-boy-07",
    "cartoon-girl-01",
    "ai_huangyaoshi_712",
    "you_pingjing",
    "ai_laoguowang_712",
    "chengshu_jiejie",
    "zhuxi_speech02",
    "uk_oldman3",
    "laopopo_speech02",
    "heainainai_speech02",
    "dongbeilaotie_speech02",
    "chongqingxiaohuo_speech02",
    "chuanmeizi_speech02",
    "chaoshandashu_speech02",
    "ai_taiwan_man2_speech02",
    "xianzhanggui_speech02",
    "tianjinjiejie_speech02",
    "diyinnansang_DB_CN_M_04-v2",
    "yizhipiannan-v1",
    "guanxiaofang-v2",
    "tianmeixuemei-v1",
    "daopianyansang-v1",
    "mengwa-v1",
]
EN = [
    "genshin_vindi2",
    "zhinen_xuesheng",
    "AOT",
    "ai_shatang",
    "genshin_klee2",
    "genshin_kirara",
    "ai_kaiya",
    "oversea_male1",
    "ai_chenjiahao_712",
    "girlfriend_4_speech02",
    "chat1_female_new-3",
    "chat_0407_5-1",
    "cartoon-boy-07",
    "uk_boy1",
    "cartoon-girl-01",
    "PeppaPig_platform",
    "ai_huangzhong_712",
    "ai_huangyaoshi_712",
    "ai_laoguowang_712",
    "chengshu_jiejie",
    "you_pingjing",
    "calm_story1",
    "uk_man2",
    "laopopo_speech02",
    "heainainai_speech02",
    "reader_en_m-v1",
    "commercial_lady_en_f-v1",
]


def found(words: str, language: str = "") -> list[str]:
    return [voice.id for voice in find_voices(words, language)]


def test_every_voice_of_the_contract_is_known_for_its_languages() -> None:
    assert sorted(found("", "zh")) == sorted(ZH)
    assert sorted(found("", "en")) == sorted(EN)
    assert found("") == list(SPEECH_VOICES)


def test_the_default_voices_speak_their_language() -> None:
    assert all(language in SPEECH_VOICES[voice].languages for language, voice in DEFAULT_VOICES.items())


@pytest.mark.parametrize(
    ("words", "language", "first"),
    [
        ("old man", "", ["zhuxi_speech02", "uk_oldman3"]),
        ("Grandma", "en", ["laopopo_speech02", "heainainai_speech02"]),
        ("british", "en", ["uk_boy1", "uk_man2"]),
        ("narrator calm", "", ["calm_story1", "you_pingjing", "reader_en_m-v1"]),
        ("oversea", "", ["oversea_male1"]),
        ("OVERSEA_MALE1", "", ["oversea_male1"]),
        ("台湾", "", ["ai_taiwan_man2_speech02"]),
        ("爷爷", "", ["zhuxi_speech02", "uk_oldman3"]),
        ("narator", "", ["calm_story1", "reader_en_m-v1"]),
        ("sichuan girl", "zh", ["chuanmeizi_speech02"]),
        ("chinese grandma", "", ["laopopo_speech02", "heainainai_speech02"]),
        ("english narrator", "", ["calm_story1", "reader_en_m-v1"]),
        ("melody", "", ["girlfriend_4_speech02"]),
        ("lao", "", ["ai_laoguowang_712", "laopopo_speech02", "dongbeilaotie_speech02"]),
        ("quantum", "", []),
        ("!?", "", []),
    ],
)
def test_voices_are_found_by_words_parts_and_close_spellings(words: str, language: str, first: list[str]) -> None:
    assert found(words, language)[: len(first)] == first
    assert bool(found(words, language)) == bool(first)


def test_a_word_that_voices_have_is_not_looked_for_inside_other_words() -> None:
    assert not {"chat_0407_5-1", "ai_shatang"} & set(found("male"))
    assert "ai_shatang" in found("female")


def test_a_search_gives_the_same_answer_each_time() -> None:
    assert found("young girl sweet") == found("young girl sweet")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("oversea_male_1", ["oversea_male1"]),
        ("oversee_male1", ["oversea_male1"]),
        ("aot", ["AOT"]),
        ("uk_man", ["uk_man2"]),
        ("chat1_female_new3", ["chat1_female_new-3"]),
        ("The Reader", ["reader_en_m-v1"]),
        ("阳光少年", ["genshin_vindi2"]),
        # Kling's own ids differ in a digit, so these may exist.
        ("girlfriend_3_speech02", []),
        ("oversea_male2", []),
        ("studio_host", []),
    ],
)
def test_a_slip_of_spelling_is_told_from_an_unknown_voice(written: str, meant: list[str]) -> None:
    assert [voice.id for voice in intended_voices(written)] == meant


def test_the_tools_stand_in_the_order_of_the_table() -> None:
    order = [
        "lip_sync",
        "identify_faces",
        "lip_sync_classic",
        "generate_avatar",
        "text_to_speech",
        "text_to_audio",
        "video_to_audio",
    ]
    assert [tool for tool in GENERATIONS if tool in order] == order


@pytest.mark.parametrize(
    ("operation", "most"),
    [
        (talking.LipSync, 1300),
        (audio.TextToSpeech, 700),
        (audio.TextToAudio, 400),
        (audio.VideoToAudio, 800),
        (faces.IdentifyFaces, 500),
        (lip_sync_classic.LipSyncClassic, 1150),
        (avatar.GenerateAvatar, 950),
    ],
    ids=lambda value: getattr(value, "tool", None),
)
def test_a_tool_keeps_to_its_budget_of_bytes(operation: type[audio.TextToSpeech], most: int) -> None:
    schema = json.dumps(operation.input_schema(), separators=(",", ":"))
    assert len((schema + inspect.cleandoc(operation.__doc__ or "")).encode()) <= most
    for name, argument in operation.input_schema()["properties"].items():
        assert 10 <= len(argument["description"]) <= 160, name
