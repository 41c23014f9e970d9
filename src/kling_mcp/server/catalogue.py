"""Every tool in one table, and the choice of those that are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.errors import LocalTrouble
from kling_mcp.operations import library
from kling_mcp.operations.account import CheckBalance, EstimateCost, ListCharges
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.operations.wording import closest
from kling_mcp.server import job_tools
from kling_mcp.server.account_tools import BalanceView, EstimateView, check_balance, estimate_cost
from kling_mcp.server.charge_tools import ChargesView, list_charges
from kling_mcp.server.front import KlingServer
from kling_mcp.server.library_tools import (
    DeletedView,
    ElementsView,
    VoicesView,
    delete_element,
    delete_voice,
    list_elements,
    list_voices,
)
from kling_mcp.server.listing import ListingView
from kling_mcp.server.preview_tool import PreviewMedia, PreviewView, preview_media
from kling_mcp.server.tool import ASKS, DELETES, PAYS, READS, RECORDS, WITHDRAWS, Tool
from kling_mcp.server.views import JobsView, JobView
from kling_mcp.server.waiting import make_job

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kling_mcp.jobs.runner import Jobs
    from kling_mcp.settings import Settings

_AFTER: Mapping[str, tuple[Tool, ...]] = {
    "create_voice": (
        Tool(library.ListVoices, list_voices, VoicesView, ASKS),
        Tool(library.DeleteVoice, delete_voice, DeletedView, DELETES),
    ),
    "create_element": (
        Tool(library.ListElements, list_elements, ElementsView, ASKS),
        Tool(library.DeleteElement, delete_element, DeletedView, DELETES),
    ),
}
"""Free questions that stand beside a tool that makes something, by its name."""

TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        *(
            tool
            for name, operation in GENERATIONS.items()
            for tool in (Tool(operation, make_job, JobView, PAYS), *_AFTER.get(name, ()))
        ),
        Tool(CheckBalance, check_balance, BalanceView, ASKS),
        Tool(ListCharges, list_charges, ChargesView, ASKS),
        Tool(EstimateCost, estimate_cost, EstimateView, READS),
        Tool(job_tools.GetJob, job_tools.get_job, JobView, ASKS),
        Tool(job_tools.WaitForJobs, job_tools.wait_for_jobs, JobsView, ASKS),
        Tool(job_tools.ListJobs, job_tools.list_jobs, ListingView, READS),
        Tool(job_tools.CancelJob, job_tools.cancel_job, JobView, WITHDRAWS),
        Tool(PreviewMedia, preview_media, PreviewView, READS),
        Tool(job_tools.AdoptTask, job_tools.adopt_task, JobView, RECORDS),
    )
}
"""Every tool there is, in the order in which it is shown."""


def chosen(settings: Settings) -> dict[str, Tool]:
    """The tools that these settings show.

    Raises:
        LocalTrouble: A name in the settings is misspelled. Nothing starts then, because a tool that was meant to be
            hidden may cost money.
    """
    toolsets = {tool.operation.toolset for tool in TOOLS.values()} | {"all"}
    _check_names("KLING_TOOLSETS", settings.toolsets, toolsets)
    _check_names("KLING_TOOLS", settings.tools, TOOLS)
    _check_names("KLING_EXCLUDE_TOOLS", settings.exclude_tools, TOOLS)
    return {name: tool for name, tool in TOOLS.items() if _is_chosen(tool, settings)}


def _is_chosen(tool: Tool, settings: Settings) -> bool:
    if settings.toolsets:
        wanted = "all" in settings.toolsets or tool.operation.toolset in settings.toolsets
    else:
        wanted = tool.operation.starred
    harmless = bool(tool.hints.read_only_hint) or not settings.read_only
    return (wanted or tool.name in settings.tools) and tool.name not in settings.exclude_tools and harmless


def _check_names(variable: str, given: Iterable[str], known: Iterable[str]) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            meant = closest(name, names)
            hint = f"Did you mean '{meant}'?" if meant else f"Known are: {', '.join(sorted(names))}."
            raise LocalTrouble(f"{variable} names '{name[:60]}', which does not exist.", fix=hint)


def build_server(jobs: Jobs, settings: Settings, *, provider_name: str) -> KlingServer:
    """The MCP server over this engine, for both protocol eras and every transport.

    Raises:
        LocalTrouble: The settings name a tool or toolset that does not exist.
    """
    return KlingServer(jobs, settings, shown=chosen(settings), every=TOOLS, provider_name=provider_name)
