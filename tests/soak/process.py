"""The real server in a process of its own, as the transport of an SDK client: every line it says is looked at on the way."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from tests.processes import WITHOUT_JOURNAL

LONGEST_LINE = 64 * 1024 * 1024
_TRACEBACK = 3000


class Server:
    """`asisso-mcp serve`. `secrets_seen`: lines of stdout in which one of the secrets stood."""

    def __init__(self, environment: dict[str, str], *arguments: str, secrets: tuple[str, ...], stderr: Path) -> None:
        self._environment = {"PATH": os.environ["PATH"], **WITHOUT_JOURNAL, **environment}
        self._arguments = arguments
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._stderr = stderr
        self.secrets_seen = 0
        self.pid = 0
        self.returncode: int | None = None
        """How it ended; None while it runs, and when it had to be killed."""

    @asynccontextmanager
    async def transport(self) -> AsyncIterator[tuple[Any, Any]]:
        """What `mcp.Client` takes."""
        to_client, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](64)
        outgoing, to_server = anyio.create_memory_object_stream[SessionMessage](64)
        with self._stderr.open("wb") as errors:
            process = await anyio.open_process(
                [sys.executable, "-m", "asisso_mcp", "serve", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self._environment,
            )
            self.pid = process.pid
            assert process.stdin is not None
            assert process.stdout is not None
            lines = BufferedByteReceiveStream(process.stdout)

            async def listen() -> None:
                async with to_client:
                    while True:
                        try:
                            line = await lines.receive_until(b"\n", LONGEST_LINE)
                        except (anyio.IncompleteRead, anyio.ClosedResourceError):
                            return
                        self.secrets_seen += any(secret in line for secret in self._secrets)
                        await to_client.send(SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False)))

            async def talk() -> None:
                async for sent in to_server:
                    line = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
                    with suppress(anyio.BrokenResourceError):  # it has ended: the client hears so from the other pipe
                        await process.stdin.send(line.encode() + b"\n")  # type: ignore[union-attr]

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listen)
                tasks.start_soon(talk)
                try:
                    yield incoming, outgoing
                finally:
                    with anyio.CancelScope(shield=True), anyio.move_on_after(10) as patience:
                        await process.stdin.aclose()
                        await process.wait()
                    if patience.cancelled_caught:
                        process.kill()
                    self.returncode = process.returncode
                    tasks.cancel_scope.cancel()

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal. Raises ProcessLookupError when it has ended."""
        os.kill(self.pid, number)

    def memory(self) -> tuple[int, int] | None:
        """Resident now and at most so far, in kB; None where the system does not tell."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        except OSError:
            return None
        found = dict(line.split(":", 1) for line in status.splitlines())
        return int(found["VmRSS"].split()[0]), int(found["VmHWM"].split()[0])

    def stderr_secrets(self) -> int:
        text = self._stderr.read_bytes()
        return sum(text.count(secret) for secret in self._secrets)

    def stderr(self) -> str:
        """What it said on stderr so far."""
        return self._stderr.read_text(encoding="utf-8", errors="replace")

    def tracebacks(self) -> list[str]:
        """Each traceback on its stderr, cut."""
        return [text[:_TRACEBACK] for text in self.stderr().split("Traceback")[1:]]
