"""The MCP server over HTTP: application, endpoint, authentication, process."""
