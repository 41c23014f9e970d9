"""How each kind of result becomes a file. Slow; called in a thread, when somebody first asks for the file."""

# PyAV mentions NumPy in its signatures; it is not installed, so parts of them are unknown to pyright.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.sandbox.order import BESIDE, MADE
from kling_mcp.sandbox.shapes import WAV_SHORTER_S, length_s

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from kling_mcp.sandbox.order import Make, Task

ENDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"video": ("mp4",), "image": ("png",), "audio": ("mp3", "wav"), "voice": ("mp3",), "element": ()}
)
"""Kind of result → the files there are of it, by their endings."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one file is drawn from.

    Attributes:
        task: What made it.
        make: The result.
        ending: Which of its files.
        watermark: Whether it is the watermarked copy.
        earlier: The file of an earlier result, by its id: results build on each other. None if there is none.
        short_side: Pixels of the shorter side of a video.
    """

    task: Task
    make: Make
    ending: str
    watermark: bool
    earlier: Callable[[str], Path | None]
    short_side: int

    @property
    def caption(self) -> str:
        """What it shows or says."""
        return self.make.caption or self.task.order.prompt

    @property
    def label(self) -> str:
        """The line in small letters."""
        parts = (self.task.order.external_id or self.task.id, self.make.label, "watermark" if self.watermark else "")
        return " · ".join(part for part in parts if part)

    @property
    def backdrop(self) -> bytes | None:
        """The encoded picture it starts from."""
        given = (self.make.backdrop or "").split(BESIDE)
        pictures = [picture for one in given if one and (picture := self._picture(one))]
        if len(pictures) < 2:  # noqa: PLR2004 - a pair is stitched
            return pictures[0] if pictures else None
        from kling_mcp.sandbox.sample_pictures import beside  # noqa: PLC0415 - loaded at first use: it slows the start

        return beside(*pictures)

    def _picture(self, backdrop: str) -> bytes | None:
        if not backdrop.startswith(MADE):
            return base64.b64decode(backdrop)
        file = self.earlier(backdrop.removeprefix(MADE))
        return None if file is None else last_picture(file)


def rendered(sheet: Sheet) -> bytes:
    """The bytes of a file."""
    return _RENDER[sheet.make.kind](sheet)


def _video(sheet: Sheet) -> bytes:
    from kling_mcp.sandbox.samples import sample_video  # noqa: PLC0415 - loaded at first use: it slows the start

    return sample_video(
        caption=sheet.caption,
        label=sheet.label,
        aspect_ratio=sheet.make.aspect_ratio,
        duration_s=length_s(sheet.make),
        sound=sheet.make.sound,
        backdrop=sheet.backdrop,
        short_side=sheet.short_side,
    )


def _image(sheet: Sheet) -> bytes:
    from kling_mcp.sandbox import sample_pictures as samples  # noqa: PLC0415 - loaded at first use: it slows the start

    detail, backdrop = sheet.make.detail, sheet.backdrop
    if "expansion" in detail and backdrop:
        return samples.expanded(backdrop=backdrop, **detail["expansion"])
    return samples.sample_image(
        caption=sheet.caption,
        label=sheet.label,
        aspect_ratio=sheet.make.aspect_ratio,
        long_side=int(detail.get("long_side", 1024)),
        backdrop=backdrop,
    )


def _sound(sheet: Sheet) -> bytes:
    from kling_mcp.sandbox.sample_sounds import sample_sound  # noqa: PLC0415 - loaded at first use: it slows the start

    seconds = sheet.make.duration - (WAV_SHORTER_S if sheet.ending == "wav" else 0)
    spoken = sheet.make.kind == "voice" or bool(sheet.make.detail.get("spoken"))
    form: Any = sheet.ending
    return sample_sound(seconds=seconds, text=sheet.caption, form=form, voice=spoken)


_RENDER: Mapping[str, Callable[[Sheet], bytes]] = MappingProxyType(
    {"video": _video, "image": _image, "audio": _sound, "voice": _sound}
)


def last_picture(file: Path) -> bytes | None:
    """The last frame of a video as PNG, or a picture as it is; None where there is nothing to see."""
    if file.suffix == ".png":
        return file.read_bytes()
    if file.suffix != ".mp4":
        return None
    import av  # noqa: PLC0415 - loaded at first use: it slows the start

    with av.open(str(file)) as video:
        frame = None
        for decoded in video.decode(video=0):
            frame = decoded
        if frame is None:
            return None
        buffer = BytesIO()
        frame.to_image().save(buffer, "PNG")
        return buffer.getvalue()
