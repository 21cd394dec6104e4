"""A benchmark that compares asisso-mcp with what people would otherwise use: `python -m bench`."""
