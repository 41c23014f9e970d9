"""The tool ``generate_video``: text to video, and image to video as soon as a frame is given.

Contract: video.md sections 6, A1, A2, B2 and B3. What may be combined is in ``video_rules``, what it costs in
``video_quote``.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Generation, Kind, Quote, Yields
from kling_mcp.operations.fields import (
    NUMBER,
    TEXT,
    CameraControl,
    DynamicMask,
    ElementRef,
    ImageInput,
    JsonList,
    JsonText,
    LastFrame,
    NegativePrompt,
    Object,
    Objects,
    Omitted,
    OnOff,
    Share,
    Shot,
    Tight,
    VoiceRef,
    Whole,
)
from kling_mcp.operations.model_facts import (
    ALIASES,
    DEFAULT_VIDEO_MODEL,
    MODELS,
    NO_MODE,
    Endpoint,
    ModeFacts,
    ModelFacts,
)
from kling_mcp.operations.model_names import model_name
from kling_mcp.operations.omni_facts import OMNI_ALIASES, OMNI_MODELS
from kling_mcp.operations.shots import written_shots
from kling_mcp.operations.video_advice import refusals
from kling_mcp.operations.video_quote import quoted

_RETIRED = [name for name, facts in MODELS.items() if facts.retired]
_OMNI = dict.fromkeys([*OMNI_MODELS, *OMNI_ALIASES], "generate_omni_video")

ModelName = Annotated[
    str,
    BeforeValidator(model_name("generate_video", MODELS, aliases=ALIASES, retired=_RETIRED, elsewhere=_OMNI)),
]


class GenerateVideo(Generation):
    """Make a new video clip from a prompt, from a first frame, or between two frames.

    Paid; estimate_cost tells how much.
    """

    tool: ClassVar[str] = "generate_video"
    title: ClassVar[str] = "Generate video"
    toolset: ClassVar[str] = "video"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    makes_tasks_at: ClassVar[tuple[str, ...]] = tuple(f"/v1/videos/{each}" for each in get_args(Endpoint))

    prompt: Annotated[str, Tight] | Omitted = None
    """What happens; up to 3072 characters, kling-v2-*: 2500. May cite <<<element_1>>>, <<<voice_1>>>."""
    model_name: ModelName = DEFAULT_VIDEO_MODEL
    """kling-v3: best, 4k, shots, elements. kling-3.0-turbo: sound included. kling-v2-6: voices. \
kling-v2-5-turbo: cheapest."""
    image: ImageInput | Omitted = None
    """First frame: URL, Base64 or kling://media/… (of a video: …#last). The clip takes its shape."""
    image_tail: LastFrame | Omitted = None
    """Last frame, like image."""
    negative_prompt: Annotated[NegativePrompt, TEXT] | Omitted = None
    """What must not appear. Not for kling-3.0-turbo."""
    duration: Whole = 5
    """Seconds: 3 to 15; kling-v2-*: 5 or 10."""
    mode: Literal["std", "pro", "4k"] | Omitted = None
    """std 720p (if absent), pro 1080p, 4k (kling-v3). kling-v2-* need pro for image_tail."""
    aspect_ratio: Literal["16:9", "9:16", "1:1"] | Omitted = None
    """16:9 if absent. Only without image."""
    sound: OnOff | Omitted = None
    """Native sound; off if absent. kling-v3, kling-v2-6 pro."""
    cfg_scale: Annotated[Share, NUMBER] | Omitted = None
    """0 free to 1 close to the prompt; kling-v2-* ignore it."""
    camera_control: Annotated[CameraControl | Omitted, JsonText, Object] = None
    """Camera move (retired kling-v1*): {type: down_back, forward_up, right_turn_forward, left_turn_forward, or \
simple with config {zoom: 5}}."""
    static_mask: ImageInput | Omitted = None
    """Mask of what stays still (kling-v1*)."""
    dynamic_masks: Annotated[Annotated[list[DynamicMask], Field(max_length=6)] | Omitted, JsonText, Objects] = None
    """Up to 6 {mask, trajectories: [{x, y}, …]}, in pixels from bottom left."""
    multi_shot: bool | Omitted = None
    """Several shots (kling-v3). Needs shot_type."""
    shot_type: Literal["customize", "intelligence"] | Omitted = None
    """customize: you write multi_prompt. intelligence: Kling cuts prompt into shots."""
    multi_prompt: Annotated[Annotated[list[Shot], Field(max_length=6)] | Omitted, JsonText, Objects] = None
    """Up to 6 {index from 1, prompt, duration}, which add up to duration. Replaces prompt."""
    element_list: Annotated[list[ElementRef] | Omitted, JsonList, Objects] = None
    """Up to 3 {element_id} (kling-v3 with image). Not with voice_list."""
    voice_list: Annotated[list[VoiceRef] | Omitted, JsonList, Objects] = None
    """Up to 2 {voice_id} (kling-v2-6 pro with image, sound on), cited in prompt."""
    watermark: bool | Omitted = None
    """Watermarked copy too."""

    @property
    def facts(self) -> ModelFacts:
        """What the chosen model can do."""
        return MODELS[self.model_name]

    @property
    def endpoint(self) -> Endpoint:
        """Which of Kling's two endpoints takes it: a frame makes it image to video."""
        return "image2video" if self.image or self.image_tail else "text2video"

    @property
    def row(self) -> ModeFacts | None:
        """What the model does at this endpoint in this mode; None where it lacks the one or the other."""
        return self.facts.row(self.endpoint, self.mode)

    @property
    def effective_mode(self) -> str:
        """The mode it runs in: std where none is given; ``model_facts.NO_MODE`` for a model without modes."""
        return NO_MODE if NO_MODE in self.facts.endpoints.get(self.endpoint, {}) else self.mode or "std"

    @property
    def sounds(self) -> bool:
        """Whether the clip has native sound."""
        return self.sound == "on" or self.facts.always_sound

    @property
    def silenced(self) -> bool:
        """Whether the last frame rules out the sound that the model otherwise has."""
        row = self.row if self.image_tail else None
        return row is not None and row.sound and row.silent_with_last

    @property
    def shots(self) -> tuple[Shot, ...]:
        """The shots the agent wrote, in order; empty unless ``shot_type`` is customize."""
        return written_shots(self)

    @property
    def path(self) -> str:
        """Kling's legacy path. A model that exists only on the new wire (see ``facts.wires``) is posted elsewhere."""
        return f"/v1/videos/{self.endpoint}"

    @property
    def model(self) -> str | None:
        """The chosen model."""
        return self.model_name

    def problems(self, unsound: AbstractSet[str] = frozenset()) -> Iterable[Problem]:
        """What Kling would refuse, each with the nearest model that can do it."""
        return refusals(self, unsound)

    def quote(self) -> Quote:
        """Exact units of this clip. Contract: video.md part E."""
        return quoted(self)

    def body(self) -> dict[str, Any]:
        """The legacy body. Contract: video.md A1, A2.

        What decides the price (model, mode, duration, sound) is always written out, so that a default changed by the
        vendor cannot change it. What Kling would ignore is left out; ``quote().notes`` says so.
        """
        wire = self.model_dump(mode="json", exclude_none=True, exclude={"watermark", "mode", "sound", "duration"})
        wire["duration"] = str(self.duration)
        if self.effective_mode != NO_MODE:
            wire["mode"] = self.effective_mode
        if self.row is not None and self.row.sound and not self.facts.always_sound:
            wire["sound"] = self.sound or "off"
        if self.shots:
            wire.pop("prompt", None)
        if self.facts.cfg_scale != "supported":
            wire.pop("cfg_scale", None)
        return self.watermarked(wire)


OPERATIONS = (GenerateVideo,)
"""The operations of this file."""
