"""What the person who starts the server decided: settings from the environment and flags, checked once."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

DEFAULT_BASE_URL = "https://app.asisso.com"
LOG_LEVELS = ("debug", "info", "warning", "error")


class SettingsError(ValueError):
    """A setting does not fit; the message names it, what is allowed, and what to do."""


@dataclass(frozen=True)
class Setting:
    """One environment variable, for `--help`, the README's table and `doctor`."""

    name: str
    meaning: str
    default: str = ""


SETTINGS = (
    Setting("ASISSO_API_KEY", "the API key, sent as `X-API-Key`"),
    Setting("ASISSO_ACCESS_TOKEN", "a login token, sent as `Authorization: Bearer …` when there is no key"),
    Setting("ASISSO_BASE_URL", "origin of the API; `https`, or `http` for loopback only", DEFAULT_BASE_URL),
    Setting("ASISSO_TIMEOUT", "seconds for one request; a whole tool call is given 40", "30"),
    Setting("ASISSO_PROXY", "HTTP proxy for requests to the API, such as `http://proxy:3128`"),
    Setting("ASISSO_CA_FILE", "PEM file of CA certificates, where the system's are not enough"),
    Setting("ASISSO_SANDBOX", "`1` serves against the built-in API: no key, no network", "0"),
    Setting("ASISSO_READ_ONLY", "`1` offers only the tools that read", "0"),
    Setting("ASISSO_CAMPAIGNS", "ids, comma-separated: the only campaigns this server may touch", "all"),
    Setting("ASISSO_LOG_LEVEL", "what goes to stderr: debug, info, warning or error", "warning"),
)


@dataclass(frozen=True)
class Settings:
    """Checked settings. Secrets are `SecretStr`: no repr, log or error shows them."""

    api_key: SecretStr | None = None
    access_token: SecretStr | None = None
    base_url: str = DEFAULT_BASE_URL
    timeout: float = 30.0
    proxy: SecretStr | None = None
    ca_file: Path | None = None
    sandbox: bool = False
    read_only: bool = False
    campaigns: frozenset[int] | None = None
    log_level: str = "warning"
    given: frozenset[str] = field(default_factory=frozenset, compare=False)
    """Names of the environment variables that were set."""

    @property
    def is_loopback(self) -> bool:
        return is_loopback(urlsplit(self.base_url).hostname or "")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **flags: Any) -> "Settings":
        """Settings from `ASISSO_*`; `flags` that are not None win.

        Raises SettingsError. Empty values and unsubstituted placeholders (`${…}`, as hosts leave them) count as unset.
        """
        found = {setting.name: _given(environment.get(setting.name)) for setting in SETTINGS}
        settings = cls(
            api_key=_secret("ASISSO_API_KEY", found["ASISSO_API_KEY"]),
            access_token=_secret("ASISSO_ACCESS_TOKEN", found["ASISSO_ACCESS_TOKEN"]),
            base_url=_origin(found["ASISSO_BASE_URL"] or DEFAULT_BASE_URL),
            timeout=_seconds(found["ASISSO_TIMEOUT"]),
            proxy=_proxy(found["ASISSO_PROXY"]),
            ca_file=_file(found["ASISSO_CA_FILE"]),
            sandbox=_switch("ASISSO_SANDBOX", found["ASISSO_SANDBOX"]),
            read_only=_switch("ASISSO_READ_ONLY", found["ASISSO_READ_ONLY"]),
            campaigns=_ids(found["ASISSO_CAMPAIGNS"]),
            log_level=_level(found["ASISSO_LOG_LEVEL"]),
            given=frozenset(name for name, value in found.items() if value),
        )
        return replace(settings, **{name: value for name, value in flags.items() if value is not None})


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address) is this machine: nothing leaves it."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _given(value: str | None) -> str | None:
    text = (value or "").strip()
    return None if not text or re.fullmatch(r"\$\{[^}]*\}", text) else text


def _secret(name: str, value: str | None) -> SecretStr | None:
    if value is None:
        return None
    if not value.isascii() or not value.isprintable() or " " in value:
        raise SettingsError(f"{name} contains a space, a line break or a character that cannot be sent; copy it again.")
    return SecretStr(value)


def _origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", 0
    if port == 0 or (host and not _is_host(host)):
        raise SettingsError("ASISSO_BASE_URL is not a URL; write for example https://app.asisso.com.")
    if "@" in parts.netloc:
        raise SettingsError("ASISSO_BASE_URL must not contain a user or password; the key belongs in ASISSO_API_KEY.")
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError("ASISSO_BASE_URL must start with https://, as https://app.asisso.com.")
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        raise SettingsError(f"ASISSO_BASE_URL is the origin alone, without a path: {parts.scheme}://{parts.netloc}.")
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(
            "ASISSO_BASE_URL must use https, so that the key is not readable on the way; http is for loopback only."
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def _is_host(host: str) -> bool:
    """A name or an address without anything that a URL reader could take for the end of it."""
    if ":" not in host:
        return re.fullmatch(r"[\w.-]{1,253}", host) is not None
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def _seconds(text: str | None) -> float:
    if text is None:
        return 30.0
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.1 <= seconds <= 600:
        raise SettingsError("ASISSO_TIMEOUT is the number of seconds for one request, from 0.1 to 600.")
    return seconds


def _proxy(text: str | None) -> SecretStr | None:
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError("ASISSO_PROXY must be a URL such as http://proxy.example:3128.")
    return SecretStr(text)


def _file(text: str | None) -> Path | None:
    if text is None:
        return None
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # ~ of somebody unknown
        path = Path(text)
    if not path.is_file():
        raise SettingsError("ASISSO_CA_FILE does not name a file; give the full path of a PEM file.")
    return path


def _switch(name: str, text: str | None) -> bool:
    match (text or "0").lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off":
            return False
    raise SettingsError(f"{name} must be 1 or 0.")


def _ids(text: str | None) -> frozenset[int] | None:
    if text is None or text.lower() == "all":
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(re.fullmatch(r"[1-9][0-9]{0,9}", part) and int(part) < 2**31 for part in parts):
        raise SettingsError("ASISSO_CAMPAIGNS is a list of campaign ids (1 to 2147483647), as 3,17,42, or all.")
    return frozenset(int(part) for part in parts)


def _level(text: str | None) -> str:
    level = (text or "warning").lower()
    if level not in LOG_LEVELS:
        raise SettingsError(f"ASISSO_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}.")
    return level
