"""How is a server started, watched and ended? Its memory and processor time come from /proc, so the bench needs Linux."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_ENDING_SECONDS = 10


def minimal_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """As hosts do it: next to nothing is passed on."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "USER", "SHELL", "LANG") if name in os.environ}
    return {**kept, **extra}


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    """Pipes for input and output; what it complains about goes to `log`."""
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
    """The last line that a server complained with, without the place of this checkout."""
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
    """A process and all that it started."""
    members = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        members += [each for child in (task / "children").read_text().split() for each in family(int(child))]
    return members


def processor_seconds(pid: int) -> float:
    """User and system time of the family so far."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def peak_bytes(pid: int) -> int:
    """The highest resident memory so far, summed over the family."""
    return sum(_kilobytes(Path(f"/proc/{member}/status"), "VmHWM:") for member in family(pid)) * 1024


def proportional_bytes(pid: int) -> int:
    """Memory now, with what is shared with other processes divided among them, summed over the family."""
    return sum(_kilobytes(Path(f"/proc/{member}/smaps_rollup"), "Pss:") for member in family(pid)) * 1024


def _kilobytes(source: Path, name: str) -> int:
    line = next(line for line in source.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])
