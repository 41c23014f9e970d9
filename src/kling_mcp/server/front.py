"""The MCP server: it lists tools, answers calls, and turns every failure into an answer. The only place that does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from mcp import types
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import NotificationOptions, Server

from kling_mcp import __version__
from kling_mcp.errors import KlingError
from kling_mcp.operations.wording import closest, shown
from kling_mcp.server.answers import crash, refusal, unknown_tool
from kling_mcp.server.completion import Completions
from kling_mcp.server.instructions import INSTRUCTIONS
from kling_mcp.server.news import News
from kling_mcp.server.person import Person
from kling_mcp.server.resources import Shelf
from kling_mcp.server.tool import Call, Rising

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.server.context import ServerRequestContext
    from mcp.server.models import InitializationOptions

    from kling_mcp.jobs.runner import Jobs
    from kling_mcp.server.tool import Answer, Tool
    from kling_mcp.settings import Settings

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000


class KlingServer(Server[Any]):
    """The one server object that every transport and every connection of this process shares."""

    def __init__(
        self,
        jobs: Jobs,
        settings: Settings,
        *,
        shown: Mapping[str, Tool],
        every: Mapping[str, Tool],
        provider_name: str,
    ) -> None:
        self._jobs, self._settings = jobs, settings
        self._confirms = settings.confirm_above_units is not None
        self._shown, self._every = shown, every
        self.news = News()
        shelf = Shelf(jobs, self.news)
        jobs.listen(self.news.tell)
        super().__init__(
            "kling-mcp",
            version=__version__,
            title=f"Kling AI ({provider_name})",
            instructions=INSTRUCTIONS,
            cache_hints={
                "tools/list": CacheHint(ttl_ms=HOUR_MS, scope="public"),
                "server/discover": CacheHint(ttl_ms=HOUR_MS, scope="public"),
                "resources/templates/list": CacheHint(ttl_ms=HOUR_MS, scope="public"),
            },
            get_tool_input_schema=self._input_schema,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=shelf.list_resources,
            on_list_resource_templates=shelf.list_templates,
            on_read_resource=shelf.read,
            on_completion=Completions(jobs).complete,
            on_subscribe_resource=self.news.subscribe,
            on_unsubscribe_resource=self.news.unsubscribe,
            on_subscriptions_listen=self.news.listen,
        )

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """Say to clients of the handshake era, too, that the list of resources changes. Transports pass nothing."""
        options = notification_options or NotificationOptions(resources_changed=True)
        return super().create_initialization_options(options, experimental_capabilities, extensions)

    def drain(self) -> None:
        """Before a shutdown: waiting calls return their handle, and listening clients are told that it ends."""
        self._jobs.drain()
        self.news.close()

    def _input_schema(self, name: str) -> Mapping[str, Any] | None:
        tool = self._shown.get(name)
        return tool.input_schema(confirms=self._confirms) if tool else None

    async def _list_tools(
        self, _: ServerRequestContext[Any], __: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool.shown(confirms=self._confirms) for tool in self._shown.values()])

    async def _call_tool(self, context: ServerRequestContext[Any], params: types.CallToolRequestParams) -> Answer:
        tool = self._shown.get(params.name)
        if tool is None:
            return unknown_tool(self._no_such_tool(params.name))
        try:
            return await self._answered(tool, params, context)
        except KlingError as error:
            log.info("%s refused: %s", tool.name, error.failure.code)
            return refusal(error, paid=tool.makes_jobs)
        except Exception:
            log.exception("%s crashed", tool.name)
            return crash()

    async def _answered(
        self, tool: Tool, params: types.CallToolRequestParams, context: ServerRequestContext[Any]
    ) -> Answer:
        arguments = params.arguments or {}
        call = Call(
            jobs=self._jobs,
            settings=self._settings,
            tools=self._every,
            request=tool.arguments.parse(arguments),
            arguments=arguments,
            report=Rising(context.session.report_progress),
            person=Person.at(context, params),
        )
        return await tool.run(call)

    def _no_such_tool(self, name: str) -> str:
        if name in self._every:
            return f"{name} is hidden by this server's settings; the human can show it {self._shown_with(name)}."
        meant = closest(name, self._shown)
        hint = f"Did you mean '{meant}'?" if meant else f"The tools are: {', '.join(self._shown)}."
        return f"There is no tool {shown(name)}. {hint}"

    def _shown_with(self, name: str) -> str:
        """What the human has to set to show a tool that is hidden."""
        settings = self._settings
        if settings.read_only and not self._every[name].hints.read_only_hint:
            return "by removing KLING_READ_ONLY"
        excluded = name in settings.exclude_tools
        return "by removing it from KLING_EXCLUDE_TOOLS" if excluded else f"with KLING_TOOLS={name}"
