"""The stand-in API and the bare calls to it, as processes that the measurements start and control."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.environments import HOME, NODE, ROOT, node
from bench.processes import end, peak_bytes, spawn
from bench.servers import BARE, KEY, environment


class StandIn:
    """The process of the stand-in API; `origin` is its URL."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.api"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=ROOT, bufsize=0
        )
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        self.origin = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)

    def shape(self, *, campaigns: int = 14, log_entries: int = 0) -> None:
        """Begin anew with so many campaigns in the list, and so many log entries in each."""
        self._ask("POST", f"/shape/{campaigns}/{log_entries}")

    def read(self, path: str) -> bytes:
        """The raw body of an answer, such as that of `/campaign/3`."""
        return self._ask("GET", f"/api/v1{path}")

    def count(self) -> int:
        """How many requests there were since this was asked last."""
        counted: int = json.loads(self._ask("POST", "/count"))["requests"]
        return counted

    def _ask(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(self.origin + path, method=method, headers={"X-API-Key": KEY})
        with urllib.request.urlopen(request, timeout=30) as response:
            body: bytes = response.read()
            return body


class BareCalls:
    """A process that calls the API with one HTTP library and nothing around it."""

    def __init__(self, library: str, origin: str) -> None:
        self._process = spawn(BARE[library], environment(origin), HOME / "log" / f"bare-{library}.txt")

    def __enter__(self) -> "BareCalls":
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)

    def seconds(self, method: str, path: str, times: int, body: Mapping[str, Any] | None = None) -> list[float]:
        """Seconds for each of so many calls, with the parsing of the JSON."""
        sent = json.dumps(body, separators=(",", ":")) if body else "-"
        assert self._process.stdin is not None  # noqa: S101 - spawn asks for pipes
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(f"{method} {path} {sent} {times}\n".encode())
        line = bytearray()
        while not line.endswith(b"\n"):
            piece = self._process.stdout.read(1 << 16)
            if not piece:
                raise RuntimeError(f"the bare {method} {path} ended; see .bench/log")
            line += piece
        answer: list[float] = json.loads(line)
        return answer

    def peak(self, path: str) -> int:
        """The process's peak memory in bytes after one call."""
        self.seconds("GET", path, 1)
        return peak_bytes(self._process.pid)


def count_tokens(texts: list[str]) -> list[int]:
    """The number of o200k_base tokens of each text."""
    if not texts:
        return []
    script: tuple[str | Path, ...] = (node(), NODE / "tokens.js")
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run(script, input=lines, check=True, capture_output=True, text=True, cwd=NODE)
    return [int(line) for line in done.stdout.split()]
