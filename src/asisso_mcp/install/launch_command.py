"""The command with which a client starts the server: the running installation, or `uvx`, which fetches it."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

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
"""The published form: it works from the day on which the package is in the index."""


def launch_command(prefix: str = sys.prefix, path: str | None = None, clone: Path | None = None) -> LaunchCommand:
    """The command of the running installation by its full path (clients have another PATH); `uvx` where it lies in a cache.

    prefix: the running environment. path: where `uvx` is looked for, in the form of PATH (None: PATH itself). clone: the
    folder that it was installed from, which `uvx` is then told to take it from.
    """
    program = script(prefix)
    if program.is_file() and not is_temporary(prefix):
        return LaunchCommand(str(program))
    source = ("--from", str(clone)) if clone else ()
    return LaunchCommand(shutil.which("uvx", path=path) or UVX.command, (*source, *UVX.arguments))


def shared_launch_command(clone: Path | None) -> LaunchCommand:
    """The command for a file that several machines share: no path of this one, unless a clone is all there is."""
    return UVX if clone is None else launch_command(clone=clone)


def script(prefix: str = sys.prefix) -> Path:
    """Where the environment has this program."""
    return Path(prefix) / ("Scripts/asisso-mcp.exe" if os.name == "nt" else "bin/asisso-mcp")


def clone_folder() -> Path | None:
    """The folder from which the running package was installed; None when it came from the index."""
    # PEP 610: installers keep where a package came from, unless it was the index.
    origin = json.loads(distribution(PROGRAM).read_text("direct_url.json") or "{}")
    url = urlsplit(origin.get("url", ""))
    return Path(url2pathname(url.path)) if url.scheme == "file" and "dir_info" in origin else None


def is_temporary(prefix: str) -> bool:
    """Whether the environment lies in a cache, as those of `uvx` and `pipx run` do."""
    # Every environment that uv makes is tagged as a cache, so only the folders above it tell.
    folders = Path(prefix).parents
    return any((folder / "CACHEDIR.TAG").exists() or folder.name in (".cache", "Caches") for folder in folders)
