"""Reads and replaces a settings file of another program: atomically, through links, with its permissions kept."""

import os
import re
import tempfile
from datetime import datetime
from pathlib import Path


class InstallError(Exception):
    """What was asked for was not done. The message says why and what to do."""


class UnsupportedFile(InstallError):
    """The file is not in its client's format, or not of the expected shape. The message completes "because …"."""


def read_text(path: Path) -> str:
    """The file's text with its line ends and byte order mark; an empty text when there is no such file.

    Raises UnsupportedFile when it is not UTF-8, InstallError when it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise UnsupportedFile("it is not UTF-8 text") from None
    except OSError as error:
        raise InstallError(f"{path} cannot be read ({error.strerror}).") from None


def replace(path: Path, before: str, after: str | None, *, backup: bool = True, private: bool = False) -> Path | None:
    """Replace the file's text by `after` (None deletes the file), provided that it is still `before`.

    backup: keep the old file beside it, for its owner alone. private: so is the new file. Returns the backup's path, if
    one was made. Raises InstallError.
    """
    path = path.resolve()
    try:
        if read_text(path) != before:
            raise InstallError(f"{path} was changed by another program at this moment. Run the command again.")
        copy = _back_up(path, before) if backup and path.exists() else None
        if after is None:
            path.unlink()
        else:
            _write(path, after, private=private)
    except OSError as error:
        raise InstallError(f"{path} cannot be written ({error.strerror}).") from None
    return copy


def delete_backups(path: Path) -> int:
    """Delete the backups that `replace` made of this file, since they may hold a key. Returns how many. Raises InstallError."""
    path = path.resolve()
    name = re.compile(re.escape(path.name) + r"\.asisso-\d{8}-\d{6}(-\d+)?\.bak")
    backups = [each for each in path.parent.glob("*.bak") if name.fullmatch(each.name)]
    try:
        for each in backups:
            each.unlink()
    except OSError as error:
        raise InstallError(f"{error.filename}, a backup of {path}, cannot be deleted ({error.strerror}).") from None
    return len(backups)


def _back_up(path: Path, text: str) -> Path:
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    number = 0
    while True:
        backup = path.with_name(f"{path.name}.asisso-{stamp}{f'-{number}' if number else ''}.bak")
        try:  # made by this call, never opened again by its name, and for its owner alone before there is anything in it
            descriptor = os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
        return backup


def _write(path: Path, text: str, *, private: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o600 if private else path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
