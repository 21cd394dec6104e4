"""`asisso-mcp doctor`: a line for each finding, and an exit code that a script can use."""

from pathlib import Path

import pytest

from asisso_mcp.cli import main
from asisso_mcp.sandbox import KEY, RunningServer, Sandbox
from tests.conftest import MONDAY


def doctor(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", *arguments])
    return ended.value.code


def test_what_is_configured_and_that_the_api_answers_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASISSO_CAMPAIGNS", "17,3")
    assert doctor("--sandbox", "--read-only") == 0
    assert capsys.readouterr() == (
        "API      built-in sandbox\n"
        "key      the sandbox's own\n"
        "timeout  30 s for one request\n"
        "proxy    none of its own\n"
        "CA file  the system's certificates\n"
        "may      read only, only campaigns 3, 17\n"
        "journal  off (ASISSO_JOURNAL)\n"
        "answer   the API is there, version 1.45.0\n"
        "access   the key is accepted and sees 14 campaigns\n"
        "Ready.\n",
        "",
    )


def test_the_limits_are_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ASISSO_TOOLS", "read,pause_campaign")
    monkeypatch.setenv("ASISSO_MAX_CONCURRENCY", "5")
    monkeypatch.setenv("ASISSO_MAX_RETRIES", "3")
    monkeypatch.setenv("ASISSO_CALLING_HOURS", "08:00-21:00")
    monkeypatch.setenv("ASISSO_REQUIRE_BREAKER", "1")
    assert doctor("--sandbox") == 0
    assert capsys.readouterr().out.splitlines()[5:7] == [
        "may      read and write, all campaigns of the key",
        "limits   only the tools list_campaigns, get_campaign, pause_campaign; at most 5 calls at once; at most 3 retries; calling "
        "hours within 08:00-21:00 in the campaign's zone; the circuit breaker stays on",
    ]


def test_what_a_person_confirms_is_a_limit_and_without_a_journal_it_says_what_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASISSO_CONFIRM", "always")
    assert doctor("--sandbox") == 0
    assert capsys.readouterr().out.splitlines()[6:9] == [
        "limits   a person confirms every change but a pause",
        "journal  off (ASISSO_JOURNAL)",
        "confirm  no journal in a file: where a host cannot ask a person, the change is refused",
    ]
    monkeypatch.setenv("ASISSO_JOURNAL", str(tmp_path / "journal.sqlite3"))
    assert doctor("--sandbox") == 0
    assert "confirm  " not in capsys.readouterr().out


def test_a_journal_that_cannot_be_written_is_the_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    file = tmp_path / "file" / "folder" / "journal.sqlite3"
    monkeypatch.setenv("ASISSO_JOURNAL", str(file))
    assert doctor("--sandbox") == 1
    said = capsys.readouterr().out.splitlines()
    assert said[6:8] == [
        f"journal  {file}",
        f"problem  The journal that ASISSO_JOURNAL asks for, {file}, cannot be written (Not a directory), and without it nothing is sent. "
        "The person who runs this server can correct that, name another file, or set ASISSO_JOURNAL=off.",
    ]
    assert said[-1] == "access   the key is accepted and sees 14 campaigns"


def test_a_key_that_is_refused_is_the_problem_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with RunningServer(Sandbox(clock=lambda: MONDAY)) as api:
        monkeypatch.setenv("ASISSO_BASE_URL", api.url)
        monkeypatch.setenv("ASISSO_API_KEY", KEY[::-1])
        assert doctor() == 1
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "key      set (ASISSO_API_KEY), not shown"
    assert said[5:8] == [
        "may      read and write, all campaigns of the key",
        "journal  off (ASISSO_JOURNAL)",
        "answer   the API is there, version 1.45.0",
    ]
    assert said[8].startswith("problem  The Asisso API did not accept the credentials (Invalid or expired API key).")
    assert len(said) == 9
