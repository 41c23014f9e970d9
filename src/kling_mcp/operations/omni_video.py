"""The tool ``generate_omni_video``: pictures, elements and videos as material; video editing; several shots.

Contract: video.md A3, B5 and B6. What may be combined is in ``omni_rules``, what it costs in ``omni_quote``.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields
from kling_mcp.operations.clips import misfits
from kling_mcp.operations.fields import (
    ElementRef,
    ImageInput,
    JsonList,
    Nameable,
    Objects,
    Omitted,
    OnOff,
    Shot,
    Tight,
    VideoUrl,
    Whole,
    YesNo,
)
from kling_mcp.operations.model_facts import ALIASES, MODELS
from kling_mcp.operations.model_names import model_name
from kling_mcp.operations.omni_facts import DEFAULT_OMNI_MODEL, OMNI_ALIASES, OMNI_MODELS, OmniFacts
from kling_mcp.operations.omni_quote import quoted
from kling_mcp.operations.omni_rules import RULES
from kling_mcp.operations.shots import DEFAULT_SECONDS, written_shots

DEFAULT_RATIO = "16:9"
"""Sent where Kling needs a shape and none is given. Its own examples leave it out there (F.3)."""


class OmniImage(Nameable):
    """A picture to draw on: a plain reference, or a frame of the clip. Contract: video.md A3."""

    main: ClassVar[str] = "image_url"

    image_url: ImageInput
    type: Literal["first_frame", "end_frame"] | Omitted = None


class OmniClip(Nameable):
    """A video to edit (``base``), or to take movement or style from (``feature``). Contract: video.md A3."""

    main: ClassVar[str] = "video_url"

    video_url: VideoUrl
    refer_type: Literal["base", "feature"] = "base"
    keep_original_sound: YesNo | Omitted = None


OmniModelName = Annotated[
    str,
    BeforeValidator(
        model_name(
            "generate_omni_video",
            OMNI_MODELS,
            aliases=OMNI_ALIASES,
            elsewhere=dict.fromkeys([*MODELS, *ALIASES], "generate_video"),
        )
    ),
]


class GenerateOmniVideo(Generation):
    """Make a clip with reference pictures, characters (elements) or a video, edit a video, or cut several shots.

    Paid. Cite the material in the prompt, counted from 1: <<<image_1>>>, <<<element_1>>>, <<<video_1>>>.
    """

    tool: ClassVar[str] = "generate_omni_video"
    title: ClassVar[str] = "Generate omni video"
    toolset: ClassVar[str] = "video"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = "/v1/videos/omni-video"
    rules: ClassVar[tuple[Rule[Any], ...]] = RULES

    prompt: Annotated[str, Tight] | Omitted = None
    """What happens, or what to change in the video. Up to 3072 characters, kling-video-o1: 2500."""
    model_name: OmniModelName = DEFAULT_OMNI_MODEL
    """kling-v3-omni: sound, shots, 4k. kling-video-o1: without these, to 10 s."""
    image_list: Annotated[list[OmniImage] | Omitted, JsonList, Objects] = None
    """{image_url, type}. type first_frame, end_frame or none (reference). Up to 7 with elements, 4 beside a video."""
    element_list: Annotated[list[ElementRef] | Omitted, JsonList, Objects] = None
    """{element_id}. Up to 3 beside frames."""
    video_list: Annotated[Annotated[list[OmniClip], Field(max_length=1)] | Omitted, JsonList, Objects] = None
    """One {video_url, refer_type, keep_original_sound: yes or no}. refer_type base (if absent): edit it; feature: \
imitate it."""
    sound: OnOff | Omitted = None
    """Native sound; off if absent. Not with a video."""
    mode: Literal["std", "pro", "4k"] | Omitted = None
    """std 720p, pro 1080p (if absent), 4k."""
    aspect_ratio: Literal["16:9", "9:16", "1:1"] | Omitted = None
    """16:9 if absent. Not for editing or a first frame."""
    duration: Whole | Omitted = None
    """Seconds, 3 to 15; 5 if absent. An edited video keeps its length."""
    multi_shot: bool | Omitted = None
    """Several shots. Needs shot_type."""
    shot_type: Literal["customize", "intelligence"] | Omitted = None
    """As for generate_video."""
    multi_prompt: Annotated[Annotated[list[Shot], Field(max_length=6)] | Omitted, JsonList, Objects] = None
    """As for generate_video."""
    watermark: bool | Omitted = None
    """Watermarked copy too."""

    @property
    def facts(self) -> OmniFacts:
        """What the chosen model can do."""
        return OMNI_MODELS[self.model_name]

    @property
    def video(self) -> OmniClip | None:
        """The video it is given, if any: Kling takes one."""
        return self.video_list[0] if self.video_list else None

    @property
    def edits(self) -> bool:
        """Whether it edits a video, whose length and shape the result then has."""
        return self.video is not None and self.video.refer_type == "base"

    @property
    def frames(self) -> tuple[str, ...]:
        """The kinds of its pictures that are frames of the clip."""
        return tuple(image.type for image in self.image_list or () if image.type)

    @property
    def plain_images(self) -> int:
        """How many of its pictures are plain references."""
        return len(self.image_list or ()) - len(self.frames)

    @property
    def effective_mode(self) -> str:
        """The mode it runs in. Kling's default for omni video is pro."""
        return self.mode or "pro"

    @property
    def seconds(self) -> int:
        """The length asked for. Without meaning where a video is edited."""
        return DEFAULT_SECONDS if self.duration is None else self.duration

    @property
    def prefers_newer(self) -> bool:
        """Whether its video is known, and too long or too large for the pages of the old wire: clips in 4k are."""
        return self.video is not None and any(misfits("video_list", self.video.video_url, self.facts.old_video))

    @property
    def needs_shape(self) -> bool:
        """Whether Kling must be told the aspect ratio."""
        return not self.edits and "first_frame" not in self.frames

    @property
    def shots(self) -> tuple[Shot, ...]:
        """The shots the agent wrote, in order; empty unless ``shot_type`` is customize."""
        return written_shots(self)

    @property
    def model(self) -> str | None:
        """The chosen model."""
        return self.model_name

    def quote(self) -> Quote:
        """Exact units, unless a video of unknown length is edited. Contract: video.md part E."""
        return quoted(self)

    def body(self) -> dict[str, Any]:
        """The legacy body. Contract: video.md A3.

        What decides the price (model, mode, duration, sound, what the video is for) is always written out.
        """
        wire = super().body()
        wire["mode"] = self.effective_mode
        wire.pop("sound", None)
        if self.facts.sound:
            wire["sound"] = self.sound or "off"
        if not self.edits:
            wire["duration"] = str(self.seconds)
        if self.needs_shape:
            wire.setdefault("aspect_ratio", DEFAULT_RATIO)
        if self.shots:
            wire.pop("prompt", None)
        return wire


OPERATIONS = (GenerateOmniVideo,)
"""The operations of this file."""
