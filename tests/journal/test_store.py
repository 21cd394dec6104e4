"""The journal's file: what is stored stays, for every process that shares it, for as long as it is to be kept."""

import multiprocessing
import os
import sqlite3
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from asisso_mcp.journal.entry import Entry, fingerprint
from asisso_mcp.journal.errors import StoreError
from asisso_mcp.journal.store import SqliteStore

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def entry(campaign_id: int = 4, **facts: Any) -> Entry:
    values: dict[str, Any] = {
        "tool": "pause_campaign",
        "arguments": {"campaign_id": campaign_id},
        "origin": "https://app.asisso.com",
        "account": fingerprint("a key"),
        "before": {"state": "running", "name": "Spring \u202e promo"},
        "intended": {"state": "paused"},
        "undo_tool": "resume_campaign",
        "undo": {"campaign_id": campaign_id},
    }
    return Entry(campaign_id=campaign_id, **{**values, **facts})


def stored(store: SqliteStore, **facts: Any) -> Entry:
    """An entry that was stored, with the outcome that it has before it is sent."""
    one = entry(**{"outcome": "sent", **facts})
    store.insert(one)
    one.is_stored = True
    return one


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "asisso-mcp" / "journal.sqlite3"


@pytest.fixture
def store(file: Path) -> Any:
    opened = SqliteStore(file, days=90)
    yield opened
    opened.close()


def test_an_entry_is_read_as_it_was_stored_and_as_it_was_completed(store: SqliteStore) -> None:
    one = stored(store, caller="key 1", trace_id="ab" * 16, undo_of="abcdef")
    assert store.find(one.id.upper()) == one
    one.outcome, one.after, one.detail = "applied", {"state": "paused", "name": "\ud800 é"}, "why"
    store.update(one)
    assert list(store.all()) == [one]
    assert store.find("nobody") is None


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_the_file_is_readable_by_its_owner_alone(store: SqliteStore, file: Path) -> None:
    before = os.umask(0)
    try:
        stored(store)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    names = {each.name: stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()}
    assert names == {file.name + end: 0o600 for end in ("", "-wal", "-shm")}


def test_a_new_entry_is_flushed_to_the_disk_and_its_outcome_is_not_waited_for(store: SqliteStore) -> None:
    modes: list[str] = []
    store.open()
    assert store._connection is not None
    store._connection.set_trace_callback(modes.append)
    one = stored(store)
    store.update(one)
    store.update(one, flush=True)
    pragmas = [each.removeprefix("PRAGMA synchronous = ") for each in modes if "synchronous" in each]
    assert pragmas == ["FULL", "NORMAL", "FULL"]
    assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._connection.execute("PRAGMA fullfsync").fetchone() == (1,)


def test_the_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "customers.sqlite3"
    with sqlite3.connect(file) as theirs:
        theirs.execute("CREATE TABLE customers (name TEXT)")
    theirs.close()
    before = file.read_bytes()
    with pytest.raises(StoreError, match="it is another program's database"):
        SqliteStore(file, days=90).open()
    assert file.read_bytes() == before


def test_entries_are_kept_for_so_many_days(store: SqliteStore, file: Path) -> None:
    days = [stored(store, time=LONG_AGO), stored(store, time=datetime.now(UTC) - timedelta(days=89)), stored(store)]
    store.close()
    again = SqliteStore(file, days=90)
    last = stored(again)
    assert [each.id for each in again.all()] == [days[1].id, days[2].id, last.id]
    again.close()


def test_at_most_so_many_entries_are_kept_and_the_oldest_go(file: Path) -> None:
    store = SqliteStore(file, days=90, max_entries=150)
    ids = [stored(store, campaign_id=number).id for number in range(1, 302)]
    assert [each.id for each in store.all()] == ids[-150:]
    store.close()


def test_what_changed_after_a_change_is_told_once_and_in_its_order(store: SqliteStore) -> None:
    first, second = stored(store), stored(store)
    last, entries = store.last(1)
    assert [each.id for each in entries] == [second.id]
    assert store.changed_after(last) == (last, [])
    first.outcome = "applied"
    store.update(first)
    third = stored(store)
    last, entries = store.changed_after(last)
    assert [(each.id, each.outcome) for each in entries] == [(first.id, "applied"), (third.id, "sent")]
    assert store.changed_after(last) == (last, [])


def test_an_id_that_is_taken_is_replaced(store: SqliteStore) -> None:
    one = stored(store)
    other = stored(store, id=one.id)
    assert other.id != one.id
    assert len(list(store.all())) == 2


def test_an_entry_that_is_no_longer_there_cannot_be_completed(store: SqliteStore, file: Path) -> None:
    one = stored(store)
    with sqlite3.connect(file) as other:
        other.execute("DELETE FROM entries")
    other.close()
    with pytest.raises(StoreError, match=r"^the entry is no longer in it$"):
        store.update(one)


def test_a_file_that_was_removed_meanwhile_is_made_again(store: SqliteStore, file: Path) -> None:
    stored(store)
    for each in file.parent.iterdir():
        each.unlink()
    one = stored(store)
    other = SqliteStore(file, days=90)
    assert other.open_existing()
    assert [each.id for each in other.all()] == [one.id]
    other.close()


def test_reading_makes_no_file(store: SqliteStore, file: Path) -> None:
    assert store.open_existing() is False
    assert not file.parent.exists()


@pytest.mark.parametrize("content", [b"not a database, and longer than a header" * 40, b""])
def test_a_file_that_is_no_journal_is_told_in_words(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    store = SqliteStore(file, days=90)
    if content:
        with pytest.raises(StoreError, match=r"^file is not a database$"):
            store.open()
        assert file.read_bytes() == content
    else:  # as it is between its making and its first entry
        store.open()
    store.close()


def test_a_file_of_a_newer_version_is_left_alone(store: SqliteStore, file: Path) -> None:
    stored(store)
    store.close()
    with sqlite3.connect(file) as newer:
        newer.execute("PRAGMA user_version = 2")
    newer.close()
    with pytest.raises(StoreError, match=r"^it was written by a newer version of asisso-mcp$"):
        store.open()


def test_without_a_home_there_is_no_place() -> None:
    with pytest.raises(StoreError, match=r"^no home folder is known$"):
        SqliteStore(Path("~/.local/state/journal.sqlite3"), days=90).open()


def _write_many(file: Path, first: int, count: int) -> None:
    store = SqliteStore(file, days=90)
    for number in range(first, first + count):
        one = stored(store, campaign_id=number)
        one.outcome = "applied"
        store.update(one)
    store.close()


@pytest.mark.parametrize("each", [200, pytest.param(5000, marks=pytest.mark.slow)])
def test_two_processes_and_ten_thousand_entries_lose_none(file: Path, each: int) -> None:
    processes = [
        multiprocessing.get_context("spawn").Process(target=_write_many, args=(file, first, each))
        for first in (1, each + 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    store = SqliteStore(file, days=90)
    assert store.open_existing()
    entries = list(store.all())
    store.close()
    assert sorted(one.campaign_id for one in entries) == list(range(1, 2 * each + 1))
    assert {one.outcome for one in entries} == {"applied"}
    assert len({one.id for one in entries}) == 2 * each


def test_many_processes_may_make_the_file_at_the_same_moment(file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_many, args=(file, number, 1)) for number in range(1, 7)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    store = SqliteStore(file, days=90)
    assert store.open_existing()
    assert sorted(each.campaign_id for each in store.all()) == [1, 2, 3, 4, 5, 6]
    store.close()


def test_a_fingerprint_tells_keys_apart_and_holds_nothing_of_them() -> None:
    key = "as_0123456789abcdef"
    assert fingerprint(key) == fingerprint(key) != fingerprint(key + "0")
    assert len(fingerprint(key)) == 12
    assert fingerprint(key) not in key
