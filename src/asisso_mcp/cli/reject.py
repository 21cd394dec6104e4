"""`asisso-mcp reject ENTRY`: a person says no to a change that waits for them, or takes back a yes that was not used yet."""

import argparse

from asisso_mcp.cli.answers import CannotAnswer, answer
from asisso_mcp.cli.approve import add_answer_arguments
from asisso_mcp.cli.options import load_settings
from asisso_mcp.cli.terminal import BOLD, fail, show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `reject`."""
    parser.add_argument("entry", metavar="ENTRY", help="its id, as `asisso-mcp approve` lists it")
    add_answer_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Record a no, for which no terminal is needed. Returns 1 when it could not be recorded. Raises UsageError."""
    try:
        show(answer(options.entry, load_settings(options), "rejected"), BOLD)
    except CannotAnswer as problem:
        return fail(problem)
    return 0
