"""Which result of a job a reference means, and why it may be none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.jobs.model import Job, Media, State
from kling_mcp.operations.pictures import misfit
from kling_mcp.operations.sources import JOB_URI, LAST_FRAME, MEDIA_URI, Source, SourceFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.operations.sources import Reference

IDS: Mapping[str, tuple[str, str, str]] = {
    "element": ("element_id", "an element", "create_element"),
    "voice": ("voice_id", "a voice", "create_voice"),
    "session": ("session_id", "a session", "start_video_edit"),
    "faces": ("session_id", "a session", "identify_faces"),
}
"""What is an id and no file: the fact that has it, what it is called, and what makes it."""
_SESSIONS = {"session", "faces"}
_A: Mapping[str, str] = {
    "image": "a picture",
    "video": "a video",
    "audio": "a sound",
    "audio or video": "a sound or video",
}


class Unusable(Exception):
    """A reference that cannot be used. Its text is the rest of a sentence that begins with the argument."""


def check_succeeded(job: Job) -> None:
    """Refuse a job that has no result, or none yet.

    Raises:
        Unusable: The reason.
    """
    if job.state is State.SUCCEEDED:
        return
    if not job.finished:
        raise Unusable(
            f'names job {job.id}, which is not finished yet. Call wait_for_jobs(job_ids=["{job.id}"]), then this again.'
        )
    reason = f" ({job.failure.message})" if job.failure else ""
    raise Unusable(f"names job {job.id}, which {_ENDS[job.state]}{reason} and has no result. Choose another.")


_ENDS: Mapping[State, str] = {
    State.FAILED: "failed",
    State.CANCELLED: "was cancelled",
    State.UNCONFIRMED: "is unconfirmed",
}


def id_of(job: Job, reference: Reference) -> object:
    """The id that Kling gave with a job: a number for an element, text for all others, with the faces of a session.

    Raises:
        Unusable: It gave none.
    """
    fact, what, tool = IDS[reference.wants]
    value = job.facts.get(fact)
    other = reference.wants in _SESSIONS and ("faces" in job.facts) != (reference.wants == "faces")
    if value is None or other:
        kind = " of this kind" if other else ""
        raise Unusable(
            f"names job {job.id} ({job.tool}), which made no {what.split()[-1]}{kind}. Give a job of {tool}."
        )
    if reference.wants == "faces":
        facts = SourceFacts(JOB_URI + job.id, "session", tool=job.tool, faces=job.facts["faces"])
        return Source.of(str(value), facts)
    return int(value) if reference.wants == "element" else str(value)


def chosen(job: Job, reference: Reference) -> Media:
    """The result that is meant: the one that is named, or the first of the job that fits.

    Raises:
        Unusable: There is none, or it is of another kind.
    """
    kinds = ["video"] if reference.last_frame else reference.wants.split(" or ")
    if reference.media_id is None:
        fitting = next((media for media in job.media if media.kind in kinds), None)
        if fitting is None and job.media:
            raise Unusable(_wrong_kind(job.media[0], reference, f"job {job.id}, whose result"))
    else:
        fitting = next((media for media in job.media if media.media_id == reference.media_id), None)
        if fitting and fitting.kind not in kinds:
            raise Unusable(_wrong_kind(fitting, reference, f"{MEDIA_URI}{fitting.media_id}, which"))
    if fitting is None:
        count = f"{len(job.media)} results" if job.media else "no result that is a file"
        raise Unusable(f"names a result that job {job.id} does not have: it has {count}. get_job shows them.")
    return fitting


def _wrong_kind(media: Media, reference: Reference, named: str) -> str:
    """The rest of a sentence: what it is, what is wanted, and the way there if there is one."""
    uri, wanted = f"{MEDIA_URI}{media.media_id}", "a video" if reference.last_frame else _A[reference.wants]
    sentence = f"names {named} is {_A.get(media.kind, f'a {media.kind}')}, but must be {wanted}."
    if reference.last_frame:
        return f"{sentence} Remove {LAST_FRAME}."
    if reference.wants == "image" and media.kind == "video":
        return f"{sentence} Give {uri}{LAST_FRAME} for its last frame."
    if reference.wants == "audio" and media.kind == "video":
        return f"{sentence} Kling takes no sound out of a video. Give a sound, for example of text_to_speech."
    return f"{sentence} Choose another."


def check_size(facts: SourceFacts) -> None:
    """Refuse a picture that Kling would refuse for its size, where that is known.

    Raises:
        Unusable: The reason.
    """
    if facts.width and facts.height and (wrong := misfit(facts.width, facts.height)):
        raise Unusable(wrong)
