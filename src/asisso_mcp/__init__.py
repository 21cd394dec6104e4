"""asisso-mcp: an assistant looks after outbound calling campaigns on Asisso."""
