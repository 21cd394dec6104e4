"""The command line. Each command is a module of this package that is imported only when it is asked for."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import import_module
from typing import NoReturn

from asisso_mcp import __version__
from asisso_mcp.cli.terminal import YELLOW, fail, show, wrap
from asisso_mcp.config import SETTINGS, Setting, Settings, SettingsError
from asisso_mcp.stdio.pipe import StdioPipe

COMMANDS = {
    "serve": "serve MCP on stdio, or over HTTP",
    "demo": "a real MCP client talks to the server over the sandbox; prints the conversation",
    "call": "one tool call from the terminal; exit code 1 when the tool answers an error",
    "sandbox": "the built-in API alone, on loopback HTTP",
    "schemas": "write tool_schemas/ from the models",
    "doctor": "what is configured, whether the API answers, what to do",
    "install": "put this server into a client's settings, or take it out again",
    "completion": "print a script that completes this command line in your shell",
}
"""Name of a module here, with `add_arguments(parser)` and `run(options)`, which returns the exit code -> what it does."""


class UsageError(Exception):
    """The command line is wrong; the message says what is allowed."""


def main(arguments: Sequence[str] | None = None, *, pipe: StdioPipe | None = None) -> NoReturn:
    """Run a command; the exit code is 0, 1 (it failed and said why), or 2 (the command line or a setting is wrong).

    pipe: stdio, where the fast start has already claimed it and answered on it.
    """
    if "_ARGCOMPLETE" in os.environ:
        from asisso_mcp.cli.completion import answer_shell

        answer_shell()
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
    name = next((each for each in arguments if not each.startswith("-")), "")
    parser, commands = build_parser({name or "serve"})
    if name not in COMMANDS:
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
    parser = argparse.ArgumentParser(
        prog="asisso-mcp",
        description="MCP server for outbound calling campaigns on Asisso: read, pause, edit, resume. Without a command it "
        "serves MCP on stdio, which is what a host launches.",
        epilog=describe_settings("settings (environment)", SETTINGS),
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"asisso-mcp {__version__}")
    add_common_arguments(parser)
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


class HelpFormatter(argparse.HelpFormatter):
    """Help in which the lines of a table stay lines, each wrapped to the terminal's width."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" not in text:
            return super()._fill_text(text, width, indent)
        return "\n".join(wrap(indent + line, width) for line in text.splitlines())


def describe_settings(title: str, settings: Iterable[Setting]) -> str:
    """A table of environment variables for the end of a help text."""
    rows = [(each.name, each.meaning + (f" (default {each.default})" if each.default else "")) for each in settings]
    column = max(len(name) for name, _ in rows)
    return "\n".join([f"{title}:", *(f"  {name:<{column}}  {words}" for name, words in rows)])


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that several commands share."""
    parser.add_argument("--sandbox", action="store_true", help="use the built-in API: no key, no network")
    parser.add_argument("--read-only", action="store_true", help="offer only the tools that read")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="more on stderr; -vv for all")


def load_settings(options: argparse.Namespace, *, print_warnings: bool = True) -> Settings:
    """The settings of the environment and these options; logging is set up as they say. Raises SettingsError."""
    settings = Settings.from_environment(sandbox=options.sandbox or None, read_only=options.read_only or None)
    levels = ("warning", "info", "debug")
    level = levels[min(options.verbose, 2)] if options.verbose else settings.log_level
    logging.basicConfig(level=level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    for warning in settings.warnings if print_warnings else ():
        show(f"asisso-mcp: {warning}", YELLOW, sys.stderr)
    for noisy in ("httpcore2", "httpx2", "asyncio"):  # these would print requests with their headers; ours is one line
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return settings
