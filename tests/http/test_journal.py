"""The journal over HTTP: off unless it is named, with who called, and checked before the server starts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asisso_mcp.config import Settings
from asisso_mcp.journal.entry import fingerprint
from asisso_mcp.sandbox import KEY, OTHER_TENANT_KEY, RunningServer, Sandbox
from tests.http.issuer import Issuer
from tests.http.served import Served, legacy, modern, post, settings_for
from tests.journal.test_writes import entries_in, writes
from tests.processes import http_server, run

TOKEN = "a-token-of-the-operator-for-one-agent"
PAUSE: dict[str, Any] = {"name": "pause_campaign", "arguments": {"campaign_id": 3}}
TRACE = "0af7651916cd43dd8448eb211c80319c"
RESOURCE = "https://mcp.example.com/mcp"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def settings(api: RunningServer, file: Path) -> Settings:
    return settings_for(api.url, journal=file)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


def test_an_entry_has_the_fingerprint_of_the_callers_own_key(settings: Settings, file: Path) -> None:
    with Served(settings, auth="passthrough") as served:
        assert post(served.url, modern("tools/call", **PAUSE), x_api_key=KEY).is_success
        other = {"name": "update_campaign", "arguments": {"campaign_id": 101, "max_concurrency": 1}}
        post(served.url, legacy("tools/call", **other), x_api_key=OTHER_TENANT_KEY)
        served.app.services._journal.check()  # type: ignore[union-attr]
    entry = entries_in(file)[0]
    assert (entry.account, entry.caller) == (fingerprint(KEY), f"key {fingerprint(KEY)}")
    assert all(each.account == fingerprint(OTHER_TENANT_KEY) for each in entries_in(file)[1:])


def test_an_entry_has_the_fingerprint_of_the_callers_token(settings: Settings, file: Path) -> None:
    with Served(settings, auth="token", environment={"ASISSO_MCP_TOKENS": TOKEN}) as served:
        assert post(served.url, legacy("tools/call", **PAUSE), authorization=f"Bearer {TOKEN}").is_success
    (entry,) = entries_in(file)
    assert (entry.account, entry.caller) == (fingerprint(KEY), f"token {fingerprint(TOKEN)}")
    assert TOKEN.encode() not in file.read_bytes()


def test_an_entry_has_the_subject_of_the_callers_access_token(settings: Settings, file: Path, issuer: Issuer) -> None:
    environment = {"ASISSO_MCP_OAUTH_ISSUER": issuer.url, "ASISSO_MCP_RESOURCE_URL": RESOURCE}
    with Served(settings, auth="oauth", environment=environment) as served:
        token = issuer.token(RESOURCE, sub="jane@example.com")
        assert post(served.url, modern("tools/call", **PAUSE), authorization=f"Bearer {token}").is_success
    (entry,) = entries_in(file)
    assert entry.caller == "jane@example.com"


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        ("anything\n", None),
    ],
)
def test_an_entry_has_the_trace_that_its_client_names(
    settings: Settings, file: Path, traceparent: str, trace_id: str | None
) -> None:
    with Served(settings) as served:
        request = legacy("tools/call", **PAUSE, _meta={"traceparent": traceparent})
        assert post(served.url, request).is_success
    (entry,) = entries_in(file)
    assert entry.trace_id == trace_id


def test_without_a_name_there_is_none(api: RunningServer, sandbox: Sandbox, tmp_path: Path) -> None:
    environment = {"ASISSO_JOURNAL": "", "XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    with http_server(ASISSO_BASE_URL=api.url, ASISSO_API_KEY=KEY, **environment) as server:
        assert post(server.url, legacy("tools/call", **PAUSE)).is_success
    assert writes(sandbox) == ["POST pause"]
    assert list(tmp_path.iterdir()) == []


def test_two_workers_write_to_one_file(api: RunningServer, file: Path) -> None:
    environment = {"ASISSO_BASE_URL": api.url, "ASISSO_API_KEY": KEY, "ASISSO_JOURNAL": str(file)}
    with http_server("--workers", "2", **environment) as server:
        for number in range(8):
            edit = {"campaign_id": 4, "max_concurrency": 1 + number % 2}
            assert post(server.url, legacy("tools/call", name="update_campaign", arguments=edit)).is_success
    entries = entries_in(file)
    assert [each.outcome for each in entries] == ["applied"] * 8


def test_a_journal_that_cannot_be_written_keeps_the_server_from_starting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    file = tmp_path / "file" / "folder" / "journal.sqlite3"
    ended = run("serve", "--transport", "http", "--sandbox", "--port", "0", ASISSO_JOURNAL=str(file))
    assert ended.returncode == 2
    assert ended.stderr == (
        f"asisso-mcp: The journal that ASISSO_JOURNAL asks for, {file}, cannot be written (Not a directory), and without it nothing is "
        "sent. The person who runs this server can correct that, name another file, or set ASISSO_JOURNAL=off.\n"
    )
