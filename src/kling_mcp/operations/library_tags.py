"""The tags an element can have: Kling's ids, or the words people use. Contract: image-audio-general.md 9.1."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from kling_mcp.operations.web import refuse
from kling_mcp.operations.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

TAGS: Mapping[str, str] = MappingProxyType(
    {
        "hottest": "o_101",
        "character": "o_102",
        "animal": "o_103",
        "item": "o_104",
        "costume": "o_105",
        "scene": "o_106",
        "effect": "o_107",
        "others": "o_108",
    }
)
"""Word → id."""


def tag_id(value: object) -> str:
    """The id of a tag that came as its id or as its word, in singular or plural.

    Raises:
        PydanticCustomError: There is no such tag.
    """
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in TAGS.values():
        return word
    found = TAGS.get(word) or TAGS.get(f"{word}s") or TAGS.get(word.removesuffix("s"))
    if found is None:
        refuse(f"must be one of {', '.join(TAGS)}, or an id o_101 to o_108 (you gave {shown(value)}).")
    return found
