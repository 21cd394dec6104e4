"""Options and help texts that several commands share."""

import argparse
import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from asisso_mcp.cli.terminal import fail, warn, wrap
from asisso_mcp.config import Setting, Settings


class UsageError(Exception):
    """The command line is wrong; the message says what is allowed."""


NO_KEY = (
    "No Asisso API key is set, so nothing was sent. Set it in this terminal with `export ASISSO_API_KEY=…`; or add --sandbox, "
    "for example campaigns without an account."
)
"""What a command says where a tool call would speak of the place in which a host keeps its settings."""

FORGETS = (
    "This sandbox ends with the command, and so does what was changed in it. With --db FILE it stays for the next one."
)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are wrapped to the terminal's width."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message on stderr, and end with exit code 2."""
        self.print_usage(sys.stderr)
        raise SystemExit(fail(f"error: {message}", 2, program=self.prog))


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


def add_db_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option by which a sandbox remembers."""
    parser.add_argument(
        "--db",
        metavar="FILE",
        type=Path,
        help="with --sandbox: the file that keeps its campaigns; without it, each start begins anew",
    )


def require_credentials(settings: Settings) -> None:
    """Raises UsageError when there is neither a key, nor a token, nor the sandbox."""
    if not (settings.sandbox or settings.api_key or settings.access_token):
        raise UsageError(NO_KEY)


def load_settings(options: argparse.Namespace, *, print_warnings: bool = True) -> Settings:
    """The settings of the environment and these options; logging is set up as they say. Raises SettingsError, UsageError."""
    db = getattr(options, "db", None)
    settings = Settings.from_environment(
        sandbox=options.sandbox or None, read_only=options.read_only or None, sandbox_db=db
    )
    if db is not None:
        if not settings.sandbox:
            raise UsageError("--db goes with --sandbox: add that, or leave it out.")
        _check_db(db)
    levels = ("warning", "info", "debug")
    level = levels[min(options.verbose, 2)] if options.verbose else settings.log_level
    logging.basicConfig(level=level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    for warning in settings.warnings if print_warnings else ():
        warn(warning)
    for noisy in ("httpcore2", "httpx2", "asyncio"):  # these would print requests with their headers; ours is one line
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return settings


def _check_db(file: Path) -> None:
    """Open the sandbox's file once, so that what is wrong with it is said before anything is done. Raises UsageError."""
    from asisso_mcp.sandbox import Sandbox

    try:
        Sandbox(db=file).close()
    except ValueError as problem:
        raise UsageError(problem) from None
