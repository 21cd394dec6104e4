"""Which files the sandbox takes for its database, and that it leaves all others as they are."""

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from asisso_mcp.cli import main
from asisso_mcp.sandbox import Sandbox
from asisso_mcp.sandbox.database import APPLICATION_ID

REFUSED = (
    "The file {} was not made by this sandbox, so nothing was written to it. {}. Name a file that does not exist yet, or one "
    "that this version of the sandbox made."
)
NO_DATABASE = "It is no SQLite database"
ANOTHER = "It is a SQLite database of something else, or of another version of the sandbox"


def sqlite_file(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        for statement in ("CREATE TABLE campaigns (id INTEGER)", *statements):
            connection.execute(statement)


def make(kind: str, file: Path) -> None:
    match kind:
        case "a text":
            file.write_text("name,phone_number\nJane,+14155550100\n" * 20)
        case "one byte":
            file.write_bytes(b"x")
        case "SQLite":
            sqlite_file(file)
        case "SQLite with a write-ahead log":
            sqlite_file(file, "PRAGMA journal_mode = WAL", "INSERT INTO campaigns VALUES (1)")
        case "an older sandbox":
            sqlite_file(file, f"PRAGMA application_id = {APPLICATION_ID}", "PRAGMA user_version = 1")


KINDS = [
    ("a text", NO_DATABASE),
    ("one byte", NO_DATABASE),
    ("SQLite", ANOTHER),
    ("SQLite with a write-ahead log", ANOTHER),
    ("an older sandbox", ANOTHER),
]


@pytest.mark.parametrize(("kind", "reason"), KINDS, ids=[kind for kind, _ in KINDS])
def test_a_file_of_something_else_is_refused_and_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, reason: str
) -> None:
    file = tmp_path / "precious"
    make(kind, file)
    os.utime(file, ns=(1, 1))
    before = file.read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        main(["sandbox", "--db", str(file), "--port", str(taken.getsockname()[1])])
    assert (ended.value.code, capsys.readouterr()) == (2, ("", f"asisso-mcp: {REFUSED.format(file, reason)}\n"))
    assert (file.read_bytes(), file.stat().st_mtime_ns, list(tmp_path.iterdir())) == (before, 1, [file])


@pytest.mark.parametrize("name", ["", "missing/campaigns.sqlite"], ids=["a folder", "in a folder that is not there"])
def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    with pytest.raises(ValueError, match=r"^The database file .* cannot be used: .*\. Name another file\.$"):
        Sandbox(db=file)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_and_one_of_our_own_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "campaigns.sqlite"
    file.touch()
    for name in ("First", "Second"):
        sandbox = Sandbox(db=file)
        sandbox.put(4, name=name)
        sandbox.close()
    sandbox = Sandbox(db=str(file))
    assert sandbox.campaign(4)["name"] == "Second"
    sandbox.close()
