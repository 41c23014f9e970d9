"""The ledger: every paid intent, durable before it is paid. The only SQL of the project."""

from kling_mcp.jobs.ledger.book import Ledger

__all__ = ["Ledger"]
