"""Multi-elements editing: a session, areas marked in it, and the edited video. Contract: video.md A6.

Prices of the session's calls are not published: they cost nothing here [OWN]. All points of a frame mark one area.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from kling_mcp.operations.model_facts import RESOLUTIONS
from kling_mcp.sandbox import checks, prices
from kling_mcp.sandbox.families.omni_rules import check_length
from kling_mcp.sandbox.family import Family, Instant
from kling_mcp.sandbox.life import video_pace
from kling_mcp.sandbox.order import Make, Order
from kling_mcp.sandbox.sample_drawing import SHORT_SIDE
from kling_mcp.sandbox.shapes import LONGER_S, file_url
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.order import Task
    from kling_mcp.sandbox.shapes import Json
    from kling_mcp.sandbox.shop import Shop
    from kling_mcp.sandbox.sources import Clip, Session

    Points = list[tuple[float, float]]

_PATH = "/v1/videos/multi-elements"
_SESSION = "editing"
_LENGTHS: Mapping[int, tuple[float, float]] = {5: (2, 5), 10: (7, 10)}
"""Seconds to ask for → how long the given video is. Contract: video.md A6."""
_FRAMES_PER_SECOND = 24
_MOST_FRAMES, _MOST_POINTS = 10, 10

# --- opening -----------------------------------------------------------------------------------------------

_SOURCE: Mapping[str, Reader] = {"video_id": checks.text(), "video_url": checks.text()}


def opened(posted: Body, shop: Shop) -> Json:
    """Open a session on a video.

    Raises:
        Refusal: The video cannot be used (1201).
    """
    asked = checks.form(posted, _SOURCE)
    clip = shop.source(asked)
    check_length(clip.seconds, tuple(_LENGTHS.values()))
    width, height = _size(clip.ratio)
    frames = round(clip.seconds * _FRAMES_PER_SECOND)
    session = shop.open_session(
        _SESSION, {"source": asked, "width": width, "height": height, "frames": frames, "seconds": clip.seconds}
    )
    [normalized] = _files(shop, "init-selection", _copy(clip, "normalized")).results
    return {
        **_answer(session),
        "fps": float(_FRAMES_PER_SECOND),
        "original_duration": round(clip.seconds * 1000),
        "width": width,
        "height": height,
        "total_frame": frames,
        "normalized_video": file_url(shop.base_url, normalized, "mp4"),
    }


def _answer(session_id: str) -> Json:
    return {"status": 0, "session_id": session_id, "final_unit_deduction": "0"}


def _size(ratio: str) -> tuple[int, int]:
    width, height = (int(part) for part in ratio.split(":"))
    scale = SHORT_SIDE / min(width, height)
    return round(width * scale), round(height * scale)


def _copy(clip: Clip, label: str) -> Make:
    seconds = round(clip.seconds - LONGER_S, 3)
    return Make("video", clip.words, clip.ratio, seconds, clip.sound, clip.backdrop, label)


def _files(shop: Shop, call: str, *makes: Make) -> Task:
    """Files that an answer names; they are drawn when somebody asks for them."""
    return shop.charge(f"{_PATH}/{call}", prices.FREE, makes=makes)


# --- marking -----------------------------------------------------------------------------------------------

_POINT: Mapping[str, Reader] = {"x": checks.number(0, 1), "y": checks.number(0, 1)}
_MARK: Mapping[str, Reader] = {
    "session_id": checks.text(),
    "frame_index": checks.whole(0),
    "points": checks.objects(_MOST_POINTS, lambda: _POINT),
}


def added(posted: Body, shop: Shop) -> Json:
    """Mark points of a frame.

    Raises:
        Refusal: 1201.
    """
    session, frame, points = _marking(posted, shop)
    marked = marks(session)
    if frame not in marked and len(marked) >= _MOST_FRAMES:
        raise illegal(f"frames cannot exceed {_MOST_FRAMES} in a session")
    shop.happened(session.id, "add", {"frame": frame, "points": points})
    return _masked(session, frame, [*marked.get(frame, []), *points])


def deleted(posted: Body, shop: Shop) -> Json:
    """Unmark points of a frame, which must be points that were marked.

    Raises:
        Refusal: 1201.
    """
    session, frame, points = _marking(posted, shop)
    marked = marks(session).get(frame, [])
    if not all(point in marked for point in points):
        raise illegal("points must be the same as the added points")
    shop.happened(session.id, "delete", {"frame": frame, "points": points})
    return _masked(session, frame, [point for point in marked if point not in points])


def cleared(posted: Body, shop: Shop) -> Json:
    """Unmark everything.

    Raises:
        Refusal: 1201.
    """
    session = _session(posted, shop)
    shop.happened(session.id, "clear", {})
    return _answer(session.id)


def marks(session: Session) -> dict[int, Points]:
    """What is marked in a session: frame → points. It follows from everything that happened in it."""
    marked: dict[int, Points] = {}
    for note in session.notes:
        if note.word == "clear":
            marked.clear()
            continue
        frame, points = note.facts["frame"], [(x, y) for x, y in note.facts["points"]]
        before = marked.get(frame, [])
        marked[frame] = [*before, *points] if note.word == "add" else [one for one in before if one not in points]
    return {frame: points for frame, points in marked.items() if points}


def _session(posted: Body, shop: Shop) -> Session:
    asked = checks.form(posted, {"session_id": checks.text()}, ("session_id",))
    return shop.session(_SESSION, asked["session_id"])


def _marking(posted: Body, shop: Shop) -> tuple[Session, int, Points]:
    asked = checks.form(posted, _MARK, ("session_id", "frame_index", "points"))
    session = shop.session(_SESSION, asked["session_id"])
    if asked["frame_index"] >= session.facts["frames"]:
        raise checks.invalid("frame_index", asked["frame_index"])
    return session, asked["frame_index"], [(point["x"], point["y"]) for point in asked["points"]]


def _masked(session: Session, frame: int, points: Points) -> Json:
    return {**_answer(session.id), "res": {"frame_index": frame, "rle_mask_list": _masks(session, points)}}


def _masks(session: Session, points: Points) -> list[Json]:
    """The area that points mark, in both forms; none without points."""
    if not points:
        return []
    from kling_mcp.sandbox.sample_pictures import (  # noqa: PLC0415 - loaded at first use: it slows the start
        coco_rle,
        sample_mask,
    )

    size = [session.facts["height"], session.facts["width"]]
    mask = sample_mask(width=size[1], height=size[0], points=points)
    return [
        {
            "object_id": 0,
            "rle_mask": {"size": size, "counts": coco_rle(mask)},
            "png_mask": {"size": size, "base64": base64.b64encode(mask).decode()},
        }
    ]


# --- seeing ------------------------------------------------------------------------------------------------


def previewed(posted: Body, shop: Shop) -> Json:
    """Show what is marked.

    Raises:
        Refusal: 1201.
    """
    session = _session(posted, shop)
    clip = shop.source(session.facts["source"])
    cover = Make("image", clip.words, clip.ratio, backdrop=clip.backdrop, label="cover")
    task = _files(shop, "preview-selection", _copy(clip, "preview"), cover, _copy(clip, "tracking"))
    urls = [
        file_url(shop.base_url, name, ending) for name, ending in zip(task.results, ("mp4", "png", "mp4"), strict=True)
    ]
    shown = dict(zip(("video", "video_cover", "tracking_output"), urls, strict=True))
    return {**_answer(session.id), "res": shown}


# --- editing -----------------------------------------------------------------------------------------------

_IMAGE: Mapping[str, Reader] = {"image": checks.text()}
_IMAGES: Mapping[str, tuple[int, int]] = {"addition": (1, 2), "swap": (1, 1), "removal": (0, 0)}
"""What is done → fewest and most pictures."""
_FIELDS: Mapping[str, Reader] = {
    "edit_mode": checks.one_of(_IMAGES),
    "mode": checks.one_of(("std", "pro")),
    "duration": checks.one_of(_LENGTHS),
    "session_id": checks.text(),
    "prompt": checks.text(2500),
    "negative_prompt": checks.text(checks.NEGATIVE_PROMPT_MAX),
    "image_list": checks.objects(2, lambda: _IMAGE),
    **checks.COMMON,
}


def order_of(posted: Body, shop: Shop) -> Order:
    """Check a body and say what to make.

    Raises:
        Refusal: The first thing Kling would complain about.
    """
    asked = checks.form(posted, _FIELDS, ("session_id", "edit_mode", "prompt"))
    images = [one["image"] for one in asked.get("image_list", [])]
    _check_images(asked["edit_mode"], len(images))
    session = shop.session(_SESSION, asked["session_id"])
    if asked["edit_mode"] != "addition" and not marks(session):
        raise illegal(f"a selection is required when edit_mode is {asked['edit_mode']}")
    mode, duration = asked.get("mode", "std"), int(asked.get("duration", "5"))
    clip = shop.source(session.facts["source"])
    check_length(clip.seconds, (_LENGTHS[duration],))
    pictures = [shop.picture(f"image_list[{index}].image", image) for index, image in enumerate(images)]
    seen: list[Any] = [picture.backdrop for picture in pictures if picture.backdrop]
    return Order(
        _PATH,
        mode=mode,
        prompt=asked["prompt"],
        units=prices.per_clip("multi-elements", mode, duration),
        makes=(
            Make(
                "video",
                aspect_ratio=clip.ratio,
                duration=round(clip.seconds - LONGER_S, 3),
                sound=clip.sound,
                backdrop=clip.backdrop or (seen[0] if seen else None),
                detail={"session_id": session.id},
            ),
        ),
        info={
            "product_function": "Multi-Elements",
            "resolution": RESOLUTIONS[mode],
            "refer_video_input": True,
        },
        pace=video_pace(mode, duration),
        **checks.common(asked),
    )


def _check_images(edit_mode: str, count: int) -> None:
    low, high = _IMAGES[edit_mode]
    if count and not high:
        raise illegal(f"image_list is not supported when edit_mode is {edit_mode}")
    if not low <= count <= high:
        wanted = str(low) if low == high else f"{low} to {high}"
        raise illegal(f"image_list size must be {wanted} when edit_mode is {edit_mode}")


FAMILIES = (Family(_PATH, order_of),)
INSTANTS = (
    Instant(f"{_PATH}/init-selection", opened),
    Instant(f"{_PATH}/add-selection", added),
    Instant(f"{_PATH}/delete-selection", deleted),
    Instant(f"{_PATH}/clear-selection", cleared),
    Instant(f"{_PATH}/preview-selection", previewed),
)
