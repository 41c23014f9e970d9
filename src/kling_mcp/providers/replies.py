"""What Kling answers at once, without a task to follow: a table from path to reader.

Contract: video.md A6 (multi-elements) and A9 (identify-face); image-audio-general.md sections 8 and 11. Nobody can ask
for such an answer again, so one that cannot be read is never guessed at: its reader says None, and what was paid is in
doubt. Its ``Progress`` is finished from the start and bears no external id; its task id is Kling's session, or empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from kling_mcp.errors import Refused
from kling_mcp.providers.base import Output, Progress
from kling_mcp.providers.reading import amount, body_id, count, fields_of, measure, members, string, word
from kling_mcp.providers.tasks import progress_of, units_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Reader = Callable[[Mapping[str, Any]], Progress | None]

REGIONS: Mapping[str, str] = MappingProxyType(
    {"object_seg": "object", "head_seg": "head", "face_seg": "face", "cloth_seg": "cloth"}
)
"""What image-recognize calls a part of a picture → its name among the facts."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_PICTURE = re.compile(r"\.(png|jpe?g|webp)(\?|$)", re.IGNORECASE)
_LONGEST_CLIP_S = 60.0
"""No clip of a multi-elements session is longer than 10 s, so a larger figure counts milliseconds."""


def read(path: str, payload: object) -> Progress | None:
    """A synchronous answer to a paid call on this path; None if it cannot be read.

    Raises:
        Refused: Kling says inside its answer that it did not do it.
    """
    return READERS[path](fields_of(payload))


def is_immediate(path: str) -> bool:
    """Whether Kling answers this path at once, so that there is no task to ask for."""
    return path in READERS


def _spoken(reply: Mapping[str, Any]) -> Progress | None:
    """Text to speech: shaped like a task, but a finished one, and there is no address to ask for it again."""
    progress = progress_of(reply)
    if progress is None or (progress.status != "failed" and not progress.outputs):
        return None
    return progress if progress.status in ("succeeded", "failed") else None


def _faces(reply: Mapping[str, Any]) -> Progress | None:
    session = body_id(reply.get("session_id"))
    listed: object = reply.get("face_data")
    if session is None or not (listed is None or isinstance(listed, list)):
        return None
    found = [
        (face, face_id)
        for face in members(cast("object", listed))
        if (face_id := body_id(face.get("face_id"))) is not None
    ]
    faces = [
        {"face_id": face_id, "start_ms": count(face.get("start_time")), "end_ms": count(face.get("end_time"))}
        for face, face_id in found
    ]
    pictures = tuple(
        Output("image", url, label=f"face {face_id}")
        for face, face_id in found
        if (url := string(face.get("face_image")))
    )
    return _finished(reply, session, pictures, {"faces": faces})


def _regions(reply: Mapping[str, Any]) -> Progress | None:
    parts = members(fields_of(reply.get("task_result")).get("images"))
    known = [(part, kind) for part in parts if (kind := word(part.get("type"))) in REGIONS]
    if not known:
        return None
    contained = [(part, kind) for part, kind in known if _is_contained(part)]
    cut_out = tuple(Output("image", url, label=kind) for part, kind in contained if (url := string(part.get("url"))))
    kinds = {kind for _, kind in contained}
    return _finished(reply, None, cut_out, {"regions": {name: kind in kinds for kind, name in REGIONS.items()}})


def _is_contained(part: Mapping[str, Any]) -> bool:
    stated = part.get("is_contain")
    return bool(string(part.get("url"))) if stated is None else stated is True or word(stated) == "true"


def _opened(reply: Mapping[str, Any]) -> Progress | None:
    """The beginning of a session: the clip as it will be edited, and its measures."""
    session = body_id(reply.get("session_id"))
    if session is None:
        return None
    url = string(reply.get("normalized_video"))
    frames, fps = count(reply.get("total_frame")), measure(reply.get("fps"))
    seconds = _seconds(frames, fps, measure(reply.get("original_duration")))
    measures = {
        "fps": fps,
        "total_frames": frames,
        "width": count(reply.get("width")),
        "height": count(reply.get("height")),
        "duration_s": seconds,
    }
    clip = (Output("video", url, duration_s=seconds, label="normalized"),) if url else ()
    return _finished(reply, session, clip, {name: value for name, value in measures.items() if value})


def _seconds(frames: int | None, fps: float | None, stated: float | None) -> float | None:
    """Length of the clip. ``original_duration`` has no documented unit (A6), so what can be counted is counted."""
    if frames and fps:
        return round(frames / fps, 3)
    return stated / 1000.0 if stated and stated > _LONGEST_CLIP_S else stated


def _marked(reply: Mapping[str, Any]) -> Progress | None:
    """What is marked after points were added or taken away, with a mask for each thing."""
    listed = fields_of(reply.get("res")).get("rle_mask_list")
    found = [(mark, thing) for mark in members(listed) if (thing := body_id(mark.get("object_id"))) is not None]
    masks = tuple(Output("image", picture, label=f"mask {thing}") for mark, thing in found if (picture := _png(mark)))
    return _done(reply, masks, {"marked": [thing for _, thing in found]} if isinstance(listed, list) else {})


def _png(mark: Mapping[str, Any]) -> str | None:
    """A mask as an address that holds it; None where Kling sent nothing that can be one."""
    packed = (string(fields_of(mark.get("png_mask")).get("base64")) or "").removeprefix("data:image/png;base64,")
    return f"data:image/png;base64,{packed}" if _BASE64.fullmatch(packed) else None


def _cleared(reply: Mapping[str, Any]) -> Progress | None:
    return _done(reply, (), {"marked": []})


def _previewed(reply: Mapping[str, Any]) -> Progress | None:
    return _done(reply, tuple(_previews(fields_of(reply.get("res")))), {})


def _previews(shown: Mapping[str, Any]) -> Iterator[Output]:
    for name, label in (("video", "preview"), ("video_cover", "cover"), ("tracking_output", "tracking")):
        if url := string(shown.get(name)):
            # The contract calls all three addresses and says of none what it leads to.
            yield Output("image" if name == "video_cover" or _PICTURE.search(url) else "video", url, label=label)


def _finished(
    reply: Mapping[str, Any], session: str | None, outputs: tuple[Output, ...], facts: Mapping[str, Any]
) -> Progress:
    named = {"session_id": session} if session else {}
    return Progress(session or "", "succeeded", outputs=outputs, units=units_of(reply), facts={**named, **facts})


def _done(reply: Mapping[str, Any], outputs: tuple[Output, ...], facts: Mapping[str, Any]) -> Progress | None:
    """A step inside a session, if the answer is that of one: it names the session, or says that all is well."""
    session = body_id(reply.get("session_id"))
    if session is None and amount(reply.get("status")) is None:
        return None
    return _finished(reply, session, outputs, facts)


def _unless_rejected(reader: Reader) -> Reader:
    """A reader of editing sessions, whose answers can be a refusal inside a success: any ``status`` but 0."""

    def reading(reply: Mapping[str, Any]) -> Progress | None:
        if status := amount(reply.get("status")):
            raise Refused(
                f"Kling rejected this step of the editing session (status {status}).",
                fix="Check that the clip is 2 to 5 or 7 to 10 seconds long, that the session is younger than a day, "
                "and that the points lie on the thing meant; then call again.",
                code="session_rejected",
            )
        return reader(reply)

    return reading


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "/v1/audio/tts": _spoken,
        "/v1/videos/identify-face": _faces,
        "/v1/videos/image-recognize": _regions,
        "/v1/videos/multi-elements/init-selection": _unless_rejected(_opened),
        "/v1/videos/multi-elements/add-selection": _unless_rejected(_marked),
        "/v1/videos/multi-elements/delete-selection": _unless_rejected(_marked),
        "/v1/videos/multi-elements/clear-selection": _unless_rejected(_cleared),
        "/v1/videos/multi-elements/preview-selection": _unless_rejected(_previewed),
    }
)
"""Legacy path → reader of its answer."""
