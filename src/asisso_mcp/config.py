"""Settings of the server from the environment and from flags, checked once."""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from asisso_mcp.sanitize import single_line
from asisso_mcp.setting_names import LATER_LIMITS, limit_meant, setting_meant, unknown_names

DEFAULT_BASE_URL = "https://app.asisso.com"
LOG_LEVELS = ("debug", "info", "warning", "error")

_PLACEHOLDER = re.compile(r"\$\{+[^}]*\}+|\$\w+|%\w+%")
"""`${input:key}`, `${{ secrets.KEY }}`, `$KEY`, `%KEY%`: as hosts leave them."""


class SettingsError(ValueError):
    """A setting is not usable; the message names it, what is allowed, and what to do."""


class UnreadableLimit(SettingsError):
    """A limit cannot be understood, or an unknown name looks like one: nothing may be sent to the API."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(
            f"{' '.join(problems)} A limit that is not understood is never taken for none: nothing is sent to the API. Correct "
            "it, or remove it if no limit is meant, then restart."
        )


def _secret(name: str, value: str) -> SecretStr:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise SettingsError(f"{name} contains a space, a line break or a character that cannot be sent; copy it again.")
    return SecretStr(value)


def _origin(name: str, text: str) -> str:
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


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.1 <= seconds <= 600:
        raise SettingsError(f"{name} is the number of seconds for one request, from 0.1 to 600.")
    return seconds


def _proxy(name: str, text: str) -> SecretStr:
    parts = split_url(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{name} must be a URL such as http://proxy.example:3128.")
    return SecretStr(text)


def _file(name: str, text: str) -> Path:
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # ~ of somebody unknown
        path = Path(text)
    if not path.is_file():
        raise SettingsError(f"{name} does not name a file; give the full path of a PEM file.")
    return path


def _boolean(name: str, text: str) -> bool:
    match text.lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off":
            return False
    raise SettingsError(f"{name} must be 1 or 0.")


def _ids(name: str, text: str) -> frozenset[int] | None:
    if text.lower() == "all":
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(re.fullmatch(r"[1-9][0-9]{0,9}", part) and int(part) < 2**31 for part in parts):
        raise SettingsError(f"{name} is a list of campaign ids (1 to 2147483647), as 3,17,42, or all.")
    return frozenset(int(part) for part in parts)


def _level(name: str, text: str) -> str:
    level = text.lower()
    if level not in LOG_LEVELS:
        raise SettingsError(f"{name} must be one of {', '.join(LOG_LEVELS)}.")
    return level


def _journal(name: str, text: str) -> Path | str:
    if text in ("otel", "off"):
        return text
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # ~ of somebody unknown
        path = Path(text)
    if not path.is_absolute():
        raise SettingsError(f"{name} is the full path of a file, otel or off.")
    return path


def _days(name: str, text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text) or int(text) > 3650:
        raise SettingsError(f"{name} is a number of days, from 1 to 3650.")
    return int(text)


@dataclass(frozen=True)
class Setting:
    """One environment variable, for `--help`, the README's table and `doctor`.

    read: its name and its text, never empty, to its value; raises SettingsError. is_limit: it bounds what may be done, so that
    it fails closed, and `default` is what no limit is called.
    """

    name: str
    meaning: str
    default: str = ""
    read: Callable[[str, str], Any] = lambda _, text: text
    is_limit: bool = False

    @property
    def field(self) -> str:
        """The attribute of `Settings` that holds the value."""
        return self.name.removeprefix("ASISSO_").lower()


SETTINGS = (
    Setting("ASISSO_API_KEY", "the API key, sent as `X-API-Key`", read=_secret),
    Setting(
        "ASISSO_ACCESS_TOKEN", "a login token, sent as `Authorization: Bearer …` when there is no key", read=_secret
    ),
    Setting(
        "ASISSO_BASE_URL", "origin of the API; `https`, or `http` for loopback only", DEFAULT_BASE_URL, read=_origin
    ),
    Setting("ASISSO_TIMEOUT", "seconds for one request; a whole tool call is given 40", "30", read=_seconds),
    Setting("ASISSO_PROXY", "HTTP proxy for requests to the API, such as `http://proxy:3128`", read=_proxy),
    Setting("ASISSO_CA_FILE", "PEM file of CA certificates, where the system's are not enough", read=_file),
    Setting("ASISSO_SANDBOX", "`1` serves against the built-in API: no key, no network", "0", read=_boolean),
    Setting("ASISSO_READ_ONLY", "`1` offers only the tools that read", "0", read=_boolean, is_limit=True),
    Setting(
        "ASISSO_CAMPAIGNS",
        "ids, comma-separated: the only campaigns this server may touch",
        "all",
        read=_ids,
        is_limit=True,
    ),
    Setting(
        "ASISSO_JOURNAL",
        "where each change is kept: a file's full path, `otel` (OpenTelemetry logs) or `off`; not set: your state folder on stdio and "
        "in commands, `off` elsewhere",
        read=_journal,
    ),
    Setting(
        "ASISSO_JOURNAL_DAYS", "how long the journal's file keeps an entry; at most the newest 50,000", "90", read=_days
    ),
    Setting("ASISSO_LOG_LEVEL", "what goes to stderr: debug, info, warning or error", "warning", read=_level),
)

HTTP_SETTINGS = (
    Setting("ASISSO_MCP_TOKENS", "with `--auth token`: accepted bearer tokens, comma-separated"),
    Setting(
        "ASISSO_MCP_TOKENS_FILE", "with `--auth token`: a file with one token in a line, read again when it changes"
    ),
    Setting("ASISSO_MCP_OAUTH_ISSUER", "with `--auth oauth`: the issuer whose tokens are accepted"),
    Setting("ASISSO_MCP_RESOURCE_URL", "with `--auth oauth`: the URL of this server as clients know it, with `/mcp`"),
    Setting("ASISSO_MCP_OAUTH_AUDIENCE", "the audience that tokens must name", "the resource URL"),
    Setting("ASISSO_MCP_OAUTH_JWKS_URL", "where the issuer's keys are", "from the issuer's metadata"),
    Setting("ASISSO_MCP_MAX_CALLS", "calls served at once by one process; the rest are told to try again", "128"),
)
"""Read in `http/settings.py`; here because their names are known on every transport."""


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
    journal: Path | str | None = None
    """A file, `otel` or `off`; None where nothing is named."""
    journal_days: int = 90
    log_level: str = "warning"
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """Sentences about variables that look like settings and do nothing."""

    @property
    def is_loopback(self) -> bool:
        """Whether the API is on this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **flags: Any) -> "Settings":
        """Settings from `ASISSO_*`; `flags` that are not None win.

        Empty values and placeholders that a host did not fill in count as unset, but for limits. Raises SettingsError;
        UnreadableLimit for a limit that is empty, a placeholder or wrong, and for an unknown name that is close to a limit's.
        """
        values: dict[str, Any] = {}
        problems, warnings = _unknown(environment)
        for setting in SETTINGS:
            text = environment.get(setting.name, setting.default).strip()
            if not text or _PLACEHOLDER.fullmatch(text):
                if setting.is_limit:
                    what = "a placeholder that was not filled in" if text else "empty"
                    problems.append(f"{setting.name} is {what}; without a limit it would be {setting.default}.")
                continue
            try:
                values[setting.field] = setting.read(setting.name, text)
            except SettingsError as problem:
                if not setting.is_limit:
                    raise
                problems.append(str(problem))
        if problems:
            raise UnreadableLimit(problems)
        given = {name: value for name, value in flags.items() if value is not None}
        return replace(cls(**values, warnings=tuple(warnings)), **given)


def _unknown(environment: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Problems, for unknown names that may be meant as a limit, and warnings, for other unknown names."""
    known = [setting.name for setting in (*SETTINGS, *HTTP_SETTINGS)]
    limits = [*(setting.name for setting in SETTINGS if setting.is_limit), *LATER_LIMITS]
    problems, warnings = [], []
    for name in unknown_names(environment, known):
        shown, limit = single_line(name, 64), limit_meant(name, limits)
        if limit is None:
            nearest = setting_meant(name, known)
            hint = f"; did you mean {nearest}?" if nearest else "."
            warnings.append(f"{shown} is not a setting of this version, so it does nothing{hint}")
        elif limit in LATER_LIMITS:
            which = "a limit" if name == limit else f"close to {limit}, a limit"
            problems.append(f"{shown} is {which} that this version does not have.")
        else:
            problems.append(f"{shown} is not a setting; did you mean {limit}?")
    return problems, warnings


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address) is this machine, so that nothing leaves it."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
