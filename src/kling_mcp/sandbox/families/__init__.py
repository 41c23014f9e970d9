"""Every endpoint the pretend Kling serves, one module per group. It says what is refused and what is made.

A module has a tuple ``FAMILIES`` (asynchronous), ``INSTANTS`` (answered at once) or ``STANDARDS`` (new standard), and
is named in ``_MODULES``. It uses the operation classes of our client nowhere: client and sandbox must not share a
mistake. What no module serves, ``derived`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.sandbox.families import (
    audio,
    classic,
    editing,
    effects,
    elements,
    image_edits,
    images,
    library,
    motion,
    omni,
    standard,
    talking,
    talking_classic,
    video,
)

if TYPE_CHECKING:
    from types import ModuleType

    from kling_mcp.sandbox.family import Family, Instant, Standard

_MODULES: tuple[ModuleType, ...] = (
    video,
    standard,
    omni,
    classic,
    motion,
    effects,
    talking,
    talking_classic,
    editing,
    images,
    image_edits,
    audio,
    library,
    elements,
)
FAMILIES: tuple[Family, ...] = tuple(family for module in _MODULES for family in getattr(module, "FAMILIES", ()))
INSTANTS: tuple[Instant, ...] = tuple(instant for module in _MODULES for instant in getattr(module, "INSTANTS", ()))
STANDARDS: tuple[Standard, ...] = tuple(family for module in _MODULES for family in getattr(module, "STANDARDS", ()))
