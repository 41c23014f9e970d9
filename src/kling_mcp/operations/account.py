"""What an account has left, and what a request would cost. Both free.

Contract: video.md part D (account) and part E (units).
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import ClassVar

from pydantic import Field

from kling_mcp.operations.base import Kind, Operation, Yields
from kling_mcp.operations.fields import JsonObject


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

    # Named apart from the class variable ``tool``; agents write it as "tool".
    tool_name: str = Field(alias="tool")
    """Name of the tool, such as generate_video."""
    arguments: JsonObject = Field(default_factory=dict)
    """The arguments you would call it with."""


OPERATIONS = (CheckBalance, EstimateCost)
"""The operations of this file."""
