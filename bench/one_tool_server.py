"""The least a stdio server can be: one tool on the bare SDK. Our cold start is compared with it.

``python one_tool_server.py [decorated|lowlevel]``: with the SDK's decorators, or with its low-level server.
"""

from __future__ import annotations

import sys

import anyio


def decorated() -> None:
    """Serve one tool as the SDK's first page shows it."""
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("one-tool")

    @server.tool()
    def greet(name: str) -> str:  # pyright: ignore[reportUnusedFunction] - the decorator registers it
        """Say hello."""
        return f"Hello, {name}"

    server.run()


def lowlevel() -> None:
    """Serve one tool with nothing above the protocol."""
    from mcp import types
    from mcp.server.lowlevel import Server
    from mcp.server.stdio import stdio_server

    async def list_tools(*_: object) -> types.ListToolsResult:
        schema = {"type": "object", "properties": {"name": {"type": "string"}}}
        return types.ListToolsResult(tools=[types.Tool(name="greet", description="Say hello.", input_schema=schema)])

    async def call_tool(*_: object) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(type="text", text="Hello")])

    async def serve() -> None:
        server = Server("one-tool", on_list_tools=list_tools, on_call_tool=call_tool)
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(serve)


if __name__ == "__main__":
    {"decorated": decorated, "lowlevel": lowlevel}[sys.argv[1]]()
