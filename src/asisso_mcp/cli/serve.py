"""`asisso-mcp serve`, and what happens without a command: MCP on stdio, or over HTTP."""

import argparse
import sys
from typing import Any

from asisso_mcp.cli.options import UsageError, add_common_arguments, add_db_argument, describe_settings, load_settings
from asisso_mcp.cli.terminal import fail, show
from asisso_mcp.config import HTTP_SETTINGS, Settings, UnreadableLimit
from asisso_mcp.http.settings import AUTH, HttpSettings
from asisso_mcp.stdio.pipe import StdioPipe

_HTTP_OPTIONS: dict[str, dict[str, Any]] = {
    "host": {"help": "address to listen on (default 127.0.0.1)"},
    "port": {"type": int, "help": "default 8000; 0 is any free one"},
    "auth": {
        "choices": AUTH,
        "help": "who may call (none: loopback only; passthrough: whoever brings a key of the API)",
    },
    "allow-host": {
        "dest": "allow_hosts",
        "metavar": "HOST",
        "action": "append",
        "help": "a Host that clients use; repeatable",
    },
    "allow-origin": {
        "dest": "allow_origins",
        "metavar": "URL",
        "action": "append",
        "help": "a web page that may call; repeatable",
    },
    "workers": {"type": int, "help": "processes that share the port (default 1)"},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `serve`."""
    add_common_arguments(parser)
    add_db_argument(parser)
    parser.add_argument("--transport", choices=("stdio", "http"), default="stdio", help="default stdio")
    http = parser.add_argument_group("with --transport http")
    for name, properties in _HTTP_OPTIONS.items():
        http.add_argument(f"--{name}", **properties)
    parser.epilog = describe_settings("settings of --transport http (environment)", HTTP_SETTINGS)


def run(options: argparse.Namespace) -> int:
    """Serve until the client leaves or a signal comes."""
    given = {}
    for name, properties in _HTTP_OPTIONS.items():
        argument = properties.get("dest", name)
        if (value := getattr(options, argument)) is not None:
            if options.transport == "stdio":
                raise UsageError(f"--{name} goes with --transport http: add that, or leave it out.")
            given[argument] = value
    if options.transport == "http":
        settings = load_settings(options)
        http_settings = HttpSettings.of(**given, sandbox=settings.sandbox)
        from asisso_mcp.http.process import serve_http

        return serve_http(settings, http_settings)
    refusal = None
    try:
        settings = load_settings(options)
    except UnreadableLimit as unreadable:  # hosts hide stderr: whoever calls is told, by a server that has no key
        refusal = str(unreadable)
        fail(refusal)
        settings = Settings(read_only=options.read_only)
    if sys.stdin is not None and sys.stdin.isatty():
        _explain_terminal()
    pipe = options.pipe or StdioPipe.claim()  # before anything is imported that could print

    from asisso_mcp.stdio.server import serve

    serve(settings, pipe, refusal=refusal)
    return 0


def _explain_terminal() -> None:
    """Say to a person what a server on a terminal waits for, and what to type instead."""
    from asisso_mcp.cli.invocation import invocation

    program = invocation()
    show(
        "Waiting for an MCP client. A client such as Claude or Cursor starts this by itself and speaks to it here; there is "
        "nothing for you to type. Ctrl-C ends it. To put it into your client:",
        file=sys.stderr,
    )
    print(f"  {program} install", file=sys.stderr, flush=True)
