"""The command line. Each command is a module of this package that is imported only when it is asked for."""

import argparse
import io
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from typing import NoReturn

from asisso_mcp import __version__
from asisso_mcp.cli.options import (
    HelpFormatter,
    Parser,
    UsageError,
    add_common_arguments,
    add_db_argument,
    describe_settings,
)
from asisso_mcp.cli.terminal import fail
from asisso_mcp.config import SETTINGS, SettingsError
from asisso_mcp.stdio.pipe import StdioPipe

COMMANDS = {
    "serve": "serve MCP on stdio, or over HTTP",
    "demo": "a real MCP client talks to the server over the sandbox; prints the conversation",
    "tools": "the tools, or the arguments of one with what is allowed",
    "call": "one tool call from the terminal; exit code 1 when the tool answers an error",
    "dashboard": "campaigns in a browser, on loopback, until Ctrl-C",
    "journal": "what was changed, by whom, with what outcome",
    "undo": "take back what an entry of the journal changed, unless it has changed since",
    "approve": "say yes to a change that waits for a person, which the same call then makes; without ENTRY, what waits",
    "reject": "say no to a change that waits for a person",
    "sandbox": "the built-in API alone, on loopback HTTP",
    "schemas": "write tool_schemas/ from the models",
    "doctor": "what is configured, whether the API answers, what to do",
    "install": "put this server into a client's settings, or take it out again",
    "completion": "print a script that completes this command line in your shell",
}
"""Name of a module here, with `add_arguments(parser)` and `run(options)`, which returns the exit code -> what it does."""


def main(arguments: Sequence[str] | None = None, *, pipe: StdioPipe | None = None) -> NoReturn:
    """Run a command; the exit code is 0, 1 (it failed and said why), or 2 (the command line or a setting is wrong).

    pipe: stdio, where the fast start has already claimed it and answered on it.
    """
    if "_ARGCOMPLETE" in os.environ:
        from asisso_mcp.cli.completion import answer_shell

        answer_shell(build_parser)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks "→" shows "?" instead of failing
            stream.reconfigure(errors="replace")
    try:
        options = _parse(sys.argv[1:] if arguments is None else arguments)
        options.pipe = pipe
        code: int = options.run(options)
    except (SettingsError, UsageError) as problem:
        code = fail(problem, 2)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    raise SystemExit(code)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of the command that is the first word, wherever they stand; without a command, those of `serve`."""
    name = next((each for each in arguments if each in COMMANDS), None)
    parser, commands = build_parser({name or "serve"})
    if name is None:
        parser.parse_args(arguments)  # ends here with --help, --version, or what is wrong
        return commands["serve"].parse_args(arguments)
    position = arguments.index(name)
    options, rest = commands[name].parse_known_intermixed_args([*arguments[:position], *arguments[position + 1 :]])
    if rest:
        unknown = [each for each in rest if each.startswith("-")] or rest
        commands[name].error(f"unrecognized arguments: {' '.join(unknown)}")
    return options


def build_parser(wanted: Collection[str]) -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """The whole parser and those of the commands, of which only the `wanted` have their arguments."""
    parser = Parser(
        prog="asisso-mcp",
        description="MCP server for outbound calling campaigns on Asisso: read, pause, edit, resume. Without a command it "
        "serves MCP on stdio, which is what a host launches.",
        epilog=describe_settings("settings (environment)", SETTINGS),
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"asisso-mcp {__version__}")
    add_common_arguments(parser)
    add_db_argument(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, words in COMMANDS.items():
        command = commands.add_parser(
            name, help=words, description=words, formatter_class=HelpFormatter, allow_abbrev=False
        )
        if name in wanted:
            module = import_module(f"{__name__}.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser, commands.choices
