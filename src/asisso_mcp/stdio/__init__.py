"""The MCP server over stdio, and the fast start that answers before the SDK is imported."""
