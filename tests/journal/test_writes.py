"""What the journal says of each write: before it is sent, and when its outcome is known. And what is not sent without it."""

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from asisso_mcp.api import retries
from asisso_mcp.campaigns import write_recovery
from asisso_mcp.config import Settings
from asisso_mcp.journal import journal
from asisso_mcp.journal.entry import Entry, fingerprint
from asisso_mcp.journal.errors import StoreError
from asisso_mcp.journal.journal import Journal
from asisso_mcp.journal.store import SqliteStore
from asisso_mcp.sandbox import KEY, Fault, Sandbox
from asisso_mcp.toolbox import Toolbox
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import ToolResult
from asisso_mcp.tools.services import TenantServices
from tests.api.scripted import until
from tests.campaigns.test_interrupted_writes import held
from tests.conftest import MONDAY, SETTINGS

EDIT = {"campaign_id": 4, "retry_config": {"max_retries": 7}}
TOOL = {tool.name: tool for tool in TOOLS}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


def entries_in(file: Path) -> list[Entry]:
    store = SqliteStore(file, days=90)
    try:
        return list(store.all()) if store.open_existing() else []
    finally:
        store.close()


def writes(sandbox: Sandbox) -> list[str]:
    return [f"{each.method} {each.path.rpartition('/')[2]}" for each in sandbox.requests if each.method != "GET"]


def settings_with(journal: Path | str) -> Settings:
    return Settings(api_key=SETTINGS.api_key, journal=journal)


class Calls:
    """Calls over one set of services with a journal in a file."""

    def __init__(self, sandbox: Sandbox, journal: Journal | None, settings: Settings) -> None:
        self.services = TenantServices(
            settings, transport=sandbox.transport(), clock=lambda: MONDAY, journal=journal, tell=lambda _: None
        )

    async def __call__(self, name: str, **arguments: Any) -> ToolResult:
        return await TOOL[name].call(arguments, self.services.call())


@pytest.fixture
async def call(sandbox: Sandbox, file: Path) -> Any:
    calls = Calls(sandbox, None, settings_with(file))
    yield calls
    await calls.services.close()


async def ended(calls: Calls, file: Path) -> list[Entry]:
    """The entries, when everything is stored."""
    await calls.services.close()
    return entries_in(file)


async def test_an_entry_has_what_was_asked_what_was_there_what_is_there_and_the_way_back(
    call: Calls, file: Path
) -> None:
    answer = await call("update_campaign", **EDIT)
    (entry,) = await ended(call, file)
    assert not answer.is_error
    assert answer.structure is not None
    assert (entry.tool, entry.arguments, entry.campaign_id) == ("update_campaign", EDIT, 4)
    assert (entry.origin, entry.account) == ("https://app.asisso.com", fingerprint(KEY))
    assert (entry.outcome, entry.detail) == ("applied", None)
    assert (entry.undo_tool, entry.undo) == ("update_campaign", answer.structure["undo"])
    assert entry.before is not None
    assert entry.after is not None
    assert list(entry.before) == [
        "state",
        "name",
        "retry_config",
        "max_concurrency",
        "schedule_config",
        "circuit_breaker",
    ]
    assert entry.before["retry_config"]["max_retries"] == 2
    assert entry.after == {**entry.before, "retry_config": {**entry.before["retry_config"], "max_retries": 7}}
    assert entry.intended == {name: value for name, value in entry.after.items() if name != "state"}
    assert (entry.caller, entry.trace_id, entry.undo_of) == (None, None, None)


async def test_a_pause_and_a_resume_are_entries_with_each_others_tool_as_the_way_back(call: Calls, file: Path) -> None:
    await call("pause_campaign", campaign_id=3)
    await call("resume_campaign", campaign_id=3)
    paused, resumed = await ended(call, file)
    assert (paused.before or {})["state"] == "running"
    assert ((paused.after or {})["state"], paused.intended) == ("paused", {"state": "paused"})
    assert (paused.undo_tool, paused.undo) == ("resume_campaign", {"campaign_id": 3})
    assert (resumed.undo_tool, resumed.undo) == ("pause_campaign", {"campaign_id": 3})
    assert paused.outcome == resumed.outcome == "applied"


async def test_what_sends_no_write_makes_no_entry(call: Calls, file: Path, sandbox: Sandbox) -> None:
    await call("get_campaign", campaign_id=3)
    await call("update_campaign", **EDIT, dry_run=True)
    await call("update_campaign", campaign_id=4, max_concurrency=4)  # as it is
    await call("update_campaign", campaign_id=3, max_concurrency=2)  # refused: it runs
    await call("pause_campaign", campaign_id=4)  # paused already
    await call("update_campaign", campaign_id=4, max_concurrency=2, expected_revision="another")
    assert writes(sandbox) == []
    assert await ended(call, file) == []


async def test_no_key_is_in_the_file(call: Calls, file: Path) -> None:
    await call("update_campaign", **EDIT)
    await call("pause_campaign", campaign_id=3)
    await ended(call, file)
    stored = b"".join(each.read_bytes() for each in file.parent.iterdir())
    assert b"update_campaign" in stored
    assert KEY.encode() not in stored


@pytest.mark.parametrize(
    ("fault", "outcome", "detail", "sent"),
    [
        (Fault("status", method="PATCH", code=400, body='{"detail":"no"}'), "refused", "The Asisso API refused", 1),
        (Fault("drop-after", method="PATCH"), "applied", None, 1),
        (Fault("drop-before", method="PATCH"), "unknown", "Unknown outcome. Sent: the edit of", 1),
        (Fault("stale-body", method="PATCH"), "applied", None, 1),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_the_outcome_is_what_the_caller_was_told(
    call: Calls, file: Path, sandbox: Sandbox, fault: Fault, outcome: str, detail: str | None, sent: int
) -> None:
    sandbox.faults.add(fault)
    await call("update_campaign", **EDIT)
    (entry,) = await ended(call, file)
    assert len(writes(sandbox)) == sent
    assert entry.outcome == outcome
    assert (entry.detail or "").startswith(detail or "")
    if outcome == "applied":
        assert (entry.after or {})["retry_config"]["max_retries"] == 7
    else:
        assert entry.after is None
    assert (entry.undo is None) == (outcome == "refused")


async def test_what_was_partly_applied_has_the_way_back_of_that_part(call: Calls, file: Path, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("foreign-edit", when="lost", fields={"max_concurrency": 2}, times=1))
    await call("update_campaign", **EDIT, max_concurrency=3)
    (entry,) = await ended(call, file)
    assert (entry.outcome, entry.detail) == ("partly applied", "Not as sent: max_concurrency.")
    assert entry.undo == {"campaign_id": 4, "retry_config": {"max_retries": 2}}
    assert (entry.after or {})["max_concurrency"] == 2


async def test_a_write_that_is_put_off_and_sent_again_is_one_entry(call: Calls, file: Path, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("status", method="PATCH", code=429, retry_after=0, times=2))
    await call("update_campaign", **EDIT)
    (entry,) = await ended(call, file)
    assert len(writes(sandbox)) == 3
    assert entry.outcome == "applied"


async def test_while_a_write_that_was_refused_waits_to_be_sent_again_its_entry_says_so(
    call: Calls, file: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    async def wait(_: float) -> None:
        await call.services._journal.drain()  # type: ignore[union-attr]
        seen.append(entries_in(file)[0].outcome)

    monkeypatch.setattr(retries.anyio, "sleep", wait)
    sandbox.faults.add(Fault("status", method="PATCH", code=429, times=2))
    assert not (await call("update_campaign", **EDIT)).is_error
    assert seen == ["refused", "refused"]
    (entry,) = await ended(call, file)
    assert (entry.outcome, entry.undo) == ("applied", {"campaign_id": 4, "retry_config": {"max_retries": 2}})


async def test_a_write_that_is_put_off_to_the_end_changed_nothing(call: Calls, file: Path, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("status", method="PATCH", code=429, retry_after=60))
    await call("update_campaign", **EDIT)
    (entry,) = await ended(call, file)
    assert (entry.outcome, entry.undo, entry.undo_tool) == ("refused", None, None)


async def test_each_pause_of_an_import_that_sets_it_running_again_is_an_entry(
    call: Calls, file: Path, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("import-ends", times=1))
    service = call.services.service
    service._reader._sleep = no_wait  # type: ignore[attr-defined]
    await call("pause_campaign", campaign_id=10)
    entries = await ended(call, file)
    assert writes(sandbox) == ["POST pause", "POST pause"]
    assert [(each.outcome, (each.before or {})["state"]) for each in entries] == [
        ("applied", "syncing"),
        ("applied", "running"),
    ]


async def no_wait(_: float) -> None:
    """Time that passes at once."""


# --- whoever gives up, and a journal that takes its time --------------------------------------------------------------


class HeldStore:
    """A store whose inserts wait until they are let go."""

    def __init__(self, file: Path) -> None:
        self._store = SqliteStore(file, days=90)
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.inserted = 0

    def insert(self, entry: Entry) -> None:
        self.inserted += 1
        self.reached.set()
        assert self.go_on.wait(20)
        self._store.insert(entry)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def held_store(file: Path) -> Iterator[HeldStore]:
    store = HeldStore(file)
    yield store
    store.go_on.set()


async def test_a_call_that_is_given_up_while_its_entry_is_stored_sends_nothing_and_the_entry_says_so(
    sandbox: Sandbox, file: Path, held_store: HeldStore
) -> None:
    calls = Calls(sandbox, Journal(lambda: held_store, str(file), is_required=True), SETTINGS)
    task = asyncio.get_running_loop().create_task(calls("update_campaign", **EDIT))
    await asyncio.to_thread(held_store.reached.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    held_store.go_on.set()
    (entry,) = await ended(calls, file)
    assert writes(sandbox) == []
    assert (entry.outcome, entry.undo, entry.after) == ("not sent", None, None)


async def test_a_slow_journal_makes_it_read_again_and_is_not_asked_again(
    sandbox: Sandbox, file: Path, held_store: HeldStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_recovery, "FRESH_SECONDS", 0.05)
    calls = Calls(sandbox, Journal(lambda: held_store, str(file), is_required=True), SETTINGS)
    task = asyncio.get_running_loop().create_task(calls("update_campaign", **EDIT))
    await asyncio.to_thread(held_store.reached.wait)
    await anyio.sleep(0.1)
    held_store.go_on.set()
    assert not (await task).is_error
    (entry,) = await ended(calls, file)
    methods = [each.method for each in sandbox.requests]
    assert methods == ["GET", "GET", "PATCH"], "what was sent rests on a reading that is older than the wait"
    assert (entry.outcome, held_store.inserted) == ("applied", 1)


async def test_a_default_journal_on_a_disk_that_hangs_does_not_hold_up_a_pause_and_has_its_outcome_in_the_end(
    sandbox: Sandbox, file: Path, held_store: HeldStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PATIENCE_SECONDS", 0.05)
    warnings: list[str] = []
    calls = Calls(sandbox, Journal(lambda: held_store, str(file), is_required=False, warn=warnings.append), SETTINGS)
    with anyio.fail_after(10):
        answer = await calls("pause_campaign", campaign_id=3)
    assert answer.text.startswith('Done: Campaign 3 "Spring promo" is paused; it was running.\n')
    assert warnings == [
        f"The journal {file} cannot be written (it takes longer than 0.05 s), so what this server changes is not kept. Name another file "
        "with ASISSO_JOURNAL, or say off."
    ]
    monkeypatch.setattr(journal, "PATIENCE_SECONDS", 600)
    with anyio.fail_after(10):
        assert not (await calls("update_campaign", **EDIT)).is_error, "the second one does not wait at all"
    held_store.go_on.set()
    assert [(each.tool, each.outcome) for each in await ended(calls, file)] == [
        ("pause_campaign", "applied"),
        ("update_campaign", "applied"),
    ]


@pytest.mark.parametrize(("tool", "campaign"), [("update_campaign", 4), ("pause_campaign", 3)])
async def test_what_becomes_of_a_write_whose_caller_left_is_stored_when_it_is_known(
    call: Calls, file: Path, tool: str, campaign: int
) -> None:
    reached, go_on = anyio.Event(), anyio.Event()
    client = call.services.service._client
    for name in ("patch", "pause"):
        setattr(client, name, held(getattr(client, name), reached, go_on))
    arguments = EDIT if tool == "update_campaign" else {"campaign_id": campaign}
    task = asyncio.get_running_loop().create_task(call(tool, **arguments))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: entries_in(file) != [])
    assert [each.outcome for each in entries_in(file)] == ["sent"]
    go_on.set()
    (entry,) = await ended(call, file)
    assert (entry.outcome, entry.after is not None) == ("applied", True)


@pytest.mark.parametrize(("tool", "campaign"), [("resume_campaign", 4), ("pause_campaign", 10)])
async def test_an_outcome_is_stored_before_the_campaign_is_looked_at_again(
    call: Calls, file: Path, tool: str, campaign: int
) -> None:
    """A process that ends in these seconds leaves no write of unknown outcome."""
    looking, go_on = anyio.Event(), anyio.Event()

    async def sleep(_: float) -> None:
        looking.set()
        await go_on.wait()

    call.services.service._reader._sleep = sleep
    task = asyncio.get_running_loop().create_task(call(tool, campaign_id=campaign))
    await looking.wait()
    assert call.services._journal is not None
    await call.services._journal.drain()
    assert [each.outcome for each in entries_in(file)] == ["applied"]
    go_on.set()
    assert not (await task).is_error
    assert [each.outcome for each in await ended(call, file)] == ["applied"]


# --- a journal that cannot be written ---------------------------------------------------------------------------------

UNAVAILABLE = (
    "Nothing was changed. The journal that ASISSO_JOURNAL asks for, {file}, cannot be written ({why}), and without it nothing is "
    "sent. The person who runs this server can correct that, name another file, or set ASISSO_JOURNAL=off."
)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("update_campaign", EDIT),
        ("pause_campaign", {"campaign_id": 3}),
        ("resume_campaign", {"campaign_id": 4}),
    ],
)
async def test_without_a_journal_that_was_named_nothing_is_sent(
    sandbox: Sandbox, tmp_path: Path, tool: str, arguments: dict[str, Any]
) -> None:
    (tmp_path / "file").write_text("")
    file = tmp_path / "file" / "folder" / "journal.sqlite3"
    async with Toolbox(settings_with(file), transport=sandbox.transport(), clock=lambda: MONDAY) as toolbox:
        answer = await toolbox.call(tool, arguments)
        assert answer.text == UNAVAILABLE.format(file=file, why="Not a directory")
        assert writes(sandbox) == []
        assert not (await toolbox.call("get_campaign", {"campaign_id": 3})).is_error
        assert not (await toolbox.call("update_campaign", {**EDIT, "dry_run": True})).is_error


async def test_a_journal_that_breaks_later_stops_what_comes_later(call: Calls, file: Path, sandbox: Sandbox) -> None:
    await call("update_campaign", **EDIT)
    await call.services._journal.drain()  # type: ignore[union-attr]
    for each in file.parent.iterdir():
        each.unlink()
    file.mkdir()  # noqa: ASYNC240
    answer = await call("pause_campaign", campaign_id=3)
    assert answer.text == UNAVAILABLE.format(file=file, why="Is a directory")
    assert writes(sandbox) == ["PATCH 4"]


async def test_a_default_journal_that_cannot_be_written_is_told_once_and_writes_go_on(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    file = tmp_path / "file" / "folder" / "journal.sqlite3"
    told: list[str] = []
    journal = Journal(partial(SqliteStore, file, days=90), str(file), is_required=False, warn=told.append)
    calls = Calls(sandbox, journal, SETTINGS)
    assert not (await calls("update_campaign", **EDIT)).is_error
    assert not (await calls("pause_campaign", campaign_id=3)).is_error
    await calls.services.close()
    assert writes(sandbox) == ["PATCH 4", "POST pause"]
    assert told == [
        f"The journal {file} cannot be written (Not a directory), so what this server changes is not kept. Name another file "
        "with ASISSO_JOURNAL, or say off."
    ]


async def test_an_outcome_that_cannot_be_stored_is_logged_and_the_answer_stays(
    sandbox: Sandbox, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(SqliteStore):
        def update(self, *_: object, **__: object) -> None:
            raise StoreError("database or disk is full")

    calls = Calls(sandbox, Journal(lambda: Broken(file, days=90), str(file), is_required=True), SETTINGS)
    assert not (await calls("update_campaign", **EDIT)).is_error
    (entry,) = await ended(calls, file)
    assert entry.outcome == "sent"
    assert caplog.messages == [
        f"The outcome of journal entry {entry.id} (applied) could not be stored, so it stays at 'sent': database or disk is full"
    ]


async def test_a_toolbox_keeps_a_journal_only_where_one_is_named(
    sandbox: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(file.parent))
    async with Toolbox(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY) as toolbox:
        await toolbox.call("update_campaign", EDIT)
    assert list(file.parent.iterdir()) == []
    async with Toolbox(settings_with(file), transport=sandbox.transport(), clock=lambda: MONDAY) as toolbox:
        await toolbox.call("pause_campaign", {"campaign_id": 3})
    assert [each.tool for each in entries_in(file)] == ["pause_campaign"]
