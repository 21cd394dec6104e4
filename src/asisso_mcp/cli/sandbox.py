"""`asisso-mcp sandbox`: the built-in API alone, on loopback HTTP."""

import argparse
import sys

from asisso_mcp.cli.options import UsageError
from asisso_mcp.cli.terminal import show
from asisso_mcp.sandbox import KEY, Sandbox, parse_fault, serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `sandbox`."""
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8765, help="default 8765")
    parser.add_argument(
        "--db", metavar="FILE", default=":memory:", help="SQLite file, so that processes share the state"
    )
    parser.add_argument(
        "--fault", metavar="KIND[:key=value,...]", action="append", default=[], help="inject a fault; repeatable"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes. Raises UsageError."""
    host, port = options.host, options.port
    try:
        sandbox = Sandbox(db=options.db, faults=[parse_fault(text) for text in options.fault])
        show(
            f"The Asisso sandbox listens on http://{host}:{port} with key {KEY}\n"
            f"To use it: ASISSO_BASE_URL=http://{host}:{port} ASISSO_API_KEY={KEY} asisso-mcp doctor",
            file=sys.stderr,
        )
        serve(sandbox, host=host, port=port)
    except (ValueError, LookupError) as problem:
        raise UsageError(problem) from None
    except (OSError, OverflowError) as problem:
        raise UsageError(f"cannot listen on {host} port {port}: {problem}. Choose another --port.") from None
    return 0
