"""Kling's own sentences that mean more than their code, and what a person can do about each.

Contract: video.md section 3 and image-audio-general.md section 0.4 (captured messages). The code and status of the
"discontinued" answer are not recorded (F.1), so sentences are looked at first, under any code. The one that lets a job
be posted again ("not found") is not among them: ``refusals`` matches it strictly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kling_mcp.errors import AlreadySubmitted, KlingError, Refused
from kling_mcp.operations.model_facts import MODELS, ModelFacts


@dataclass(frozen=True, slots=True)
class Row:
    """One thing Kling may answer.

    Attributes:
        kind: What is raised.
        sentence: What happened, for people.
        fix: What to do about it.
    """

    kind: type[KlingError]
    sentence: str
    fix: str = ""


_NAMED_FIX = "Change what Kling names and call again; the same request will be refused again."

TEXTS: tuple[tuple[re.Pattern[str], Row], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), row)
    for pattern, row in (
        (
            "External_task_id .* already exists",
            Row(AlreadySubmitted, "Kling already holds a task under this job's id.", "It is looked up."),
        ),
        (
            "not in a valid base64 format",
            Row(Refused, "Kling cannot read a file of the request.", "Give it as a public URL, or as plain Base64."),
        ),
        (
            "Image pixel is invalid",
            Row(
                Refused,
                "A picture of the request is too small for Kling.",
                "Both sides need at least 300 pixels, and width to height must lie between 1:2.5 and 2.5:1.",
            ),
        ),
        (
            "Voice id not found",
            Row(
                Refused,
                "Kling does not know this voice here.",
                "text_to_speech and lip_sync speak with voices of their own (list_voices with origin 'speech'); preset "
                "voices and voices of one's own (origins 'preset' and 'own') serve in video and in elements only.",
            ),
        ),
        ("image can ?not be (null|empty)", Row(Refused, "Kling misses a picture in the request.", "Give the picture.")),
        (
            "Duration only supports",
            Row(Refused, "Kling does not make a clip of this length.", "Choose one of the durations Kling names."),
        ),
        (
            r"^model/mode/duration\(|^only image_tail|Image tail is not supported",
            Row(
                Refused,
                "Kling does not take a last frame in this combination of model, mode and duration.",
                "Leave image_tail out, or use kling-v3.",
            ),
        ),
        (
            "camera_control is only supported",
            Row(Refused, "Kling does not move the camera with this model.", "Leave camera_control out."),
        ),
        (
            "^model is not supported",
            Row(
                Refused,
                "Kling does not run this function with this model.",
                "Leave model_name out: every tool's own default is a current model.",
            ),
        ),
        (
            r"^[\w.\[\]]+ value '.*' is invalid",
            Row(Refused, "Kling does not accept the value of an argument.", _NAMED_FIX),
        ),
    )
)
"""What the sentence looks like → what it means."""

_RETIRED = re.compile(r"model '?(?P<name>[^']*?)'? has been discontinued", re.IGNORECASE)
_CLIPS = frozenset({"/v1/videos/text2video", "/v1/videos/image2video"})


def row_of_words(message: str, path: str) -> Row | None:
    """What Kling's words mean, where we know them; None where only the code tells.

    Args:
        message: Kling's words.
        path: What was asked; empty where nobody knows.
    """
    for pattern, row in TEXTS:
        if pattern.search(message):
            return row
    retired = _RETIRED.search(message)
    return Row(Refused, "Kling has retired this model.", _instead_of(retired["name"], path)) if retired else None


def _instead_of(name: str, path: str) -> str:
    """The current model whose clips are most like the retired one's; the best of several."""
    if path and path not in _CLIPS:  # the names of models of other functions are partly the same
        return "Leave model_name out: every tool's own default is a current model."
    old = MODELS.get(name)
    current = [facts for facts in MODELS.values() if facts.retired is None and facts.name != name]
    nearest = max(current, key=lambda facts: len(_clips(old) & _clips(facts)) / (len(_clips(facts)) or 1))
    return f"Use model_name '{nearest.name}' (current models: {', '.join(facts.name for facts in current)})."


def _clips(facts: ModelFacts | None) -> set[tuple[str, str, int]]:
    """Every endpoint, mode and length a model makes."""
    if facts is None:
        return set()
    rows = ((endpoint, mode, row) for endpoint, modes in facts.endpoints.items() for mode, row in modes.items())
    return {(endpoint, mode, seconds) for endpoint, mode, row in rows for seconds in row.durations}
