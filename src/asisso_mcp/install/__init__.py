"""`asisso-mcp install`: puts the server into a client's own settings file and takes it out again. Nothing else there changes."""
