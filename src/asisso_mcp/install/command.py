"""`asisso-mcp install`: its arguments, and what it does and says."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asisso_mcp.install.config_file import InstallResult

# Every start reads the command line, so nothing of this command is imported before it is asked for; a test compares the names.
NAMES = ("claude-desktop", "claude-code", "cursor", "vscode", "codex", "gemini", "windsurf", "goose")
WORDS = "put this server into a client's settings, or take it out again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments; `--sandbox` and `--read-only` are common to several commands."""
    parser.add_argument("--client", required=True, choices=NAMES, help="which one")
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


def run(options: argparse.Namespace) -> int:
    """Carry it out. Returns the exit code: 0, 1 when the file stays as it was, 2 when the options do not fit."""
    from asisso_mcp.install import config_file
    from asisso_mcp.install.clients import Platform, by_name
    from asisso_mcp.install.files import InstallError
    from asisso_mcp.install.launch_command import UVX, launch_command

    client = by_name(options.client)
    if options.project is not None and client.project is None:
        return _fail(f"{client.title} has no project files: leave --project out.", 2)
    if options.project is not None and not options.project.is_dir():
        return _fail(f"{options.project} is not a folder.", 2)
    if options.project is not None and options.ask_key:
        return _fail("A project's file is shared, so no key belongs in it: leave --ask-key out.", 2)
    file = client.file(Platform(sys.platform, Path.home(), os.environ), options.project)
    # A project's file is for other machines too, where no path of this one holds.
    launch = launch_command() if options.project is None else UVX
    flags = {"sandbox": options.sandbox, "read_only": options.read_only}
    if options.print:
        print(f"This belongs in {file}:", file=sys.stderr)
        print(config_file.preview(client, launch, **flags), end="")
        return 0
    try:
        if options.remove:
            _print_removed(client.title, config_file.remove(client, file))
            return 0
        key = _ask_key() if options.ask_key else None
        result = config_file.install(client, file, launch, **flags, key=key)
    except InstallError as error:
        return _fail(str(error), 1)
    print(f"{client.title} starts {'the sandbox' if options.sandbox else 'asisso'} now: ", end="")
    print(f"{file} was written." if result.changed else f"{file} says so already; nothing was changed.")
    if result.backup is not None:
        print(f"As it was before: {result.backup}")
    if not options.sandbox and not options.ask_key:
        print(f"The key: {client.key_hint}")
    print(f"To see it work: {client.check}")
    return 0


def _print_removed(title: str, result: "InstallResult") -> None:
    if result.changed:
        print(f"{title} no longer starts asisso: it was taken out of {result.file}.")
    else:
        print(f"asisso is not in {result.file}; nothing was changed.")
    if result.deleted_backups:
        many = "s" if result.deleted_backups > 1 else ""
        print(f"Deleted {result.deleted_backups} backup{many} of it: a key could be in there.")


def _ask_key() -> str:
    """The key that the person types or pipes in; it is not shown. Raises InstallError."""
    from getpass import getpass

    from asisso_mcp.install.files import InstallError

    key = (getpass("Asisso API key: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key or key.startswith("$"):
        raise InstallError(
            "That is not a key: it is empty, or has a space or a character that cannot be sent. Nothing was written."
        )
    return key


def _fail(message: str, code: int) -> int:
    print(f"asisso-mcp: {message}", file=sys.stderr)
    return code
