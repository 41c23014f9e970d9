"""What to do about a job now: one or two sentences that an agent follows, with the literal call where there is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kling_mcp.jobs.model import Delivery, State
from kling_mcp.operations.sources import LAST_FRAME, MEDIA_URI

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kling_mcp.jobs.model import Job, Media


def wait_call(job_ids: Iterable[str]) -> str:
    """The literal call that waits for these jobs: agents copy it, and so do not pay twice."""
    return f"call wait_for_jobs(job_ids={json.dumps(list(job_ids))}); do not resubmit"


def advice(job: Job) -> str:
    """What to do about a job now. A step is its whole's business: nobody can call it again by itself."""
    if not job.settled:
        return wait_call([job.parent or job.id])
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
            return f'Show the file to the human; preview_media(job_id="{job.id}") shows it to you.'
        case Delivery.EXPIRED:
            return "Kling has deleted the file; it can only be generated again."
        case Delivery.FAILED:
            return f'Put that right, then call get_job(job_id="{job.id}"): it fetches the file again at no cost.'
        case _:
            return f'Call get_job(job_id="{job.id}") for the file.'


_FROM_RESULT: Mapping[str, str] = {
    "create_element": 'To use it, give element_list=[{{"element_id": "{job}"}}].',
    "create_voice": 'To use it, give voice_list=[{{"voice_id": "{job}"}}], or create_element element_voice_id="{job}".',
    "text_to_speech": 'To have it spoken, give audio_id="{job}" to lip_sync or generate_avatar.',
    "start_video_edit": (
        'Mark what is meant: call mark_video_edit(session_id="{job}", action="add", frame_index=0, '
        'points=[{{"x": 0.5, "y": 0.5}}]).'
    ),
    "mark_video_edit": 'When all is marked, call edit_video(session_id="{session}", …); preview_video_edit shows it.',
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
    return _continue(film) if film else ""


def _speak(job: Job) -> str:
    """The call that makes one of the faces speak."""
    faces: list[Mapping[str, Any]] = job.facts["faces"]
    chosen = faces[0].get("face_id", "0")
    which = f" (or another face_id of {len(faces)})" if faces[1:] else ""
    return f'Call lip_sync(session_id="{job.id}", face_id="{chosen}", text=… or audio_id=…){which}.'


def _continue(film: Media) -> str:
    uri = MEDIA_URI + film.media_id
    return f"To build on it, give {uri} as video_id or video_url, or {uri}{LAST_FRAME} (its last frame) as image."
