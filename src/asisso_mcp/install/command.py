"""What `asisso-mcp install` does and says."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asisso_mcp.install.clients import Client

# Every start reads the command line, so nothing of this command is imported before it is asked for; a test compares the names.
NAMES = ("claude-desktop", "claude-code", "cursor", "vscode", "codex", "gemini", "windsurf", "goose")
WORDS = "put this server into a client's settings, or take it out again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
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
    """The exit code: 0, 1 when nothing was written because of the file, 2 when the options do not fit."""
    from asisso_mcp.install.blocks import install, preview
    from asisso_mcp.install.clients import Machine, by_name
    from asisso_mcp.install.errors import NotInstalled
    from asisso_mcp.install.launch import ANYWHERE, here

    client = by_name(options.client)
    machine = Machine(sys.platform, Path.home(), os.environ)
    if options.project is not None and client.project is None:
        return _refused(f"{client.title} has no project files: leave --project out.", 2)
    if options.project is not None and not options.project.is_dir():
        return _refused(f"{options.project} is not a folder.", 2)
    if options.project is not None and options.ask_key:
        return _refused("A project's file is shared, so no key belongs in it: leave --ask-key out.", 2)
    file = client.file(machine, options.project)
    # A project's file is for other machines too, where no path of this one holds.
    launch = here() if options.project is None else ANYWHERE
    if options.print:
        print(f"This belongs in {file}:", file=sys.stderr)
        print(preview(client, launch, sandbox=options.sandbox, read_only=options.read_only), end="")
        return 0
    try:
        if options.remove:
            return _removed(client, file)
        key = _asked() if options.ask_key else None
        done = install(client, file, launch, sandbox=options.sandbox, read_only=options.read_only, key=key)
    except NotInstalled as problem:
        return _refused(str(problem), 1)
    print(f"{client.title} starts {'the sandbox' if options.sandbox else 'asisso'} now: ", end="")
    print(f"{done.file} was written." if done.changed else f"{done.file} says so already; nothing was changed.")
    _print_backup(done.backup)
    if not options.sandbox and not options.ask_key:
        print(f"The key: {client.to_do}")
    print(f"To see it work: {client.check}")
    return 0


def _removed(client: "Client", file: Path) -> int:
    from asisso_mcp.install.blocks import remove

    done = remove(client, file)
    if done.changed:
        print(f"{client.title} no longer starts asisso: it was taken out of {done.file}.")
        _print_backup(done.backup)
    else:
        print(f"asisso is not in {done.file}; nothing was changed.")
    return 0


def _print_backup(backup: Path | None) -> None:
    if backup is not None:
        print(f"As it was before: {backup}")


def _asked() -> str:
    """The key that the person types or pipes in; it is not shown. Raises NotInstalled."""
    from getpass import getpass

    from asisso_mcp.install.errors import NotInstalled

    key = (getpass("Asisso API key: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key or key.startswith("$"):
        raise NotInstalled(
            "That is not a key: it is empty, or has a space or a character that cannot be sent. Nothing was written."
        )
    return key


def _refused(words: str, code: int) -> int:
    print(f"asisso-mcp: {words}", file=sys.stderr)
    return code
