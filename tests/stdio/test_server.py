"""The server on stdio: a process and its pipes, raw JSON-RPC lines, no SDK on the client's side."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from asisso_mcp.sandbox import Fault, Sandbox
from tests.conftest import until_fired
from tests.processes import META, run, stdio_server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

EDIT = {"campaign_id": 4, "max_concurrency": 2}


def test_an_input_that_ends_at_once_ends_the_server_cleanly() -> None:
    with stdio_server() as server:
        assert server.end() == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("line", ["", "{", "[]", '{"jsonrpc": "2.0"}', "null", "\x00\xff", '{"jsonrpc":"1.0","id":1}'])
def test_a_line_that_is_no_message_leaves_the_server_up(line: str) -> None:
    with stdio_server("--sandbox") as server:
        server.open("legacy")
        server.write(line.encode("latin-1"))
        assert server.call("get_campaign", campaign_id=3)["isError"] is False
        code, errors = server.end()
        assert code == 0
        assert "Traceback" not in errors


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_idle_server_at_once_and_without_a_word(number: int, code: int) -> None:
    with stdio_server("--sandbox") as server:
        server.open("legacy")
        server.process.send_signal(number)
        assert server.process.wait(timeout=5) == code
        assert server.stderr.read() == b""


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
    piped = run("--sandbox", lines=text)
    with (tmp_path / "lines").open() as lines:
        filed = subprocess.run(command, stdin=lines, capture_output=True, text=True, check=True, timeout=30)
    for ended in (piped, filed):
        assert sorted(json.loads(line)["id"] for line in ended.stdout.splitlines()) == [1, 2]
        assert ended.stderr == ""


@pytest.mark.parametrize(("number", "code"), [(None, 0), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_write_that_was_sent_is_finished_and_answered_when_the_input_ends_or_a_signal_comes(
    sandbox: Sandbox, api: dict[str, str], number: int | None, code: int
) -> None:
    fault = sandbox.faults.add(Fault("delay", method="PATCH", seconds=0.4))
    with stdio_server(**api) as server:
        server.open("legacy")
        asked = server.send("tools/call", name="update_campaign", arguments=EDIT)
        until_fired(fault)
        if number is None:
            server.stdin.close()
        else:
            server.process.send_signal(number)
        assert server.receive(asked)["result"]["structuredContent"]["applied"] is True
        assert server.process.wait(timeout=10) == code
    assert sandbox.campaign(4)["metadata"]["max_concurrency"] == 2


def test_a_write_that_does_not_end_in_time_is_told_on_stderr(sandbox: Sandbox, api: dict[str, str]) -> None:
    fault = sandbox.faults.add(Fault("delay", method="POST", seconds=30))
    with stdio_server(patches={"asisso_mcp.stdio.server.GRACE_SECONDS": 0.3}, **api) as server:
        server.open("legacy")
        server.send("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
        until_fired(fault)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=10) == 143
        assert server.stderr.read().decode() == (
            "asisso-mcp ends while a write is unanswered. Unknown outcome of the pause of campaign 3: look at the campaign before "
            "trying again.\n"
        )


def test_a_write_on_the_wire_is_finished_when_a_host_with_one_socket_goes_away_without_reading(
    sandbox: Sandbox, api: dict[str, str]
) -> None:
    """So socat, inetd and ssh start a server. A socket that is closed with something unread in it ends with a reset."""
    fault = Fault("delay", method="PATCH", seconds=0.7)
    sandbox.faults.add(fault)
    host, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-m", "asisso_mcp", "serve"], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=api
    )
    theirs.close()
    edit = {"name": "update_campaign", "arguments": EDIT, "_meta": META}
    for number, (method, params) in enumerate([("tools/call", edit), ("tools/list", {"_meta": META})]):
        line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        host.sendall(line.encode() + b"\n")
    until_fired(fault)
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
    with stdio_server(**environment) as server:
        code, errors = server.end()
    assert code == 2
    assert errors.startswith(words)
    assert errors.count("\n") == 1
