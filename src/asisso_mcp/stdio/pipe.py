"""The pipe to the client on stdio: two file descriptors and a line buffer. Standard library only."""

import io
import os
import sys

from asisso_mcp.stdio.host_process import host_process

TYPE_CHECKING = False  # `typing` costs more than all that is done here
if TYPE_CHECKING:
    from typing_extensions import Buffer

_CHUNK = 1 << 16
MAX_LINE_BYTES = 1 << 20
"""The largest edit that the tools accept is a few kB."""
_HEAD_BYTES, _TAIL_BYTES = 1000, 400
"""What is kept of a longer line: the id of a request stands in one of them."""


class OverlongLine(bytes):
    """The first and the last bytes of a line that was longer than `MAX_LINE_BYTES`: no JSON."""


class StdioPipe:
    """Reads lines from the client and writes lines to it.

    Once claimed, descriptor 0 reads nothing and 1 writes to stderr, so that a stray print cannot reach the client.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        self.incoming, self.outgoing = incoming, outgoing
        self.replay: list[bytes] = []
        """Lines that were read and are still to be served."""
        self.suppressed_id: str | None = None
        """Id of a replayed request whose answer the client already has."""
        self.ended = False
        self.host: int | None = None
        """The process of the host when the pipe was claimed; None where it cannot be watched."""
        self._line = bytearray()
        self._tail = b""
        self._lines: list[bytes] = []

    @classmethod
    def claim(cls) -> "StdioPipe":
        """Take stdin and stdout for this pipe, once per process."""
        _tolerate_lost_stderr()
        incoming, outgoing = _dup_above_2(0), _dup_above_2(1)
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)
        os.close(nowhere)
        sys.stdout.flush()
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        pipe = cls(incoming, outgoing)
        pipe.host = host_process()
        return pipe

    def read_chunk(self) -> None:
        """Read once; blocks until there is input."""
        try:
            found = os.read(self.incoming, _CHUNK)
        except ConnectionResetError:  # a socket whose other side left without reading everything
            found = b""
        if not found:
            self.ended = True
            found = b"\n"
        *ends, beginning = found.split(b"\n")
        for end in ends:
            self._add(end)
            if self._line.strip():
                self._lines.append(self._whole_line())
            self._line.clear()
            self._tail = b""
        self._add(beginning)

    def _add(self, part: bytes) -> None:
        """The next bytes of the line that is being read; each costs the same, however long the line is."""
        room = MAX_LINE_BYTES + 1 - len(self._line)
        self._line += part[:room] if room < len(part) else part
        if room < len(part):
            self._tail = (self._tail + part[-_TAIL_BYTES:])[-_TAIL_BYTES:]

    def _whole_line(self) -> bytes:
        is_overlong = len(self._line) > MAX_LINE_BYTES
        return OverlongLine(self._line[:_HEAD_BYTES] + b"\0" + self._tail) if is_overlong else bytes(self._line)

    def lines(self) -> list[bytes]:
        """The complete lines that were read and not returned yet."""
        found, self._lines = self._lines, []
        return found

    def next_line(self, patience: float) -> bytes | None:
        """The next line. None at the end of input, and when nothing has come for `patience` seconds (not on Windows)."""
        while not self._lines:
            if self.ended or self._is_silent(patience):
                return None
            self.read_chunk()
        return self._lines.pop(0)

    def _is_silent(self, seconds: float) -> bool:
        if sys.platform == "win32":  # only sockets can be waited for there
            return False
        import select

        return not select.select([self.incoming], [], [], seconds)[0]

    def write(self, line: bytes) -> None:
        """Write a whole line; blocks until the client has read enough."""
        left = memoryview(line + b"\n")
        while left:
            left = left[os.write(self.outgoing, left) :]


class _Stderr(io.FileIO):
    """Standard error that nobody may be reading any more: then what is written to it is lost, and nothing else happens."""

    def write(self, data: "Buffer", /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _tolerate_lost_stderr() -> None:
    """A standard error that is closed, or closed later by whoever read it, is no reason to die."""
    try:
        os.fstat(2)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != 2:
            os.dup2(nowhere, 2)
            os.close(nowhere)
    raw = _Stderr(2, "w", closefd=False)
    sys.stderr = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)


def _dup_above_2(descriptor: int) -> int:
    """A copy of a descriptor above the three standard ones, which child processes do not inherit."""
    copies = [os.dup(descriptor)]
    while copies[-1] <= 2:
        copies.append(os.dup(descriptor))
    *low, kept = copies
    for each in low:
        os.close(each)
    return kept
