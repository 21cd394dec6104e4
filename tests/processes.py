"""`asisso-mcp` in a process of its own: any command, a server on stdio, a server over HTTP.

On POSIX the process is forked from one that has imported everything, which takes a new Python most of a second. Tests of the
start itself (imports, the fast start, what a host really launches) start a new Python.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
"""What each request of 2026 carries."""

WITHOUT_JOURNAL = {"ASISSO_JOURNAL": "off"}
"""What every process of a test is started with, unless it names a journal: it would write to the developer's own."""

IMPORTED = (
    "pytest",
    "asisso_mcp.cli",
    "asisso_mcp.stdio.server",
    "asisso_mcp.http.process",
    "asisso_mcp.sandbox.server",
)


class Forked:
    """What `subprocess.Popen` has, as far as these tests use it, for a process that was forked."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str], patches: dict[str, Any]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(IMPORTED))
        pipes = [context.Pipe(duplex=False) for _ in range(3)]
        (stdin, _), (_, stdout), (_, stderr) = pipes
        process = context.Process(target=_run, args=(arguments, environment, patches, stdin, stdout, stderr))
        process.start()
        self._process, self.pid = process, process.pid or 0
        self.stdin = os.fdopen(os.dup(pipes[0][1].fileno()), "wb")
        self.stdout, self.stderr = (os.fdopen(os.dup(pipe[0].fileno()), "rb") for pipe in pipes[1:])
        for end in (end for pipe in pipes for end in pipe):
            end.close()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("asisso-mcp", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def communicate(self, input: bytes = b"", timeout: float = 60) -> tuple[bytes, bytes]:  # noqa: A002 - as in Popen
        with ThreadPoolExecutor(2) as readers:
            read = [readers.submit(pipe.read) for pipe in (self.stdout, self.stderr)]
            with suppress(BrokenPipeError):
                self.stdin.write(input)
                self.stdin.close()
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return read[0].result(), read[1].result()


def _run(
    arguments: tuple[str, ...], environment: dict[str, str], patches: dict[str, Any], *descriptors: Connection
) -> None:
    """In the new process: be `asisso-mcp` with these arguments, in this environment, on these descriptors."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor.fileno(), number)
        descriptor.close()
    for number, name in enumerate(("stdin", "stdout", "stderr")):  # those of the process that was forked fit others
        setattr(sys, name, os.fdopen(number, "w" if number else "r", 1, encoding="utf-8", closefd=False))
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments
    from asisso_mcp.__main__ import main

    for name, value in patches.items():
        module, _, attribute = name.rpartition(".")
        setattr(import_module(module), attribute, value)
    main()


Process = Forked | subprocess.Popen[bytes]


def start(*arguments: str, patches: dict[str, Any] | None = None, **environment: str) -> Process:
    """`asisso-mcp` with three pipes. patches: values for variables of modules, by their full name; not on Windows."""
    environment = {"PATH": os.environ["PATH"], **WITHOUT_JOURNAL, **environment}
    if sys.platform != "win32":
        return Forked(arguments, environment, patches or {})
    command = [sys.executable, "-m", "asisso_mcp", *arguments]
    return subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, env={**os.environ, **environment})


def run(
    *arguments: str, lines: str = "", patches: dict[str, Any] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A command from its start to its end."""
    with closing(start(*arguments, patches=patches, **environment)) as process:
        stdout, stderr = process.communicate(lines.encode(), timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode or 0, stdout.decode(), stderr.decode())


@contextmanager
def closing(process: Process) -> Iterator[Process]:
    """Afterwards the process has ended, and its pipes are closed."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]


class StdioServer:
    """`asisso-mcp serve` and its pipes: raw JSON-RPC lines, no SDK on the client's side."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.process, self.stdin, self.stdout, self.stderr = process, process.stdin, process.stdout, process.stderr
        self._next = 0
        self.era: dict[str, Any] = {}

    def write(self, line: bytes | dict[str, Any]) -> None:
        """A line as it is, or a message."""
        self.stdin.write((line if isinstance(line, bytes) else json.dumps({"jsonrpc": "2.0", **line}).encode()) + b"\n")
        self.stdin.flush()

    def send(self, method: str, **params: Any) -> int:
        """A request; its number."""
        self._next += 1
        self.write({"id": self._next, "method": method, "params": {**self.era, **params}})
        return self._next

    def receive(self, number: int) -> dict[str, Any]:
        """The frame that answers a request; whatever else comes is of no interest here."""
        for line in self.stdout:
            message: dict[str, Any] = json.loads(line)
            assert message["jsonrpc"] == "2.0"
            if message.get("id") == number:
                return message
        raise AssertionError(f"the server ended without answering {number}")

    def refused(self, method: str, **params: Any) -> dict[str, Any]:
        """The protocol error that answers a request."""
        error: dict[str, Any] = self.receive(self.send(method, **params))["error"]
        return error

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The result that answers a request."""
        answer = self.receive(self.send(method, **params))
        assert "result" in answer, answer
        found: dict[str, Any] = answer["result"]
        return found

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return self.ask("tools/call", name=tool, arguments=arguments)

    def open(self, era: str, version: str = "2025-11-25") -> dict[str, Any]:
        """Begin as a client of this era does; the result of the handshake, if there is one."""
        if era == "modern":
            self.era = {"_meta": META}
            return {}
        hello = self.ask(
            "initialize", protocolVersion=version, capabilities={}, clientInfo={"name": "raw", "version": "1"}
        )
        assert hello["serverInfo"]["name"] == "asisso"
        self.write({"method": "notifications/initialized"})
        return hello

    def end(self) -> tuple[int | None, str]:
        """Close the input and wait: the exit code and what was said on stderr."""
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors.decode()


@contextmanager
def stdio_server(*arguments: str, patches: dict[str, Any] | None = None, **environment: str) -> Iterator[StdioServer]:
    with closing(start("serve", *arguments, patches=patches, **environment)) as process:
        yield StdioServer(process)


class HttpServer:
    """`asisso-mcp serve --transport http`; `url` is where it says that it serves, `said` what it wrote until it ended."""

    def __init__(self, process: Process) -> None:
        assert process.stderr is not None
        self.process, self._stderr = process, process.stderr
        self._lines: list[bytes] = []
        self.url = ""
        for line in self._stderr:
            self._lines.append(line)
            if line.startswith(b"asisso-mcp: serving "):
                self.url = line.split()[2].decode()
                break
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        self._lines.extend(self._stderr)

    @property
    def said(self) -> str:
        self._reader.join(10)
        return b"".join(self._lines).decode()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)


@contextmanager
def http_server(*arguments: str, **environment: str) -> Iterator[HttpServer]:
    """Ends as a server should, within forty seconds. Workers are started by a new Python, as they are in use."""
    command = ("serve", "--transport", "http", "--port", "0", *arguments)
    if "--workers" in arguments:
        environment = {"PATH": os.environ["PATH"], **WITHOUT_JOURNAL, **environment}
        process: Process = subprocess.Popen(
            [sys.executable, "-m", "asisso_mcp", *command], stdin=-1, stdout=-1, stderr=-1, env=environment
        )
    else:
        process = start(*command, **environment)
    with closing(process):
        server = HttpServer(process)
        yield server
        server.terminate()
        process.wait(40)
        server.said  # noqa: B018 - its reader has come to the end
