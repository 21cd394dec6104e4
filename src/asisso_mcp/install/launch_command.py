"""The command with which a client starts the server: the running installation, or `uvx`, which fetches it."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "asisso-mcp"


@dataclass(frozen=True)
class LaunchCommand:
    """A program and its arguments, started without a shell."""

    command: str
    arguments: tuple[str, ...] = ()

    def with_flags(self, flags: Sequence[str]) -> "LaunchCommand":
        """The same command with more arguments at its end."""
        return LaunchCommand(self.command, (*self.arguments, *flags))


UVX = LaunchCommand("uvx", (PROGRAM,))
"""For files that several machines share: it holds no path of one of them."""


def launch_command(prefix: str = sys.prefix, path: str | None = None) -> LaunchCommand:
    """The command of the running installation by its full path (clients have another PATH); `uvx` where it lies in a cache.

    prefix: the running environment. path: where `uvx` is looked for, in the form of PATH (None: PATH itself).
    """
    program = Path(prefix) / ("Scripts/asisso-mcp.exe" if os.name == "nt" else "bin/asisso-mcp")
    if program.is_file() and not _is_temporary(Path(prefix)):
        return LaunchCommand(str(program))
    return LaunchCommand(shutil.which("uvx", path=path) or UVX.command, UVX.arguments)


def _is_temporary(prefix: Path) -> bool:
    """Whether the environment lies in a cache, as those of `uvx` and `pipx run` do."""
    # Every environment that uv makes is tagged as a cache, so only the folders above it tell.
    return any((folder / "CACHEDIR.TAG").exists() or folder.name in (".cache", "Caches") for folder in prefix.parents)
