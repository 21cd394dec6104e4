"""The bearer tokens of `--auth token`, from a setting and from a file that may change while the server runs."""

import hashlib
import hmac
import logging
from collections.abc import Iterable
from pathlib import Path

from pydantic import SecretStr

from asisso_mcp.config import SettingsError

logger = logging.getLogger(__name__)

MIN_TOKEN = 20
"""Characters of the shortest token. `openssl rand -hex 32` gives 64."""
MAX_FILE = 1024 * 1024
"""Bytes of the token file."""

_FileVersion = tuple[int, int, int, int]


class Tokens:
    """The accepted tokens, kept as digests.

    The file is read again whenever it changes. While it cannot be read none of its tokens is accepted, because one that was
    taken out of it must not live on.
    """

    def __init__(self, given: Iterable[SecretStr] = (), file: Path | None = None) -> None:
        """Read the tokens. Raises SettingsError when one is too short, or there is none at all."""
        self._given = [_digest(checked(token.get_secret_value(), "ASISSO_MCP_TOKENS")) for token in given]
        self._file = file
        self._version: _FileVersion | None = None
        self._from_file: list[bytes] = []
        if file is not None:
            self._version = _file_version(file)
            self._from_file = _read(file)  # at start a bad file is an error; later it is a refusal
        if not self._given and not self._from_file:
            raise SettingsError(
                "--auth token needs at least one token: set ASISSO_MCP_TOKENS, or ASISSO_MCP_TOKENS_FILE with one in a line. "
                "`openssl rand -hex 32` makes one."
            )

    def accepts(self, token: str) -> bool:
        """Whether `token` is one of them, compared in a time that tells nothing about any of them."""
        digest, found = _digest(token), False
        for accepted in (*self._given, *self._current()):
            found |= hmac.compare_digest(digest, accepted)
        return found

    def count(self) -> int:
        """The number of tokens that are accepted at the moment."""
        return len(self._given) + len(self._current())

    def _current(self) -> list[bytes]:
        if self._file is None:
            return []
        try:
            version = _file_version(self._file)
        except SettingsError:
            version = None
        if version != self._version:
            self._version = version
            try:
                self._from_file = _read(self._file)
            except SettingsError as problem:
                self._from_file = []
                logger.error("No token of the file is accepted: %s", problem)
            else:
                logger.warning("The tokens were read again: %d in the file.", len(self._from_file))
        return self._from_file


def checked(token: str, setting: str) -> str:
    """`token` itself, when it is long enough and can be sent. Raises SettingsError, which names the setting and not the token."""
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(
            f"{setting} holds a token that is shorter than {MIN_TOKEN} characters, or has a space or a character that cannot be "
            "sent. `openssl rand -hex 32` makes a good one."
        )
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _file_version(file: Path) -> _FileVersion:
    try:
        stat = file.stat()
    except OSError as problem:
        raise SettingsError(f"ASISSO_MCP_TOKENS_FILE cannot be read ({problem.strerror}).") from None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns


def _read(file: Path) -> list[bytes]:
    try:
        if file.stat().st_size > MAX_FILE:
            raise SettingsError("ASISSO_MCP_TOKENS_FILE is larger than 1 MB: it does not hold tokens.")
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as problem:
        raise SettingsError(f"ASISSO_MCP_TOKENS_FILE cannot be read ({problem.strerror}).") from None
    except UnicodeDecodeError:
        raise SettingsError("ASISSO_MCP_TOKENS_FILE is not a text file.") from None
    tokens = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [_digest(checked(token, "ASISSO_MCP_TOKENS_FILE")) for token in tokens]
