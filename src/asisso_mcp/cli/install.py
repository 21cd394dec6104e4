"""`asisso-mcp install`: puts the server into a client's settings, or takes it out again."""

import argparse
import os
import sys
from getpass import getpass
from pathlib import Path

from asisso_mcp.cli.options import UsageError, add_common_arguments
from asisso_mcp.cli.terminal import fail, show
from asisso_mcp.install import config_file
from asisso_mcp.install.clients import CLIENTS, Platform, by_name
from asisso_mcp.install.files import InstallError
from asisso_mcp.install.launch_command import UVX, launch_command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `install`."""
    parser.add_argument("--client", required=True, choices=[each.name for each in CLIENTS], help="which one")
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
    client = by_name(options.client)
    if options.project is not None and client.project is None:
        raise UsageError(f"{client.title} has no project files: leave --project out.")
    if options.project is not None and not options.project.is_dir():
        raise UsageError(f"{options.project} is not a folder.")
    if options.project is not None and options.ask_key:
        raise UsageError("A project's file is shared, so no key belongs in it: leave --ask-key out.")
    file = client.file(Platform(sys.platform, Path.home(), os.environ), options.project)
    # A project's file is for other machines too, where no path of this one holds.
    launch = launch_command() if options.project is None else UVX
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
    show(f"To see it work: {client.check}")
    return 0


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
