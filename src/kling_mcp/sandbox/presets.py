"""Voices and elements that belong to Kling, one table each. The ids are of our own making [OWN], or from examples.

Contract: image-audio-general.md 9.2 and 10.2 (what they look like; no id of theirs is recorded).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class PresetVoice:
    """A voice for video models and elements; speech has a catalogue of its own."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class PresetElement:
    """An element for video and image models."""

    id: str
    name: str
    description: str
    tag: str
    reference_type: Literal["image_refer", "video_refer"] = "image_refer"


VOICES: Mapping[str, PresetVoice] = MappingProxyType(
    {
        voice.id: voice
        for voice in (
            PresetVoice("829824295735410756", "Calm Narrator"),
            PresetVoice("829824295735410757", "Bright Girl"),
            PresetVoice("829824295735410758", "Old Sailor"),
            PresetVoice("829824295735410759", "News Anchor"),
            PresetVoice("829824295735410760", "Whispering Friend"),
            PresetVoice("829836802793406", "Young Explorer"),
        )
    }
)
ELEMENTS: Mapping[str, PresetElement] = MappingProxyType(
    {
        element.id: element
        for element in (
            PresetElement("163", "Ann", "A young woman with short red hair and a green coat", "o_102"),
            PresetElement("829836802793406551", "Courier", "A young courier in a yellow jacket", "o_102"),
            PresetElement("829836802793406552", "Lighthouse", "A white lighthouse on a cliff", "o_106"),
            PresetElement("829836802793406553", "Fox", "A small red fox with a white tail", "o_103"),
            PresetElement("829836802793406554", "Kettle", "A blue enamel kettle", "o_104"),
            PresetElement("829836802793406555", "Dancer", "A dancer in motion, filmed", "o_102", "video_refer"),
        )
    }
)
