"""What an account has left, what it was charged, and what a request would cost. All free.

Contract: video.md part D (account) and part E (units); image-audio-general.md section 14.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import Annotated, ClassVar, Literal

from pydantic import Field, WithJsonSchema

from kling_mcp.operations.base import Kind, Operation, Yields
from kling_mcp.operations.fields import JsonObject, Omitted

MAX_DAYS = 365
"""How far back ``list_charges`` looks at most. Packs live half a year; Kling states no limit."""
MAX_CHARGES = 500
"""Longest page Kling gives. Contract: video.md part D."""


class CheckBalance(Operation):
    """Show the account's resource packs and the units left. Free."""

    tool: ClassVar[str] = "check_balance"
    title: ClassVar[str] = "Check balance"
    toolset: ClassVar[str] = "account"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "text"


class EstimateCost(Operation):
    """Say what a call of any tool would cost, without making it. Free."""

    tool: ClassVar[str] = "estimate_cost"
    title: ClassVar[str] = "Estimate cost"
    toolset: ClassVar[str] = "account"
    starred: ClassVar[bool] = True
    kind: ClassVar[Kind] = "local"
    yields: ClassVar[Yields] = "text"

    # Named apart from the class variable ``tool``; agents write it as "tool".
    tool_name: str = Field(alias="tool")
    """Which tool."""
    arguments: Annotated[JsonObject, WithJsonSchema({"type": "object"})] = Field(default_factory=dict)
    """Its arguments."""


class ListCharges(Operation):
    """List what Kling charged, newest first, each beside the job it was for. Free."""

    tool: ClassVar[str] = "list_charges"
    title: ClassVar[str] = "List charges"
    toolset: ClassVar[str] = "account"
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "text"

    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] = 7
    """How many days back."""
    product_type: Literal["video", "image", "try-on", "cash"] | Omitted = None
    """Only charges to packs of this type, or in money instead of units (cash)."""
    limit: Annotated[int, Field(ge=1, le=MAX_CHARGES)] = 50
    """Charges per page."""
    cursor: str | Omitted = None
    """Goes on where the last page ended: its cursor."""


OPERATIONS = (CheckBalance, ListCharges, EstimateCost)
"""The operations of this file."""
