"""What an account has left, and what a request would cost. Both free.

Contract: video.md part D (account) and part E (units).
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import Annotated, ClassVar

from pydantic import Field, WithJsonSchema

from kling_mcp.operations.base import Kind, Operation, Yields
from kling_mcp.operations.fields import JsonObject


class CheckBalance(Operation):
    """Show the resource packs of the account and the units left, up to 12 hours old. Free."""

    tool: ClassVar[str] = "check_balance"
    title: ClassVar[str] = "Check balance"
    toolset: ClassVar[str] = "account"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "text"


class EstimateCost(Operation):
    """Check a call of another tool and say what it would cost, without making it. Free."""

    tool: ClassVar[str] = "estimate_cost"
    title: ClassVar[str] = "Estimate cost"
    toolset: ClassVar[str] = "account"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "local"
    yields: ClassVar[Yields] = "text"

    # Named apart from the class variable ``tool``; agents write it as "tool".
    tool_name: str = Field(alias="tool")
    """Name of the tool."""
    arguments: Annotated[JsonObject, WithJsonSchema({"type": "object"})] = Field(default_factory=dict)
    """Its arguments."""


OPERATIONS = (CheckBalance, EstimateCost)
"""The operations of this file."""
