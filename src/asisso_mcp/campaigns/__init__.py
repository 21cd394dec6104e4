"""What is known of campaigns: planning, sending and telling, without MCP."""
