"""Everything Kling can do for units: every operation that the engine runs, by its tool's name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from kling_mcp.operations import (
    audio,
    avatar,
    editing,
    effects,
    extend,
    faces,
    image,
    image_edit,
    image_omni,
    library,
    lip_sync_classic,
    motion,
    multi_image,
    omni_video,
    talking,
    try_on,
    video,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.operations.base import Generation

GENERATIONS: Mapping[str, type[Generation]] = MappingProxyType(
    {
        operation.tool: operation
        for operation in (
            *video.OPERATIONS,
            *omni_video.OPERATIONS,
            *motion.OPERATIONS,
            *extend.OPERATIONS,
            *effects.OPERATIONS,
            *multi_image.OPERATIONS,
            *talking.OPERATIONS,
            *faces.OPERATIONS,
            *lip_sync_classic.OPERATIONS,
            *avatar.OPERATIONS,
            *audio.OPERATIONS,
            *image.OPERATIONS,
            *image_omni.OPERATIONS,
            *image_edit.OPERATIONS,
            *try_on.OPERATIONS,
            *editing.OPERATIONS,
            *library.OPERATIONS,
        )
    }
)
"""In the order in which they are shown. A new endpoint is a class and its name in its file's ``OPERATIONS``."""
