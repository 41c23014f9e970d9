"""Editing what is seen in a video: open a session, mark objects in its frames, look at the marks, edit.

Contract: video.md A6 (multi-elements) and part E. The three tools before ``edit_video`` are answered at once.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields, rule
from kling_mcp.operations.clips import FiveOrTen, VideoLimits, misfits
from kling_mcp.operations.fields import (
    JsonList,
    NegativePrompt,
    Nested,
    NotBool,
    Objects,
    Omitted,
    PictureRef,
    Pictures,
    SessionId,
    Share,
    Tight,
    VideoId,
    VideoUrl,
)
from kling_mcp.operations.inputs import id_or_url
from kling_mcp.operations.rates import CARD_DATE, RETIRED_PRICES_ARE, edit_units
from kling_mcp.operations.sounds import exactly_one

LIMITS = VideoLimits(((2, 5), (7, 10)), (720, 2160))
"""What a video to edit must be like. Its 24, 30 or 60 frames a second only Kling sees."""

PICTURES: Mapping[str, tuple[int, int]] = MappingProxyType({"addition": (1, 2), "swap": (1, 1), "removal": (0, 0)})
"""How many pictures each kind of edit takes: at least, at most."""

_PATH = "/v1/videos/multi-elements"

_FREE_OR_NOT = Quote(
    None, "video", "Kling's price list does not name this step; its answer says what was charged", CARD_DATE
)


class Spot(Nested):
    """A place in a frame, as shares of its width and height; the origin is the top left corner, as Kling tells it."""

    x: Share
    y: Share

    @model_validator(mode="before")
    @classmethod
    def _pair(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever came
        return dict(zip("xy", value, strict=True)) if isinstance(value, list) and len(value) == 2 else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # noqa: PLR2004


@rule("video_id", "video_url")
def _the_video_fits(request: "StartVideoEdit") -> Iterator[Problem]:
    yield from misfits("video_id", request.video_id, LIMITS)
    yield from misfits("video_url", request.video_url, LIMITS)


class StartVideoEdit(Generation):
    """Open a session to change what is seen in a video: add, swap or remove things.

    Then mark the things with mark_video_edit and call edit_video. A session lives 24 hours.
    """

    tool: ClassVar[str] = "start_video_edit"
    title: ClassVar[str] = "Start video edit"
    toolset: ClassVar[str] = "editing"
    kind: ClassVar[Kind] = "immediate"
    nameless: ClassVar[bool] = True
    yields: ClassVar[Yields] = "session"
    posts_to: ClassVar[str] = f"{_PATH}/init-selection"
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        exactly_one("video_id", "video_url", of="which video is edited"),
        _the_video_fits,
    )

    video_id: VideoId | Omitted = None
    """The video: kling://media/… or a job id of ours, or Kling's id. 2 to 5 or 7 to 10 s."""
    video_url: VideoUrl | Omitted = None
    """Instead of video_id: URL of an mp4 or mov, sides 720 to 2160 px, 24, 30 or 60 fps."""

    def quote(self) -> Quote:
        """Not known."""
        return _FREE_OR_NOT

    def body(self) -> dict[str, Any]:
        """Contract: video.md A6, init-selection."""
        return dict(id_or_url(self.video_id, self.video_url))


@rule("action")
def _places_are_told(request: "MarkVideoEdit") -> Iterator[Problem]:
    for name in ("frame_index", "points"):
        given = getattr(request, name) is not None
        if given and request.action == "clear":
            yield Problem(
                name, f"'{name}' is given, but 'clear' removes every mark. Remove it, or set action to delete."
            )
        if not given and request.action != "clear":
            yield Problem(name, f"'{name}' is missing: '{request.action}' needs a frame_index and 1 to 10 points.")


class MarkVideoEdit(Generation):
    """Mark things in a frame of a session, take marks back, or clear them all. Shows what is marked.

    At most 10 frames of a session may have marks.
    """

    tool: ClassVar[str] = "mark_video_edit"
    title: ClassVar[str] = "Mark video edit"
    toolset: ClassVar[str] = "editing"
    kind: ClassVar[Kind] = "immediate"
    nameless: ClassVar[bool] = True
    stateful: ClassVar[bool] = True
    yields: ClassVar[Yields] = "session"
    rules: ClassVar[tuple[Rule[Any], ...]] = (_places_are_told,)

    session_id: SessionId
    """The job of start_video_edit, or Kling's session id."""
    action: Literal["add", "delete", "clear"]
    """add marks, delete marks (the same points), or clear all."""
    frame_index: Annotated[int, Field(ge=0), NotBool] | Omitted = None
    """Which frame, from 0."""
    points: Annotated[Annotated[list[Spot], Field(min_length=1, max_length=10)] | Omitted, JsonList, Objects] = None
    """1 to 10 {x, y} on the thing, from 0 to 1 of width and height, origin top left."""

    @property
    def path(self) -> str:
        """Each action has a path of its own."""
        return f"{_PATH}/{self.action}-selection"

    def quote(self) -> Quote:
        """Not known."""
        return _FREE_OR_NOT

    def body(self) -> dict[str, Any]:
        """Contract: video.md A6, add-, delete- and clear-selection."""
        wire = super().body()
        wire.pop("action")
        return wire


class PreviewVideoEdit(Generation):
    """Show how the marks of a session move through the video, before the edit is paid."""

    tool: ClassVar[str] = "preview_video_edit"
    title: ClassVar[str] = "Preview video edit"
    toolset: ClassVar[str] = "editing"
    kind: ClassVar[Kind] = "immediate"
    nameless: ClassVar[bool] = True
    stateful: ClassVar[bool] = True
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = f"{_PATH}/preview-selection"

    session_id: SessionId
    """The job of start_video_edit, or Kling's session id."""

    def quote(self) -> Quote:
        """Not known."""
        return _FREE_OR_NOT


@rule("edit_mode", "image_list")
def _pictures_are_as_many_as_needed(request: "EditVideo") -> Iterator[Problem]:
    given, (least, most) = len(request.image_list or ()), PICTURES[request.edit_mode]
    if not least <= given <= most:
        need = "no picture" if not most else f"{least} picture" if least == most else f"{least} or {most} pictures"
        has = f"'image_list' has {given} entries" if given else "'image_list' is missing"
        yield Problem("image_list", f"{has}, but edit_mode '{request.edit_mode}' takes {need}.")


@rule("prompt", "image_list")
def _citations_are_given(request: "EditVideo") -> Iterator[Problem]:
    given = len(request.image_list or ())
    for number in (number for number in (1, 2, 3) if f"<<<image_{number}>>>" in request.prompt and number > given):
        yield Problem("prompt", f"'prompt' cites <<<image_{number}>>>, but 'image_list' has {given} entries.")


class EditVideo(Generation):
    """Add something to the video of a session, or swap or remove what was marked in it. Paid."""

    tool: ClassVar[str] = "edit_video"
    title: ClassVar[str] = "Edit video"
    toolset: ClassVar[str] = "editing"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = _PATH
    rules: ClassVar[tuple[Rule[Any], ...]] = (_pictures_are_as_many_as_needed, _citations_are_given)

    session_id: SessionId
    """The job of start_video_edit, or Kling's session id."""
    edit_mode: Literal["addition", "swap", "removal"]
    """addition, or swap or removal of what was marked before."""
    prompt: Annotated[str, Field(max_length=2500), Tight]
    """What to change: name <<<video_1>>> and each <<<image_1>>>."""
    image_list: Annotated[Annotated[list[PictureRef], Field(max_length=2)] | Omitted, JsonList, Pictures] = None
    """Pictures of what comes in: 1 or 2 for addition, 1 for swap."""
    negative_prompt: NegativePrompt | Omitted = None
    """What must not appear."""
    mode: Literal["std", "pro"] = "std"
    """std 720p, pro 1080p."""
    duration: FiveOrTen = 5
    """5 for a video of 2 to 5 s, 10 for one of 7 to 10 s."""
    watermark: bool | Omitted = None
    """Also make a watermarked copy."""

    def quote(self) -> Quote:
        """Units per clip. Contract: video.md part E."""
        basis = f"one edit of {self.duration} s ({self.mode})"
        return Quote(edit_units(self.mode, self.duration), "video", basis, CARD_DATE, tuple(self._notes()))

    def body(self) -> dict[str, Any]:
        """Contract: video.md A6, create. model_name is not sent: the vendor's pages of 2026 have it no more."""
        return {**super().body(), "duration": str(self.duration)}

    def _notes(self) -> Iterator[str]:
        yield f"The price of edits is {RETIRED_PRICES_ARE}."
        given = {"video_1", *(f"image_{number}" for number in range(1, len(self.image_list or ()) + 1))}
        missing = sorted(f"<<<{name}>>>" for name in given if f"<<<{name}>>>" not in self.prompt)
        if missing:
            yield f"Kling wants the prompt to name {' and '.join(missing)}."
        if self.edit_mode != "addition":
            yield f"Where nothing is marked in the session (mark_video_edit), Kling refuses a {self.edit_mode}, free."


OPERATIONS = (StartVideoEdit, MarkVideoEdit, PreviewVideoEdit, EditVideo)
"""The operations of this file."""
