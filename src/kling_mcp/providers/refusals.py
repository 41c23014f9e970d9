"""Kling's error codes as a table: what each means here, and what a person can do about it.

Contract: video.md section 3; the classes follow reliability.md section 1.3. Judged by Kling's own sentence where we
know it, then by ``code``, then by HTTP status.
Whatever stands in none of the tables is a doubt: a paid call may have landed, so it must be looked up.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from kling_mcp.errors import (
    Busy,
    KlingError,
    NotAuthorised,
    OutcomeUnknown,
    OutOfCredit,
    Refused,
    Unavailable,
)
from kling_mcp.providers.envelope import Reply
from kling_mcp.providers.sentences import Row, row_of_words

if TYPE_CHECKING:
    from collections.abc import Mapping


MAX_RETRY_AFTER_S = 300.0
"""Longer pauses asked for by the far side are not believed."""


class StaleToken(NotAuthorised):
    """Kling finds our signed token too young or too old (1003, 1004). Certainly nothing was created."""

    server_time: float | None = None
    """Kling's clock when it said so."""


class TaskAbsent(Refused):
    """The legacy read of one task: Kling certainly has none under this id."""


class Doubt(KlingError):
    """Never raised. Marks a row that tells nothing about whether a paid call landed."""


CONSOLE = "https://kling.ai/dev"
KEY_FIX = (
    "Check KLING_API_KEY (or KLING_ACCESS_KEY and KLING_SECRET_KEY), and that KLING_REGION (global or china) or "
    "KLING_BASE_URL names the place the key belongs to. Keys are made at https://kling.ai/dev/api-key. "
    "Then restart this server."
)
_ADDRESS_FIX = (
    "Check KLING_REGION (global or china) and KLING_BASE_URL, and whether a proxy stands in between; "
    "the key belongs in KLING_API_KEY and is made at https://kling.ai/dev/api-key. Then restart this server."
)
_CLOCK_FIX = f"Set this machine's clock by the network. {KEY_FIX}"
_VALUE_FIX = "Change the argument Kling names and call again; the same request will be refused again."
_POLICY_FIX = "Change the prompt or the pictures; the same request will be refused again."
_SUPPORT_FIX = f"Look at the account in the console, {CONSOLE}, or ask Kling's support; then call again."

CODES: Mapping[int, Row] = MappingProxyType(
    {
        1000: Row(NotAuthorised, "Kling does not accept the credential.", KEY_FIX),
        1001: Row(NotAuthorised, "Kling received no credential.", KEY_FIX),
        1002: Row(NotAuthorised, "Kling does not know this credential.", KEY_FIX),
        1003: Row(StaleToken, "Kling finds the signed token not valid yet: two clocks disagree.", _CLOCK_FIX),
        1004: Row(StaleToken, "Kling finds the signed token expired: two clocks disagree.", _CLOCK_FIX),
        1100: Row(NotAuthorised, "Kling reports the account as abnormal.", _SUPPORT_FIX),
        1101: Row(OutOfCredit, "The Kling account is in arrears.", f"Top it up in the console: {CONSOLE}."),
        1102: Row(
            OutOfCredit,
            "The Kling account has no units left for this kind of job.",
            f"Buy {{pack}} in the console: {CONSOLE}. Video, image and try-on packs are separate: none pays for the "
            "others. check_balance shows what is left.",
        ),
        1103: Row(
            NotAuthorised,
            "The Kling account may not use this function or model.",
            f"Choose another model_name, or have it enabled in the console: {CONSOLE}.",
        ),
        1200: Row(Refused, "Kling could not make sense of the request.", _VALUE_FIX),
        1201: Row(Refused, "Kling does not accept a value of the request.", _VALUE_FIX),
        1202: Row(Refused, "Kling does not offer this call in this way.", _ADDRESS_FIX),
        1203: Row(Refused, "Kling does not have what the request names.", "Check model_name and the ids given."),
        1300: Row(Refused, "Kling's platform policy forbids this request.", _POLICY_FIX),
        1301: Row(Refused, "Kling's content policy forbids this request.", _POLICY_FIX),
        1302: Row(Busy, "Kling asks for fewer requests per second."),
        1303: Row(Busy, "All parallel slots of the Kling account are taken."),
        1304: Row(
            NotAuthorised,
            "Kling does not accept requests from this IP address.",
            f"Add this machine's public address to the account's whitelist, or ask Kling's support: {CONSOLE}.",
        ),
        5000: Row(Doubt, "Kling had an internal error."),
        5001: Row(Doubt, "Kling is down for maintenance."),
        5002: Row(Doubt, "Kling is overloaded and answered too late."),
    }
)
"""Code → row."""

_PACKS = (
    (re.compile(r"/v1/images/kolors-virtual-try-on"), "a try-on pack"),
    (re.compile(r"/v1/images/|/v1/general/ai-multi-shot"), "an image pack"),
    (re.compile(r"/"), "a video pack"),
)
"""Beginning of the path → what pays for it: speech, sound, voices, faces and recognition are paid from the video pack.
Contract: image-audio-general.md section 15."""
_ANY_PACK = "a resource pack of this kind"

_ABSENT = re.compile(r"Task not found by id/external id\b")
_ABSENT_ANSWER = (400, 1201)

_BY_STATUS: Mapping[int, Row] = MappingProxyType(
    {
        401: Row(NotAuthorised, "The credential was refused.", KEY_FIX),
        403: Row(NotAuthorised, "Access was forbidden.", _ADDRESS_FIX),
        429: Row(Busy, "Kling asks for fewer requests."),
    }
)

FOREIGN: Mapping[int, Row] = MappingProxyType(
    _BY_STATUS
    | {
        404: Row(NotAuthorised, "The address in use is not Kling's API (404 from its web server).", _ADDRESS_FIX),
        405: Row(NotAuthorised, "The address in use is not Kling's API (405 from its web server).", _ADDRESS_FIX),
        407: Row(NotAuthorised, "A proxy asks for a password.", "Put it into HTTPS_PROXY and restart this server."),
        413: Row(Refused, "The request is too large for Kling.", "Give pictures as URLs, or smaller ones."),
    }
)
"""HTTP status → row, for an answer without Kling's envelope that certainly was not given by a task's creation."""

UNLISTED: Mapping[int, Row] = MappingProxyType(
    _BY_STATUS
    | {
        400: Row(Refused, "Kling refused the request.", _VALUE_FIX),
        404: Row(Refused, "Kling does not have what the request names.", "Check model_name and the ids given."),
    }
)
"""HTTP status → row, for Kling's envelope with a code we do not know."""


def verdict(reply: Reply, *, paid: bool, path: str = "") -> KlingError | None:
    """What an answer means: None if Kling did what was asked, else what to raise.

    Args:
        reply: The answer.
        path: What was asked; empty where advice does not hang on it.
        paid: Whether it answers a create. Then a doubt is ``OutcomeUnknown``, otherwise ``Unavailable``.
    """
    if reply.code == 0:
        return None
    if 300 <= reply.status < 400:  # noqa: PLR2004 - the redirects
        return _redirected(reply, paid=paid)
    if reply.code is None:
        row = FOREIGN.get(reply.status, Row(Doubt, f"The answer (HTTP {reply.status}) was not one of Kling's."))
        return _as_error(row, reply, paid=paid)
    row = _by_words(reply, path) or _absent(reply) or CODES.get(reply.code) or _unlisted(reply)
    return _as_error(replace(row, fix=row.fix.replace("{pack}", _pack(path))), reply, paid=paid)


def doubt(sentence: str, *, paid: bool, reply: Reply | None = None) -> KlingError:
    """What to raise when the answer was lost or makes no sense."""
    return _as_error(Row(Doubt, sentence), reply or Reply(status=0), paid=paid)


def unanswered(trouble: KlingError) -> KlingError:
    """A question's refusal, as its asker must see it: nothing follows from it about any task."""
    if not isinstance(trouble, Refused) or isinstance(trouble, TaskAbsent):
        return trouble
    return Unavailable(trouble.failure.message, code=trouble.failure.code, request_id=trouble.failure.request_id)


def _unlisted(reply: Reply) -> Row:
    return UNLISTED.get(reply.status, Row(Doubt, f"Kling answered with a code we do not know ({reply.code})."))


def _pack(path: str) -> str:
    return next((pack for pattern, pack in _PACKS if pattern.match(path)), _ANY_PACK)


def _by_words(reply: Reply, path: str) -> Row | None:
    """What Kling's sentence means, unless its code says that the trouble lies elsewhere: in the account, or in Kling.

    That it already holds our task is heard under any code: it only makes us look.
    """
    row, by_code = row_of_words(reply.message, path), CODES.get(reply.code or 0)
    elsewhere = by_code is not None and by_code.kind is not Refused
    return None if row is not None and row.kind is Refused and elsewhere else row


def _absent(reply: Reply) -> Row | None:
    answer = (reply.status, reply.code)
    is_absent = answer == _ABSENT_ANSWER and _ABSENT.match(reply.message)
    return Row(TaskAbsent, "Kling has no task under this id.") if is_absent else None


def _as_error(row: Row, reply: Reply, *, paid: bool) -> KlingError:
    sentence = f'{row.sentence} Kling\'s words: "{reply.message}".' if reply.message else row.sentence
    code = reply.code or None
    if row.kind is Busy:
        pause = min(MAX_RETRY_AFTER_S, max(1.0, reply.retry_after or 0.0))
        return Busy(sentence, code=code, request_id=reply.request_id, retry_after=pause)
    if row.kind is Doubt:
        kind, fix = (OutcomeUnknown, "It is looked up before anything is sent again.") if paid else (Unavailable, "")
        return kind(sentence, fix=row.fix or fix, code=code, request_id=reply.request_id)
    error = row.kind(sentence, fix=row.fix, code=code, request_id=reply.request_id)
    if isinstance(error, StaleToken):
        error.server_time = reply.server_time
    return error


def _redirected(reply: Reply, *, paid: bool) -> KlingError:
    """Following would show the key to a stranger. A create may have landed before it was sent away."""
    sentence = f"The address in use sends us elsewhere (HTTP {reply.status}), which is not followed."
    return _as_error(Row(Doubt if paid else NotAuthorised, sentence, _ADDRESS_FIX), reply, paid=paid)
