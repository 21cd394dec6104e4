"""`asisso-mcp journal` and `asisso-mcp undo`: what people and log engines read, and what is taken back or refused."""

import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from asisso_mcp.cli import journal, main
from asisso_mcp.journal.entry import Entry, fingerprint
from asisso_mcp.journal.store import SqliteStore
from asisso_mcp.sandbox import KEY, OTHER_TENANT_KEY, Fault, RunningServer, Sandbox
from tests.journal.test_writes import entries_in, writes
from tests.processes import closing, run, start

COMPLETED = 14
EDIT = ("campaign_id=4", 'retry_config={"max_retries": 7}')


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture(autouse=True)
def environment(api: RunningServer, file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ASISSO_BASE_URL", api.url)
    monkeypatch.setenv("ASISSO_API_KEY", KEY)
    monkeypatch.setenv("ASISSO_JOURNAL", str(file))
    monkeypatch.setenv("TZ", "UTC")
    set_zone = getattr(time, "tzset", lambda: None)  # not on Windows
    set_zone()
    yield
    monkeypatch.undo()
    set_zone()


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str, str]:
    """Exit code, standard output, standard error."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return (ended.value.code, *capsys.readouterr())


def changed(capsys: pytest.CaptureFixture[str], file: Path, *call: str) -> Entry:
    """The entry of a call that changed something."""
    assert command(capsys, "call", *call)[0] == 0
    return entries_in(file)[-1]


def kept(file: Path, **facts: Any) -> Entry:
    """An entry that is put into the file as it is."""
    values: dict[str, Any] = {
        "tool": "update_campaign",
        "arguments": {},
        "origin": "https://app.asisso.com",
        "account": fingerprint(KEY),
        "campaign_id": 4,
        "before": {"state": "paused", "name": "Berlin", "max_concurrency": 4},
        "intended": {"name": "Berlin", "max_concurrency": 2},
        "outcome": "sent",
        "time": datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC),
    }
    entry = Entry(**{**values, **facts})
    store = SqliteStore(file, days=3650)
    store.insert(entry)
    store.close()
    return entry


# --- asisso-mcp journal -----------------------------------------------------------------------------------------------


def test_people_read_when_what_and_with_which_outcome_newest_last(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = kept(file)
    after = {"state": "paused", "name": "Berlin", "max_concurrency": 2}
    two = kept(file, outcome="applied", after=after, caller="key 0a1b", undo_of=one.id)
    three = kept(
        file,
        tool="pause_campaign",
        before=None,
        intended={"state": "paused"},
        outcome="refused",
        detail="The Asisso API refused: no. Nothing was changed.",
    )
    assert command(capsys, "journal") == (
        0,
        f'{one.id}  Mon 2026-11-23 15:04:05  update_campaign 4 "Berlin"\n'
        "  sent, outcome unknown: max_concurrency: 4 → 2\n"
        f'{two.id}  Mon 2026-11-23 15:04:05  update_campaign 4 "Berlin"\n'
        "  applied: max_concurrency: 4 → 2\n"
        f"  takes back {one.id}\n"
        "  by key 0a1b\n"
        f"{three.id}  Mon 2026-11-23 15:04:05  pause_campaign 4\n"
        "  refused: state: unreadable → paused\n"
        "  The Asisso API refused: no. Nothing was changed.\n",
        "",
    )


def test_no_line_for_people_is_longer_than_80_columns_or_has_hidden_characters(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slots = [{"day_of_week": day, "start_time": "09:00", "end_time": "17:00"} for day in range(7)] * 7
    kept(
        file,
        before={"state": "paused", "name": "\u202eevil\nname \x1b[31m" + "W" * 300, "schedule_config": {"slots": []}},
        intended={"schedule_config": {"slots": slots, "timezone": "America/New_York"}, "name": "\u202enew\n" * 20},
        detail="why " * 200,
        outcome="refused",
        caller="\x1b[31mmallory " * 30,
    )
    _, out, _ = command(capsys, "journal")
    assert out.isprintable() is False  # its line ends
    assert all(len(line) <= 80 for line in out.splitlines())
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", out)


def test_log_engines_read_an_object_a_line_with_the_undo_as_it_is(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undo = {"campaign_id": 4, "name": "\u202eA\nB"}
    one = kept(file, before={"state": "paused", "name": "\u202eA\nB"}, undo=undo, undo_tool="update_campaign")
    code, out, err = command(capsys, "journal", "--json")
    assert (code, err) == (0, "")
    assert out.isascii()
    (line,) = out.splitlines()
    assert json.loads(line) == {
        "entry": one.id,
        "time": "2026-11-23T15:04:05.000Z",
        "tool": "update_campaign",
        "arguments": {},
        "campaign_id": 4,
        "outcome": "sent",
        "detail": None,
        "before": {"state": "paused", "name": "A B"},
        "intended": {"name": "Berlin", "max_concurrency": 2},
        "after": None,
        "undo_tool": "update_campaign",
        "undo": undo,
        "undo_of": None,
        "origin": "https://app.asisso.com",
        "account": fingerprint(KEY),
        "caller": None,
        "trace_id": None,
    }


def test_an_empty_journal_is_said_and_no_file_is_made(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "journal") == (0, "", f"Nothing is in the journal yet ({file}).\n")
    assert not file.exists()


@pytest.mark.parametrize("words", [("journal",), ("undo", "abcdef")])
@pytest.mark.parametrize(("value", "where"), [("off", "nowhere"), ("otel", "in OpenTelemetry logs")])
def test_without_a_file_there_is_nothing_to_read(
    words: tuple[str, ...],
    value: str,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ASISSO_JOURNAL", value)
    assert command(capsys, *words) == (
        2,
        "",
        f"asisso-mcp: ASISSO_JOURNAL={value}: entries are {where}, and there is no file to read. Set it to a file's full path.\n",
    )


def test_a_file_that_is_no_journal_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("words " * 200)
    said = f"asisso-mcp: The journal {file} cannot be read: file is not a database.\n"
    assert command(capsys, "journal") == (1, "", said)
    assert command(capsys, "undo", "abcdef") == (1, "", said)


def test_whoever_follows_reads_the_last_ten_then_each_entry_and_its_outcome(file: Path) -> None:
    ids = [kept(file).id for _ in range(12)]
    with closing(start("journal", "--follow", "--json", ASISSO_JOURNAL=str(file))) as process:
        assert process.stdout is not None
        first = [json.loads(process.stdout.readline())["entry"] for _ in range(10)]
        assert first == ids[2:]
        new = kept(file)
        assert json.loads(process.stdout.readline())["entry"] == new.id
        new.outcome = "applied"
        store = SqliteStore(file, days=3650)
        store.update(new)
        store.close()
        line = json.loads(process.stdout.readline())
        assert (line["entry"], line["outcome"]) == (new.id, "applied")


def test_whoever_follows_a_journal_that_is_not_there_yet_reads_its_first_entry(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[Entry] = []

    class Over(Exception):
        pass

    def sleep(_: float) -> None:
        if made:
            raise Over
        made.append(kept(file))

    monkeypatch.setattr(journal.time, "sleep", sleep)
    with pytest.raises(Over):
        main(["journal", "--follow", "--json"])
    assert [json.loads(line)["entry"] for line in capsys.readouterr().out.splitlines()] == [made[0].id]


def test_the_default_place_is_the_users_state_folder_and_the_sandbox_has_a_file_of_its_own(tmp_path: Path) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path), "ASISSO_JOURNAL": "", "HOME": str(tmp_path)}
    assert run("call", "pause_campaign", "campaign_id=3", "--sandbox", **state).returncode == 0
    folder = tmp_path / "asisso-mcp"
    assert {each.name for each in folder.iterdir()} == {"sandbox-journal.sqlite3"}
    assert "applied: state: running → paused" in run("journal", "--sandbox", **state).stdout
    assert run("journal", **state).stderr == f"Nothing is in the journal yet ({folder / 'journal.sqlite3'}).\n"


# --- asisso-mcp undo --------------------------------------------------------------------------------------------------


def test_an_edit_is_taken_back_and_that_is_an_entry_itself(
    file: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sandbox.campaign(4)["retry_config"]
    entry = changed(capsys, file, "update_campaign", *EDIT)
    code, out, err = command(capsys, "undo", entry.id.upper())
    assert (code, err) == (0, "")
    assert out.startswith(
        'Done: Campaign 4 "Berlin appointment reminders" was changed.\n- retry_config.max_retries: 7 → 2\n'
    )
    assert sandbox.campaign(4)["retry_config"] == before
    taken_back = entries_in(file)[-1]
    assert (taken_back.undo_of, taken_back.tool, taken_back.outcome) == (entry.id, "update_campaign", "applied")
    assert command(capsys, "undo", taken_back.id)[0] == 0, "an undo can be taken back"
    assert sandbox.campaign(4)["retry_config"]["max_retries"] == 7


def test_a_pause_is_taken_back_by_a_resume(file: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    entry = changed(capsys, file, "pause_campaign", "campaign_id=3")
    assert command(capsys, "undo", entry.id)[0] == 0
    assert sandbox.campaign(3)["state"] == "running"


def test_what_was_taken_back_already_is_said_and_nothing_is_sent(
    file: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = changed(capsys, file, "update_campaign", *EDIT)
    assert command(capsys, "undo", entry.id)[0] == 0
    sent = writes(sandbox)
    said = f"Nothing was sent: campaign 4 is as it was before entry {entry.id} already.\n"
    assert command(capsys, "undo", entry.id) == (0, said, "")
    assert writes(sandbox) == sent


def test_a_leaf_that_has_changed_since_is_not_overwritten_and_another_leaf_does_not_matter(
    file: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = changed(capsys, file, "update_campaign", *EDIT)
    changed(capsys, file, "update_campaign", "campaign_id=4", "max_concurrency=2")
    changed(capsys, file, "update_campaign", "campaign_id=4", 'retry_config={"max_retries": 9}')
    sent = writes(sandbox)
    assert command(capsys, "undo", entry.id) == (
        1,
        "",
        'asisso-mcp: Nothing was sent: campaign 4 "Berlin appointment reminders" is no longer as entry '
        f"{entry.id} left it, and an undo would overwrite that. Changed since: retry_config.max_retries: 7 → 9.\n",
    )
    assert writes(sandbox) == sent
    changed(capsys, file, "update_campaign", "campaign_id=4", 'retry_config={"max_retries": 7}')
    assert command(capsys, "undo", entry.id)[0] == 0
    assert sandbox.campaign(4)["retry_config"]["max_retries"] == 2


def test_a_state_that_has_changed_since_is_left(
    file: Path, sandbox: Sandbox, api: RunningServer, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = kept(
        file,
        tool="resume_campaign",
        campaign_id=COMPLETED,
        origin=api.url,
        before={"state": "paused"},
        intended={"state": "running"},
        after={"state": "running"},
        outcome="applied",
        undo_tool="pause_campaign",
        undo={"campaign_id": COMPLETED},
    )
    code, out, err = command(capsys, "undo", entry.id)
    assert (code, out) == (1, "")
    assert err.endswith(
        f"is no longer as entry {entry.id} left it, and an undo would overwrite that. Changed since: state: running → completed.\n"
    )
    assert writes(sandbox) == []


def test_whoever_writes_between_the_undos_two_readings_is_not_overwritten(
    file: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = changed(capsys, file, "update_campaign", *EDIT)
    sandbox.faults.add(Fault("foreign-edit", method="GET", when="after", fields={"max_concurrency": 1}, times=1))
    code, out, _ = command(capsys, "undo", entry.id)
    assert code == 1
    assert "so nothing was changed. Changed meanwhile: max_concurrency: 4 → 1." in out
    assert sandbox.campaign(4)["retry_config"]["max_retries"] == 7


@pytest.mark.parametrize("is_in_place", [True, False])
@pytest.mark.parametrize("outcome", ["sent", "unknown"])
def test_a_write_of_unknown_outcome_is_taken_back_only_where_it_is_in_place(
    file: Path, sandbox: Sandbox, outcome: str, is_in_place: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = changed(capsys, file, "update_campaign", *EDIT)
    if not is_in_place:
        changed(capsys, file, "update_campaign", "campaign_id=4", 'retry_config={"max_retries": 8}')
    entry.outcome, entry.after = outcome, None  # type: ignore[assignment]
    store = SqliteStore(file, days=90)
    store.update(entry)
    store.close()
    code, _, err = command(capsys, "undo", entry.id)
    assert code == (0 if is_in_place else 1)
    assert sandbox.campaign(4)["retry_config"]["max_retries"] == (2 if is_in_place else 8)
    if not is_in_place:
        assert f"is no longer as entry {entry.id} was to leave it" in err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"ASISSO_API_KEY": OTHER_TENANT_KEY},
            "Entry {id} was made with another key or token than the one that is set here, perhaps for another account. Nothing was sent.",
        ),
        (
            {"ASISSO_BASE_URL": "https://other.example"},
            "Entry {id} was sent to {url}, and this is configured for https://other.example (ASISSO_BASE_URL, --sandbox). Nothing was "
            "sent.",
        ),
        (
            {"ASISSO_READ_ONLY": "1"},
            "update_campaign is not offered here: this server only reads (--read-only, or a token without the right to write). The person "
            "who runs it can change that. It has list_campaigns, get_campaign.",
        ),
        (
            {"ASISSO_CAMPAIGNS": "3"},
            "This server was started for certain campaigns only (ASISSO_CAMPAIGNS), and 4 is not among them, so nothing was sent. The "
            "person who runs the server can change that; `list_campaigns` shows the ones it may touch.",
        ),
    ],
)
def test_the_limits_the_origin_and_the_account_of_the_place_where_it_runs_hold(
    file: Path,
    sandbox: Sandbox,
    api: RunningServer,
    change: dict[str, str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = changed(capsys, file, "update_campaign", *EDIT)
    sent = writes(sandbox)
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    said = words.format(id=entry.id, url=api.url)
    assert command(capsys, "undo", entry.id) == (1, "", f"asisso-mcp: {said}\n")
    assert writes(sandbox) == sent


def test_an_edit_of_a_campaign_that_runs_is_not_taken_back_and_the_next_step_is_named(
    file: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = changed(capsys, file, "update_campaign", *EDIT)
    changed(capsys, file, "resume_campaign", "campaign_id=4")
    code, out, _ = command(capsys, "undo", entry.id)
    assert code == 1
    assert "settings can only be changed while a campaign is paused or a draft, so nothing was changed." in out
    assert sandbox.campaign(4)["retry_config"]["max_retries"] == 7


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"outcome": "refused"}, "Entry {id} changed nothing (refused), so there is nothing to undo."),
        ({"outcome": "not sent"}, "Entry {id} changed nothing (not sent), so there is nothing to undo."),
        (
            {"outcome": "applied"},
            "Entry {id} has no undo: what it changed cannot be put back by this API. Nothing was sent.",
        ),
    ],
)
def test_an_entry_without_a_way_back_is_refused(
    file: Path,
    sandbox: Sandbox,
    api: RunningServer,
    facts: dict[str, Any],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = kept(file, origin=api.url, **facts)
    assert command(capsys, "undo", entry.id) == (1, "", f"asisso-mcp: {words.format(id=entry.id)}\n")
    assert sandbox.requests == []


def test_an_id_that_is_not_there_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(file)
    said = f'asisso-mcp: There is no entry "nobody" in the journal {file}. `asisso-mcp journal` lists them.\n'
    assert command(capsys, "undo", "nobody") == (1, "", said)


def test_threads_are_gone_when_a_command_has_ended(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(capsys, file, "update_campaign", *EDIT)
    assert not [each.name for each in threading.enumerate() if each.name.startswith("journal")]


def test_a_breaker_that_was_switched_off_is_taken_back_although_its_display_is_the_same_before(
    file: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.put(4, circuit_breaker=None)
    entry = changed(capsys, file, "update_campaign", "campaign_id=4", 'circuit_breaker={"enabled": false}')
    assert (entry.after or {})["circuit_breaker"] == (entry.before or {})["circuit_breaker"]
    code, out, err = command(capsys, "undo", entry.id)
    assert (code, err) == (0, "")
    assert out.startswith('Done: Campaign 4 "Berlin appointment reminders" was changed.\n')
    assert sandbox.campaign(4)["effective_circuit_breaker"]["enabled"] is True


@pytest.mark.parametrize("outcome", ["sent", "unknown"])
def test_a_pause_that_is_not_known_to_have_changed_anything_is_not_taken_back_by_a_resume(
    file: Path, sandbox: Sandbox, api: RunningServer, outcome: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Campaign 4 was paused by someone else, long before."""
    entry = kept(
        file,
        tool="pause_campaign",
        origin=api.url,
        before=None,
        intended={"state": "paused"},
        outcome=outcome,
        undo_tool="resume_campaign",
        undo={"campaign_id": 4},
    )
    assert command(capsys, "undo", entry.id) == (
        1,
        "",
        f"asisso-mcp: The campaign could not be read before entry {entry.id}, and whether that changed anything is not known. Nothing "
        "was sent: look with `get_campaign`, then use `resume_campaign` if it is to dial.\n",
    )
    assert writes(sandbox) == []


def test_a_change_in_a_sandbox_with_a_file_is_taken_back_by_a_later_command(
    capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path
) -> None:
    practice = ("--sandbox", "--db", str(tmp_path / "practice.sqlite"))
    entry = changed(capsys, file, "update_campaign", *EDIT, *practice)
    forgotten = command(capsys, "undo", entry.id, "--sandbox")
    assert forgotten == (
        0,
        f"Nothing was sent: campaign 4 is as it was before entry {entry.id} already.\n",
        "This sandbox ends with the command, and so does what was changed in it. With --db FILE it stays for the next one.\n",
    )
    code, said, warned = command(capsys, "undo", entry.id, *practice)
    assert (code, warned) == (0, "")
    assert "- retry_config.max_retries: 7 → 2\n" in said
