"""Writing a file of somebody else's: a backup first, all or nothing, through links, with the file's own permissions."""

import os
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from asisso_mcp.install.errors import NotInstalled, Unreadable


def read(path: Path) -> str:
    """The file's text, with its line ends and its byte order mark; of a missing file, an empty text.

    Raises Unreadable, NotInstalled.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None
    except OSError as problem:
        raise NotInstalled(f"{path} cannot be read ({problem.strerror}).") from None


def replace(path: Path, before: str, after: str | None, *, private: bool = False) -> Path | None:
    """Put `after` into the file (None: delete it), if it still says `before`; the backup's path, if there was a file.

    private: only its owner may read the file from now on. Raises NotInstalled.
    """
    path = path.resolve()
    try:
        if read(path) != before:
            raise NotInstalled(f"{path} was changed by another program at this moment. Run the command again.")
        backup = _backup(path) if path.exists() else None
        if after is None:
            path.unlink()
        else:
            _write(path, after, private=private)
    except OSError as problem:
        raise NotInstalled(f"{path} cannot be written ({problem.strerror}).") from None
    return backup


def _backup(path: Path) -> Path:
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    number = 0
    while True:
        backup = path.with_name(f"{path.name}.{stamp}{f'-{number}' if number else ''}.bak")
        if not backup.exists():
            shutil.copy2(path, backup)
            return backup
        number += 1


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
        os.replace(name, path)  # noqa: PTH105 - the same, and its failure leaves the old file
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
