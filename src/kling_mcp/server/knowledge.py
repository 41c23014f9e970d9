"""What Kling can do and what it costs, as pages that are read when needed: too much to stand in every tool's schema.

Each page is made from the same tables that check requests, so neither can say what the other does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from kling_mcp.operations import (
    editing,
    effect_facts,
    extend_source,
    image_facts,
    model_facts,
    motion,
    multi_image,
    omni_facts,
    rates,
    rates_audio,
    rates_image,
    voices,
)
from kling_mcp.operations.base import USD_PER_UNIT
from kling_mcp.operations.effect_search import find_effects
from kling_mcp.operations.effects import EFFECTS_COST
from kling_mcp.server.view import plain

if TYPE_CHECKING:
    from collections.abc import Callable

CATALOGUE_URI = "kling://catalogue/"
EFFECTS_AT_MOST = 50
"""Effects that a search shows."""
_A_RUN = 3
_NAMES_ONLY: tuple[image_facts.Endpoint, ...] = ("multi-image2image", "kolors-virtual-try-on")
_OURS = frozenset({"wires", "v2_name", "old_video"})
"""Fields about how we talk to Kling, which is not the agent's business."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of knowledge.

    Attributes:
        name: The end of its address.
        title: For people.
        description: What is on it.
        told: All of it, as JSON.
        found: What fits some words, best first, by name; None for a page that is only read whole.
    """

    name: str
    title: str
    description: str
    told: Callable[[], object]
    found: Callable[[str], Mapping[str, object]] | None = None

    @property
    def uri(self) -> str:
        """Its address."""
        return CATALOGUE_URI + self.name

    @property
    def search_uri(self) -> str:
        """The template of addresses that search it."""
        return f"{self.uri}/{{words}}"


def compact(value: object) -> Any:  # noqa: ANN401 - JSON
    """A table as small JSON: what a row does not have is left out, and a run of seconds is written ``3-15``."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: compact(getattr(value, each.name)) for each in fields(value) if _is_worth(value, each)}
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        return {str(name): compact(inner) for name, inner in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        members = list(cast("Sequence[object]", value))
        return _run(members) or [compact(member) for member in members]
    return value


def _is_worth(record: object, field: Any) -> bool:  # noqa: ANN401 - dataclasses.Field is generic
    """Whether a field says something: more than that a row lacks what most rows lack."""
    value = getattr(record, field.name)
    lacks = value is None or (not value and value in ("", field.default))
    return field.name not in _OURS and not lacks


def _run(members: list[object]) -> str | None:
    """Consecutive whole numbers as their ends; None for anything else."""
    if len(members) < _A_RUN or not all(isinstance(member, int) for member in members):
        return None
    whole = cast("list[int]", members)
    return f"{whole[0]}-{whole[-1]}" if whole == list(range(whole[0], whole[-1] + 1)) else None


def _models() -> object:
    images: dict[str, object] = {tool: image_facts.MODELS[name] for name, tool in image_facts.TOOLS.items()}
    # Of these the rows differ in nothing that the tool takes.
    images |= {image_facts.TOOLS[name]: list(image_facts.MODELS[name]) for name in _NAMES_ONLY}
    return compact(
        {
            "generate_video": model_facts.MODELS,
            "generate_omni_video": omni_facts.OMNI_MODELS,
            "motion_control": {
                "models": [{"name": name, "max_elements": most} for name, most in motion.MAX_ELEMENTS.items()],
                "video by character_orientation": motion.LIMITS,
            },
            "multi_image_to_video": {"name": multi_image.ONLY_MODEL, "retired": _retired(multi_image.ONLY_MODEL)},
            "extend_video": {
                "extended by Kling itself, all retired": sorted(extend_source.EXTENDED_BY_KLING),
                "continued from the last frame": "every other, by its own model where that starts from a frame",
            },
            "edit_video": {"video": editing.LIMITS},
            **images,
        }
    )


def _retired(model: str) -> str | None:
    return model_facts.MODELS[model].retired


def _effects() -> object:
    """Names alone: there are hundreds, and nothing else differs but what is told of the few that end."""
    rows = effect_facts.EFFECTS.values()
    offered = [effect for effect in rows if effect.standing == "offered"]
    return {
        "one image": [effect.name for effect in offered if effect.images == 1],
        "two images": [effect.name for effect in offered if effect.images == 2],  # noqa: PLR2004 - as it says
        "others": compact([effect for effect in rows if effect.standing != "offered"]),
    }


def _found_effects(words: str) -> Mapping[str, object]:
    return {effect.name: compact(effect) for effect in find_effects(words, limit=EFFECTS_AT_MOST)}


def _rates() -> object:
    audio = {
        "units per request": rates_audio.PER_REQUEST,
        f"lip_sync, units per started {rates_audio.LIP_SYNC_SPAN_S} s": rates_audio.LIP_SYNC_SPAN,
        "generate_avatar, units per second": rates_audio.AVATAR_PER_SECOND,
    }
    return compact(
        {
            "card_date": rates.CARD_DATE,
            "usd_per_unit": USD_PER_UNIT,
            "video": rates.card(),
            "talking and sound": audio,
            "image and library": rates_image.RATES,
            "virtual_try_on": rates_image.TRY_ON_BASIS,
            "apply_effect": EFFECTS_COST,
        }
    )


def _voices() -> object:
    return {"note": voices.UNCONFIRMED, "voices": compact(list(voices.SPEECH_VOICES.values()))}


def _found_voices(words: str) -> Mapping[str, object]:
    return {voice.id: compact(voice) for voice in voices.find_voices(words)}


PAGES: Mapping[str, Page] = {
    page.name: page
    for page in (
        Page("models", "Models", "Every model by tool: lengths, modes, sound, frames, limits; retired ones.", _models),
        Page(
            "effects", "Effects", "Every scene of apply_effect, by how many images it takes.", _effects, _found_effects
        ),
        Page("voices", "Voices of speech", "Every voice of text_to_speech and lip_sync.", _voices, _found_voices),
        Page("rates", "Price list", "Every price we know, in units, with the date of the list.", _rates),
    )
}
"""Every page, by its name."""


def told(uri: str) -> object | None:
    """What stands at an address of the catalogue: a page, or what its search finds; None if there is nothing."""
    name, _, words = uri.removeprefix(CATALOGUE_URI).partition("/")
    page = PAGES.get(name)
    if page is None:
        return None
    if not words:
        return page.told()
    return list(page.found(unquote(words)).values()) if page.found else None


def suggested(template: str, beginning: str) -> list[str]:
    """How the words of a search template may go on: names of what they find so far, best first."""
    page = next((page for page in PAGES.values() if page.search_uri == template), None)
    return list(page.found(beginning)) if page and page.found else []
