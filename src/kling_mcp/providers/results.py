"""What a finished task made, in either wire's words, as outputs and facts. Pure and forgiving.

Contract: video.md sections 6, A6 and B7; image-audio-general.md sections 2 to 13. Whatever Kling lists under a name
that ends in ``videos``, ``images`` or ``audios`` is understood without a row here: a new endpoint needs no change.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import trimmed
from kling_mcp.providers.base import Output
from kling_mcp.providers.reading import body_id, fields_of, first, identity, measure, members, string, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kling_mcp.operations.base import Yields

VIEWS = ("url_1", "url_2", "url_3")
"""The three side views in one set of ai-multi-shot. Contract: image-audio-general.md section 6."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One of several files in which Kling offers the same result."""

    url: str
    duration: str
    label: str


@dataclass(frozen=True, slots=True)
class Shape:
    """Where one kind of result keeps its files: the main one first. Without any of the copies it is at ``url``."""

    kind: Yields
    copies: tuple[Copy, ...] = ()


LEGACY_SHAPES: tuple[tuple[str, Shape], ...] = (
    ("videos", Shape("video")),
    ("images", Shape("image")),
    ("audios", Shape("audio", (Copy("url_mp3", "duration_mp3", "mp3"), Copy("url_wav", "duration_wav", "wav")))),
)
"""How the name of a list in the legacy ``task_result`` ends → shape of its members, in the order of results."""

SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "video": Shape("video"),
        "image": Shape("image"),
        "audio": Shape("audio", (Copy("mp3_url", "mp3_duration", "mp3"), Copy("wav_url", "wav_duration", "wav"))),
        "voice": Shape("audio"),
    }
)
"""``type`` of a member of the new ``outputs`` → shape of it."""

_AT_URL = Copy("url", "duration", "")


def outputs_of(task: Mapping[str, Any]) -> Iterator[Output]:
    """Every file of a task."""
    results = members(task.get("outputs"))
    grouped = _grouped(results)
    for n, result in enumerate(results):
        yield from _outputs(SHAPES.get(word(result.get("type"))), result, grouped.get(n, ""))
    yield from _legacy_outputs(fields_of(task.get("task_result")))


def facts_of(task: Mapping[str, Any]) -> dict[str, Any]:
    """What a task tells beside files: the ids of what it put into the library, a session, the kind of a series."""
    result = fields_of(task.get("task_result"))
    new = members(task.get("outputs"))
    facts: dict[str, Any] = {}
    for made in (*members(result.get("videos")), *new):
        facts |= _known(session_id=body_id(made.get("session_id")))
    for made in (*members(result.get("voices")), *_of_type(new, "voice")):
        facts |= _voice(made)
    for made in (*members(result.get("elements")), *_of_type(new, "element")):
        facts |= _element(made)
    return facts | _known(result_type=word(result.get("result_type")))


def _legacy_outputs(result: Mapping[str, Any]) -> Iterator[Output]:
    for ending, shape in LEGACY_SHAPES:
        for listed in (found for called, found in result.items() if called.endswith(ending)):
            for n, each in enumerate(members(listed), start=1):
                yield from _views(n, each)
                yield from _outputs(shape, each)
    for voice in members(result.get("voices")):
        if url := string(voice.get("trial_url")):
            yield Output("audio", url)


def _views(number: int, candidates: Mapping[str, Any]) -> Iterator[Output]:
    """A set of views, where a picture is one."""
    for view, key in enumerate(VIEWS, start=1):
        if url := string(candidates.get(key)):
            yield Output("image", url, label=f"set {number} view {view}")


def _outputs(shape: Shape | None, result: Mapping[str, Any], label: str = "") -> Iterator[Output]:
    if shape is None:
        return
    present = [copy for copy in shape.copies if string(result.get(copy.url))]
    for copy in present or [_AT_URL]:
        url = string(result.get(copy.url))
        if url is None:
            continue
        output = Output(
            kind=shape.kind,
            url=url,
            # A voice's id names the voice, not the trial that can be heard.
            kling_id=None if word(result.get("type")) == "voice" else identity(result.get("id")),
            duration_s=None if shape.kind == "image" else measure(first(result, (copy.duration, "duration"))),
            label=label or (copy.label if len(present) > 1 else ""),
        )
        yield output
        if mark := string(result.get("watermark_url")):
            yield replace(output, url=mark, watermarked=True)


def _grouped(results: list[Mapping[str, Any]]) -> dict[int, str]:
    """Place among the results → label, where several groups of pictures each have several.

    What a ``group_id`` stands for is not documented (B7). One group, or groups of one, say nothing that numbers do not.
    """
    ids = {n: group for n, result in enumerate(results) if (group := identity(result.get("group_id")))}
    sizes = Counter(ids.values())
    if len(sizes) < 2 or min(sizes.values()) < 2:  # noqa: PLR2004 - several
        return {}
    sets, views, labels = {group: n for n, group in enumerate(sizes, start=1)}, Counter[str](), dict[int, str]()
    for n, group in ids.items():
        views[group] += 1
        labels[n] = f"set {sets[group]} view {views[group]}"
    return labels


def _of_type(results: Iterable[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (result for result in results if word(result.get("type")) == kind)


def _voice(made: Mapping[str, Any]) -> dict[str, Any]:
    called = trimmed(string(first(made, ("voice_name", "name"))) or "", 120)
    return _known(voice_id=body_id(first(made, ("voice_id", "id"))), voice_name=called)


def _element(made: Mapping[str, Any]) -> dict[str, Any]:
    called = trimmed(string(first(made, ("element_name", "name"))) or "", 120)
    return _known(element_id=identity(first(made, ("element_id", "id"))), element_name=called)


def _known(**facts: object) -> dict[str, Any]:
    """The facts that hold anything."""
    return {fact: value for fact, value in facts.items() if value}
