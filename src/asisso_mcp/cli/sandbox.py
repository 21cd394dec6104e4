"""`asisso-mcp sandbox`: the built-in API alone, on loopback HTTP."""

import argparse
import sys

from asisso_mcp.cli.invocation import invocation
from asisso_mcp.cli.options import UsageError
from asisso_mcp.cli.terminal import show
from asisso_mcp.sandbox import KEY, Sandbox, parse_fault, serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `sandbox`."""
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8765, help="default 8765")
    parser.add_argument(
        "--db",
        metavar="FILE",
        default=":memory:",
        help="SQLite file that keeps the campaigns and that processes may share; without it, each start begins anew",
    )
    parser.add_argument(
        "--fault", metavar="KIND[:key=value,...]", action="append", default=[], help="inject a fault; repeatable"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes. Raises UsageError."""
    host, port = options.host, options.port
    try:
        sandbox = Sandbox(db=options.db, faults=[parse_fault(text) for text in options.fault])
        serve(
            sandbox,
            host=host,
            port=port,
            listening=lambda origin: _announce(origin, options.db),
            log=lambda line: print(line, file=sys.stderr, flush=True),
        )
    except (ValueError, LookupError) as problem:
        raise UsageError(problem) from None
    except (OSError, OverflowError) as problem:
        raise UsageError(f"cannot listen on {host} port {port}: {problem}. Choose another --port.") from None
    return 0


def _announce(origin: str, db: str) -> None:
    """Say where it listens, how to use it, and whether it remembers."""
    memory = "It forgets everything when it ends; --db FILE keeps it." if db == ":memory:" else f"It is kept in {db}."
    show(f"The Asisso sandbox listens on {origin} with key {KEY}. {memory} Ctrl-C ends it.", file=sys.stderr)
    print(f"  ASISSO_BASE_URL={origin} ASISSO_API_KEY={KEY} {invocation()} doctor", file=sys.stderr, flush=True)
