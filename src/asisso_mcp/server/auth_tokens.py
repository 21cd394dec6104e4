"""Which bearer tokens does the operator accept? Those in a setting, and those in a file that may change meanwhile."""

import hashlib
import hmac
import logging
from collections.abc import Iterable
from pathlib import Path

from pydantic import SecretStr

from asisso_mcp.config import SettingsError

logger = logging.getLogger(__name__)

MIN_TOKEN = 20
"""Characters. `openssl rand -hex 32` gives 64."""
MAX_FILE = 1024 * 1024

_Seen = tuple[int, int, int, int]


class Tokens:
    """The accepted tokens, kept as digests. The file is read again whenever it changes; when it cannot be read, nobody is
    let in by it, because a token that was taken out of it must not live on."""

    def __init__(self, given: Iterable[SecretStr] = (), file: Path | None = None) -> None:
        """Raises SettingsError: a token is too short, or there is none at all."""
        self._given = [_digest(checked(token.get_secret_value(), "ASISSO_MCP_TOKENS")) for token in given]
        self._file = file
        self._seen: _Seen | None = None
        self._filed: list[bytes] = []
        if file is not None:
            self._seen = _seen(file)
            self._filed = _read(file)  # at start a bad file is an error; later it is a refusal
        if not self._given and not self._filed:
            raise SettingsError(
                "--auth token needs at least one token: set ASISSO_MCP_TOKENS, or ASISSO_MCP_TOKENS_FILE with one in a line. "
                "`openssl rand -hex 32` makes one."
            )

    def know(self, token: str) -> bool:
        """Whether `token` is one of them. Every one is compared, in the same time whatever was sent."""
        digest, known = _digest(token), False
        for accepted in (*self._given, *self._current()):
            known |= hmac.compare_digest(digest, accepted)
        return known

    def count(self) -> int:
        return len(self._given) + len(self._current())

    def _current(self) -> list[bytes]:
        if self._file is None:
            return []
        try:
            seen = _seen(self._file)
        except SettingsError:
            seen = None
        if seen != self._seen:
            self._seen = seen
            try:
                self._filed = _read(self._file)
            except SettingsError as problem:
                self._filed = []
                logger.error("No token of the file is accepted: %s", problem)
            else:
                logger.warning("The tokens were read again: %d in the file.", len(self._filed))
        return self._filed


def checked(token: str, where: str) -> str:
    """Raises SettingsError, without the token."""
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(
            f"{where} holds a token that is shorter than {MIN_TOKEN} characters, or has a space or a character that cannot be "
            "sent. `openssl rand -hex 32` makes a good one."
        )
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _seen(file: Path) -> _Seen:
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
