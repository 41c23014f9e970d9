"""What an answer to a POST means, as one table: reliability.md section 1.3. Pure.

By Kling's code first, then by the kind of failure, into which the provider has sorted HTTP statuses and exceptions. A
proxy or gateway that answers 502, 503 or 504 in Kling's place has not told what became of the request: ambiguous. One
that refuses the tunnel to Kling has kept it from leaving.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from kling_mcp.errors import AlreadySubmitted, Busy, KlingError, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from kling_mcp.providers.base import Progress


class Outcome(StrEnum):
    """The classes of answers. What follows from each is said in ``moves.after_post``."""

    DONE = "done"  # Kling took it
    NEVER_LEFT = "never left"  # no byte of it reached Kling
    BUSY = "busy"  # refused for now: every slot is taken, or too many requests
    HELD = "held"  # refused because of the account, which the human can put right: other jobs fare no better
    REFUSED = "refused"  # refused because of what it asks
    ALREADY_THERE = "already there"  # Kling has a task under this id: an earlier attempt of ours arrived
    AMBIGUOUS = "ambiguous"  # nobody knows whether it arrived


SLOTS_TAKEN = "1303"
"""Kling's code where every parallel slot is taken; any other reason to be busy is the rate of requests."""
NO_UNITS = "1102"
NOT_ENTITLED = "1103"
SLEPT = "slept"
"""Our code where a claim was too old to be sent: that tells nothing of Kling."""
UNPAID = frozenset({"1101", NO_UNITS})
"""Kling looks at these last, after the request itself."""
OF_THE_CREDENTIAL = frozenset({"1000", "1001", "1002", "1003", "1004"})
"""Codes that are about the key, which may have to be replaced."""
OF_THE_ACCOUNT = OF_THE_CREDENTIAL | UNPAID | {"1100", "1304", NOT_ENTITLED}
"""Codes that are about the account and not about the request."""


def class_of(answer: Progress | KlingError) -> Outcome:
    """The class of an answer to a POST."""
    match answer:
        case OutcomeUnknown():
            return Outcome.AMBIGUOUS
        case AlreadySubmitted():
            return Outcome.ALREADY_THERE
        case Busy():
            return Outcome.BUSY
        case Unavailable():
            return Outcome.NEVER_LEFT
        case KlingError():
            return Outcome.HELD if answer.failure.code in OF_THE_ACCOUNT else Outcome.REFUSED
        case _:
            return Outcome.DONE
