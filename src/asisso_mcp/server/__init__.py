"""The MCP server: tools, resources, prompts and completions as clients see them."""
