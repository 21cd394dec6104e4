"""`--auth`: whose key a call uses, who is turned away, and that no secret is written anywhere."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from asisso_mcp.cli import main
from asisso_mcp.config import SettingsError
from asisso_mcp.http.auth import tokens
from asisso_mcp.sandbox import KEY, OTHER_TENANT_KEY, RunningServer
from tests.http.served import ERAS, OPTIONS, Served, connected, modern, post, settings_for, text
from tests.processes import http_server

LIST = modern("tools/list")
Refusals = Callable[[], list[str]]
FIRST, SECOND = "first-token-of-the-team-0001", "second-token-of-the-team-002"


@pytest.mark.parametrize("era", ERAS)
async def test_each_request_is_answered_with_its_own_key(api: RunningServer, era: str) -> None:
    with Served(settings_for(api.url, key=None), auth="passthrough") as served:
        async with (
            connected(served.url, era, **{"x-api-key": KEY}) as one,
            connected(served.url, era, **{"x-api-key": OTHER_TENANT_KEY}) as other,
        ):
            mine = await one.call_tool("get_campaign", {"campaign_id": 3})
            theirs = await other.call_tool("get_campaign", {"campaign_id": 101})
            foreign = await other.call_tool("get_campaign", {"campaign_id": 3})
    assert text(mine).startswith('Campaign 3 "Spring promo"')
    assert text(theirs).startswith("Campaign 101")
    assert foreign.is_error


def test_a_missing_key_is_answered_with_401_and_words(api: RunningServer, refusals: Refusals) -> None:
    with Served(settings_for(api.url), auth="passthrough") as served:  # although the server has a key of its own
        answer = post(served.url, LIST)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Send your Asisso API key in the X-API-Key header of every request."}
    assert answer.headers["www-authenticate"] == 'ApiKey realm="asisso-mcp", header="X-API-Key"'
    assert refusals() == ["refused 401 POST /mcp from 127.0.0.1: no key"]


@pytest.mark.parametrize("given", ["", "two words", "schlüssel", "x" * 4097])
def test_what_cannot_be_a_key_is_not_passed_on(api: RunningServer, given: str) -> None:
    with Served(settings_for(api.url, key=None), auth="passthrough") as served:
        answer = post(served.url, LIST, x_api_key=given.encode("latin-1"))
    assert answer.status_code == 401


def test_two_keys_in_one_request_are_refused(api: RunningServer) -> None:
    with Served(settings_for(api.url, key=None), auth="passthrough") as served:
        body, headers = LIST
        both = [*headers.items(), ("x-api-key", KEY), ("x-api-key", OTHER_TENANT_KEY)]
        assert httpx2.post(served.url, json=body, headers=both, **OPTIONS).status_code == 401


def test_passthrough_never_uses_the_servers_own_key(api: RunningServer) -> None:
    call = modern("tools/call", name="get_campaign", arguments={"campaign_id": 3})
    with Served(settings_for(api.url), auth="passthrough") as served:
        answer = post(served.url, call, x_api_key="not-a-key-of-anyone")
        result = answer.json()["result"]
    assert result["isError"] is True
    assert result["content"][0]["text"].startswith("The Asisso API did not accept the credentials")


async def test_the_sandbox_serves_several_tenants(api: RunningServer) -> None:
    with Served(settings_for("https://app.asisso.com", key=None, sandbox=True), auth="passthrough") as served:
        async with connected(served.url, "auto", **{"x-api-key": OTHER_TENANT_KEY}) as client:
            assert not (await client.call_tool("get_campaign", {"campaign_id": 101})).is_error
            assert (await client.call_tool("get_campaign", {"campaign_id": 3})).is_error


@pytest.mark.parametrize("era", ERAS)
async def test_a_known_token_is_let_in_and_the_server_uses_its_key(api: RunningServer, era: str) -> None:
    with Served(settings_for(api.url), auth="token", environment={"ASISSO_MCP_TOKENS": f"{FIRST}, {SECOND}"}) as served:
        for token in (FIRST, SECOND):
            async with connected(served.url, era, authorization=f"Bearer {token}") as client:
                assert not (await client.call_tool("get_campaign", {"campaign_id": 3})).is_error


def test_a_wrong_or_missing_token_is_answered_with_401(
    api: RunningServer, caplog: pytest.LogCaptureFixture, refusals: Refusals
) -> None:
    wrong = "a-token-that-nobody-was-given"
    with Served(settings_for(api.url), auth="token", environment={"ASISSO_MCP_TOKENS": FIRST}) as served:
        missing = post(served.url, LIST)
        unknown = post(served.url, LIST, authorization=f"Bearer {wrong}")
        basic = post(served.url, LIST, authorization=f"Basic {FIRST}")
        longer = post(served.url, LIST, authorization=f"Bearer {FIRST}x")
    assert {answer.status_code for answer in (missing, unknown, basic, longer)} == {401}
    assert missing.headers["www-authenticate"] == 'Bearer realm="asisso-mcp"'
    assert unknown.headers["www-authenticate"] == 'Bearer realm="asisso-mcp", error="invalid_token"'
    assert unknown.json() == {"error": "A valid bearer token is needed."}
    assert refusals()[:2] == [
        "refused 401 POST /mcp from 127.0.0.1: no token",
        "refused 401 POST /mcp from 127.0.0.1: a token that is not known",
    ]
    assert wrong not in caplog.text
    assert FIRST not in caplog.text


def test_every_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    real = tokens.hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        return real(one, other)

    monkeypatch.setattr(tokens.hmac, "compare_digest", counting)
    accepted = tokens.Tokens([SecretStr(FIRST), SecretStr(SECOND)])
    assert [accepted.accepts(FIRST), accepted.accepts("x"), accepted.accepts("y" * 5000)] == [True, False, False]
    assert compared == [32] * 6  # both, each time, and always digests of one length


def test_the_token_file_is_read_again_when_it_changes(
    api: RunningServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# the team\n{FIRST}\n\n")

    def status(token: str) -> int:
        return post(served.url, LIST, authorization=f"Bearer {token}").status_code

    with Served(settings_for(api.url), auth="token", environment={"ASISSO_MCP_TOKENS_FILE": str(file)}) as served:
        assert (status(FIRST), status(SECOND)) == (200, 401)
        renewed = tmp_path / "renewed"
        renewed.write_text(f"{SECOND}\n")
        renewed.replace(file)
        assert (status(FIRST), status(SECOND)) == (401, 200)
        file.write_text("short\n")
        assert (status(FIRST), status(SECOND)) == (401, 401)
        file.unlink()
        assert (status(FIRST), status(SECOND)) == (401, 401)
        ready = served.origin + "/readyz"
        answer = httpx2.get(ready, **OPTIONS)
        file.write_text(f"{FIRST}\n{SECOND}\n")
        assert (status(FIRST), status(SECOND)) == (200, 200)
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "why": "there is no usable token"})
    assert FIRST not in caplog.text
    assert SECOND not in caplog.text


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "--auth token needs at least one token: set ASISSO_MCP_TOKENS, or ASISSO_MCP_TOKENS_FILE with one in a line. "
             "`openssl rand -hex 32` makes one."),
        ({"ASISSO_MCP_TOKENS": "short"}, "ASISSO_MCP_TOKENS holds a token that is shorter than 20 characters, or has a space "
             "or a character that cannot be sent. `openssl rand -hex 32` makes a good one."),
        ({"ASISSO_MCP_TOKENS_FILE": "/nowhere/tokens"},
             "ASISSO_MCP_TOKENS_FILE cannot be read (No such file or directory)."),
    ],
)  # fmt: skip
def test_tokens_that_cannot_serve_are_refused_at_start(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Served(settings_for("http://127.0.0.1:9"), auth="token", environment=environment)
    assert str(refused.value) == words


def test_no_secret_is_written_even_with_every_log_line(api: RunningServer) -> None:
    call = modern("tools/call", name="get_campaign", arguments={"campaign_id": 3})
    environment = {"ASISSO_BASE_URL": api.url}
    with http_server("-vv", "--auth", "passthrough", **environment) as running:
        assert post(running.url, call, x_api_key=KEY).status_code == 200
        assert post(running.url + f"?x-api-key={KEY}", call, x_api_key=KEY).status_code == 200
        assert post(running.url, call, x_api_key=KEY, host="evil.example").status_code == 421
        running.terminate()
        assert running.process.wait(20) == 0
    assert "200 POST /mcp from 127.0.0.1 in " in running.said
    assert "refused 421 POST /mcp" in running.said
    assert KEY not in running.said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"],  # noqa: S104
         "Listening on 0.0.0.0 without --auth would let everyone who reaches this port edit campaigns. Choose --auth "
         "passthrough, token or oauth, or listen on 127.0.0.1."),
        (["--host", "0.0.0.0", "--auth", "passthrough"],  # noqa: S104
         "Listening on 0.0.0.0 needs the names by which clients reach this server: --allow-host mcp.example.com "
         "(repeat it for more). Requests for another Host are refused."),
        (["--allow-origin", "*"],
         "--allow-origin takes the origin of a page, such as https://chat.example.com, not '*'. Each is named in full."),
        (["--allow-host", "*.example.com"],
         "--allow-host takes a host as it stands in a URL, such as mcp.example.com or mcp.example.com:8443, not "
         "'*.example.com'."),
        (["--auth", "oauth"],
         "--auth oauth needs ASISSO_MCP_OAUTH_ISSUER: an https URL such as https://login.example.com (http on loopback only)."),
        (["--workers", "2", "--sandbox"],
         "The built-in sandbox lives in one process. Serve it with one worker, or start `asisso-mcp sandbox --db FILE` and point "
         "ASISSO_BASE_URL at it."),
        (["--port", "70000"], "--port is a number from 0 (any free one) to 65535."),
    ],
)  # fmt: skip
def test_what_would_be_unsafe_is_refused_at_start(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--transport", "http", *arguments])
    assert (ended.value.code, capsys.readouterr().err) == (2, f"asisso-mcp: {words}\n")


def test_a_port_in_use_is_said_in_words(api: RunningServer, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--transport", "http", "--port", str(api.port)])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        f"asisso-mcp: Cannot listen on 127.0.0.1 port {api.port}: Address already in use. Choose another --port or --host.\n"
    )


def test_http_options_without_http_are_not_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--port", "9000"])
    assert (ended.value.code, capsys.readouterr().err) == (
        2,
        "asisso-mcp: --port goes with --transport http: add that, or leave it out.\n",
    )
