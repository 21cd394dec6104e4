"""A raw MCP client on stdio, without an SDK: it writes lines of JSON-RPC, reads lines, and takes the time between them."""

import json
import os
import select
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.processes import end, last_words, spawn

PROTOCOL = "2025-11-25"
PATIENCE_SECONDS = 60.0
HELLO: Mapping[str, Any] = {
    "protocolVersion": PROTOCOL,
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


class Failed(Exception):
    """The server answered an error, ended, or said nothing; in words."""


class Stdio:
    """One server process and its pipe. Times are seconds."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.started = time.perf_counter()
        self.process = spawn(command, environment, log)
        assert self.process.stdin is not None  # noqa: S101 - spawn asks for pipes
        assert self.process.stdout is not None  # noqa: S101
        self._into, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._log = log
        self._waiting = b""
        self._number = 0

    def __enter__(self) -> "Stdio":
        return self

    def __exit__(self, *_: object) -> None:
        end(self.process)

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        return self.process.pid

    def request(self, method: str, params: Mapping[str, Any] | None = None) -> tuple[float, dict[str, Any], int]:
        """Seconds until the whole answer was here, its result, and its bytes. Raises Failed."""
        self._number += 1
        frame = _line({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params or {}})
        began = time.perf_counter()
        self._write(frame)
        while True:
            line = self._read_line()
            ended = time.perf_counter()
            message = json.loads(line)
            if message.get("id") == self._number and "method" not in message:
                break
        return ended - began, checked(message, method), len(line)

    def notify(self, method: str) -> None:
        """Send a notification."""
        self._write(_line({"jsonrpc": "2.0", "method": method}))

    def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[float, dict[str, Any], int]:
        """Call a tool. Returns and raises as `request` does."""
        return self.request("tools/call", {"name": tool, "arguments": arguments})

    def open(self) -> tuple[float, dict[str, Any]]:
        """The opening of every session. Seconds since the process was started, until the tools were listed; the list."""
        self.request("initialize", HELLO)
        self.notify("notifications/initialized")
        _, listed, _ = self.request("tools/list")
        return time.perf_counter() - self.started, listed

    def _write(self, frame: bytes) -> None:
        try:
            os.write(self._into, frame)
        except BrokenPipeError:
            raise Failed(f"it ended: {last_words(self._log)}") from None

    def _read_line(self) -> bytes:
        pieces = [self._waiting]
        while b"\n" not in pieces[-1]:
            if not select.select([self._out], [], [], PATIENCE_SECONDS)[0]:
                raise Failed(f"no answer within {PATIENCE_SECONDS:g} s")
            piece = os.read(self._out, 1 << 20)
            if not piece:
                raise Failed(f"it ended: {last_words(self._log)}")
            pieces.append(piece)
        line, _, self._waiting = b"".join(pieces).partition(b"\n")
        return line


def checked(message: dict[str, Any], what: str) -> dict[str, Any]:
    """The result of an answer. Raises Failed for a protocol error and for a tool's error."""
    if "error" in message:
        raise Failed(f"{what}: {message['error'].get('message', message['error'])}")
    result: dict[str, Any] = message["result"]
    if result.get("isError"):
        text = result["content"][0].get("text", "") if result.get("content") else "an error without text"
        raise Failed(text[:200])
    return result


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
