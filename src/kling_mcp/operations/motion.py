"""The tool ``motion_control``: a picture moves like the person in a video.

Contract: video.md A5, B4 and part E.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields, rule
from kling_mcp.operations.clips import VideoLimits, misfits
from kling_mcp.operations.fields import (
    ElementRef,
    ImageInput,
    JsonList,
    Objects,
    Omitted,
    Tight,
    VideoUrl,
    YesNo,
)
from kling_mcp.operations.model_facts import ALIASES
from kling_mcp.operations.model_names import model_name
from kling_mcp.operations.rates import CARD_DATE, units_per_second, whole_seconds
from kling_mcp.operations.sources import facts_of

Orientation = Literal["image", "video"]

MAX_ELEMENTS: Mapping[str, int] = MappingProxyType({"kling-v3": 1, "kling-v2-6": 0})
"""Every model of the tool, best first, and how many elements it takes."""

_ModelName = Annotated[str, BeforeValidator(model_name("motion_control", tuple(MAX_ELEMENTS), aliases=ALIASES))]
_SIDES = (340, 3850)
LIMITS: Mapping[Orientation, VideoLimits] = MappingProxyType(
    {"image": VideoLimits(((3, 10),), _SIDES), "video": VideoLimits(((3, 30),), _SIDES)}
)
"""What the video must be like, by whom the character faces like."""


@rule("model_name", "element_list", "character_orientation")
def _elements_are_taken(request: "MotionControl") -> Iterator[Problem]:
    given, most = len(request.element_list or ()), MAX_ELEMENTS[request.model_name]
    if given > most:
        able = "" if most else " kling-v3 takes one."
        sentence = f"'element_list' has {given} entries; {request.model_name} takes at most {most}.{able}"
        yield Problem("element_list", sentence)
    if given and request.character_orientation == "image":
        yield Problem(
            "character_orientation",
            "'character_orientation' is 'image', but with an element the character can only face as in the video. "
            "Set it to video.",
        )


@rule("video_url", "character_orientation")
def _the_video_fits(request: "MotionControl") -> Iterator[Problem]:
    yield from misfits("video_url", request.video_url, LIMITS[request.character_orientation])


@rule("prompt", "element_list")
def _citations_are_given(request: "MotionControl") -> Iterator[Problem]:
    if "<<<element_" in (request.prompt or "") and not request.element_list:
        yield Problem("prompt", "'prompt' cites an element, but there is no element_list. Give it, or do not cite.")


class MotionControl(Generation):
    """Make the character of a picture move like the person in a video.

    Paid per second of the result, which follows the usable motion of the video.
    """

    tool: ClassVar[str] = "motion_control"
    title: ClassVar[str] = "Motion control"
    toolset: ClassVar[str] = "video"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = "/v1/videos/motion-control"
    rules: ClassVar[tuple[Rule[Any], ...]] = (_elements_are_taken, _the_video_fits, _citations_are_given)

    image_url: ImageInput
    """The character: jpg or png as URL, Base64 or kling://media/…; sides from 300 px."""
    video_url: VideoUrl
    """The motion: mp4 or mov as URL or kling://media/…; from 3 s, to 100 MB, sides 340 to 3850 px."""
    character_orientation: Orientation
    """Face as in the image (video to 10 s), or as in the video (to 30 s)."""
    mode: Literal["std", "pro"] = "std"
    """std 720p, pro 1080p."""
    model_name: _ModelName = "kling-v3"
    """kling-v3: best. kling-v2-6: cheaper, no element."""
    prompt: Annotated[str, Field(max_length=2500), Tight] | Omitted = None
    """What else is to be seen; the motion comes from the video."""
    keep_original_sound: YesNo | Omitted = None
    """Keep the video's sound: yes (if absent) or no."""
    element_list: Annotated[list[ElementRef] | Omitted, JsonList, Objects] = None
    """One {element_id} (kling-v3, character_orientation video)."""
    watermark: bool | Omitted = None
    """Also make a watermarked copy."""

    @property
    def model(self) -> str | None:
        """The chosen model."""
        return self.model_name

    def quote(self) -> Quote:
        """Units per second of the result; with a video of known length, what it costs at most.

        Kling bills the output, which is as long as the usable motion: the rounded input, or less.
        """
        rate = units_per_second(self.model_name, self.mode, "motion")
        case = f"{self.model_name}, {self.mode}, motion"
        if rate is None:
            return Quote(None, "video", f"no price is known ({case})", CARD_DATE)
        facts = facts_of(self.video_url)
        if facts is None or facts.duration_s is None:
            least, most = (int(limit) for limit in LIMITS[self.character_orientation].lengths[0])
            span = f"{rate * least} to {rate * most} units for {least} to {most} s"
            basis = f"{rate} units for each second of the result, rounded: {span} ({case})"
            return Quote(None, "video", basis, CARD_DATE)
        length = whole_seconds(facts.duration_s)
        less = "This is the most it costs: Kling bills the seconds of the result, which may be shorter than the video."
        return Quote(rate * length, "video", f"{length} s x {rate} units ({case})", CARD_DATE, (less,))


OPERATIONS = (MotionControl,)
"""The operations of this file."""
