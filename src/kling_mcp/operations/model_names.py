"""A model's name as an argument: known, spelled otherwise, or refused with the one that was probably meant."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from kling_mcp.operations.wording import OWN_SENTENCE, closest, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_NOWHERE: Mapping[str, str] = MappingProxyType({})


def model_name(
    tool: str,
    known: Collection[str],
    *,
    aliases: Mapping[str, str] = _NOWHERE,
    retired: Collection[str] = (),
    elsewhere: Mapping[str, str] = _NOWHERE,
) -> Callable[[object], str]:
    """A check for a tool's model.

    Args:
        tool: The tool, for the refusal.
        known: The models it runs, best first.
        aliases: Other spelling → known name. Case never matters.
        retired: Those of ``known`` that a refusal should not advertise.
        elsewhere: A model the tool does not run → the tool that does.
    """
    current = ", ".join(name for name in known if name not in retired)

    def checked(value: object) -> str:
        name = value.strip().lower() if isinstance(value, str) else ""
        name = aliases.get(name, name)
        if name in known:
            return name
        meant = closest(name, known)
        hint = f"Did you mean '{meant}'? " if meant else ""
        hint = f"Use {elsewhere[name]} for that model. " if name in elsewhere else hint
        sentence = f"is {shown(value)}, which {tool} does not know. {hint}It runs {current or ', '.join(known)}."
        raise PydanticCustomError(OWN_SENTENCE, "{sentence}", {"sentence": sentence})

    return checked
