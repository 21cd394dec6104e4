"""Options and help texts that several commands share."""

import argparse
import logging
import sys
from collections.abc import Iterable

from asisso_mcp.cli.terminal import warn, wrap
from asisso_mcp.config import Setting, Settings


class UsageError(Exception):
    """The command line is wrong; the message says what is allowed."""


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
        warn(warning)
    for noisy in ("httpcore2", "httpx2", "asyncio"):  # these would print requests with their headers; ours is one line
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return settings
