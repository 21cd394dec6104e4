"""Which settings are accepted, what they become, and the whole text for those that are not."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from asisso_mcp.config import (
    DEFAULT_BASE_URL,
    HTTP_SETTINGS,
    SETTINGS,
    Settings,
    SettingsError,
    UnreadableLimit,
    is_loopback,
)
from asisso_mcp.setting_values import READING_TOOLS, TOOL_NAMES
from asisso_mcp.tools.campaigns import TOOLS


def read(**environment: str) -> Settings:
    """The settings from these variables, whose names are given without `ASISSO_` in lower case."""
    return Settings.from_environment({f"ASISSO_{name.upper()}": value for name, value in environment.items()})


def secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


def test_without_any_variable_the_defaults_hold() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings() == Settings(
        api_key=None,
        access_token=None,
        base_url="https://app.asisso.com",
        timeout=30.0,
        proxy=None,
        ca_file=None,
        sandbox=False,
        read_only=False,
        campaigns=None,
        tools=None,
        max_concurrency=None,
        max_retries=None,
        calling_hours=None,
        require_breaker=False,
        advice="common",
        journal=None,
        journal_days=90,
        log_level="warning",
    )


def test_every_variable_is_read(tmp_path: Path) -> None:
    pem = tmp_path / "ca.pem"
    pem.touch()
    settings = read(
        api_key=" as_0123456789 ",
        access_token="a.b.c",
        base_url="https://calls.example:8443/",
        timeout="2.5",
        proxy="http://me:pw@proxy.example:3128",
        ca_file=str(pem),
        sandbox="1",
        read_only="yes",
        campaigns="3, 17,,42",
        tools="read, pause_campaign",
        max_concurrency="5",
        max_retries="0",
        calling_hours="08:00-21:00",
        require_breaker="1",
        advice="US",
        journal=str(tmp_path / "journal"),
        journal_days="7",
        log_level="DEBUG",
    )
    assert secret(settings.api_key) == "as_0123456789"
    assert secret(settings.access_token) == "a.b.c"
    assert secret(settings.proxy) == "http://me:pw@proxy.example:3128"
    assert settings.base_url == "https://calls.example:8443"
    assert (settings.timeout, settings.ca_file) == (2.5, pem)
    assert (settings.sandbox, settings.read_only) == (True, True)
    assert (settings.campaigns, settings.log_level) == (frozenset({3, 17, 42}), "debug")
    assert settings.tools == {"list_campaigns", "get_campaign", "pause_campaign"}
    assert (settings.max_concurrency, settings.max_retries, settings.calling_hours) == (5, 0, (480, 1260))
    assert (settings.require_breaker, settings.advice) == (True, "us")
    assert (settings.journal, settings.journal_days) == (tmp_path / "journal", 7)
    assert [read(journal=value).journal for value in ("otel", "off")] == ["otel", "off"]


BLANK = ("", "   ", "\n")
PLACEHOLDERS = (
    "${ASISSO_API_KEY}",
    "${user_config.api_key}",
    " ${X} ",
    "${}",
    "${input:ro}",
    "${{ secrets.KEY }}",
    "$IDS",
    "%RO%",
)
LIMITS = [each for each in SETTINGS if each.is_limit]


@pytest.mark.parametrize("value", [*BLANK, *PLACEHOLDERS])
@pytest.mark.parametrize("name", [each.name for each in SETTINGS if not each.is_limit])
def test_an_empty_value_or_an_unsubstituted_placeholder_counts_as_unset(name: str, value: str) -> None:
    assert Settings.from_environment({name: value}) == Settings()


CLOSED = (
    " A limit that is not understood is never taken for none: nothing is sent to the API. Correct it, or remove it if no limit is "
    "meant, then restart."
)


NO_LIMIT = {
    "ASISSO_READ_ONLY": "0",
    "ASISSO_CAMPAIGNS": "all",
    "ASISSO_TOOLS": "all",
    "ASISSO_MAX_CONCURRENCY": "none",
    "ASISSO_MAX_RETRIES": "none",
    "ASISSO_CALLING_HOURS": "any",
    "ASISSO_REQUIRE_BREAKER": "0",
    "ASISSO_CONFIRM": "never",
}


def test_the_limits_are_known_and_each_has_a_word_for_no_limit() -> None:
    assert {each.name: each.default for each in LIMITS} == NO_LIMIT


@pytest.mark.parametrize("value", [*BLANK, *PLACEHOLDERS])
@pytest.mark.parametrize(("name", "none"), NO_LIMIT.items())
def test_an_empty_limit_or_a_placeholder_for_one_is_refused(name: str, none: str, value: str) -> None:
    with pytest.raises(UnreadableLimit) as caught:
        Settings.from_environment({name: value})
    what = "a placeholder that was not filled in" if value.strip() else "empty"
    assert str(caught.value) == f"{name} is {what}; without a limit it would be {none}.{CLOSED}"


def test_all_that_is_wrong_with_the_limits_is_said_at_once() -> None:
    with pytest.raises(UnreadableLimit) as caught:
        read(campaign="12", read_only="${input:ro}", campaigns="twelve")
    assert str(caught.value) == (
        "ASISSO_CAMPAIGN is not a setting; did you mean ASISSO_CAMPAIGNS? "
        "ASISSO_READ_ONLY is a placeholder that was not filled in; without a limit it would be 0. "
        f"ASISSO_CAMPAIGNS is a list of campaign ids (1 to 2147483647), as 3,17,42, or all.{CLOSED}"
    )


@pytest.mark.parametrize("flags", [{"read_only": True}, {"sandbox": True}])
def test_no_flag_makes_an_unreadable_limit_good(flags: dict[str, bool]) -> None:
    with pytest.raises(UnreadableLimit):
        Settings.from_environment({"ASISSO_READ_ONLY": ""}, **flags)


READ_ONLY = (
    "ASISSO_READONLY", "ASISSO_READ", "ASISSO_MCP_READ_ONLY", "ASISSO_REDONLY", "asisso_read_only", "Asisso_ReadOnly",
    "ASISSO-READ-ONLY", "ASISSO__READ_ONLY",
)  # fmt: skip
CAMPAIGNS = (
    "ASISSO_CAMPAIGN", "ASISSO_CAMPAIGN_ID", "ASISSO_CAMPAIGN_IDS", "ASISSO_ALLOWED_CAMPAIGNS", "ASISSO_CAMPAINGS",
    "asisso_campaigns",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "is not a setting; did you mean ASISSO_READ_ONLY?") for name in READ_ONLY),
        *((name, "is not a setting; did you mean ASISSO_CAMPAIGNS?") for name in CAMPAIGNS),
        ("ASISSO_CONFIRMATION", "is not a setting; did you mean ASISSO_CONFIRM?"),
        ("ASISSO_CONCURRENCY", "is not a setting; did you mean ASISSO_MAX_CONCURRENCY?"),
        ("ASISSO_HOURS", "is not a setting; did you mean ASISSO_CALLING_HOURS?"),
        ("ASISSO_TOOL", "is not a setting; did you mean ASISSO_TOOLS?"),
        ("ASISSO_TOOLSETS", "is not a setting; did you mean ASISSO_TOOLS?"),
        ("ASISSO_MAXRETRIES", "is not a setting; did you mean ASISSO_MAX_RETRIES?"),
        ("ASISSO_BREAKER", "is not a setting; did you mean ASISSO_REQUIRE_BREAKER?"),
    ],
)
@pytest.mark.parametrize("value", ["5", ""])
def test_a_limit_that_would_not_hold_and_a_name_close_to_a_limits_are_refused_whatever_the_value(
    name: str, reason: str, value: str
) -> None:
    with pytest.raises(UnreadableLimit) as caught:
        Settings.from_environment({name: value})
    assert str(caught.value) == f"{name} {reason}{CLOSED}"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ASISSO_API_KYE", "ASISSO_API_KYE is not a setting of this version, so it does nothing; did you mean ASISSO_API_KEY?"),
        ("asisso_api_key", "asisso_api_key is not a setting of this version, so it does nothing; did you mean ASISSO_API_KEY?"),
        ("ASISSO_USER", "ASISSO_USER is not a setting of this version, so it does nothing."),
        ("ASISSO_CONFIG", "ASISSO_CONFIG is not a setting of this version, so it does nothing; did you mean ASISSO_CONFIRM?"),
        ("ASISSO_DEBUG", "ASISSO_DEBUG is not a setting of this version, so it does nothing."),
        ("ASISSO_STATE_KEY", "ASISSO_STATE_KEY is not a setting of this version, so it does nothing; did you mean ASISSO_STATE_KEYS?"),
        ("ASISSO_", "ASISSO_ is not a setting of this version, so it does nothing."),
        ("ASISSO_\x1b[2J\n", "ASISSO_ is not a setting of this version, so it does nothing."),
    ],
)  # fmt: skip
def test_any_other_unknown_name_is_told_and_changes_nothing(name: str, sentence: str) -> None:
    settings = Settings.from_environment({name: "1"})
    assert settings == Settings()
    assert settings.warnings == (sentence,)


@pytest.mark.parametrize(
    "name",
    [
        "ASISSO_MCP_SERVICE_HOST",
        "ASISSO_MCP_SERVICE_PORT",
        "ASISSO_MCP_SERVICE_PORT_HTTP",
        "ASISSO_MCP_PORT",
        "ASISSO_MCP_PORT_8000_TCP",
        "ASISSO_MCP_PORT_8000_TCP_ADDR",
        "ASISSO_MCP_PORT_8000_TCP_PORT",
        "ASISSO_MCP_PORT_8000_TCP_PROTO",
        "ASISSO_SERVICE_HOST",
        "ASISSO_PORT_53_UDP",
        "ASISSO_READ_ONLY_SERVICE_HOST",
        *(each.name for each in HTTP_SETTINGS),
        "asissomcp",
        "MY_ASISSO_READONLY",
    ],
)
def test_names_that_kubernetes_sets_and_those_of_http_and_of_others_are_no_concern(name: str) -> None:
    settings = Settings.from_environment({name: "tcp://10.0.0.1:8000"})
    assert (settings, settings.warnings) == (Settings(), ())


def test_flags_win_over_the_environment_and_an_absent_flag_does_not() -> None:
    environment = {"ASISSO_SANDBOX": "0", "ASISSO_READ_ONLY": "1"}
    settings = Settings.from_environment(environment, sandbox=True, read_only=None)
    assert (settings.sandbox, settings.read_only) == (True, True)


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASISSO_TIMEOUT", "7")
    assert Settings.from_environment().timeout == 7


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://app.asisso.com", "https://app.asisso.com"),
        (" https://app.asisso.com/ ", "https://app.asisso.com"),
        ("HTTPS://App.Asisso.COM", "https://app.asisso.com"),
        ("https://app.asisso.com:443", "https://app.asisso.com:443"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://bücher.example", "https://bücher.example"),
        ("https://under_score.example", "https://under_score.example"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("http://127.5.5.5", "http://127.5.5.5"),
        ("http://[::1]:8765", "http://[::1]:8765"),
        ("http://localhost:8765/", "http://localhost:8765"),
        ("http://sandbox.localhost", "http://sandbox.localhost"),
    ],
)
def test_an_origin_is_taken_and_written_in_one_way(given: str, origin: str) -> None:
    assert read(base_url=given).base_url == origin


NO_URL = "ASISSO_BASE_URL is not a URL; write for example https://app.asisso.com."
NO_SCHEME = "ASISSO_BASE_URL must start with https://, as https://app.asisso.com."
NO_HTTP = "ASISSO_BASE_URL must use https, so that the key is not readable on the way; http is for loopback only."
NO_USER = "ASISSO_BASE_URL must not contain a user or password; the key belongs in ASISSO_API_KEY."
NO_KEY = "ASISSO_API_KEY contains a space, a line break or a character that cannot be sent; copy it again."
NO_TIMEOUT = "ASISSO_TIMEOUT is the number of seconds for one request, from 0.1 to 600."
NO_PROXY = "ASISSO_PROXY must be a URL such as http://proxy.example:3128."
NO_FILE = "ASISSO_CA_FILE does not name a file; give the full path of a PEM file."
NO_TOOLS = (
    "ASISSO_TOOLS is a list of tools of list_campaigns, get_campaign, update_campaign, pause_campaign, resume_campaign, or read for "
    f"the first two, or all.{CLOSED}"
)
NO_HOURS = f"ASISSO_CALLING_HOURS is a time of day from and until, as 08:00-21:00 (24:00 ends the day), or any.{CLOSED}"
NO_IDS = f"ASISSO_CAMPAIGNS is a list of campaign ids (1 to 2147483647), as 3,17,42, or all.{CLOSED}"


def no_path(origin: str) -> str:
    return f"ASISSO_BASE_URL is the origin alone, without a path: {origin}."


REFUSED: list[tuple[str, str, list[str]]] = [
    ("base_url", NO_HTTP, [
        "http://app.asisso.com", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://0.0.0.0",
        "http://2130706433", "http://192.168.1.2:8000"]),
    ("base_url", NO_USER, [
        "https://me:pw@app.asisso.com", "https://me@app.asisso.com", "https://:pw@app.asisso.com/x",
        "https://@app.asisso.com", "https://app.asisso.com\\@evil.example", "http://127.0.0.1@evil.example"]),
    ("base_url", no_path("https://app.asisso.com"), [
        "https://app.asisso.com/api/v1", "https://app.asisso.com/api/v1/campaign/?x=as_secret",
        "https://app.asisso.com?key=1", "https://app.asisso.com#x"]),
    ("base_url", NO_SCHEME, [
        "app.asisso.com", "ftp://app.asisso.com", "https://", "file:///etc/passwd", "as_0123456789abcdef"]),
    ("base_url", NO_URL, [
        "https://[::1", "https://app.asisso.com:many", "https://app.asisso.com:0", "https://app.asisso.com:65536",
        "https://[v1.a:b]", "https://app asisso.com", "https://app.asisso.com\\x", "https://app%2easisso.com",
        "https://${HOST}"]),
    ("api_key", NO_KEY, [
        "as_0123 4567", "as_0123\r\nx-other: 1", "as_0123\x00", "as_0123\x7f", "as_kéy", "as_\u200b0123"]),
    ("access_token", NO_KEY.replace("API_KEY", "ACCESS_TOKEN"), ["Bearer abc"]),
    ("timeout", NO_TIMEOUT, ["0", "0.09", "601", "-5", "nan", "inf", "30s"]),
    ("proxy", NO_PROXY, [
        "proxy.example:3128", "socks5://proxy.example", "http://", "http://proxy.example:many",
        "http://proxy.example:0", "http://me:pw@pro xy"]),
    ("ca_file", NO_FILE, ["/no/such/file.pem", "/", "~no-such-person/ca.pem"]),
    ("sandbox", "ASISSO_SANDBOX must be 1 or 0.", ["maybe"]),
    ("read_only", f"ASISSO_READ_ONLY must be 1 or 0.{CLOSED}", ["2"]),
    ("campaigns", NO_IDS, ["3,x", ",", "0", "-3", "2147483648", "1_0", "٣"]),
    ("tools", NO_TOOLS, ["reading", "get_campaign,delete_campaign", ",", "read,all", "get campaign"]),
    ("max_concurrency", f"ASISSO_MAX_CONCURRENCY is a whole number from 1 to 100, or none.{CLOSED}", [
        "0", "101", "-1", "5.5", "five", "\u0665", "unlimited"]),
    ("max_retries", f"ASISSO_MAX_RETRIES is a whole number from 0 to 10, or none.{CLOSED}", ["11", "-1", "1e0", "x"]),
    ("calling_hours", NO_HOURS, [
        "8-21", "08:00", "21:00-08:00", "08:00-08:00", "08:00-24:01", "25:00-26:00", "08:00-21:00,22:00-23:00", "day"]),
    ("require_breaker", f"ASISSO_REQUIRE_BREAKER must be 1 or 0.{CLOSED}", ["required"]),
    ("advice", "ASISSO_ADVICE must be one of common, us, in, au, ca, off.", ["usa", "de", "none"]),
    (
        "journal",
        "ASISSO_JOURNAL is the full path of a file, otel or off.",
        ["journal.sqlite3", "./journal", "OFF", "false", "OTel", "~nobody-of-that-name/journal"],
    ),
    ("journal_days", "ASISSO_JOURNAL_DAYS is a number of days, from 1 to 3650.", ["0", "-1", "3651", "1.5", "never"]),
    ("log_level", "ASISSO_LOG_LEVEL must be one of debug, info, warning, error.", ["loud"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "value"), [(name, text, value) for name, text, values in REFUSED for value in values]
)
def test_a_setting_that_does_not_fit_is_refused_with_what_is_allowed(name: str, text: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(**{name: value})
    assert str(caught.value) == text
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("value", "seconds"), [("0.1", 0.1), ("600", 600), ("1e1", 10), (" 5 ", 5)])
def test_a_timeout_is_taken_from_a_tenth_of_a_second_to_ten_minutes(value: str, seconds: float) -> None:
    assert read(timeout=value).timeout == seconds


@pytest.mark.parametrize(
    ("value", "switched"),
    [
        ("1", True),
        ("true", True),
        ("YES", True),
        ("on", True),
        ("0", False),
        ("False", False),
        ("no", False),
        ("off", False),
    ],
)
def test_switches_are_understood_in_the_usual_words(value: str, switched: bool) -> None:
    settings = read(sandbox=value, read_only=value)
    assert (settings.sandbox, settings.read_only) == (switched, switched)


@pytest.mark.parametrize(
    ("value", "ids"), [("all", None), ("ALL", None), ("1", {1}), ("2147483647", {2147483647}), ("3,3", {3})]
)
def test_the_allowed_campaigns_are_a_set_of_ids_or_all(value: str, ids: set[int] | None) -> None:
    assert read(campaigns=value).campaigns == ids


@pytest.mark.parametrize(
    ("value", "hours"),
    [("any", None), ("08:00-21:00", (480, 1260)), ("08:00 \u2013 21:30", (480, 1290)), ("00:00-24:00", (0, 1440))],
)
def test_the_hours_of_the_limit_are_minutes_of_a_day(value: str, hours: object) -> None:
    assert read(calling_hours=value).calling_hours == hours


def test_the_names_of_tools_that_the_limit_knows_are_those_of_the_tools() -> None:
    assert [tool.name for tool in TOOLS] == list(TOOL_NAMES)
    assert [tool.name for tool in TOOLS if tool.hints.read_only] == list(READING_TOOLS)
    assert read(tools="all").tools is None


def test_a_ca_file_in_ones_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "ca.pem").touch()
    assert read(ca_file="~/ca.pem").ca_file == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True), ("a.localhost", True), ("127.0.0.1", True), ("127.255.0.3", True), ("::1", True),
        ("[::1]", True), ("", False), ("app.asisso.com", False), ("localhost.com", False), ("notlocalhost", False),
        ("0.0.0.0", False), ("10.0.0.1", False), ("::", False), ("fe80::1", False), ("127.1", False),  # noqa: S104
    ],
)  # fmt: skip
def test_only_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("origin", "loopback"),
    [("http://127.0.0.1:8765", True), ("https://[::1]", True), ("https://app.asisso.com", False), ("", False)],
)
def test_settings_know_whether_the_api_is_on_this_machine(origin: str, loopback: bool) -> None:
    assert Settings(base_url=origin).is_loopback is loopback


def test_each_setting_has_a_name_of_ours_and_a_meaning_and_the_default_that_holds() -> None:
    for each in SETTINGS:
        assert re.fullmatch(r"ASISSO_[A-Z_]+", each.name)
        assert each.meaning
    defaults = {each.name: each.default for each in SETTINGS if each.default}
    assert Settings.from_environment(defaults) == Settings()
    assert defaults["ASISSO_BASE_URL"] == DEFAULT_BASE_URL


@given(st.dictionaries(st.sampled_from([each.name for each in SETTINGS]), st.text(max_size=40)))
def test_any_environment_gives_settings_or_a_settings_error_on_one_line(environment: dict[str, str]) -> None:
    try:
        settings = Settings.from_environment(environment)
    except SettingsError as refused:
        words = str(refused)
    else:
        words = "ASISSO_ settings are fine"
        assert 0.1 <= settings.timeout <= 600
        assert settings.base_url.startswith("https://") or settings.is_loopback
    assert words.startswith("ASISSO_")
    assert words.isprintable()


@given(st.from_regex(r"https?://[a-zA-Z0-9.:@/\\\[\]?#%_ -]{0,25}", fullmatch=True))
def test_whatever_looks_like_a_url_reaches_only_the_host_that_is_shown(url: str) -> None:
    try:
        origin = read(base_url=url).base_url
    except SettingsError:
        return
    assert re.fullmatch(r"https?://([\w.-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]*)?", origin)
    assert url.lower().startswith(origin.partition("://")[0])
    assert origin.startswith("https:") or Settings(base_url=origin).is_loopback
