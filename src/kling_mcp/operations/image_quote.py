"""What pictures cost, and what an agent should know before it pays for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.operations.base import Quote
from kling_mcp.operations.image_facts import LEAST_SERIES, MOST_SERIES, current
from kling_mcp.operations.rates import CARD_DATE
from kling_mcp.operations.rates_image import RATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_mcp.operations.base import Generation
    from kling_mcp.operations.image_facts import Endpoint, ImageFacts


def priced(what: str, count: int = 1, notes: tuple[str, ...] = ()) -> Quote:
    """The price of so many of something in ``RATES``; units None if it has no known price."""
    rate = RATES.get(what)
    if rate is None:
        return Quote(None, "image", f"{_counted(count, 'image')} ({what}), which has no known price", CARD_DATE, notes)
    basis = f"{_counted(count, rate.per)} x {rate.units} units ({what})"
    return Quote(rate.units * count, rate.package, basis, CARD_DATE, notes)


def priced_series(what: str, notes: tuple[str, ...] = ()) -> Quote:
    """The price of a series whose length Kling chooses: known only as a range."""
    each = RATES[what].units
    basis = (
        f"{LEAST_SERIES} to {MOST_SERIES} images, as Kling chooses, x {each} units ({what}): {each * LEAST_SERIES} to "
        f"{each * MOST_SERIES} units"
    )
    return Quote(None, RATES[what].package, basis, CARD_DATE, notes)


def retirement(request: Generation, facts: ImageFacts, endpoint: Endpoint) -> Iterator[str]:
    """What to know about a retired model: that Kling may refuse it, and which current one can do the same."""
    if facts.retired is None:
        return
    variants = [(each.name, request.model_copy(update={"model_name": each.name})) for each in current(endpoint)]
    able = [name for name, variant in variants if not list(variant.problems())]
    instead = f"Use {able[0]} instead" if able else "No current model can do this exact request"
    yield f"{facts.name} is reported retired since {facts.retired}: Kling may refuse it, free of charge. {instead}."


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
