"""HOW an agent reaches us: the tools, resources and transports of MCP."""
