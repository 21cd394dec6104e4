"""`asisso-mcp install`: the server put into a client's own file, taken out of it again, and nothing else touched."""
