"""A file is replaced all or nothing, and neither its backups nor a key in it can be read by others."""

import json
import os
import stat
import sys
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from asisso_mcp.install import config_file, files
from asisso_mcp.install.clients import by_name
from asisso_mcp.install.files import InstallError
from asisso_mcp.install.launch_command import UVX, LaunchCommand

OTHER = LaunchCommand("/opt/asisso/bin/asisso-mcp")
POSIX = pytest.mark.skipif(os.name == "nt", reason="permissions of a file are a POSIX matter")


def settings_file(folder: Path, text: str = "{}") -> Path:
    file = folder / "settings"
    file.write_bytes(text.encode())
    return file


def permissions(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def backups(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.bak"))


def test_the_backup_is_the_file_as_it_was_and_a_second_one_has_another_name(tmp_path: Path) -> None:
    file = settings_file(tmp_path, "{}\r\n")
    first = files.replace(file, "{}\r\n", "{1}")
    second = files.replace(file, "{1}", "{2}")
    assert first is not None
    assert second is not None
    assert backups(tmp_path) == sorted({first, second})
    assert first.read_bytes() == b"{}\r\n"
    assert second.read_text() == "{1}"
    assert file.read_text() == "{2}"


@POSIX
def test_a_backup_is_at_no_moment_readable_by_others(tmp_path: Path) -> None:
    file = settings_file(tmp_path, '{"key": "secret-1"}')
    file.chmod(0o644)
    seen: set[int] = set()

    def look(frame: FrameType, event: str, argument: Any) -> Any:
        seen.update(permissions(each) for each in backups(tmp_path))
        return look

    before, umask = sys.gettrace(), os.umask(0)
    sys.settrace(look)  # after each line of Python that is run
    try:
        files.replace(file, '{"key": "secret-1"}', "{}")
    finally:
        sys.settrace(before)
        os.umask(umask)
    assert seen == {0o600}
    assert [permissions(each) for each in backups(tmp_path)] == [0o600]


@POSIX
def test_a_backup_is_not_written_through_a_link_that_somebody_has_laid_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings_file(tmp_path, '{"key": "secret-1"}')
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setattr(files, "datetime", Stopped)
    (tmp_path / "settings.asisso-20260101-120000.bak").symlink_to(elsewhere)
    backup = files.replace(file, '{"key": "secret-1"}', "{}")
    assert backup == tmp_path / "settings.asisso-20260101-120000-1.bak"
    assert backup.read_text() == '{"key": "secret-1"}'
    assert not elsewhere.exists()


class Stopped(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Stopped":
        return cls(2026, 1, 1, 12, tzinfo=tz or UTC)

    def astimezone(self, tz: tzinfo | None = None) -> "Stopped":  # noqa: ARG002 - as the real one
        return self


def test_removing_the_server_deletes_the_backups_that_installing_made_and_no_other_file(tmp_path: Path) -> None:
    file = settings_file(tmp_path, '{"theme": "dark"}')
    others = [tmp_path / name for name in ("settings.bak", "settings.20260101-120000.bak", "settings2.asisso-1.bak")]
    for each in others:
        each.touch()
    config_file.install(by_name("cursor"), file, UVX, key="secret-1")
    config_file.install(by_name("cursor"), file, OTHER)
    assert any("secret-1" in each.read_text() for each in backups(tmp_path))
    removed = config_file.remove(by_name("cursor"), file)
    assert (removed.changed, removed.backup, removed.deleted_backups) == (True, None, 2)
    assert sorted(tmp_path.iterdir()) == sorted([file, *others])
    assert file.read_text() == '{"theme": "dark"}'


def test_backups_go_also_when_a_person_took_the_block_out_before(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    config_file.install(by_name("cursor"), file, UVX)
    file.unlink()
    removed = config_file.remove(by_name("cursor"), file)
    assert (removed.changed, removed.deleted_backups) == (False, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_edited_keeps_its_backups(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    config_file.install(by_name("cursor"), file, UVX)
    file.write_text('{"a": ')
    with pytest.raises(InstallError, match="was left as it is"):
        config_file.remove(by_name("cursor"), file)
    assert [each.read_text() for each in backups(tmp_path)] == ["{}"]


@POSIX
def test_a_given_key_makes_the_file_its_owners_alone(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    file.chmod(0o644)
    config_file.install(by_name("cursor"), file, UVX, key="secret-1")
    assert json.loads(file.read_text())["mcpServers"]["asisso"]["env"] == {"ASISSO_API_KEY": "secret-1"}
    assert permissions(file) == 0o600


@POSIX
def test_a_files_permissions_and_a_link_to_it_stay(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    real.chmod(0o640)
    link = tmp_path / "settings.json"
    link.symlink_to(real)
    config_file.install(by_name("gemini"), link, UVX)
    assert link.is_symlink()
    assert "asisso" in real.read_text()
    assert permissions(real) == 0o640


def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = settings_file(tmp_path, '{"a": 1}')

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InstallError, match=r"settings cannot be written \(No space left on device\)\.$"):
        config_file.install(by_name("gemini"), file, UVX)
    assert file.read_text() == '{"a": 1}'
    assert [each for each in tmp_path.iterdir() if each != file and each.suffix != ".bak"] == []


def test_a_file_that_another_program_changes_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings_file(tmp_path, '{"a": 1}')
    set_value = config_file.set_value

    def slow(*arguments: Any) -> str:
        file.write_text('{"a": 2}')
        return set_value(*arguments)

    monkeypatch.setattr(config_file, "set_value", slow)
    with pytest.raises(InstallError, match="was changed by another program at this moment"):
        config_file.install(by_name("claude-code"), file, UVX)
    assert file.read_text() == '{"a": 2}'
