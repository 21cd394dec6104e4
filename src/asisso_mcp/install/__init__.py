"""`asisso-mcp install`: adds the server to a client's settings file, or removes it, and changes nothing else there."""
