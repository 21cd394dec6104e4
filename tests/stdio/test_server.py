"""The server as hosts launch it: a real process, raw JSON-RPC lines, no SDK on the client's side."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from asisso_mcp.sandbox import KEY, Fault, RunningServer, Sandbox
from tests.conftest import MONDAY

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Raw:
    """A process of the server and its pipes; what it writes to stderr is kept."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "asisso_mcp", "serve", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **environment},
        )
        self._next = 0
        self.era: dict[str, Any] = {}

    def send(self, method: str, **params: Any) -> int:
        self._next += 1
        message = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": {**params, **self.era}}
        self._write(message)
        return self._next

    def notify(self, method: str) -> None:
        self._write({"jsonrpc": "2.0", "method": method})

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def receive(self, number: int) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message: dict[str, Any] = json.loads(line)
            assert message["jsonrpc"] == "2.0"
            if message.get("id") == number:
                return message
        raise AssertionError(f"the server ended without answering {number}")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        answer = self.receive(self.send(method, **params))
        assert "result" in answer, answer
        found: dict[str, Any] = answer["result"]
        return found

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return self.ask("tools/call", name=tool, arguments=arguments)

    def open(self, era: str) -> None:
        if era == "modern":
            self.era = {"_meta": META}
            return
        hello = self.ask(
            "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "raw", "version": "1"}
        )
        assert hello["serverInfo"]["name"] == "asisso"
        self.notify("notifications/initialized")

    def end(self) -> tuple[int, str]:
        """Close the input and wait: the exit code and what was said on stderr."""
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors.decode()


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[Raw]:
    raw = Raw(*arguments, **environment)
    try:
        yield raw
    finally:
        if raw.process.poll() is None:
            raw.process.kill()
        raw.process.wait()
        for pipe in (raw.process.stdin, raw.process.stdout, raw.process.stderr):
            assert pipe is not None
            pipe.close()


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_raw_lines_list_five_tools_and_run_the_conversation(era: str) -> None:
    with started("--sandbox") as raw:
        raw.open(era)
        tools = raw.ask("tools/list")["tools"]
        assert [tool["name"] for tool in tools] == [
            "list_campaigns",
            "get_campaign",
            "update_campaign",
            "pause_campaign",
            "resume_campaign",
        ]
        assert "Spring promo" in raw.call("list_campaigns", query="spring")["content"][0]["text"]
        refused = raw.call("update_campaign", campaign_id=3, max_concurrency=2)
        assert refused["isError"] is True
        assert "structuredContent" not in refused
        assert raw.call("pause_campaign", campaign_id=3)["structuredContent"]["applied"] is True
        edited = raw.call("update_campaign", campaign_id=3, max_concurrency=2)["structuredContent"]
        assert edited["changes"] == [{"field": "max_concurrency", "before": 3, "after": 2}]
        undone = raw.call(edited["undo_tool"], **edited["undo"])["structuredContent"]
        assert undone["changes"] == [{"field": "max_concurrency", "before": 2, "after": 3}]
        assert raw.call("resume_campaign", campaign_id=3)["structuredContent"]["state"] == "running"
        assert raw.end() == (0, "")


def test_the_list_of_tools_is_the_same_bytes_on_every_start() -> None:
    lists = []
    for _ in range(2):
        with started(PYTHONHASHSEED="random") as raw:
            raw.open("legacy")
            lists.append(json.dumps(raw.ask("tools/list")))
            raw.end()
    assert lists[0] == lists[1]


def test_an_input_that_ends_at_once_ends_the_server_cleanly() -> None:
    with started() as raw:
        assert raw.end() == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("line", ["", "{", "[]", '{"jsonrpc": "2.0"}', "null", "\x00\xff", '{"jsonrpc":"1.0","id":1}'])
def test_a_line_that_is_no_message_leaves_the_server_up(line: str) -> None:
    with started("--sandbox") as raw:
        assert raw.process.stdin is not None
        raw.open("legacy")
        raw.process.stdin.write(line.encode("latin-1") + b"\n")
        assert raw.call("get_campaign", campaign_id=3)["isError"] is False
        code, errors = raw.end()
        assert code == 0
        assert "Traceback" not in errors


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_idle_server_at_once_and_without_a_word(number: int, code: int) -> None:
    with started("--sandbox") as raw:
        raw.open("legacy")
        raw.process.send_signal(number)
        raw.process.wait(timeout=5)
        assert raw.process.returncode == code
        assert raw.process.stderr is not None
        assert raw.process.stderr.read() == b""


def test_a_write_that_was_sent_is_finished_and_answered_when_the_input_ends() -> None:
    with _slow_sandbox(0.7) as (sandbox, raw, fault):
        number = raw.send("tools/call", name="update_campaign", arguments={"campaign_id": 4, "max_concurrency": 2})
        _until_fired(fault)
        assert raw.process.stdin is not None
        raw.process.stdin.close()
        assert raw.receive(number)["result"]["structuredContent"]["applied"] is True
        assert raw.process.wait(timeout=10) == 0
        assert sandbox.campaign(4)["metadata"]["max_concurrency"] == 2


def test_lines_from_a_file_or_a_closed_pipe_are_all_answered(tmp_path: Path) -> None:
    frames = [
        {
            "id": 1,
            "method": "tools/call",
            "params": {"name": "get_campaign", "arguments": {"campaign_id": 3}, "_meta": META},
        },
        {
            "id": 2,
            "method": "tools/call",
            "params": {"name": "get_campaign", "arguments": {"campaign_id": 4}, "_meta": META},
        },
    ]
    text = "\n".join(json.dumps({"jsonrpc": "2.0", **frame}) for frame in frames)  # the last line without its end
    (tmp_path / "lines").write_text(text)
    command = [sys.executable, "-m", "asisso_mcp", "--sandbox"]
    piped = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=30)
    with (tmp_path / "lines").open() as lines:
        filed = subprocess.run(command, stdin=lines, capture_output=True, text=True, check=True, timeout=30)
    for ended in (piped, filed):
        assert sorted(json.loads(line)["id"] for line in ended.stdout.splitlines()) == [1, 2]
        assert ended.stderr == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_write_that_was_sent_is_finished_and_answered_when_a_signal_comes(number: int, code: int) -> None:
    with _slow_sandbox(0.7) as (sandbox, raw, fault):
        asked = raw.send("tools/call", name="update_campaign", arguments={"campaign_id": 4, "max_concurrency": 2})
        _until_fired(fault)
        raw.process.send_signal(number)
        assert raw.receive(asked)["result"]["structuredContent"]["applied"] is True
        raw.process.wait(timeout=6)
        assert raw.process.returncode == code
        assert sandbox.campaign(4)["metadata"]["max_concurrency"] == 2


def test_a_write_that_does_not_end_in_time_is_told_on_stderr() -> None:
    with _slow_sandbox(30) as (_, raw, fault):
        raw.send("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
        _until_fired(fault)
        raw.process.send_signal(signal.SIGTERM)
        raw.process.wait(timeout=8)
        assert raw.process.returncode == 143
        assert raw.process.stderr is not None
        assert raw.process.stderr.read().decode() == (
            "asisso-mcp ends while a write is unanswered. Unknown outcome of the pause of campaign 3: look at the campaign before "
            "trying again.\n"
        )


def test_a_write_on_the_wire_is_finished_when_a_host_with_one_socket_goes_away_without_reading() -> None:
    """So socat, inetd and ssh start a server. A socket that is closed with something unread in it ends with a reset."""
    sandbox, fault = Sandbox(clock=lambda: MONDAY), Fault("delay", method="PATCH", seconds=0.7)
    sandbox.faults.add(fault)
    environment = {"PATH": os.environ["PATH"], "ASISSO_API_KEY": KEY}
    with RunningServer(sandbox) as running:
        host, theirs = socket.socketpair()
        process = subprocess.Popen(
            [sys.executable, "-m", "asisso_mcp", "serve"],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env={**environment, "ASISSO_BASE_URL": running.url},
        )
        theirs.close()
        edit = {"name": "update_campaign", "arguments": {"campaign_id": 4, "max_concurrency": 2}, "_meta": META}
        for number, (method, params) in enumerate([("tools/call", edit), ("tools/list", {"_meta": META})]):
            line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            host.sendall(line.encode() + b"\n")
        _until_fired(fault)
        host.recv(1)  # the rest of the list stays unread
        host.close()
        _, errors = process.communicate(timeout=20)
    assert errors == b""
    assert process.returncode == 0
    assert sandbox.campaign(4)["metadata"]["max_concurrency"] == 2


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"ASISSO_BASE_URL": "http://app.asisso.com"}, "asisso-mcp: ASISSO_BASE_URL must use https"),
        ({"ASISSO_TIMEOUT": "soon"}, "asisso-mcp: ASISSO_TIMEOUT is the number of seconds"),
    ],
)
def test_a_setting_that_does_not_fit_is_said_in_one_line(environment: dict[str, str], words: str) -> None:
    with started(**environment) as raw:
        code, errors = raw.end()
    assert code == 2
    assert errors.startswith(words)
    assert errors.count("\n") == 1


@contextmanager
def _slow_sandbox(seconds: float) -> Iterator[tuple[Sandbox, Raw, Fault]]:
    """A server over a sandbox whose writes take `seconds`."""
    sandbox = Sandbox(clock=lambda: MONDAY)
    with RunningServer(sandbox) as running, started(ASISSO_BASE_URL=running.url, ASISSO_API_KEY=KEY) as raw:
        raw.open("legacy")
        raw.call("get_campaign", campaign_id=3)
        faults = [Fault("delay", method=method, seconds=seconds) for method in ("PATCH", "POST")]
        for fault in faults:
            sandbox.faults.add(fault)

        class Either:
            @property
            def fired(self) -> int:
                return sum(fault.fired for fault in faults)

        yield sandbox, raw, Either()  # type: ignore[misc]


def _until_fired(fault: Fault) -> None:
    """The write has reached the API."""
    for _ in range(1000):
        if fault.fired:
            return
        time.sleep(0.01)
    raise AssertionError("the write never reached the API")
