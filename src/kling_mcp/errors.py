"""Every failure we foresee, named by who can fix it.

Anything raised that is not a ``KlingError`` is a bug of ours: its text is withheld from agents and its
traceback goes to the log. ``Failure`` is the same fact as plain data: it is stored in the ledger and shown in
``JobView.error``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

NOT_CHARGED = "Nothing was submitted and nothing was charged."

# Bidirectional overrides, zero-width and tag characters hide instructions from the human reading over the
# agent's shoulder; C0/C1 controls break terminals; lone surrogates, which JSON may hold, break files and databases.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)


def trimmed(text: str, limit: int = 500) -> str:
    """Text from outside, made safe to show: no invisible characters, at most ``limit`` characters."""
    clean = _UNSEEN.sub("", text).strip()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The plain exceptions that task groups wrapped, in order; ``error`` itself if it is one."""
    if isinstance(error, BaseExceptionGroup):
        for part in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from leaves(part)
    else:
        yield error


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something did not work, for an agent and the human beside it.

    Attributes:
        code: Kling's numeric code as text (``"1301"``), or a word of ours (``"invalid_request"``).
        message: What happened, one sentence.
        fix: What to do about it, one sentence.
        retryable: Whether the same request may succeed later, unchanged.
        charged: Whether units were spent; None where nobody can know.
        request_id: Kling's id of the exchange, for its support.
    """

    code: str
    message: str
    fix: str = ""
    retryable: bool = False
    charged: bool | None = False
    request_id: str | None = None

    def sentence(self) -> str:
        """The whole failure as one line of prose."""
        cost = {False: NOT_CHARGED, True: "It was charged.", None: "Whether it was charged is not known."}[self.charged]
        return " ".join(part for part in (f"[{self.code}] {self.message}", self.fix, cost) if part)


class KlingError(Exception):
    """A failure we foresee. Subclasses say who can act on it."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    charged: ClassVar[bool | None] = False

    def __init__(
        self, message: str, *, fix: str = "", code: str | int | None = None, request_id: str | None = None
    ) -> None:
        self.failure = Failure(
            code=str(code if code is not None else self.code),
            message=message,
            fix=fix,
            retryable=self.retryable,
            charged=self.charged,
            request_id=request_id,
        )
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request.

    Attributes:
        field: The argument at fault (``duration``, ``multi_prompt[1].prompt``); empty for the whole request.
        sentence: What is wrong, why, and how to fix it. Complete on its own.
    """

    field: str
    sentence: str


class InvalidRequest(KlingError):
    """The arguments must change. Carries every problem at once; nothing has left this machine."""

    code = "invalid_request"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(p.sentence for p in self.problems), fix="Change the arguments and call again.")

    @classmethod
    def one(cls, field: str, sentence: str) -> Self:
        """A request with a single problem."""
        return cls([Problem(field, sentence)])


class Refused(KlingError):
    """Kling looked at this request and said no (bad value, retired model, content policy). Do not repeat it."""

    code = "refused"


class NotAuthorised(KlingError):
    """The credential, region or entitlement is wrong. Only the human can fix it."""

    code = "not_authorised"


class OutOfCredit(KlingError):
    """The account cannot pay. Only the human can fix it."""

    code = "out_of_credit"


class OverLimit(KlingError):
    """It costs more than the operator of this server allows. Only the human can change that."""

    code = "over_limit"


class Price(Protocol):
    """What something costs (an ``operations.base.Quote``)."""

    @property
    def units(self) -> Decimal | None:
        """Units; None where nobody knows before it is made."""
        ...

    @property
    def usd(self) -> Decimal | None:
        """List price in US dollars; None where that is not known."""
        ...

    @property
    def basis(self) -> str:
        """How the figure comes about, for people."""
        ...


class NeedsApproval(KlingError):
    """It costs so much that a person has to agree first. ``quote`` is what that person has to be told."""

    code = "needs_confirmation"

    def __init__(self, message: str, *, quote: Price, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.quote = quote


class Declined(KlingError):
    """A person was asked whether to pay for it, and there was no clear yes."""

    code = "declined"


class Busy(KlingError):
    """Kling accepts no more right now. We wait and try again; nothing was created."""

    code = "busy"
    retryable = True

    def __init__(
        self, message: str, *, code: str | int | None = None, request_id: str | None = None, retry_after: float = 1.0
    ) -> None:
        super().__init__(message, code=code, request_id=request_id, fix="Wait; it is retried automatically.")
        self.retry_after = retry_after


class Unavailable(KlingError):
    """The far side could not be reached, or a read failed. Certainly nothing was created."""

    code = "unavailable"
    retryable = True


class AlreadySubmitted(KlingError):
    """Kling already holds a task under this job's id: an earlier attempt of ours landed. Look it up."""

    code = "already_submitted"
    charged = None


class OutcomeUnknown(KlingError):
    """A paid call left and its answer was lost. Never repeat it before looking it up."""

    code = "outcome_unknown"
    charged = None


class Lost(KlingError):
    """A job that can no longer be traced. It is not charged again."""

    code = "lost"
    charged = None


class LocalTrouble(KlingError):
    """This machine is at fault (disk full, read-only folder, ledger busy). The human can fix it."""

    code = "local_trouble"
    retryable = True
