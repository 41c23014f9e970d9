"""The tools about money: what is left, and what something would cost."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from kling_mcp.errors import NotAuthorised
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.server.answers import answer
from kling_mcp.server.arguments import without_ours
from kling_mcp.server.limits import LimitsView, limits_view, needs_person, over_limit
from kling_mcp.server.view import Amount, View, joined, moment, plain, summed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp import types

    from kling_mcp.operations.account import CheckBalance, EstimateCost
    from kling_mcp.operations.base import Package, Quote
    from kling_mcp.providers.base import Balance, Pack
    from kling_mcp.server.tool import Call

PACK_WORDS: Mapping[Package, tuple[str, ...]] = {
    "try-on": ("try-on", "try on", "tryon", "试穿", "试衣", "换装"),
    "image": ("image", "picture", "图"),
    "video": ("video", "视频"),
}
"""What the names of packs say about their type, which Kling does not tell otherwise. The first that fits counts."""


def pack_type(name: str) -> Package | None:
    """Which tools a pack of this name pays for; None if its name does not tell."""
    lower = name.lower()
    return next((type_ for type_, words in PACK_WORDS.items() if any(word in lower for word in words)), None)


class PackView(BaseModel):
    """One resource pack."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    package: str | None = None
    status: str
    remaining: Amount
    total: Amount
    expires_at: str | None = None

    @classmethod
    def of(cls, pack: Pack) -> PackView:
        """The pack as an agent sees it."""
        return cls(
            name=pack.name,
            package=pack_type(pack.name),
            status=pack.status,
            remaining=pack.remaining,
            total=pack.total,
            expires_at=moment(pack.expires_at),
        )

    def line(self) -> str:
        """The pack as one line."""
        until = f", until {self.expires_at}" if self.expires_at else ""
        kind = f" ({self.package})" if self.package else ""
        return f"{self.name}{kind}: {plain(self.remaining)} of {plain(self.total)} units, {self.status}{until}"


class BalanceView(View):
    """What the account still has. Units of different types of packs pay for different tools and are not added up."""

    announced = ("units", "packs")

    units: dict[str, Amount]
    packs: list[PackView]
    limits: LimitsView | None = None
    note: str

    def text(self) -> str:
        """The units of each type, then each pack."""
        left = joined(f"{plain(units)} {name} units" for name, units in self.units.items()) or "no units"
        limits = [self.limits.line()] if self.limits else []
        return "\n".join([f"{left} left", *(pack.line() for pack in self.packs), *limits, self.note])


class EstimateView(View):
    """What a call would cost. ``units`` and ``usd`` are absent where nobody can know; they are never made up."""

    announced = ("price", "units", "package", "usd")

    tool: str
    price: Literal["exact", "free", "unknown"]
    units: Amount | None = None
    usd: Amount | None = None
    package: str | None = None
    model_name: str | None = None
    basis: str
    card_date: str | None = None
    limits: LimitsView | None = None
    needs_confirmation: bool | None = None
    over_limit: str | None = None
    notes: list[str] | None = None

    def text(self) -> str:
        """The price, how it comes about, and what should be known."""
        facts = [
            f"{self.tool}: price {self.price}",
            f"{plain(self.units)} units" if self.units is not None else None,
            f"list price {plain(self.usd)} USD" if self.usd is not None else None,
            f"from the {self.package} package" if self.package else None,
            self.model_name,
            self.basis,
            f"price list of {self.card_date}" if self.card_date else None,
        ]
        asked = "A person has to agree to it first." if self.needs_confirmation else None
        limits = self.limits.line() if self.limits else None
        refused = f"It would be refused: {self.over_limit}" if self.over_limit else None
        return joined([joined(facts), limits, asked, refused, *(self.notes or [])], "\n")


async def check_balance(call: Call[CheckBalance]) -> types.CallToolResult:
    """The account's packs.

    Raises:
        NotAuthorised, Unavailable, Busy: The account could not be read.
    """
    return answer(balance_view(await call.jobs.balance(), await limits_view(call)))


def balance_view(balance: Balance, limits: LimitsView | None = None) -> BalanceView:
    """The account as an agent sees it. Only packs in force count as units left."""
    usable = ((pack_type(pack.name) or pack.name, pack.remaining) for pack in balance.packs if pack.status == "online")
    return BalanceView(
        units=summed(usable),
        packs=[PackView.of(pack) for pack in balance.packs],
        limits=limits,
        note="Kling updates these figures with a delay of up to 12 hours.",
    )


async def estimate_cost(call: Call[EstimateCost]) -> types.CallToolResult:
    """What the given call would cost, from the price list alone; or the refusal that call would get.

    Results of ours that it names are looked up first: what they are may decide the price.

    Raises:
        InvalidRequest: The tool is unknown, or its arguments are wrong.
    """
    tool = call.named(call.request.tool_name)
    arguments = tool.arguments.parse(call.request.arguments)
    if not tool.makes_jobs:
        free = EstimateView(
            tool=tool.name, price="free", units=Decimal(), usd=Decimal(), basis="nothing is ever charged"
        )
        return answer(free)
    request = await call.jobs.resolved(without_ours(arguments, GENERATIONS[tool.name]))
    with contextlib.suppress(NotAuthorised):  # a price can be told before there is a key
        call.jobs.check(request)
    quote, limits = request.quote(), await limits_view(call)
    view = estimate_view(tool.name, request.model, quote)
    if limits is None:
        return answer(view)
    over = over_limit(call, quote, limits.left_today)
    asks = None if over else needs_person(call, quote)  # nobody is asked about what is refused
    judged = {"limits": limits, "needs_confirmation": asks, "over_limit": over}
    return answer(view.model_copy(update=judged))


def estimate_view(tool: str, model: str | None, quote: Quote) -> EstimateView:
    """A quote as an agent sees it."""
    return EstimateView(
        tool=tool,
        price="unknown" if quote.units is None else "exact" if quote.units else "free",
        units=quote.units,
        usd=quote.usd,
        package=quote.package or None,
        model_name=model,
        basis=quote.basis,
        card_date=quote.card_date or None,
        notes=list(quote.notes) or None,
    )
