"""Effects by word: for completion, the catalogue resource, and the refusal of a name that Kling does not have."""

from __future__ import annotations

import difflib
import re
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from kling_mcp.operations.effect_facts import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.operations.effect_facts import Effect

# What people say for a word that stands in names.
_MEANT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "animal": ("pet", "paws", "lion", "tiger", "fish"),
        "ball": ("football", "soccer", "tennis", "baseball"),
        "car": ("f1", "drive", "motorcycle"),
        "cat": ("pet", "paws", "meow", "critter"),
        "child": ("cute",),
        "christmas": ("santa", "ginger", "ornament", "snowglobe"),
        "couple": ("kiss", "hug", "heart"),
        "cuddle": ("hug",),
        "dog": ("pet", "paws", "critter"),
        "embrace": ("hug",),
        "fire": ("blaze", "firework", "fireworks"),
        "flower": ("bouquet", "bloom", "flora"),
        "game": ("football", "tennis", "baseball"),
        "ghost": ("halloween",),
        "hair": ("makeup",),
        "halloween": ("pumpkin", "zombie", "witch", "vampire", "mummy", "demon"),
        "horror": ("halloween", "zombie", "vampire", "demon"),
        "kitten": ("pet", "paws"),
        "love": ("kiss", "heart"),
        "money": ("dollar", "rich", "packet", "wealth"),
        "party": ("birthday", "cheers", "champagne", "toast"),
        "puppy": ("pet", "paws"),
        "scary": ("halloween", "zombie", "vampire", "demon", "mummy"),
        "soccer": ("football", "goal"),
        "sport": ("football", "tennis", "soccer", "baseball", "snowboarding"),
        "winter": ("snow", "frost"),
        "xmas": ("christmas", "santa"),
    }
)

_LONGEST, _MOST_WORDS = 100, 8
_A_PART = 3
"""Shortest word that counts as the beginning or a part of another."""
_ALIKE = 0.72
"""How alike two words must be to count as a slip of the pen (difflib's ratio)."""


def find_effects(words: str, limit: int = 10, *, usable: bool = False) -> list[Effect]:
    """The effects that fit some words best, the best first; the same words always find the same.

    A word counts where it is one of a name's words, more than where it begins one, is a part of one, is what people
    say for one, or is nearly spelled like one.

    Args:
        words: What somebody is looking for: ``disco``, ``pet dance``, ``hug_prow``. Nothing: the first effects.
        limit: How many at most.
        usable: Leave out what is discontinued.
    """
    effects = [effect for effect in EFFECTS.values() if not (usable and effect.standing == "discontinued")]
    asked = _words(words[:_LONGEST])[:_MOST_WORDS]
    if not asked:
        return effects[:limit]
    scored = [([_score(word, effect.name) for word in asked], effect) for effect in effects]
    found = [(scores, effect) for scores, effect in scored if any(scores)]
    # The name itself, then what fits most of the words, what fits them best, what is offered, what is short. A stable
    # sort: the rest in Kling's order.
    found.sort(
        key=lambda each: (
            _words(each[1].name) != asked,
            each[0].count(0),
            -sum(each[0]),
            each[1].standing == "discontinued",
            len(_words(each[1].name)),
        )
    )
    return [effect for _, effect in found[:limit]]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


@cache
def _score(word: str, name: str) -> float:
    """How well a word fits a name: 0 to 4."""
    parts = _words(name)
    if word in parts:
        return 4
    stem = word.removesuffix("s").removesuffix("ing")
    if len(stem) >= _A_PART and any(part.startswith(stem) for part in parts):
        return 3
    if any(meant in parts for meant in _MEANT.get(word, ()) + _MEANT.get(word.removesuffix("s"), ())):
        return 2.5
    if len(word) >= _A_PART and any(word in part or (len(part) > _A_PART and part in word) for part in parts):
        return 2
    alike = max(difflib.SequenceMatcher(None, word, part, autojunk=False).ratio() for part in parts)
    return alike if alike >= _ALIKE else 0
