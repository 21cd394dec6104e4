"""Starts, watches and ends server processes. Memory and processor time are read from /proc, so the benchmark needs Linux."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_ENDING_SECONDS = 10


def minimal_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment that a host gives to a server: next to nothing, and `extra`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "USER", "SHELL", "LANG") if name in os.environ}
    return {**kept, **extra}


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a process with pipes for stdin and stdout; its stderr goes to `log`."""
    with log.open("ab") as errors:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=minimal_environment(environment),
            cwd="/",
            bufsize=0,
        )


def last_words(log: Path) -> str:
    """The last line that a server wrote to stderr, without the path of this checkout."""
    line = log.read_text(errors="replace").strip().rpartition("\n")[2]
    return line.replace(f"{_ROOT}/", "")[:200] or "in silence"


def end(process: "subprocess.Popen[bytes]") -> None:
    """Close its input, ask it to end, and insist after a while."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.terminate()
    try:
        process.wait(_ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def family(pid: int) -> list[int]:
    """The ids of a process and of all that it started."""
    members = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        members += [each for child in (task / "children").read_text().split() for each in family(int(child))]
    return members


def processor_seconds(pid: int) -> float:
    """Seconds of user and system time so far, of the process and all that it started."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def peak_bytes(pid: int) -> int:
    """The highest resident memory so far, summed over the process and all that it started."""
    return sum(_kilobytes(Path(f"/proc/{member}/status"), "VmHWM:") for member in family(pid)) * 1024


def proportional_bytes(pid: int) -> int:
    """The proportional set size now (shared memory is divided among its users), summed over the same processes."""
    return sum(_kilobytes(Path(f"/proc/{member}/smaps_rollup"), "Pss:") for member in family(pid)) * 1024


def _kilobytes(source: Path, name: str) -> int:
    line = next(line for line in source.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])
