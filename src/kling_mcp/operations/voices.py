"""The voices of text to speech: a catalogue of its own, apart from the voices of the library, searchable by words.

Contract: image-audio-general.md section 11 and ``lip_sync_voices`` of capabilities.json. The vendor's full list was not
captured: this one is a third party's copy of the guide to the old lip-sync, some of its ids may be refused, and there
may be others. So an id that is not in it is not wrong for that alone.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Language = Literal["zh", "en"]

UNCONFIRMED = "The list of voices is a third party's copy: Kling may refuse some of these ids, free of charge."
"""What people should know about the list below."""


@dataclass(frozen=True, slots=True)
class SpeechVoice:
    """A voice of text to speech.

    Attributes:
        id: What Kling calls it.
        languages: What it is listed for.
        names: What people call it: its English name, its Chinese name.
        words: What it sounds like, as far as its id and its names tell: gender, age, region, character.
    """

    id: str
    languages: tuple[Language, ...]
    names: tuple[str, ...]
    words: tuple[str, ...]


_ZH: tuple[Language, ...] = ("zh",)
_EN: tuple[Language, ...] = ("en",)
_BOTH = (*_ZH, *_EN)

# id, languages, names (separated by a slash), words. In the order of the vendor's guide.
_ROWS: tuple[tuple[str, tuple[Language, ...], str, str], ...] = (
    ("genshin_vindi2", _BOTH, "Sunny/阳光少年", "male young teen bright"),
    ("zhinen_xuesheng", _BOTH, "Sage/懂事小弟", "male boy student brother sensible"),
    ("tiyuxi_xuedi", _ZH, "运动少年", "male young student athlete sporty"),
    ("AOT", _EN, "Ace", ""),
    ("ai_shatang", _BOTH, "Blossom/青春少女", "female young girl teen"),
    ("genshin_klee2", _BOTH, "Peppy/温柔小妹", "female girl sister gentle"),
    ("genshin_kirara", _BOTH, "Dove/元气少女", "female girl teen lively energetic"),
    ("ai_kaiya", _BOTH, "Shine/阳光男生", "male young bright"),
    ("oversea_male1", _EN, "Anchor", "male man presenter news"),
    ("tiexin_nanyou", _ZH, "幽默小哥", "male young boyfriend humorous caring"),
    ("ai_chenjiahao_712", _BOTH, "Lyric/文艺小哥", "male young artistic"),
    ("girlfriend_1_speech02", _ZH, "甜美邻家", "female young girlfriend sweet"),
    ("girlfriend_4_speech02", _EN, "Melody", "female young girlfriend"),
    ("chat1_female_new-3", _BOTH, "Tender/温柔姐姐", "female young sister gentle soft"),
    ("chat_0407_5-1", _EN, "Siren", "female"),
    ("girlfriend_2_speech02", _ZH, "职场女青", "female young office girlfriend"),
    ("cartoon-boy-07", _BOTH, "Zippy/活泼男童", "male boy child cartoon lively"),
    ("uk_boy1", _EN, "Bud", "male boy child british"),
    ("cartoon-girl-01", _BOTH, "Sprite/俏皮女童", "female girl child cartoon cheeky"),
    ("PeppaPig_platform", _EN, "Candy", "child cartoon pig"),
    ("ai_huangzhong_712", _EN, "Beacon", "male man"),
    ("ai_huangyaoshi_712", _BOTH, "Rock/稳重老爸", "male man father steady"),
    ("you_pingjing", _BOTH, "Helen/温柔妈妈", "female woman mother calm gentle"),
    ("ai_laoguowang_712", _BOTH, "Titan/严肃上司", "male man boss king serious stern"),
    ("chengshu_jiejie", _BOTH, "Grace/优雅贵妇", "female woman lady mature elegant"),
    ("calm_story1", _EN, "Lore", "calm story narrator"),
    ("uk_man2", _EN, "Crag", "male man british"),
    ("zhuxi_speech02", _ZH, "慈祥爷爷", "male old man grandfather grandpa kind"),
    ("uk_oldman3", _ZH, "唠叨爷爷", "male old man grandfather grandpa chatty"),
    ("laopopo_speech02", _BOTH, "Prattle/唠叨奶奶", "female old woman grandmother grandma chatty"),
    ("heainainai_speech02", _BOTH, "Hearth/和蔼奶奶", "female old woman grandmother grandma kind warm"),
    ("dongbeilaotie_speech02", _ZH, "东北老铁", "male man dialect northeast dongbei"),
    ("chongqingxiaohuo_speech02", _ZH, "重庆小伙", "male young dialect chongqing"),
    ("chuanmeizi_speech02", _ZH, "四川妹子", "female young girl dialect sichuan"),
    ("chaoshandashu_speech02", _ZH, "潮汕大叔", "male man uncle dialect chaoshan"),
    ("ai_taiwan_man2_speech02", _ZH, "台湾男生", "male man young dialect taiwan"),
    ("xianzhanggui_speech02", _ZH, "西安掌柜", "male man shopkeeper dialect xian"),
    ("tianjinjiejie_speech02", _ZH, "天津姐姐", "female woman sister dialect tianjin"),
    ("diyinnansang_DB_CN_M_04-v2", _ZH, "新闻播报男", "male man news presenter deep low"),
    ("yizhipiannan-v1", _ZH, "译制片男", "male man dubbed film"),
    ("guanxiaofang-v2", _ZH, "元气少女", "female girl lively energetic"),
    ("tianmeixuemei-v1", _ZH, "撒娇女友", "female young girlfriend student sweet"),
    ("daopianyansang-v1", _ZH, "刀片烟嗓", "husky rough smoky raspy"),
    ("mengwa-v1", _ZH, "乖巧正太", "male boy child cute"),
    ("reader_en_m-v1", _EN, "The Reader", "male man narrator reading"),
    ("commercial_lady_en_f-v1", _EN, "Commercial Lady", "female woman advertisement presenter"),
)

SPEECH_VOICES: Mapping[str, SpeechVoice] = MappingProxyType(
    {row[0]: SpeechVoice(row[0], row[1], tuple(row[2].split("/")), tuple(row[3].split())) for row in _ROWS}
)
"""Every voice we know, by its id."""

DEFAULT_VOICES: Mapping[Language, str] = MappingProxyType({"en": "oversea_male1", "zh": "genshin_vindi2"})
"""Who speaks where nobody is chosen: the ids that the vendor's own examples of text to speech use, so the surest."""

# How well a word of a search fits a voice. Several words add up.
_SAME, _BEGINS, _INSIDE, _ALIKE = 4, 3, 2, 1
_INSIDE_FROM = 3
_ALIKE_FROM = 0.75
_MISSPELLED_FROM = 0.85

_LANGUAGES: Mapping[Language, tuple[str, ...]] = MappingProxyType(
    {"zh": ("zh", "chinese", "mandarin", "中文"), "en": ("en", "english")}
)
"""What people call them."""

_WORDS = re.compile(r"[a-z]+|[0-9]+|[^\W_a-z0-9]+")


def find_voices(words: str, language: str = "") -> tuple[SpeechVoice, ...]:
    """The voices that fit a few words (``old man``, ``girl british``, part of an id), best first.

    Words that fit nothing are passed over; without any words it is every voice. Always the same answer in the same
    order.

    Args:
        words: What is looked for, in any case. Spelling need not be exact.
        language: Only voices listed for ``zh`` or ``en``; empty for both.
    """
    wanted = _WORDS.findall(words.casefold())
    listed = [voice for voice in SPEECH_VOICES.values() if not language or language in voice.languages]
    if not wanted:
        return tuple(listed) if not words.strip() else ()
    fits = {voice.id: [_fit(word, voice) for word in wanted] for voice in listed}
    found = [voice for voice in listed if any(fits[voice.id])]
    # A voice that fits more of the words comes before one that fits fewer of them better.
    return tuple(sorted(found, key=lambda voice: (fits[voice.id].count(0), -sum(fits[voice.id]))))


def intended_voices(voice_id: str) -> tuple[SpeechVoice, ...]:
    """The voices that somebody probably meant who wrote this unknown id; none if it may be an id we do not know.

    Known ids come as pairs that differ in a digit only, so a different digit is not a slip of spelling.
    """
    folded = _folded(voice_id)
    same = [v for v in SPEECH_VOICES.values() if folded in {_folded(v.id), *map(_folded, v.names)}]
    begun = [v for v in SPEECH_VOICES.values() if _folded(v.id).startswith(folded)]
    if same or len(begun) == 1:
        return tuple(same or begun)
    ids = {_folded(known): known for known in SPEECH_VOICES if _digits(known) == _digits(voice_id)}
    if near := difflib.get_close_matches(folded, ids, n=1, cutoff=_MISSPELLED_FROM):
        return (SPEECH_VOICES[ids[near[0]]],)
    described = " " in voice_id.strip() or voice_id.casefold() in _vocabulary()
    return find_voices(voice_id)[:3] if described else ()


def _fit(word: str, voice: SpeechVoice) -> int:
    known = _searched(voice)
    if word in known:
        return _SAME
    if any(each.startswith(word) for each in known):
        return _BEGINS
    if word in _vocabulary():  # meant as it is: "male" is not looked for inside "female"
        return 0
    if len(word) >= _INSIDE_FROM or not word.isascii():
        if any(word in each for each in known):
            return _INSIDE
        return _ALIKE if difflib.get_close_matches(word, known, n=1, cutoff=_ALIKE_FROM) else 0
    return 0


@cache
def _searched(voice: SpeechVoice) -> frozenset[str]:
    """Every word that leads to a voice."""
    spoken = (name for language in voice.languages for name in _LANGUAGES[language])
    return frozenset(_split((voice.id, *voice.names, *voice.words, *spoken)))


@cache
def _vocabulary() -> frozenset[str]:
    """Every word that some voice has."""
    return frozenset(word for voice in SPEECH_VOICES.values() for word in _searched(voice))


def _split(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from _WORDS.findall(text.casefold())


def _folded(text: str) -> str:
    """The text without what people get wrong: case, hyphens, underscores, blanks."""
    return "".join(each for each in text.casefold() if each.isalnum())


def _digits(text: str) -> list[str]:
    return re.findall(r"\d+", text)


__all__ = [
    "DEFAULT_VOICES",
    "SPEECH_VOICES",
    "UNCONFIRMED",
    "Language",
    "SpeechVoice",
    "find_voices",
    "intended_voices",
]
