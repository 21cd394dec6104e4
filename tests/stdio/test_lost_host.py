"""A host that dies leaves no server behind, and a standard error that nobody reads ends none."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from asisso_mcp.config import Settings
from asisso_mcp.server.app import build_server
from asisso_mcp.stdio import server as stdio
from asisso_mcp.stdio.host_process import host_process
from asisso_mcp.stdio.pipe import StdioPipe
from asisso_mcp.tools.services import TenantServices
from tests.processes import META, stdio_server
from tests.stdio.test_fast_start import HELLO, WITH

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a parent never changes there")

SOON = (
    "import asisso_mcp.stdio.server as server; from asisso_mcp.stdio import fast_start; "
    "server.HOST_CHECK_SECONDS, server.ORPHAN_SECONDS, fast_start.PATIENCE_SECONDS = 0.02, 0.2, 0.02; "
)
"""Ten minutes, sooner."""
ENDS = "WARNING asisso_mcp.stdio.server: The host is gone, and nothing has come for 0.2 s: the server ends.\n"
LAUNCH = "import subprocess, sys; subprocess.run(sys.argv[1:])"
"""As a host, or as `uvx`: starts a server and waits for it."""


@contextmanager
def host(*launchers: str) -> Iterator[subprocess.Popen[bytes]]:
    """A host that starts a server and talks nothing itself: its pipes are the server's. They stay open when it dies."""
    command = [sys.executable, "-c", LAUNCH]
    for launcher in launchers:
        command += [launcher, "-c", LAUNCH]
    with subprocess.Popen(
        [*command, sys.executable, "-c", SOON + WITH, "--sandbox"], stdin=-1, stdout=-1, stderr=-1
    ) as process:
        yield process
        process.kill()
        assert process.stdin is not None
        process.stdin.close()  # also a server that was left behind ends now


def say(process: subprocess.Popen[bytes], message: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def told_at_the_end(process: subprocess.Popen[bytes]) -> str:
    """What the server says when it ends by itself, with its input still open."""
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read() == b""
    return process.stderr.read().decode()


def test_a_server_whose_host_was_killed_ends_although_its_input_stays_open() -> None:
    with host() as process:
        ping = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_campaigns", "_meta": META}}
        assert say(process, ping)["id"] == 1
        process.kill()
        assert told_at_the_end(process) == ENDS


def test_a_server_that_was_only_greeted_ends_as_well() -> None:
    with host() as process:
        assert say(process, HELLO[0])["id"] == 1
        process.kill()
        assert told_at_the_end(process) == ENDS


def test_a_server_that_uvx_started_ends_when_the_host_above_it_is_gone(tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.symlink_to(sys.executable)
    with host(str(uv)) as process:
        assert say(process, HELLO[0])["id"] == 1
        process.kill()
        assert told_at_the_end(process) == ENDS


def test_the_host_is_the_parent_unless_that_is_a_launcher(tmp_path: Path) -> None:
    ask = "from asisso_mcp.stdio.host_process import host_process; print(host_process())"
    told = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert int(told.stdout) == os.getpid()
    for name in ("uv", "uvx"):
        launcher = tmp_path / name
        launcher.symlink_to(sys.executable)
        command = [launcher, "-c", LAUNCH, sys.executable, "-c", ask]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        assert int(told.stdout) == os.getpid()
    assert host_process() == os.getppid()


async def test_a_host_that_goes_on_talking_from_another_process_keeps_its_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some hosts fork, and end the process that started the server."""
    incoming, outgoing = os.pipe()
    session = stdio.StdioSession(build_server(Settings()), TenantServices(Settings()), StdioPipe(incoming, outgoing))
    session._pipe.host = 1
    looked: list[int] = []

    class Enough(Exception):
        pass

    def speak() -> None:
        session._heard.set()

    def look() -> int:
        """The host's process is another one from the first look on; just after that look it says something."""
        looked.append(2)
        if len(looked) == 1:
            asyncio.get_running_loop().call_soon(speak)
        if len(looked) > 5:
            raise Enough
        return 2

    def end(code: int) -> None:
        raise AssertionError(f"it ended with {code}")

    monkeypatch.setattr(stdio, "host_process", look)
    monkeypatch.setattr(stdio, "HOST_CHECK_SECONDS", 0)
    monkeypatch.setattr(stdio, "_exit_now", end)
    with pytest.raises(Enough):
        await asyncio.wait_for(session._end_without_host(), 5)
    os.close(incoming)
    os.close(outgoing)


def test_a_silent_client_is_handed_to_the_real_server_without_a_seam() -> None:
    program = "from asisso_mcp.stdio import fast_start; fast_start.PATIENCE_SECONDS = 0; " + WITH
    command = [sys.executable, "-c", program, "--sandbox"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1) as process:
        assert say(process, HELLO[0])["id"] == 1
        assert process.stdin is not None
        process.stdin.write(json.dumps(HELLO[1]).encode() + b"\n")
        assert say(process, HELLO[2])["id"] == 2
        output, errors = process.communicate(timeout=20)
        assert (output, errors, process.returncode) == (b"", b"", 0)


def test_a_standard_error_that_was_closed_before_the_start_is_no_reason_to_die() -> None:
    frames = [*HELLO, {"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"name": "list_campaigns"}}]
    command = ["/bin/sh", "-c", 'exec "$0" -m asisso_mcp -vv --sandbox 2>&-', sys.executable]
    lines = "".join(json.dumps(frame) + "\n" for frame in frames)
    told = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True, timeout=30)
    assert [json.loads(line)["id"] for line in told.stdout.splitlines()] == [1, 2, 9]


def test_a_standard_error_that_its_reader_closes_is_no_reason_to_die() -> None:
    with stdio_server("--sandbox", "-vv") as server:
        server.stderr.close()
        server.open("legacy")
        for _ in range(3):
            assert server.call("get_campaign", campaign_id=3)["isError"] is False
        server.stdin.close()
        assert server.process.wait(20) == 0
