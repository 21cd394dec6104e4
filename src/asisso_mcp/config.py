"""Settings of the server from the environment and from flags, checked once."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from asisso_mcp.sanitize import single_line
from asisso_mcp.setting_names import limit_meant, setting_meant, unknown_names
from asisso_mcp.setting_values import (
    SettingsError,
    is_loopback,
    read_at_most,
    read_boolean,
    read_days,
    read_file,
    read_hours,
    read_ids,
    read_journal,
    read_one_of,
    read_origin,
    read_proxy,
    read_seconds,
    read_secret,
    read_state_keys,
    read_tools,
    split_url,
)

__all__ = [
    "ADVICE",
    "CONFIRM",
    "DEFAULT_BASE_URL",
    "HTTP_SETTINGS",
    "LOG_LEVELS",
    "SETTINGS",
    "Setting",
    "Settings",
    "SettingsError",
    "UnreadableLimit",
    "is_loopback",
    "split_url",
]

DEFAULT_BASE_URL = "https://app.asisso.com"
LOG_LEVELS = ("debug", "info", "warning", "error")
ADVICE = ("common", "us", "in", "au", "ca", "off")
"""Whose calling rules advice may go by; the rules are in `campaigns/advice.py`."""

CONFIRM = ("never", "risky", "always")
"""Which writes a person confirms; what is risky is in `campaigns/risk.py`."""

_PLACEHOLDER = re.compile(r"\$\{+[^}]*\}+|\$\w+|%\w+%|\{env:\w+\}")
"""`${input:key}`, `${{ secrets.KEY }}`, `$KEY`, `%KEY%`, `{env:KEY}`: as hosts leave them."""


class UnreadableLimit(SettingsError):
    """A limit cannot be understood, or an unknown name looks like one: nothing may be sent to the API."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(
            f"{' '.join(problems)} A limit that is not understood is never taken for none: nothing is sent to the API. Correct "
            "it, or remove it if no limit is meant, then restart."
        )


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
    Setting("ASISSO_API_KEY", "the API key, sent as `X-API-Key`", read=read_secret),
    Setting(
        "ASISSO_ACCESS_TOKEN", "a login token, sent as `Authorization: Bearer …` when there is no key", read=read_secret
    ),
    Setting(
        "ASISSO_BASE_URL", "origin of the API; `https`, or `http` for loopback only", DEFAULT_BASE_URL, read=read_origin
    ),
    Setting("ASISSO_TIMEOUT", "seconds for one request; a whole tool call is given 40", "30", read=read_seconds),
    Setting("ASISSO_PROXY", "HTTP proxy for requests to the API, such as `http://proxy:3128`", read=read_proxy),
    Setting("ASISSO_CA_FILE", "PEM file of CA certificates, where the system's are not enough", read=read_file),
    Setting("ASISSO_SANDBOX", "`1` serves against the built-in API: no key, no network", "0", read=read_boolean),
    Setting("ASISSO_READ_ONLY", "`1` offers only the tools that read", "0", read=read_boolean, is_limit=True),
    Setting(
        "ASISSO_CAMPAIGNS",
        "ids, comma-separated: the only campaigns this server may touch",
        "all",
        read=read_ids,
        is_limit=True,
    ),
    Setting(
        "ASISSO_TOOLS",
        "tools that are offered, comma-separated; `read` stands for those that read",
        "all",
        read=read_tools,
        is_limit=True,
    ),
    Setting(
        "ASISSO_MAX_CONCURRENCY",
        "the most calls at once that an edit may set and a resume let run, 1 to 100",
        "none",
        read=read_at_most(1, 100),
        is_limit=True,
    ),
    Setting(
        "ASISSO_MAX_RETRIES",
        "the most retries that an edit may set and a resume let run, 0 to 10",
        "none",
        read=read_at_most(0, 10),
        is_limit=True,
    ),
    Setting(
        "ASISSO_CALLING_HOURS",
        "such as `08:00-21:00`: calling hours must lie within, on the clock of the campaign's own zone",
        "any",
        read=read_hours,
        is_limit=True,
    ),
    Setting("ASISSO_REQUIRE_BREAKER", "`1`: the circuit breaker must stay on", "0", read=read_boolean, is_limit=True),
    Setting(
        "ASISSO_CONFIRM",
        "which changes a person confirms before they are sent: never, risky (resuming, wider hours, more calls or retries, a breaker off or "
        "laxer) or always (all but pausing)",
        "never",
        read=read_one_of(CONFIRM),
        is_limit=True,
    ),
    Setting(
        "ASISSO_STATE_KEYS",
        "with `ASISSO_CONFIRM`: secrets of 32 characters or more, comma-separated, that seal a question which a client carries; the same for "
        "all replicas, the first one seals; not set: a key of each process's own",
        read=read_state_keys,
    ),
    Setting(
        "ASISSO_ADVICE",
        "whose calling rules advice goes by: common, us, in, au or ca; off gives none",
        "common",
        read=read_one_of(ADVICE),
    ),
    Setting(
        "ASISSO_JOURNAL",
        "where each change is kept: a file's full path, `otel` (OpenTelemetry logs) or `off`; not set: your state folder on stdio and "
        "in commands, `off` elsewhere",
        read=read_journal,
    ),
    Setting(
        "ASISSO_JOURNAL_DAYS",
        "how long the journal's file keeps an entry; at most the newest 50,000",
        "90",
        read=read_days,
    ),
    Setting(
        "ASISSO_LOG_LEVEL",
        "what goes to stderr: debug, info, warning or error",
        "warning",
        read=read_one_of(LOG_LEVELS),
    ),
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
    sandbox_db: Path | None = None
    """The file that keeps the sandbox's campaigns; None: they end with the process. Set by `--db`."""
    read_only: bool = False
    campaigns: frozenset[int] | None = None
    tools: frozenset[str] | None = None
    max_concurrency: int | None = None
    max_retries: int | None = None
    calling_hours: tuple[int, int] | None = None
    """Minutes since midnight on the clock of a campaign's zone, the end exclusive."""
    require_breaker: bool = False
    confirm: str = "never"
    state_keys: tuple[SecretStr, ...] = ()
    advice: str = "common"
    journal: Path | str | None = None
    """A file, `otel` or `off`; None where nothing is named."""
    journal_days: int = 90
    log_level: str = "warning"
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """Sentences about variables that look like settings and do nothing."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nobody may be shown: the key, the token, the keys that seal, and the password of the proxy."""
        proxy = None if self.proxy is None else urlsplit(self.proxy.get_secret_value()).password
        kept = [each.get_secret_value() for each in (self.api_key, self.access_token, *self.state_keys) if each]
        return (*kept, *([proxy] if proxy else []))

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
    limits = [setting.name for setting in SETTINGS if setting.is_limit]
    problems, warnings = [], []
    for name in unknown_names(environment, known):
        shown, limit = single_line(name, 64), limit_meant(name, limits)
        if limit is None:
            nearest = setting_meant(name, known)
            hint = f"; did you mean {nearest}?" if nearest else "."
            warnings.append(f"{shown} is not a setting of this version, so it does nothing{hint}")
        else:
            problems.append(f"{shown} is not a setting; did you mean {limit}?")
    return problems, warnings
