"""kling-mcp: all of Kling AI as MCP tools, without ever paying twice or losing a paid result."""

__version__ = "0.1.0"
