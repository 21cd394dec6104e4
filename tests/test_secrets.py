"""No key, token or password in anything that is printed, logged, answered or raised, whatever goes wrong."""

import json
import logging
import pickle
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from asisso_mcp.api import retries
from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.campaigns.policy import Caller
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.config import Settings, SettingsError
from asisso_mcp.sandbox import Fault, RunningServer, Sandbox
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import ToolContext
from asisso_mcp.tools.services import TenantServices
from tests.conftest import no_wait
from tests.http.served import JSON, OPTIONS, message
from tests.processes import META, http_server, run

API_KEY = "RECOGNISABLE.api.key"  # of no form that a mask would know
TOKEN = "RECOGNISABLE.login.token"
PASSWORD = "RECOGNISABLE-proxy-password"
MCP_TOKEN = "RECOGNISABLE-token-of-an-mcp-client"
MARK = "RECOGNISABLE"
SECRETS = {
    "ASISSO_API_KEY": API_KEY,
    "ASISSO_ACCESS_TOKEN": TOKEN,
    "ASISSO_PROXY": f"http://user:{PASSWORD}@127.0.0.1:9",
}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("list_campaigns", {}),
    ("get_campaign", {"campaign_id": 3}),
    ("update_campaign", {"campaign_id": 4, "max_concurrency": 2}),
    ("pause_campaign", {"campaign_id": 3}),
    ("resume_campaign", {"campaign_id": 4}),
]


def printed(*arguments: str, lines: str = "", patches: dict[str, Any] | None = None, **environment: str) -> str:
    """Everything that the command printed."""
    ended = run(*arguments, lines=lines, patches=patches, **{**SECRETS, **environment})
    assert ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def frames(*calls: tuple[str, dict[str, Any]]) -> str:
    requests = [
        {
            "jsonrpc": "2.0",
            "id": number,
            "method": "tools/call",
            "params": {"name": name, "arguments": given, "_meta": META},
        }
        for number, (name, given) in enumerate(calls)
    ]
    return "".join(json.dumps(request) + "\n" for request in requests)


@pytest.fixture(scope="module")
def echoing() -> Iterator[RunningServer]:
    """An API that refuses everything and repeats the credentials in its words, as a debugging proxy might."""
    sandbox = Sandbox()
    body = json.dumps({"detail": f"Not {API_KEY}, not Bearer {TOKEN}"})
    for code, times in ((401, 3), (400, 3), (422, 3), (402, 2), (500, 2), (429, 2)):
        sandbox.faults.add(Fault("status", code=code, body=body, times=times, retry_after=0))
    sandbox.faults.add(Fault("redirect", location=f"https://elsewhere.example/?key={API_KEY}"))
    with RunningServer(sandbox) as running:
        yield running
    sandbox.close()


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["serve", "--help"],
        ["doctor"],
        ["-vv", "doctor"],
        ["call", "-vv", "list_campaigns"],
        ["call", "-vv", "resume_campaign", "campaign_id=4"],
        ["call", "no_such_tool"],
        ["schemas", "--check", "--folder", "nowhere"],
        ["serve", "--workers", "2"],
    ],
    ids=" ".join,
)
def test_no_command_prints_a_secret(command: list[str], echoing: RunningServer) -> None:
    assert MARK not in printed(*command, ASISSO_BASE_URL=echoing.url)


def test_a_server_on_stdio_that_logs_everything_prints_no_secret(echoing: RunningServer) -> None:
    said = printed("serve", "-vv", lines=frames(*CALLS), ASISSO_BASE_URL=echoing.url, PYTHONASYNCIODEBUG="1")
    assert said.count('"isError":true') == len(CALLS)
    assert "DEBUG" in said
    assert MARK not in said


def test_a_server_over_http_that_logs_everything_prints_and_answers_no_secret(echoing: RunningServer) -> None:
    environment = {**SECRETS, "ASISSO_BASE_URL": echoing.url, "ASISSO_MCP_TOKENS": MCP_TOKEN}
    heard = []
    with http_server("-vv", "--auth", "token", **environment) as server:
        for bearer in (MCP_TOKEN, f"{MCP_TOKEN}-but-wrong"):
            for name, given in CALLS:
                body = message("tools/call", name=name, arguments=given, _meta=META)
                headers = {**JSON, "authorization": f"Bearer {bearer}", "mcp-protocol-version": "2026-07-28"}
                headers |= {"mcp-method": "tools/call", "mcp-name": name}
                answer = httpx2.post(server.url, json=body, headers=headers, **OPTIONS)
                heard.append(answer.status_code)
                assert MARK not in answer.text
                assert MARK not in str(answer.headers)
        server.terminate()
        server.process.wait(20)
        assert "DEBUG" in server.said
        assert MARK not in server.said
    assert heard == [200] * len(CALLS) + [401] * len(CALLS)


@pytest.mark.parametrize("wrong", ["closed", "407", "garbage"])
def test_a_proxy_that_fails_does_not_bring_its_password_to_light(wrong: str) -> None:
    with proxy(wrong) as port:
        own = {"ASISSO_PROXY": f"http://user:{PASSWORD}@127.0.0.1:{port}"}
        at_once = {"asisso_mcp.api.retries.BUDGET_SECONDS": 0.0}
        told = printed("call", "-vv", "pause_campaign", "campaign_id=3", patches=at_once, **own)
    assert any(words in told for words in ("This request was not sent", "this request did not reach the API", "lost"))
    assert MARK not in told


@contextmanager
def proxy(wrong: str) -> Iterator[int]:
    """A proxy that refuses, and repeats the password while it does."""
    answers = {
        "407": f"HTTP/1.1 407 {PASSWORD}\r\nProxy-Authenticate: Basic realm={PASSWORD}\r\nContent-Length: 0\r\n\r\n",
        "garbage": f"{PASSWORD}\r\n\r\n",
    }
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    if wrong == "closed":
        listening.close()
        yield port
        return

    def answer() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(answers[wrong].encode())

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ASISSO_API_KEY": f"{API_KEY} and more"},
        {"ASISSO_ACCESS_TOKEN": f"{TOKEN}\n{TOKEN}"},
        {"ASISSO_ACCESS_TOKEN": f"Bearer {TOKEN}"},
        {"ASISSO_API_KEY": f"{API_KEY}ü"},
        {"ASISSO_PROXY": f"socks://user:{PASSWORD}@proxy"},
        {"ASISSO_PROXY": f"user:{PASSWORD}@proxy:3128"},
        {"ASISSO_BASE_URL": f"https://user:{PASSWORD}@app.asisso.com"},
        {"ASISSO_BASE_URL": f"https://app.asisso.com/?key={API_KEY}"},
        {"ASISSO_BASE_URL": f"https://{API_KEY}\\@app.asisso.com"},
        {"ASISSO_BASE_URL": API_KEY},
        {"ASISSO_TIMEOUT": API_KEY},
        {"ASISSO_CA_FILE": f"/{API_KEY}"},
        {"ASISSO_CAMPAIGNS": API_KEY},
        {"ASISSO_LOG_LEVEL": API_KEY},
        {"ASISSO_SANDBOX": API_KEY},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_setting_that_does_not_fit_is_named_and_its_value_is_not_shown(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment({**SECRETS, **wrong})
    assert next(iter(wrong)) in str(refusal.value)
    assert MARK not in "".join(traceback.format_exception(refusal.value))


def test_a_wrong_setting_ends_the_command_with_a_line_without_its_value() -> None:
    for wrong in ({"ASISSO_API_KEY": f"{API_KEY} x"}, {"ASISSO_BASE_URL": f"https://u:{PASSWORD}@app.asisso.com"}):
        told = printed("doctor", **wrong)
        assert told.count("\n") == 1
        assert MARK not in told


SETTINGS = Settings(api_key=SecretStr(API_KEY), access_token=SecretStr(TOKEN), proxy=SecretStr(SECRETS["ASISSO_PROXY"]))


def _says(fault: Exception | int) -> httpx2.MockTransport:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if isinstance(fault, Exception):
            raise fault
        return httpx2.Response(fault, json={"detail": f"{API_KEY} {request.headers}"}, headers={"x-echo": API_KEY})

    return httpx2.MockTransport(answer)


FAULTS: list[Exception | int] = [
    *(200, 301, 400, 401, 402, 403, 404, 422, 429, 500, 503),
    httpx2.ConnectError("[Errno 111] Connection refused"),
    httpx2.ReadError(f"x-api-key: {API_KEY}"),
    httpx2.LocalProtocolError(f"Illegal header value b'{API_KEY}'"),
    httpx2.ProxyError(f"407 {PASSWORD}"),
    httpx2.InvalidURL(API_KEY),
    UnicodeEncodeError("ascii", API_KEY, 0, 1, "no"),
    RuntimeError(API_KEY),
]


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: str(fault) if isinstance(fault, int) else type(fault).__name__
)
@pytest.mark.parametrize(("tool", "arguments"), CALLS)
async def test_no_answer_log_record_or_traceback_holds_a_secret(
    tool: str,
    arguments: dict[str, Any],
    fault: Exception | int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retries, "_seconds_to_wait", lambda *_: 0)
    service = CampaignService(AsissoClient(ApiTransport(SETTINGS, transport=_says(fault)), SETTINGS), sleep=no_wait)
    with caplog.at_level(logging.DEBUG):
        answer = await next(each for each in TOOLS if each.name == tool).call(arguments, ToolContext(service))
    assert answer.is_error
    assert MARK not in answer.text
    for record in caplog.records:
        assert MARK not in logging.Formatter("%(message)s").format(record), record.name


def test_no_object_that_holds_a_secret_shows_it() -> None:
    client = AsissoClient(ApiTransport(SETTINGS), SETTINGS)
    tenant = client.for_key(SecretStr(API_KEY))
    caller = Caller(api_key=SecretStr(API_KEY))
    objects = (SETTINGS, client._transport, client, tenant, TenantServices(SETTINGS), caller)
    for each in objects:
        assert MARK not in f"{each!r} {each} {getattr(each, '__dict__', '')}"
    assert "**********" in repr(SETTINGS)
    assert MARK.encode() in pickle.dumps(API_KEY)  # the search itself finds what is there
