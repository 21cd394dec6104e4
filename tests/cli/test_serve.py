"""`asisso-mcp serve`: what it loads on the way to the first answer, and what a person in a terminal is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asisso_mcp.cli import COMMANDS
from asisso_mcp.cli.invocation import invocation
from tests import processes

PROGRAM = """
import sys
from asisso_mcp.cli import main
import asisso_mcp.stdio.server
asisso_mcp.stdio.server.serve = lambda *_, **__: print(*sys.modules, file=sys.stderr)
main(sys.argv[1:])
"""


@pytest.mark.parametrize("arguments", [[], ["serve"], ["serve", "--sandbox", "--read-only", "-v"]])
def test_serving_loads_nothing_that_only_a_person_in_a_terminal_needs(arguments: list[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(told.stderr.split())
    assert "asisso_mcp.cli.serve" in loaded
    unwanted = {"argcomplete", "rich", "typer", "getpass", "asisso_mcp.schemas"}
    assert not loaded & (unwanted | {f"asisso_mcp.cli.{name}" for name in COMMANDS if name != "serve"})


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_person_in_a_terminal_is_told_what_it_waits_for_and_what_to_type_instead() -> None:
    import pty

    keyboard, terminal = pty.openpty()
    server = subprocess.Popen(
        [sys.executable, "-m", "asisso_mcp"], stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    os.close(terminal)
    assert server.stderr is not None
    said = server.stderr.readline().decode() + server.stderr.readline().decode()
    os.write(keyboard, b"\x04")  # the end of the input, as Ctrl-D gives it
    out, err = server.communicate(timeout=30)
    os.close(keyboard)
    assert said == (
        "Waiting for an MCP client. A client such as Claude or Cursor starts this by itself and speaks to it here; there is "
        "nothing for you to type. Ctrl-C ends it. To put it into your client:\n"
        f"  {invocation()} install\n"
    )
    assert (out, err, server.returncode) == (b"", b"", 0)


def test_a_sandbox_with_a_file_is_as_the_server_before_left_it(tmp_path: Path) -> None:
    states = []
    for _ in range(2):
        with processes.stdio_server("--sandbox", "--db", str(tmp_path / "campaigns.sqlite")) as server:
            server.open("modern")
            states.append(server.call("get_campaign", campaign_id=3)["structuredContent"]["state"])
            assert not server.call("pause_campaign", campaign_id=3)["isError"]
    assert states == ["running", "paused"]
