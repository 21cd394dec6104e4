"""Which command starts the server on this machine: the one that is running, or `uvx`, which fetches it."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "asisso-mcp"


@dataclass(frozen=True)
class Launch:
    """A command and its arguments, without a shell between."""

    command: str
    arguments: tuple[str, ...] = ()

    def with_flags(self, flags: Sequence[str]) -> "Launch":
        return Launch(self.command, (*self.arguments, *flags))


ANYWHERE = Launch("uvx", (PROGRAM,))
"""For files that several machines share: no path of one of them."""


def here(prefix: str = sys.prefix, path: str | None = None) -> Launch:
    """The running installation by its full path, since hosts have a PATH of their own; `uvx` where it may be gone tomorrow.

    prefix: the running environment. path: where `uvx` is looked for, as in PATH.
    """
    program = Path(prefix) / ("Scripts/asisso-mcp.exe" if os.name == "nt" else "bin/asisso-mcp")
    if program.is_file() and not _is_passing(Path(prefix)):
        return Launch(str(program))
    return Launch(shutil.which("uvx", path=path) or ANYWHERE.command, ANYWHERE.arguments)


def _is_passing(prefix: Path) -> bool:
    """Whether the environment is in a cache, as those of `uvx` and `pipx run` are."""
    # Every environment that uv makes has the tag of a cache, so only what is above it tells.
    return any((folder / "CACHEDIR.TAG").exists() or folder.name in (".cache", "Caches") for folder in prefix.parents)
