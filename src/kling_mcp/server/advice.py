"""What to do about a job now: one or two sentences that an agent follows, with the literal call where there is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kling_mcp.jobs.model import Delivery, State
from kling_mcp.jobs.outcomes import OF_THE_CREDENTIAL
from kling_mcp.jobs.watch import OTHER_KEY
from kling_mcp.jobs.whole import JOINED
from kling_mcp.operations.sources import LAST_FRAME, MEDIA_URI

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kling_mcp.jobs.model import Job, Media


OF_THE_ACCOUNT = "The account has to be put right."
"""What the human is told where Kling does not say how."""


def wait_call(job_ids: Iterable[str]) -> str:
    """The literal call that waits for these jobs: agents copy it, and so do not pay twice."""
    return f"call wait_for_jobs(job_ids={json.dumps(list(job_ids))}); do not resubmit"


def advice(job: Job, at: Job | None = None) -> str:
    """What to do about a job now. A step is its whole's business: nobody can call it again by itself.

    Args:
        job: Which job.
        at: What waits until a human has put the account right: itself, or a step of it; None if nothing does.
    """
    if not job.settled:
        wait = wait_call([job.parent or job.id])
        return _moved(job) if elsewhere(job) else _held(job, at, wait) if at else wait
    if job.parent and job.state is not State.SUCCEEDED:
        return f'It is a step of another job: get_job(job_id="{job.parent}") says what to do.'
    match job.state:
        case State.SUCCEEDED:
            return " ".join(filter(None, (_delivered(job), _onward(job)))) or "It is done."
        case State.FAILED:
            return _failed(job)
        case State.UNCONFIRMED:
            return _unconfirmed(job)
        case _:
            return f"It was never submitted; call {job.tool} again if it is wanted after all."


def _held(job: Job, at: Job, wait: str) -> str:
    """What to do about a job that waits for the human."""
    withdrawn = f'cancel_job(job_id="{job.parent or job.id}") withdraws it'
    if at.failure and at.failure.retryable:  # Kling is ill, not the account
        return f"{wait}. {withdrawn}."
    remedy = (at.failure.fix if at.failure else "") or OF_THE_ACCOUNT
    kept = ""
    if at.failure and at.failure.code in OF_THE_CREDENTIAL:
        kept = f": do so, and call {job.tool} again, if the key or the address (region, base URL) had to be changed"
    return f"Tell the human: {remedy} Then the job goes on by itself: {wait}. {withdrawn}{kept}."


def _moved(job: Job) -> str:
    """What to do about a job that no server with this credential will ever submit."""
    return (
        "Ask the human whether a server with that credential will run again. If not: "
        f'cancel_job(job_id="{job.parent or job.id}"), then call {job.tool} again with the same arguments.'
    )


def elsewhere(job: Job) -> bool:
    """Whether only a server with another credential can submit it."""
    return job.state is State.QUEUED and job.blocked_reason == OTHER_KEY


def _failed(job: Job) -> str:
    if job.failure and job.failure.retryable:
        return f"Once that is put right, call {job.tool} again with the same arguments."
    return "Do not repeat it before that is put right."


def _unconfirmed(job: Job) -> str:
    if job.nameless:
        return (
            f"Kling keeps no id of ours with {job.tool}: list_charges(days=1) shows whether it was charged. "
            "Resubmit only if the human agrees."
        )
    return "Before anything is resubmitted, the human should look at Kling's own task list and bill."


def _delivered(job: Job) -> str:
    """How to get and see the files."""
    if not job.media:
        return ""
    match job.delivery:
        case Delivery.STORED:
            files, first = ("files", "the first") if job.media[1:] else ("file", "it")
            return f'Show the {files} to the human; preview_media(job_id="{job.id}") shows {first} to you.'
        case Delivery.EXPIRED:
            return "Kling has deleted the file; it can only be generated again."
        case Delivery.FAILED:
            return f'Put that right, then call get_job(job_id="{job.id}"): it fetches the file again at no cost.'
        case _:
            return f'Call get_job(job_id="{job.id}") for the file.'


_FROM_RESULT: Mapping[str, str] = {
    "create_element": 'To use it, give element_list=[{{"element_id": "{job}"}}].',
    "create_voice": 'To use it, give voice_list=[{{"voice_id": "{job}"}}], or create_element element_voice_id="{job}".',
    "ai_multi_shot": (
        'To make an element of a set, give create_element refer_images=["kling://media/{job}_1", '
        '"kling://media/{job}_2", "kling://media/{job}_3"] and the picture they were drawn from as frontal_image.'
    ),
    "text_to_speech": 'To have it spoken, give audio_id="{job}" to lip_sync or generate_avatar.',
    "start_video_edit": (
        'Mark what is meant: call mark_video_edit(session_id="{job}", action="add", frame_index=0, '
        'points=[{{"x": 0.5, "y": 0.5}}]). What preview_media shows at t s is frame t x fps.'
    ),
    "mark_video_edit": (
        'When all is marked, call edit_video(session_id="{session}", …), or first '
        'preview_video_edit(session_id="{session}") to see the marks move.'
    ),
    "preview_video_edit": 'If it is right, call edit_video(session_id="{session}", …).',
}
"""How to go on from what a tool found or made. ``{job}``: its id; ``{session}``: what the agent called the session."""


def _onward(job: Job) -> str:
    """How to use the result in another tool; empty where that is plain."""
    if job.facts.get("faces") and not any(media.kind == "video" for media in job.media):
        return _speak(job)
    if sentence := _FROM_RESULT.get(job.tool):
        return sentence.format(job=job.id, session=job.arguments.get("session_id") or job.id)
    film = next((media for media in job.media if media.kind == "video"), None)
    return _continue(job, film) if film else ""


def _speak(job: Job) -> str:
    """The call that makes one of the faces speak what was to be spoken."""
    faces: list[Mapping[str, Any]] = job.facts["faces"]
    first, *others = (str(face.get("face_id", number)) for number, face in enumerate(faces))
    kept = {name: value for name, value in job.arguments.items() if name not in _CHOSEN}
    spoken = ", ".join(f"{name}={_quoted(value)}" for name, value in kept.items())
    call = f'lip_sync(session_id="{job.id}", face_id="{first}", {spoken or "text=… or audio_id=…"})'
    return f"Call {call}, or with face_id {' or '.join(others)}." if others else f"Call {call}."


_CHOSEN = frozenset({"video_id", "video_url", "session_id", "face_id", "wait_seconds"})
"""Arguments that say whose lips move; the others say what is spoken, and how."""
_QUOTED_AT_MOST = 100


def _quoted(value: object) -> str:
    """An argument as it is written in a call; the agent knows itself what a long one was."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _QUOTED_AT_MOST else "…"


def _continue(job: Job, film: Media) -> str:
    uri = MEDIA_URI + film.media_id
    onward = f"To build on it, give {uri} as video_id or video_url, or {uri}{LAST_FRAME} (its last frame) as image."
    whole = next((MEDIA_URI + media.media_id for media in job.media if media.label == JOINED), None)
    return f'{onward} To continue the whole film, call extend_video(video_id="{whole}", …).' if whole else onward
