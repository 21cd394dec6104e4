"""Which process is the host, so that a server can tell that it is gone although its pipe is still open. Standard library only.

A host that dies can leave the pipe open in another of its children: the input never ends then. What does change is the parent.
"""

import os
import sys

_LAUNCHERS = ("uv", "uvx")
"""Programs that stay between the host and a server that they start, and stay when the host is gone."""


def host_process() -> int | None:
    """The id of the host's process, or of the one that took over its children; None on Windows, where a parent never changes."""
    if sys.platform == "win32":
        return None
    parent = os.getppid()
    name, above = _describe(parent)
    return above if name in _LAUNCHERS else parent


def _describe(process: int) -> tuple[str, int]:
    """Name and parent of a process; an empty name where that cannot be read."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            name, _, rest = file.read().partition("(")[2].rpartition(")")
        return name, int(rest.split()[1])
    except FileNotFoundError:  # macOS, or a process that has just ended
        return _ask_ps(process)


def _ask_ps(process: int) -> tuple[str, int]:
    if "UV" not in os.environ:  # uv tells those that it starts where it is; without it there is nothing to look for
        return "", 0
    import subprocess

    command = ["/bin/ps", "-o", "ppid=,comm=", "-p", str(process)]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5).stdout.split(maxsplit=1)  # noqa: S603 - a number is all that varies
    except (OSError, subprocess.SubprocessError):
        return "", 0
    return (told[1].strip().rpartition("/")[2], int(told[0])) if len(told) == 2 else ("", 0)
