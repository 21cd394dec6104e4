"""`asisso-mcp install`: puts the server into a client's settings, or takes it out again."""

import argparse
import os
import sys
from getpass import getpass
from pathlib import Path

from asisso_mcp.cli.invocation import invocation
from asisso_mcp.cli.options import UsageError, add_common_arguments
from asisso_mcp.cli.terminal import fail, show
from asisso_mcp.install import config_file
from asisso_mcp.install.clients import CLIENTS, Client, Platform, by_name
from asisso_mcp.install.files import InstallError
from asisso_mcp.install.launch_command import clone_folder, launch_command, shared_launch_command

_FLAGS = ("sandbox", "read_only", "print", "remove", "ask_key")
"""Options without a value, which go with whatever client is chosen."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `install`."""
    parser.add_argument(
        "--client",
        choices=[each.name for each in CLIENTS],
        help="which one; without it, those on this machine are offered",
    )
    parser.add_argument(
        "--project",
        metavar="DIR",
        type=Path,
        help="into the project's file, for clients that have one, instead of yours",
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--print", action="store_true", help="write nothing; print the block")
    action.add_argument("--remove", action="store_true", help="take the server out again")
    action.add_argument(
        "--ask-key",
        action="store_true",
        help="ask for the API key and store it in the file, which only you can read then",
    )
    add_common_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Carry it out. Returns 1 when the file stays as it was because of a problem. Raises UsageError."""
    platform = Platform(sys.platform, Path.home(), os.environ)
    client = _choose(platform, options) if options.client is None else by_name(options.client)
    if client is None:
        show("Nothing was changed.")
        return 0
    if options.project is not None and client.project is None:
        raise UsageError(f"{client.title} has no project files: leave --project out.")
    if options.project is not None and not options.project.is_dir():
        raise UsageError(f"{options.project} is not a folder.")
    if options.project is not None and options.ask_key:
        raise UsageError("A project's file is shared, so no key belongs in it: leave --ask-key out.")
    file = client.file(platform, options.project)
    clone = clone_folder()
    launch = launch_command(clone=clone) if options.project is None else shared_launch_command(clone)
    flags = {"sandbox": options.sandbox, "read_only": options.read_only}
    if options.print:
        show(f"This belongs in {file}:", file=sys.stderr)
        print(config_file.preview(client, launch, **flags), end="")
        return 0
    try:
        if options.remove:
            _show_removed(client.title, config_file.remove(client, file))
            return 0
        key = _ask_key() if options.ask_key else None
        result = config_file.install(client, file, launch, **flags, key=key)
    except InstallError as error:
        return fail(error)
    started = f"{client.title} starts {'the sandbox' if options.sandbox else 'asisso'} now:"
    show(
        f"{started} {file} was written."
        if result.changed
        else f"{started} {file} says so already; nothing was changed."
    )
    if result.backup is not None:
        show(f"As it was before: {result.backup}")
    if not options.sandbox and not options.ask_key:
        show(f"The key: {client.key_hint}")
    if options.project is not None and clone is not None:
        show(f"It starts the clone in {clone}, which is on this machine only.")
    nods = (client.nod, client.project_nod if options.project is not None else None)
    for nod in filter(None, nods):
        show(f"Before that: {nod}")
    show(f"To see it work: {client.check}")
    return 0


def _choose(platform: Platform, options: argparse.Namespace) -> Client | None:
    """The client that the person picks among those on this machine; None when they pick none. Raises UsageError."""
    here = [client for client in CLIENTS if client.is_here(platform)]
    others = ", ".join(client.name for client in CLIENTS if client not in here)
    if not here:
        raise UsageError(
            f"No client that this knows was found here. Name one of {others}: {invocation()} install --client NAME"
        )
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    given = "".join(f" --{each.replace('_', '-')}" for each in _FLAGS if getattr(options, each))
    show("On this machine:")
    for number, client in enumerate(here, 1):
        command = f"{invocation()} install --client {client.name}{given}"
        print(f"  {number}  {client.title}" if is_terminal else f"  {client.title:<15} {command}")
    if others:
        show(f"Not found, and possible: {others}.")
    if not is_terminal:
        raise UsageError("say which one with --client NAME. Nothing was changed.")
    while answer := _ask_number():
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(here):
            return here[int(answer) - 1]
    return None


def _ask_number() -> str:
    """What the person types; empty at the end of the input, too."""
    try:
        return input("Which number? (Enter for none) ").strip()
    except EOFError:
        return ""


def _show_removed(title: str, result: config_file.InstallResult) -> None:
    if result.changed:
        show(f"{title} no longer starts asisso: it was taken out of {result.file}.")
    else:
        show(f"asisso is not in {result.file}; nothing was changed.")
    if result.deleted_backups:
        many = "s" if result.deleted_backups > 1 else ""
        show(f"Deleted {result.deleted_backups} backup{many} of it: a key could be in there.")


def _ask_key() -> str:
    """The key that the person types or pipes in; it is not shown. Raises InstallError."""
    key = (getpass("Asisso API key: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key or key.startswith("$"):
        raise InstallError(
            "That is not a key: it is empty, or has a space or a character that cannot be sent. Nothing was written."
        )
    return key
