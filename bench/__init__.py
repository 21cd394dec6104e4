"""How does asisso-mcp compare with what people would otherwise use? `python -m bench` measures it."""
