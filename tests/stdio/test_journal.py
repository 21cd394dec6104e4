"""The journal on stdio: on where nothing is named, told once where it cannot be kept, and required where it is named."""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from asisso_mcp.sandbox import Fault, Sandbox
from tests.conftest import until_fired
from tests.journal.test_writes import entries_in, writes
from tests.processes import StdioServer, stdio_server

WRITES: list[tuple[str, dict[str, Any]]] = [
    ("update_campaign", {"campaign_id": 4, "max_concurrency": 2}),
    ("pause_campaign", {"campaign_id": 3}),
    ("resume_campaign", {"campaign_id": 4}),
]


def default_in(folder: Path) -> dict[str, str]:
    """The environment of a server with no journal named, and this folder for the user's state."""
    return {"ASISSO_JOURNAL": "", "XDG_STATE_HOME": str(folder), "HOME": str(folder)}


def read(server: StdioServer, tool: str, arguments: dict[str, Any]) -> str:
    answer = server.call(tool, **arguments)
    return str(answer["content"][0]["text"])


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG_STATE_HOME")
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_each_write_is_an_entry_of_the_journal_in_the_users_state_folder(
    api: dict[str, str], tmp_path: Path, era: str
) -> None:
    with stdio_server(**{**api, **default_in(tmp_path)}) as server:
        server.open(era)
        for tool, arguments in WRITES:
            assert server.call(tool, **arguments)["isError"] is False
        assert server.end() == (0, "")
    entries = entries_in(tmp_path / "asisso-mcp" / "journal.sqlite3")
    assert [(each.tool, each.outcome, each.caller) for each in entries] == [
        ("update_campaign", "applied", None),
        ("pause_campaign", "applied", None),
        ("resume_campaign", "applied", None),
    ]


def test_a_server_that_only_reads_makes_no_file(api: dict[str, str], tmp_path: Path) -> None:
    with stdio_server(**{**api, **default_in(tmp_path)}) as server:
        server.open("modern")
        assert server.call("get_campaign", campaign_id=3)["isError"] is False
        assert server.end() == (0, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_outcome_of_a_write_that_is_answered_while_the_server_ends_is_kept(
    api: dict[str, str], tmp_path: Path, sandbox: Sandbox, number: int
) -> None:
    fault = Fault("delay", method="POST", seconds=0.5, times=1)
    sandbox.faults.add(fault)
    with stdio_server(**{**api, "ASISSO_JOURNAL": str(tmp_path / "journal")}) as server:
        server.open("legacy")
        server.send("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
        until_fired(fault)
        server.process.send_signal(number)
        assert server.process.wait(timeout=10) == 128 + number
    assert [each.outcome for each in entries_in(tmp_path / "journal")] == ["applied"]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG_STATE_HOME")
def test_a_state_folder_that_cannot_be_written_is_told_once_and_writes_go_on(
    api: dict[str, str], tmp_path: Path, sandbox: Sandbox
) -> None:
    (tmp_path / "asisso-mcp").write_text("")
    with stdio_server(**{**api, **default_in(tmp_path)}) as server:
        server.open("modern")
        for tool, arguments in WRITES:
            assert server.call(tool, **arguments)["isError"] is False
        assert server.end() == (
            0,
            f"asisso-mcp: The journal {tmp_path / 'asisso-mcp' / 'journal.sqlite3'} cannot be written (File exists), so what this server "
            "changes is not kept. Name another file with ASISSO_JOURNAL, or say off.\n",
        )
    assert writes(sandbox) == ["PATCH 4", "POST pause", "POST resume"]


def test_every_write_is_answered_with_the_reason_where_the_journal_that_is_named_cannot_be_written(
    api: dict[str, str], tmp_path: Path, sandbox: Sandbox
) -> None:
    (tmp_path / "file").write_text("")
    file = tmp_path / "file" / "folder" / "journal.sqlite3"
    with stdio_server(**{**api, "ASISSO_JOURNAL": str(file)}) as server:
        server.open("legacy")
        for tool, arguments in WRITES:
            assert read(server, tool, arguments) == (
                f"Nothing was changed. The journal that ASISSO_JOURNAL asks for, {file}, cannot be written (Not a directory), and without "
                "it nothing is sent. The person who runs this server can correct that, name another file, or set ASISSO_JOURNAL=off."
            )
        assert server.call("get_campaign", campaign_id=3)["isError"] is False
        assert server.end() == (0, "")
    assert writes(sandbox) == []
