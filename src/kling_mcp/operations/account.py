"""What an account has left, and what a request would cost. Both free.

Contract: video.md part D (account) and part E (units).
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.base import Kind, Operation, Quote, Yields
from kling_mcp.operations.fields import JsonText, Omitted
from kling_mcp.operations.rates import CARD_DATE
from kling_mcp.operations.wording import closest, shown

_FREE = Quote(Decimal(0), "", "free of charge", CARD_DATE)


class CheckBalance(Operation):
    """Show the resource packs of the Kling account and the units left in them. Free.

    Kling updates the figures with a delay of up to 12 hours.
    """

    tool: ClassVar[str] = "check_balance"
    title: ClassVar[str] = "Check balance"
    toolset: ClassVar[str] = "account"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "text"

    @property
    def path(self) -> str:
        """Contract: video.md part D."""
        return "/account/costs"

    def quote(self) -> Quote:
        """Nothing."""
        return _FREE


class EstimateCost(Operation):
    """Say what a call of another tool would cost, in exact units, without making it. Free.

    The arguments are checked as that tool would check them.
    """

    tool: ClassVar[str] = "estimate_cost"
    title: ClassVar[str] = "Estimate cost"
    toolset: ClassVar[str] = "account"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "local"
    yields: ClassVar[Yields] = "text"

    target: Annotated[str, Field(alias="tool")]
    """Name of the tool, such as generate_video."""
    arguments: Annotated[dict[str, Any] | Omitted, JsonText] = None
    """The arguments you would call it with."""

    def quote(self) -> Quote:
        """Nothing: it is worked out here."""
        return _FREE

    def estimated(self, operations: Iterable[type[Operation]]) -> tuple[Operation, Quote]:
        """The request that would be made, and its price.

        Args:
            operations: What may be asked about: the operations this server offers.

        Raises:
            InvalidRequest: There is no such tool, or it would refuse the arguments.
        """
        by_tool = {operation.tool: operation for operation in operations}
        if self.target not in by_tool:
            meant = closest(self.target, by_tool)
            hint = f"Did you mean '{meant}'?" if meant else f"Known are: {', '.join(by_tool)}."
            raise InvalidRequest.one("tool", f"'tool' is {shown(self.target)}, which does not exist here. {hint}")
        request = by_tool[self.target].parse(self.arguments or {})
        return request, request.quote()


OPERATIONS = (CheckBalance, EstimateCost)
"""The operations of this file."""
