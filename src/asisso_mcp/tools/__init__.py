"""The five tools, without MCP."""
