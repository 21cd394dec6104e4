"""`asisso-mcp dashboard` as a process: its address, its port, its end."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from asisso_mcp.cli import main
from tests.processes import WITHOUT_JOURNAL


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        main(["dashboard", "--sandbox", "--no-open", *arguments])
    return ended.value.code, capsys.readouterr().err


def test_a_port_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    said = "asisso-mcp: --port is 70000; it must be a whole number from 1 to 65535, or 0 for any that is free.\n"
    assert refused(capsys, "--port", "70000") == (2, said)


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = refused(capsys, "--port", str(port))
    assert code == 1
    assert said.startswith(f"asisso-mcp: Port {port} of 127.0.0.1 cannot be had (")
    assert said.endswith("). Name another with --port.\n")


def test_it_serves_its_page_on_loopback_with_its_journal_and_ends_by_ctrl_c_without_a_word(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], **WITHOUT_JOURNAL, "ASISSO_JOURNAL": str(tmp_path / "journal.db")}
    command = [sys.executable, "-m", "asisso_mcp", "dashboard", "--sandbox", "--no-open"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.fullmatch(r"Dashboard: (http://127\.0\.0\.1:\d+)(/\?key=\S+)\n", process.stdout.readline())
            assert found is not None
            origin = found[1]
            with httpx2.Client(base_url=origin, timeout=30, trust_env=False) as client:
                opened = client.get(found[2])
                headers = {"cookie": opened.headers["set-cookie"].partition(";")[0], "origin": origin}
                pause = {"name": "pause_campaign", "arguments": {"campaign_id": 3}}
                assert client.post("/tools/call", json=pause, headers=headers).json()["isError"] is False
                (entry,) = client.get("/journal", headers=headers).json()["entries"]
                undone = client.post("/journal/undo", json={"entry": entry["id"]}, headers=headers).json()
                entries = client.get("/journal", headers=headers).json()["entries"]
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
    assert entry["lines"][0].endswith('pause_campaign 3 "Spring promo"')
    assert (entry["can_undo"], entry["undo_rings"]) == (True, True)
    assert undone["isError"] is False
    assert f"  takes back {entry['id']}" in entries[0]["lines"]
    assert (process.returncode, errors) == (0, "")
