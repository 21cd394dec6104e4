"""The pipe to the client on stdio: two file descriptors and a line buffer. Standard library only."""

import os
import sys

_CHUNK = 1 << 16


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
        self._rest = b""
        self._lines: list[bytes] = []

    @classmethod
    def claim(cls) -> "StdioPipe":
        """Take stdin and stdout for this pipe, once per process."""
        incoming, outgoing = _dup_above_2(0), _dup_above_2(1)
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)
        os.close(nowhere)
        sys.stdout.flush()
        os.dup2(2, 1)
        return cls(incoming, outgoing)

    def read_chunk(self) -> None:
        """Read once; blocks until there is input."""
        found = os.read(self.incoming, _CHUNK)
        if not found:
            self.ended = True
            found = b"\n" if self._rest else b""
        *lines, self._rest = (self._rest + found).split(b"\n") if b"\n" in found else (self._rest + found,)
        self._lines += [line for line in lines if line.strip()]

    def lines(self) -> list[bytes]:
        """The complete lines that were read and not returned yet."""
        found, self._lines = self._lines, []
        return found

    def next_line(self) -> bytes | None:
        """The next line; blocks until there is one. None at the end of input."""
        while not self._lines:
            if self.ended:
                return None
            self.read_chunk()
        return self._lines.pop(0)

    def write(self, line: bytes) -> None:
        """Write a whole line; blocks until the client has read enough."""
        left = memoryview(line + b"\n")
        while left:
            left = left[os.write(self.outgoing, left) :]


def _dup_above_2(descriptor: int) -> int:
    """A copy of a descriptor above the three standard ones, which child processes do not inherit."""
    copies = [os.dup(descriptor)]
    while copies[-1] <= 2:
        copies.append(os.dup(descriptor))
    *low, kept = copies
    for each in low:
        os.close(each)
    return kept
