"""Dear requests are made only after a person has agreed to the price. Silence, or anything but a clear yes, is a no.

Who can be asked through the client is asked (``person``). Else the agent gets the price and a token, good once and for
exactly this request, to give back when the human has agreed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import Declined, NeedsApproval, trimmed
from kling_mcp.jobs.spend import APPROVAL_S, units
from kling_mcp.server.answers import refusal
from kling_mcp.server.arguments import terms_of
from kling_mcp.server.limits import left_today
from kling_mcp.server.listing import told_by
from kling_mcp.server.person import asking_back, objection
from kling_mcp.server.view import joined, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.errors import Price
    from kling_mcp.jobs.spend import Accepted, Terms
    from kling_mcp.operations.base import Generation
    from kling_mcp.server.tool import Answer, Call

ASKED_AGAIN = "To have the question asked again, call {tool} again with the same arguments, if the human wants that."
TOO_LATE = "The approval came too late, was used already, or was for other arguments."


async def agreed(call: Call[Generation], operation: Generation, arguments: Mapping[str, Any]) -> Accepted | Answer:
    """The accepted request; or, of a dear one, the question to a person, or the refusal with a token.

    Raises:
        Declined: A person was asked, and it is not approved.
        InvalidRequest, OverLimit, NotAuthorised, LocalTrouble: Nothing was submitted.
    """
    terms = terms_of(call.request)
    if call.person.was_asked:
        return await _answered(call, operation, arguments, terms)
    try:
        return await call.jobs.accept(operation, arguments, terms)
    except NeedsApproval as needed:
        match call.person.way:
            case "now":
                await _asked(call, operation, needed.quote)
                return await call.jobs.accept(operation, arguments, replace(terms, approved=True))
            case "next call":
                token = await call.jobs.approval_token(operation)
                return asking_back(await _question(call, operation, needed.quote), token)
            case "never":
                return await _by_token(call, operation, needed, given=terms.confirm is not None)


async def _answered(
    call: Call[Generation], operation: Generation, arguments: Mapping[str, Any], terms: Terms
) -> Accepted:
    """The request of a call that brings a person's answer."""
    if why := objection(call.person.answer):
        raise Declined(why, fix=ASKED_AGAIN.format(tool=operation.tool))
    try:
        return await call.jobs.accept(operation, arguments, replace(terms, confirm=call.person.state))
    except NeedsApproval:
        raise Declined(TOO_LATE, fix=ASKED_AGAIN.format(tool=operation.tool)) from None


async def _asked(call: Call[Generation], operation: Generation, price: Price) -> None:
    """Ask in the middle of the call; returns once a person has approved."""
    question = await _question(call, operation, price)

    async def alive() -> None:
        await call.report(0.0, None, f"waiting for a person to approve {units_told(price)}")

    if why := await call.person.asked(question, call.jobs.clock, alive):
        raise Declined(why, fix=ASKED_AGAIN.format(tool=operation.tool))


async def _by_token(call: Call[Generation], operation: Generation, needed: NeedsApproval, *, given: bool) -> Answer:
    """The price, and a token to give back once the human has agreed."""
    token = await call.jobs.approval_token(operation)
    price, minutes = needed.quote, f"{APPROVAL_S / 60:.0f}"
    wrong = "This 'confirm' is not valid: it was used, is too old, or was for other arguments. " if given else ""
    error = NeedsApproval(
        f"{wrong}{await _offer(call, operation, price)} The operator of this server wants a person to agree first.",
        quote=price,
        fix=(
            "Tell the human the price and ask. Only if they agree, call "
            f'{operation.tool} again with the same arguments and confirm="{token}" (once, within {minutes} minutes).'
        ),
    )
    usd = {"usd": plain(price.usd)} if price.usd is not None else {}
    cost = {"units": plain(price.units)} if price.units is not None else {}
    return refusal(error, paid=True, **cost, **usd, confirm=token)


async def _question(call: Call[Generation], operation: Generation, price: Price) -> str:
    return f"{await _offer(call, operation, price)} Make it?"


async def _offer(call: Call[Generation], operation: Generation, price: Price) -> str:
    """What a person has to know: the tool, the price, what it makes, and what is left of today's limit."""
    words = told_by(operation.model_dump(mode="json", exclude_none=True, warnings=False))
    makes = joined([trimmed(price.basis), f"“{words}”" if words else None])
    left, cap = await left_today(call), call.jobs.limits.per_day
    today = "" if left is None or cap is None else f" {plain(left)} of today's {plain(cap)} units are left."
    return f"{operation.tool} costs {units_told(price)}{usd_told(price)}: {makes}.{today}"


def units_told(price: Price) -> str:
    """The price in units, as people read it."""
    return "units nobody can tell in advance" if price.units is None else units(price.units)


def usd_told(price: Price) -> str:
    """The price in dollars, as an addition; empty where it is not known."""
    return "" if price.usd is None else f", list price {plain(price.usd)} USD"
