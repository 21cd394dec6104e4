"""`python -m asisso_mcp` is `asisso-mcp`."""

from asisso_mcp.cli import main

if __name__ == "__main__":
    main()
