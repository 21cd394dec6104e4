"""Readers of settings: the name of a setting and its text, never empty, to its value; SettingsError says what is allowed."""

import ipaddress
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

READING_TOOLS = ("list_campaigns", "get_campaign")
TOOL_NAMES = (*READING_TOOLS, "update_campaign", "pause_campaign", "resume_campaign")

_STATE_KEY_LENGTH = 32


class SettingsError(ValueError):
    """A setting is not usable; the message names it, what is allowed, and what to do."""


def read_secret(name: str, value: str) -> SecretStr:
    """A key or token as a header can carry it."""
    if not value.isascii() or not value.isprintable() or " " in value:
        raise SettingsError(f"{name} contains a space, a line break or a character that cannot be sent; copy it again.")
    return SecretStr(value)


def read_state_keys(name: str, text: str) -> tuple[SecretStr, ...]:
    """Secrets, each long enough that nobody guesses it, none of them twice."""
    keys = [part.strip() for part in text.split(",")]
    if len(set(keys)) < len(keys) or any(len(key) < _STATE_KEY_LENGTH or not key.isascii() for key in keys):
        raise SettingsError(
            f"{name} is a list of different secrets of at least {_STATE_KEY_LENGTH} characters, comma-separated. `openssl rand -hex 32` "
            "makes one."
        )
    return tuple(map(SecretStr, keys))


def read_origin(name: str, text: str) -> str:
    """The origin of the API, written in one way."""
    parts = split_url(text)
    if parts is None:
        raise SettingsError(f"{name} is not a URL; write for example https://app.asisso.com.")
    host = parts.hostname or ""
    if "@" in parts.netloc:
        raise SettingsError(f"{name} must not contain a user or password; the key belongs in ASISSO_API_KEY.")
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError(f"{name} must start with https://, as https://app.asisso.com.")
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        raise SettingsError(f"{name} is the origin alone, without a path: {parts.scheme}://{parts.netloc}.")
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(
            f"{name} must use https, so that the key is not readable on the way; http is for loopback only."
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{parts.port}" if parts.port else "")


def split_url(text: str) -> SplitResult | None:
    """The parts of a URL; None when its host or its port cannot be one. The host may be missing."""
    try:
        parts = urlsplit(text)
        usable = parts.port != 0 and (not parts.hostname or _is_host(parts.hostname))
    except ValueError:
        return None
    return parts if usable else None


def _is_host(host: str) -> bool:
    """Whether `host` is a plain host name or an IPv6 address, without characters that could end it in a URL."""
    if ":" not in host:
        return re.fullmatch(r"[\w.-]{1,253}", host) is not None
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def read_seconds(name: str, text: str) -> float:
    """Seconds for one request."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.1 <= seconds <= 600:
        raise SettingsError(f"{name} is the number of seconds for one request, from 0.1 to 600.")
    return seconds


def read_proxy(name: str, text: str) -> SecretStr:
    """The URL of an HTTP proxy, which may hold a password."""
    parts = split_url(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{name} must be a URL such as http://proxy.example:3128.")
    return SecretStr(text)


def read_file(name: str, text: str) -> Path:
    """The path of a file that is there."""
    path = _expanded(text)
    if not path.is_file():
        raise SettingsError(f"{name} does not name a file; give the full path of a PEM file.")
    return path


def read_boolean(name: str, text: str) -> bool:
    """A switch in the usual words."""
    match text.lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off":
            return False
    raise SettingsError(f"{name} must be 1 or 0.")


def read_ids(name: str, text: str) -> frozenset[int] | None:
    """Campaign ids; None is all."""
    if text.lower() == "all":
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(re.fullmatch(r"[1-9][0-9]{0,9}", part) and int(part) < 2**31 for part in parts):
        raise SettingsError(f"{name} is a list of campaign ids (1 to 2147483647), as 3,17,42, or all.")
    return frozenset(int(part) for part in parts)


def read_tools(name: str, text: str) -> frozenset[str] | None:
    """Names of tools; None is all."""
    if text.lower() == "all":
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part in ("read", *TOOL_NAMES) for part in parts):
        raise SettingsError(f"{name} is a list of tools of {', '.join(TOOL_NAMES)}, or read for the first two, or all.")
    return frozenset(tool for part in parts for tool in (READING_TOOLS if part == "read" else (part,)))


def read_at_most(lowest: int, highest: int) -> Callable[[str, str], int | None]:
    """A reader of a whole number in this range; None is no bound."""

    def read(name: str, text: str) -> int | None:
        if text.lower() == "none":
            return None
        if not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) or not lowest <= int(text) <= highest:
            raise SettingsError(f"{name} is a whole number from {lowest} to {highest}, or none.")
        return int(text)

    return read


def read_hours(name: str, text: str) -> tuple[int, int] | None:
    """Minutes since midnight, the end exclusive; None is any hour."""
    if text.lower() == "any":
        return None
    found = re.fullmatch(
        r"([01][0-9]|2[0-3]):([0-5][0-9])\s*[-\u2013]\s*([01][0-9]|2[0-4]):([0-5][0-9])", text, re.ASCII
    )
    first, last = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
    if not first < last <= 24 * 60:
        raise SettingsError(f"{name} is a time of day from and until, as 08:00-21:00 (24:00 ends the day), or any.")
    return first, last


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~ of somebody unknown
        return Path(text)


def read_journal(name: str, text: str) -> Path | str:
    """A file, or `otel` or `off`."""
    if text in ("otel", "off"):
        return text
    path = _expanded(text)
    if not path.is_absolute():
        raise SettingsError(f"{name} is the full path of a file, otel or off.")
    return path


def read_days(name: str, text: str) -> int:
    """A number of days."""
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text, re.ASCII) or int(text) > 3650:
        raise SettingsError(f"{name} is a number of days, from 1 to 3650.")
    return int(text)


def read_one_of(allowed: Sequence[str]) -> Callable[[str, str], str]:
    """A reader of one of these words, in any case."""

    def read(name: str, text: str) -> str:
        if text.lower() not in allowed:
            raise SettingsError(f"{name} must be one of {', '.join(allowed)}.")
        return text.lower()

    return read


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address) is this machine, so that nothing leaves it."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
