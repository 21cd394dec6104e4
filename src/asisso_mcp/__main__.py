"""`python -m asisso_mcp` is `asisso-mcp`."""

from asisso_mcp.opening import main

if __name__ == "__main__":
    main()
