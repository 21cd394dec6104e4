"""`asisso-mcp completion SHELL`: a script for the shell, and what it is told when a person presses Tab."""

import argparse
import os
import re
from collections.abc import Callable, Collection

import argcomplete
from argcomplete.shell_integration import shellcode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `completion`."""
    parser.epilog = 'To use it in bash: eval "$(asisso-mcp completion bash)"'
    parser.add_argument("shell", choices=("bash", "zsh", "fish", "powershell"), help="which shell reads the script")


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    print(shellcode(["asisso-mcp"], shell=options.shell))
    return 0


def answer_shell(build_parser: Callable[[Collection[str]], tuple[argparse.ArgumentParser, object]]) -> None:
    """Answer the shell that asks what the line could go on with. Does not return.

    build_parser: makes the whole parser, with the arguments of the commands among these words.
    """
    line, point = os.environ["COMP_LINE"], int(os.environ["COMP_POINT"])
    # argparse looks for no positional argument behind an option, so the options that stand alone are left out.
    line = re.sub(r" (-v+|--verbose|--sandbox|--read-only|--json)(?= )", "", line[:point])
    os.environ.update(COMP_LINE=line, COMP_POINT=str(len(line)))
    parser, _ = build_parser(line.split())
    argcomplete.autocomplete(parser)
