"""`asisso-mcp approve` and `reject`, and `call` in a terminal: a person says yes or no, and nothing else counts as one."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.cli import main
from asisso_mcp.journal.entry import Entry, Outcome
from asisso_mcp.journal.store import SqliteStore
from asisso_mcp.sandbox import KEY, RunningServer, Sandbox
from asisso_mcp.tools import approvals
from tests.conftest import SETTINGS
from tests.journal.test_writes import entries_in, writes

RESUME = ("call", "resume_campaign", "campaign_id=4")
EDIT = ("call", "update_campaign", "campaign_id=4", "max_concurrency=9")
posix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture(autouse=True)
def environment(api: RunningServer, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASISSO_BASE_URL", api.url)
    monkeypatch.setenv("ASISSO_API_KEY", KEY)
    monkeypatch.setenv("ASISSO_JOURNAL", str(file))
    monkeypatch.setenv("ASISSO_CONFIRM", "risky")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # no terminal, also where the tests are run from one


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str, str]:
    """Exit code, standard output, standard error, without a terminal."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return (ended.value.code, *capsys.readouterr())


class Terminal:
    """A command on a pseudo terminal of its own: what it shows, and its end."""

    def __init__(self, *arguments: str) -> None:
        import pty

        self._side, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "asisso_mcp", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._shown = b""
        self._asks, self._ended = threading.Event(), threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                more = os.read(self._side, 4096)
            except OSError:  # Linux says so when the other side is closed
                more = b""
            if not more:
                self._asks.set()
                self._ended.set()
                return
            self._shown += more
            if b"[y/N]" in self._shown:
                self._asks.set()

    def answer(self, line: str) -> None:
        assert self._asks.wait(30)
        os.write(self._side, line.encode() + b"\n")

    def end(self) -> tuple[int, str]:
        """The exit code, and all that was shown, on one line."""
        code = self._process.wait(30)
        assert self._ended.wait(30)
        os.close(self._side)
        return code, " ".join(self._shown.decode().split())


@contextmanager
def opened(file: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(file, days=1)
    store.open()
    try:
        yield store
    finally:
        store.close()


def answered(file: Path, outcome: Outcome) -> Entry:
    """The entry that waits, after an answer."""
    with opened(file) as store:
        (entry,) = (each for each in store.answerable() if each.outcome == "waiting")
        assert store.move(entry, outcome, entry.detail)
    return entry


# --- call in a terminal, and without one ---


@posix
def test_call_in_a_terminal_asks_there_and_a_yes_is_carried_out(sandbox: Sandbox) -> None:
    terminal = Terminal(*EDIT)
    terminal.answer("y")
    code, shown = terminal.end()
    assert code == 0
    assert (
        'Campaign 4 "Berlin appointment reminders" would be changed: - max_concurrency: 4 → 9 Why you are asked:'
        in shown
    )
    assert 'Done: Campaign 4 "Berlin appointment reminders" was changed.' in shown
    assert len(writes(sandbox)) == 1


@posix
@pytest.mark.parametrize("line", ["n", "", "yep", "approve"])
def test_any_other_answer_in_a_terminal_is_no(sandbox: Sandbox, line: str) -> None:
    terminal = Terminal(*EDIT)
    terminal.answer(line)
    code, shown = terminal.end()
    assert code == 1
    assert "Nothing was changed yet: the question to a person was declined, or never shown." in shown
    assert writes(sandbox) == []


def test_call_without_a_terminal_waits_for_a_person_and_then_is_carried_out_once(
    sandbox: Sandbox, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told, _ = command(capsys, *RESUME)
    assert code == 1
    assert told.startswith(
        "Nothing was changed yet: a person confirms this (ASISSO_CONFIRM), and there is no way to ask one here."
    )
    answered(file, "approved")
    assert writes(sandbox) == []
    assert command(capsys, *RESUME)[0] == 0
    assert command(capsys, "call", "pause_campaign", "campaign_id=4")[0] == 0
    assert command(capsys, *RESUME)[0] == 1, "an approval was used twice"
    assert [each.outcome for each in entries_in(file)] == ["used", "applied", "applied", "waiting"]


def test_without_a_terminal_and_without_a_journal_call_is_refused(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASISSO_JOURNAL", "off")
    assert command(capsys, *RESUME)[:2] == (
        1,
        "Nothing was changed: a person confirms this (ASISSO_CONFIRM), and there is no way to ask one here. It needs a host that can ask, "
        "or a journal in a file (ASISSO_JOURNAL), in which it can wait for `asisso-mcp approve`.\n",
    )
    assert writes(sandbox) == []


def test_undo_is_confirmed_like_any_other_write(
    sandbox: Sandbox, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(capsys, "call", "pause_campaign", "campaign_id=3")[0] == 0
    (entry,) = entries_in(file)
    code, told, _ = command(capsys, "undo", entry.id)
    assert code == 1
    assert told.startswith("Nothing was changed yet: a person confirms this")
    answered(file, "approved")
    assert command(capsys, "undo", entry.id)[0] == 0
    assert [each.outcome for each in entries_in(file)] == ["applied", "used", "applied"]


def test_what_waits_cannot_be_undone(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(capsys, *RESUME)
    (entry,) = entries_in(file)
    code, _, told = command(capsys, "undo", entry.id)
    assert (code, told) == (
        1,
        f"asisso-mcp: Entry {entry.id} changed nothing (waiting), so there is nothing to undo.\n",
    )


# --- approve and reject ---


@posix
def test_approve_shows_before_and_after_and_records_a_yes(
    sandbox: Sandbox, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(capsys, *EDIT)
    (entry,) = entries_in(file)
    sandbox.requests.clear()
    code, listed = Terminal("approve").end()
    assert code == 0
    assert f"{entry.id} " in listed
    assert "waiting for a person: max_concurrency: 4 → 9" in listed
    terminal = Terminal("approve", entry.id.upper())
    terminal.answer("yes")
    code, shown = terminal.end()
    assert code == 0
    assert (
        f'Entry {entry.id}, update_campaign Campaign 4 "Berlin appointment reminders" would be changed: - max_concurrency: 4 → 9 '
        "Why you are asked: it may make more calls at once. Do this? [y/N]"
    ) in shown
    assert "Approved until " in shown
    assert sandbox.requests == [], "approving sends nothing"
    assert [each.outcome for each in entries_in(file)] == ["approved"]
    assert command(capsys, *EDIT)[0] == 0


@posix
@pytest.mark.parametrize("line", ["n", ""])
def test_what_is_not_a_yes_leaves_it_waiting(file: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    command(capsys, *EDIT)
    terminal = Terminal("approve", entries_in(file)[0].id)
    terminal.answer(line)
    code, shown = terminal.end()
    assert code == 1
    assert "Nothing was recorded: it still waits. `asisso-mcp reject` says no." in shown
    assert [each.outcome for each in entries_in(file)] == ["waiting"]


def test_approve_without_a_terminal_records_nothing(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command(capsys, *EDIT)
    for arguments in (("approve",), ("approve", entries_in(file)[0].id)):
        code, shown, told = command(capsys, *arguments)
        assert (code, shown) == (1, "")
        assert told == (
            "asisso-mcp: This is answered by a person at a terminal, and standard input or standard error is none. Nothing was recorded.\n"
        )
    assert [each.outcome for each in entries_in(file)] == ["waiting"]


def test_a_rejected_call_is_refused_and_an_approval_can_be_taken_back(
    sandbox: Sandbox, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(capsys, *EDIT)
    entry = answered(file, "approved")
    code, told, _ = command(capsys, "reject", entry.id)
    assert code == 0
    assert told.startswith("Rejected: the same call is refused until ")
    assert command(capsys, *EDIT)[:2] == (
        1,
        f"Nothing was changed: a person rejected this (journal entry {entry.id}). Do not call again unless they ask for it.\n",
    )
    assert command(capsys, "reject", entry.id)[2] == f"asisso-mcp: Entry {entry.id} waits for nobody: it is rejected.\n"
    assert writes(sandbox) == []


def test_an_approval_is_void_when_the_campaign_changed_since(
    sandbox: Sandbox, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def change() -> None:
        client = AsissoClient(ApiTransport(SETTINGS, transport=sandbox.transport()), SETTINGS)
        await client.patch(4, {"max_concurrency": 2}, lambda: None)

    command(capsys, *EDIT)
    entry = answered(file, "approved")
    anyio.run(change)
    code, told, _ = command(capsys, *EDIT)
    assert code == 1
    assert told.startswith(
        f"What a person approved (journal entry {entry.id}) is no longer what would happen. Changed since: max_concurrency: 4 → 2. "
        "Nothing was changed yet: a person confirms this (ASISSO_CONFIRM), "
    )
    assert "- max_concurrency: 2 → 9\n" in told
    assert len(writes(sandbox)) == 1
    assert [each.outcome for each in entries_in(file)] == ["outdated", "waiting"]


def test_what_was_not_answered_in_ten_minutes_has_expired_and_is_asked_anew(
    sandbox: Sandbox, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(capsys, *EDIT)
    entry = answered(file, "approved")
    entry.outcome, entry.time = "approved", datetime.now(UTC) - timedelta(minutes=10, seconds=1)
    with opened(file) as store:
        store.update(entry)
        assert not store.move(entry, "used")
    assert command(capsys, *EDIT)[0] == 1
    assert "approved by a person, not used yet, and expired: max_concurrency: 4 → 9" in command(capsys, "journal")[1]
    code, _, told = command(capsys, "reject", entry.id)
    assert code == 1
    assert told.startswith(f"asisso-mcp: Entry {entry.id} expired at ")
    assert [each.outcome for each in entries_in(file)] == ["approved", "waiting"]
    assert writes(sandbox) == []


def test_no_model_can_fill_the_journal_with_questions(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals, "MAX_WAITING", 2)
    for most in (8, 9, 10):
        _, told, _ = command(capsys, *EDIT[:-1], f"max_concurrency={most}")
    assert told == (
        "Nothing was changed: 2 calls wait for a person already. They can answer them with `asisso-mcp approve` and `asisso-mcp reject` in "
        "a terminal; each expires after ten minutes.\n"
    )
    assert len(entries_in(file)) == 2


def test_what_cannot_be_answered_is_said_with_the_reason(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(capsys, "call", "pause_campaign", "campaign_id=3")
    (entry,) = entries_in(file)
    assert command(capsys, "reject", entry.id) == (
        1, "", f"asisso-mcp: Entry {entry.id} waits for nobody: it was sent already (applied).\n",
    )  # fmt: skip
    assert command(capsys, "reject", "nosuch") == (
        1,
        "",
        f'asisso-mcp: There is no entry "nosuch" in the journal {file}. `asisso-mcp approve` lists what waits.\n',
    )
