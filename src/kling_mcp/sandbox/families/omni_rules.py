"""What an omni clip may be made from, the same over either wire; and the order for it.

Contract: video.md A3, B5, B6 and ``omni-video`` of capabilities.json. Where those pages disagree, both readings pass:
plain pictures only are counted as references, and O1 makes 3 to 10 seconds from words alone on the legacy wire (F.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kling_mcp.operations.model_facts import RESOLUTIONS
from kling_mcp.sandbox import prices
from kling_mcp.sandbox.life import video_pace
from kling_mcp.sandbox.order import Make, Order
from kling_mcp.sandbox.shapes import LONGER_S
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.operations.omni_facts import OmniFacts
    from kling_mcp.sandbox.order import Wire
    from kling_mcp.sandbox.pictures import Picture
    from kling_mcp.sandbox.shop import Shop
    from kling_mcp.sandbox.sources import Clip

SLACK_S = 0.15
"""How far a file may be beyond a limit of length: clips of five seconds have files of 5.04 to 5.1 s."""
_MOST_WITH_FRAMES = 3
_MOST = 7
_MOST_WITH_VIDEO = 4
_MOST_WITH_CHARACTERS = 4
_MOST_CHARACTERS = 3
_MOST_CHARACTERS_WITH_VIDEO = 1


@dataclass(frozen=True, slots=True)
class OmniWish:
    """What is asked of an omni model. Pictures and videos as they were given.

    Attributes:
        wire: Which generation of the API it came by.
        facts: The model.
        mode: ``std``, ``pro`` or ``4k``.
        duration: Requested seconds; without meaning where a video is edited.
        prompt: Everything to be shown.
        ratio: The asked aspect ratio, if any.
        first: The first frame.
        last: The last frame.
        images: Plain reference pictures.
        elements: Ids of elements.
        video: Address of a video.
        edits: Whether that video is edited (``base``); otherwise it is looked at (``feature``).
        audio: ``native``, ``original`` or ``off``.
        shots: Whether the clip has several shots, and was said to have.
    """

    wire: Wire
    facts: OmniFacts
    mode: str
    duration: int
    prompt: str
    ratio: str | None = None
    first: str | None = None
    last: str | None = None
    images: tuple[str, ...] = ()
    elements: tuple[str | int, ...] = ()
    video: str | None = None
    edits: bool = False
    audio: str = "off"
    shots: bool = False


def omni_order(wish: OmniWish, shop: Shop, *, path: str, shared: Mapping[str, Any]) -> Order:
    """Check what goes together, what the model can, and every source; then say what to make.

    Raises:
        Refusal: 1201, about the first thing that is wrong.
    """
    _check_frames(wish)
    _check_sound(wish)
    _check_model(wish)
    _check_counts(wish, [shop.element_kind(element) == "video_refer" for element in wish.elements])
    pictures = _pictures(wish, shop)
    clip = shop.clip(_named(wish, "video_list[0].video_url", "video"), wish.video) if wish.video else None
    if clip is not None:
        check_length(clip.seconds, wish.facts.video.lengths)
    return _order(wish, pictures, clip, path, shared)


def check_length(seconds: float, spans: tuple[tuple[float, float], ...]) -> None:
    """Whether a video lasts as long as it may [OWN].

    Raises:
        Refusal: 1201.
    """
    if not any(low - SLACK_S <= seconds <= high + SLACK_S for low, high in spans):
        wanted = " or ".join(f"{low:g}s to {high:g}s" for low, high in spans)
        raise illegal(f"Video duration must be {wanted}")


def _named(wish: OmniWish, old: str, new: str) -> str:
    """What the wire of a wish calls something."""
    return old if wish.wire == "v1" else new


def _check_frames(wish: OmniWish) -> None:
    last = _named(wish, "end_frame", "last_frame")
    if wish.last and not wish.first:
        raise illegal(f"{last} is only supported with first_frame")
    if wish.edits and wish.first:
        raise illegal("first_frame is not supported with a base video")
    if wish.edits and wish.shots:
        raise illegal("multi_shot is not supported with a base video")
    if wish.wire == "v1" and not (wish.ratio or wish.first or wish.video):  # on the new wire an example omits it
        raise illegal("aspect_ratio is required")


def _check_sound(wish: OmniWish) -> None:
    if wish.video and wish.audio == "native":
        raise illegal(_named(wish, "sound must be off with video_list", "settings.audio cannot be native with a video"))
    if wish.wire == "v2" and wish.video and not wish.edits and wish.audio != "off":
        raise illegal("settings.audio must be off with feature_video")


def _check_model(wish: OmniWish) -> None:
    facts = wish.facts
    if wish.audio == "native" and not facts.sound:
        raise illegal(_unsupported(wish, _named(wish, "sound", "settings.audio")))
    if wish.shots and not facts.multi_shot:
        raise illegal(_unsupported(wish, _named(wish, "multi_shot", "settings.multi_shot")))
    if not facts.frames_with_elements and wish.last and (wish.elements or wish.images):
        raise illegal("refer images and elements are not supported with first and last frame")
    if not facts.last_with_feature and wish.video and wish.last:
        raise illegal("last frame is not supported with a feature video")
    bare = not (wish.images or wish.elements or wish.video)
    words_only = bare and not wish.first
    unsure = wish.wire == "v1" and words_only  # the vendor's own example has 7 s from words alone
    if bare and not unsure and wish.duration not in facts.sure_durations:
        raise illegal("Duration only supports 5 or 10 seconds when no refer_image is provided")


def _unsupported(wish: OmniWish, name: str) -> str:
    if wish.wire == "v1":
        return f"model/mode/duration({wish.facts.name}/{wish.mode}/{wish.duration}) is not supported with {name}"
    asked = f"{wish.facts.v2_name}/{RESOLUTIONS[wish.mode]}/{wish.duration}"
    return f"model/resolution/duration({asked}) is not supported with {name}"


def _check_counts(wish: OmniWish, from_video: list[bool]) -> None:
    """R plain pictures, M elements made from pictures, V from videos. Contract: video.md B5, B6."""
    characters = sum(from_video)
    references = len(wish.images) + len(from_video) - characters
    if characters and not wish.facts.video_characters:
        raise illegal("video character elements are not supported by the current model")
    if wish.first and len(from_video) > _MOST_WITH_FRAMES:
        raise illegal(f"element size cannot exceed {_MOST_WITH_FRAMES} with frames")
    if wish.video and characters and (references or characters > _MOST_CHARACTERS_WITH_VIDEO):
        raise illegal(f"only {_MOST_CHARACTERS_WITH_VIDEO} video character element is supported with a video")
    if characters > _MOST_CHARACTERS:
        raise illegal(f"video character element size cannot exceed {_MOST_CHARACTERS}")
    most = _MOST_WITH_VIDEO if wish.video else _MOST_WITH_CHARACTERS if characters else _MOST
    if references > most:
        raise illegal(f"the sum of images and elements cannot exceed {most}")


def _pictures(wish: OmniWish, shop: Shop) -> list[Picture]:
    """Every picture, checked: the first frame first."""
    frames = [("first_frame", wish.first, True), (_named(wish, "end_frame", "last_frame"), wish.last, False)]
    seen = [shop.picture(name, value, wish.wire, shaped=shaped) for name, value, shaped in frames if value]
    return seen + [shop.picture("image_url", value, wish.wire) for value in wish.images]


def _order(wish: OmniWish, pictures: list[Picture], clip: Clip | None, path: str, shared: Mapping[str, Any]) -> Order:
    edited = clip if wish.edits else None
    seconds = edited.seconds - LONGER_S if edited else float(wish.duration)
    start = pictures[0] if pictures and not edited else None
    case = "video" if clip else "sound" if wish.audio == "native" else "silent"
    sounds = wish.audio == "native" or (wish.audio == "original" and clip is not None and clip.sound)
    make = Make(
        "video",
        aspect_ratio=_ratio(wish, start, edited),
        duration=round(seconds, 3),
        sound=sounds,
        backdrop=start.backdrop if start else clip.backdrop if clip else None,
    )
    return Order(
        path,
        wire=wish.wire,
        model=wish.facts.name,
        mode=wish.mode,
        prompt=wish.prompt,
        units=prices.per_second(wish.facts.name, case, wish.mode, prices.whole(seconds)),
        makes=(make,),
        info={
            "product_function": "Omni Video",
            "resolution": RESOLUTIONS[wish.mode],
            "refer_video_input": clip is not None,
            "video_sound": wish.audio,
        },
        pace=video_pace(wish.mode, seconds, model=wish.facts.name, sound=sounds),
        **shared,
    )


def _ratio(wish: OmniWish, start: Picture | None, edited: Clip | None) -> str:
    """The first frame, or the edited video, decides the shape."""
    if edited:
        return edited.ratio
    asked = wish.ratio or "16:9"
    return start.ratio_or(asked) if start and wish.first else asked
