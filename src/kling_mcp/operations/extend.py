"""The tool ``extend_video``: Kling's own extension where it still has one, else a new clip from the last frame.

Contract: video.md A7 (the models it takes, what it adds), part C and part E.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kling_mcp.errors import InvalidRequest, Problem
from kling_mcp.operations.base import Composite, Done, Ending, Generation, Kind, Quote, Rule, Step, Yields, rule
from kling_mcp.operations.extend_source import (
    MOST_EXTENDED_S,
    WITHOUT_STEERING,
    Way,
    continuing_model,
    mode_of,
    sound_of,
    way_of,
)
from kling_mcp.operations.fields import NUMBER, TEXT, NegativePrompt, Omitted, Share, Tight, VideoId, Whole
from kling_mcp.operations.rates import CARD_DATE, RETIRED_PRICES_ARE, extension_range, extension_units
from kling_mcp.operations.shots import DEFAULT_SECONDS
from kling_mcp.operations.sources import LAST_FRAME, SourceFacts, facts_of, kling_id_of
from kling_mcp.operations.video import GenerateVideo

CLIP = "clip"
"""The one step there is."""

ADDS = "4 to 5 s"
"""What Kling's own extension adds."""

_CONTINUED = "Continued from the last frame: delivered are the new clip and both clips joined."
_BY_KLING = f"Kling extends the clip itself, by {ADDS}."
_FOREIGN = (
    f"The clip was not made through this server, so Kling is asked to extend it itself, by {ADDS}. It does that only "
    "for clips of its models 1.0, 1.5 and 1.6; a refusal is free."
)


@rule("video_id", "negative_prompt", "cfg_scale")
def _old_clips_are_extended_without_steering(request: "NativeExtend | ExtendVideo") -> Iterator[Problem]:
    facts = facts_of(request.video_id)
    if way_of(request.video_id) != "native" or facts is None or facts.model_name not in WITHOUT_STEERING:
        return
    for name in ("negative_prompt", "cfg_scale"):
        if getattr(request, name) is not None:
            yield Problem(name, f"'{name}' is given, but Kling takes none to extend a clip of {facts.model_name}.")


@rule("video_id")
def _the_whole_stays_short_enough(request: "NativeExtend | ExtendVideo") -> Iterator[Problem]:
    facts = facts_of(request.video_id)
    if way_of(request.video_id) != "native" or facts is None or facts.duration_s is None:
        return
    if facts.duration_s > MOST_EXTENDED_S:
        yield Problem(
            "video_id",
            f"'video_id' is a clip of {facts.duration_s:g} s, and Kling extends to 180 s at most. To go on, use "
            f"generate_video with its last frame ({facts.uri}{LAST_FRAME}) as image.",
        )


class NativeExtend(Generation):
    """The step of extend_video where Kling extends the clip itself. Not a tool."""

    tool: ClassVar[str] = "native_extend"
    title: ClassVar[str] = "Extend at Kling"
    toolset: ClassVar[str] = "video"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    posts_to: ClassVar[str] = "/v1/videos/video-extend"
    rules: ClassVar[tuple[Rule[Any], ...]] = (_old_clips_are_extended_without_steering, _the_whole_stays_short_enough)

    video_id: VideoId
    """The clip: model and mode are its own."""
    prompt: Annotated[str, Field(max_length=2500), Tight] | Omitted = None
    """What happens next."""
    negative_prompt: NegativePrompt | Omitted = None
    """What must not appear."""
    cfg_scale: Share | Omitted = None
    """How close to the prompt."""
    watermark: bool | Omitted = None
    """Whether a watermarked copy is made too."""

    @property
    def model(self) -> str | None:
        """The model of the clip, where it is known."""
        facts = facts_of(self.video_id)
        return facts.model_name if facts else None

    def quote(self) -> Quote:
        """By model and mode of the clip; unknown where these are."""
        return _extension_price(facts_of(self.video_id))

    def body(self) -> dict[str, Any]:
        """Contract: video.md A7."""
        return {**super().body(), "video_id": kling_id_of(self.video_id) or str(self.video_id)}


@rule("video_id")
def _kling_decides_what_it_adds(request: "ExtendVideo") -> Iterator[Problem]:
    if way_of(request.video_id) == "native" and request.duration is not None:
        yield Problem(
            "duration", f"'duration' has no effect here: Kling extends this clip itself, by {ADDS}. Remove it."
        )


@rule("video_id", "prompt", "negative_prompt", "cfg_scale", "duration", "watermark")
def _the_clip_can_be_continued(request: "ExtendVideo") -> Iterator[Problem]:
    """Whatever ``generate_video`` would refuse about the continuation is said before it is begun."""
    facts = facts_of(request.video_id)
    if facts is None or request.way != "continuation":
        return
    own = set(type(request).model_fields)
    elsewhere = f" Another model goes on if you give generate_video its last frame ({facts.uri}{LAST_FRAME}) as image."
    try:
        request.continuation()
    except InvalidRequest as refusal:
        for each in refusal.problems:
            hint = "" if each.field == "prompt" else elsewhere
            yield Problem(each.field if each.field in own else "video_id", each.sentence + hint)


class ExtendVideo(Composite):
    """Continue a finished clip. Paid.

    Kling extends clips of its models 1.0 to 1.6; others go on from the last frame in a new clip, delivered joined too.
    """

    tool: ClassVar[str] = "extend_video"
    title: ClassVar[str] = "Extend video"
    toolset: ClassVar[str] = "video"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "video"
    makes_tasks_at: ClassVar[tuple[str, ...]] = (NativeExtend.posts_to,)
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        _old_clips_are_extended_without_steering,
        _the_whole_stays_short_enough,
        _kling_decides_what_it_adds,
        _the_clip_can_be_continued,
    )

    video_id: VideoId
    """The clip: kling://media/…, job id or Kling's id."""
    prompt: Annotated[str, Field(max_length=2500), Tight, TEXT] | Omitted = None
    """What happens next."""
    negative_prompt: Annotated[NegativePrompt, TEXT] | Omitted = None
    """What must not appear."""
    cfg_scale: Annotated[Share, NUMBER] | Omitted = None
    """0 free to 1 close to the prompt."""
    duration: Whole | Omitted = None
    """Seconds of a new clip; 5 if absent."""
    watermark: bool | Omitted = None
    """Watermarked copy too."""

    @property
    def way(self) -> Way | None:
        """How it will be done; None until the clip is looked up."""
        return way_of(self.video_id)

    @property
    def model(self) -> str | None:
        """The model that makes what comes next, where it is known."""
        facts = facts_of(self.video_id)
        if facts is None:
            return None
        return facts.model_name if self.way == "native" else continuing_model(facts).name

    def native(self) -> NativeExtend:
        """The request to Kling to extend the clip itself."""
        facts = facts_of(self.video_id)
        return NativeExtend.parse({**self._told("prompt"), "video_id": facts.uri if facts else self.video_id})

    def continuation(self) -> GenerateVideo:
        """The request for a clip that begins with the last frame.

        Raises:
            InvalidRequest: The model cannot do what was asked for.
            ValueError: The clip was not looked up yet.
        """
        facts = facts_of(self.video_id)
        if facts is None:
            message = "only a result of ours, once looked up, can be continued"
            raise ValueError(message)
        model = continuing_model(facts)
        mode = mode_of(facts)
        row = model.row("image2video", mode) or model.row("image2video", None)
        chosen = {
            "image": f"{facts.uri}{LAST_FRAME}",
            "model_name": model.name,
            "mode": mode if model.row("image2video", mode) else None,
            "sound": sound_of(facts, model, row),
        }
        return GenerateVideo.parse({**self._told("prompt", "duration"), **chosen})

    def next_step(self, done: Mapping[str, Done]) -> Step | Ending:
        """One step, whichever way it is done; then what was done and what it cost."""
        if self.way == "native":
            own = self.native()
            if CLIP not in done:
                return Step(CLIP, own)
            return Ending(CLIP, notes=(f"Kling extended the clip itself, by {ADDS}. {_cost(self.quote())}",))
        new = self.continuation()
        if CLIP not in done:
            return Step(CLIP, new)
        facts = facts_of(self.video_id)
        return Ending(CLIP, after=facts.uri if facts else None, notes=(f"{_CONTINUED} {_cost(new.quote())}",))

    def quote(self) -> Quote:
        """The price of the one step. What is not known of the clip, is not known of the price."""
        facts = facts_of(self.video_id)
        if self.way is None:
            return self._price_of_either()
        if facts is not None and self.way == "continuation":
            new = self.continuation()
            price = new.quote()
            return replace(price, notes=(_why(facts, new), *price.notes))
        price = _extension_price(facts)
        note = f"{_BY_KLING} It may refuse: the clip's model is reported retired, and such a refusal is free."
        return replace(price, notes=(note if facts else _FOREIGN, *price.notes))

    def _price_of_either(self) -> Quote:
        """What is known of the price before the clip is looked up."""
        low, high = extension_range()
        basis = (
            f"by the clip: {low} to {high} units where Kling extends it itself (its models 1.0 to 1.6), else the price "
            f"of {self.duration or DEFAULT_SECONDS} s of generate_video with the clip's model and mode"
        )
        return Quote(None, "video", basis, CARD_DATE)

    def _told(self, *names: str) -> dict[str, Any]:
        """These arguments and those that steer every clip, as they were given."""
        steering = ("negative_prompt", "cfg_scale", "watermark")
        given = {name: getattr(self, name) for name in (*names, *steering)}
        return {name: value for name, value in given.items() if value is not None}


def _extension_price(facts: SourceFacts | None) -> Quote:
    """What Kling takes to extend a clip itself. Contract: video.md part E."""
    model, mode = (facts.model_name, mode_of(facts)) if facts else (None, None)
    units = extension_units(model, mode) if model and mode else None
    low, high = extension_range()
    basis = (
        f"{low} to {high} units for an extension of {ADDS}, by model and mode of the clip, which are not both known"
        if units is None
        else f"one extension of {ADDS} ({model}, {mode})"
    )
    return Quote(units, "video", basis, CARD_DATE, (f"The prices of extensions are {RETIRED_PRICES_ARE}.",))


def _why(facts: SourceFacts, new: GenerateVideo) -> str:
    """What will be done, before it is."""
    made_by = f"one of {facts.model_name}" if facts.model_name else "this one"
    return (
        f"Kling itself extends only clips of its models 1.0 to 1.6 younger than 30 days, so {made_by} goes on from its "
        f"last frame in a new clip ({_setting(new)})."
    )


def _setting(new: GenerateVideo) -> str:
    return f"{new.model_name}, {new.effective_mode}, {new.duration} s"


def _cost(price: Quote) -> str:
    if price.units is None:
        return f"Its price is not known in advance: {price.basis}."
    return f"It costs {price.units.normalize():f} units by the price list."


OPERATIONS = (ExtendVideo,)
"""The operations of this file."""
