"""What a client hears while it waits, and how long it waits at most: no call outlasts the patience of its host."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client

from asisso_mcp.api import retries
from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.campaigns import deadlines
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.config import Settings
from asisso_mcp.sandbox import KEY, Fault, RunningServer, Sandbox
from asisso_mcp.server import app
from asisso_mcp.server.app import build_server
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import ToolContext, ToolResult
from tests.api.scripted import asking, serving
from tests.conftest import MONDAY, SETTINGS, no_wait
from tests.processes import stdio_server

BY_NAME = {tool.name: tool for tool in TOOLS}
HOSTS_GIVE_UP = 60


# --- progress ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_asked_hears_that_a_slow_call_goes_on(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "PROGRESS_SECONDS", 0.01)
    heard: list[tuple[float, float | None, str | None]] = []
    enough = anyio.Event()

    async def api(_: httpx2.Request) -> httpx2.Response:
        await enough.wait()
        return httpx2.Response(200, json={"id": 3, "name": "Spring promo", "state": "paused"})

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))
        if len(heard) == 3:
            enough.set()

    with anyio.fail_after(10):
        async with Client(build_server(SETTINGS, transport=httpx2.MockTransport(api)), mode=mode) as client:
            result = await client.call_tool("get_campaign", {"campaign_id": 3}, progress_callback=hear)
    assert result.is_error is False
    assert heard[:3] == [
        (0.01, None, "Read a campaign: waiting for the Asisso API, 0.01 s"),
        (0.02, None, "Read a campaign: waiting for the Asisso API, 0.02 s"),
        (0.03, None, "Read a campaign: waiting for the Asisso API, 0.03 s"),
    ]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_did_not_ask_hears_nothing_but_the_answer(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "PROGRESS_SECONDS", 0.01)
    heard: list[object] = []

    async def api(_: httpx2.Request) -> httpx2.Response:
        await anyio.sleep(0.1)  # ten times as long as it would take to hear something
        return httpx2.Response(200, json={"id": 3, "name": "Spring promo", "state": "paused"})

    async def hear(message: object) -> None:
        heard.append(message)

    server = build_server(SETTINGS, transport=httpx2.MockTransport(api))
    async with Client(server, mode=mode, message_handler=hear) as client:
        assert (await client.call_tool("get_campaign", {"campaign_id": 3})).is_error is False
    assert heard == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_over_stdio_progress_goes_to_the_requests_that_gave_a_token_and_zero_is_one(
    api: RunningServer, sandbox: Sandbox, era: str
) -> None:
    assert app.PROGRESS_SECONDS == 2.0
    patches = {"asisso_mcp.server.app.PROGRESS_SECONDS": 0.2}
    with stdio_server(patches=patches, ASISSO_BASE_URL=api.url, ASISSO_API_KEY=KEY) as server:
        server.open(era)
        server.call("get_campaign", campaign_id=3)
        sandbox.faults.add(Fault("delay", seconds=0.3))
        for number, meta in ((91, {"progressToken": "a"}), (92, {"progressToken": 0}), (93, {})):
            own = {**server.era.get("_meta", {}), **meta}
            params = {"name": "get_campaign", "arguments": {"campaign_id": 3}, "_meta": own}
            server.write({"id": number, "method": "tools/call", "params": params})
        first, answered = {}, set()
        while answered != {91, 92, 93}:
            frame = json.loads(server.stdout.readline())
            if "id" in frame:
                answered.add(frame["id"])
            else:  # on a busy machine there may be a second one
                assert frame["method"] == "notifications/progress"
                first.setdefault(frame["params"]["progressToken"], frame["params"])
    message = "Read a campaign: waiting for the Asisso API, 0.2 s"
    assert first == {token: {"progressToken": token, "progress": 0.2, "message": message} for token in ("a", 0)}


# --- deadlines --------------------------------------------------------------------------------------------------------


def test_the_longest_call_ends_before_hosts_give_up() -> None:
    """The call's own time, a write that begins at its end, and finding out what became of that write."""
    assert deadlines.DEADLINE_SECONDS + deadlines.WRITE_SECONDS + deadlines.SETTLE_SECONDS < HOSTS_GIVE_UP


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "DEADLINE_SECONDS", 0.6)
    monkeypatch.setattr(deadlines, "WRITE_SECONDS", 0.2)
    monkeypatch.setattr(deadlines, "SETTLE_SECONDS", 0.2)
    monkeypatch.setattr(deadlines, "SPARE_SECONDS", 0.05)


CAMPAIGN = json.dumps({"id": 3, "name": "Spring promo", "state": "running"}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(CAMPAIGN)
Peer = Callable[[asyncio.StreamWriter], Any]


async def _answer(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + CAMPAIGN)
    await writer.drain()


async def _silence(_: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _trickle(writer: asyncio.StreamWriter) -> None:
    """A byte at a time, each sooner than any read timeout."""
    for byte in HEAD + CAMPAIGN + b" " * 10_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def _body_that_never_ends(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + CAMPAIGN[:10])
    await writer.drain()
    await asyncio.Event().wait()


async def _come_back_later(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 25\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


@asynccontextmanager
async def _api(slow: Peer, *, reads_work: bool) -> AsyncIterator[CampaignService]:
    """An API on a socket that answers slowly, or that answers reads at once and only writes slowly."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                await (_answer(writer) if reads_work and line.startswith(b"GET") else slow(writer))

    async with (
        serving(serve) as port,
        asking(Settings(api_key=SETTINGS.api_key, base_url=f"http://127.0.0.1:{port}")) as client,
    ):
        yield CampaignService(client, clock=lambda: MONDAY)


async def _ask(service: CampaignService, tool: str, **arguments: Any) -> ToolResult:
    return await BY_NAME[tool].call(arguments, ToolContext(service))


@pytest.mark.parametrize(
    ("tool", "arguments", "text"),
    [
        ("list_campaigns", {}, "the list of campaigns was not read"),
        ("get_campaign", {"campaign_id": 3}, "nothing was read"),
        ("pause_campaign", {"campaign_id": 3}, "nothing was changed"),
    ],
)
@pytest.mark.usefixtures("short")
async def test_a_call_to_an_api_that_dawdles_ends_with_its_deadline(
    tool: str, arguments: dict[str, Any], text: str
) -> None:
    async def ask(slow: Peer) -> None:
        async with _api(slow, reads_work=False) as service:
            answer = await _ask(service, tool, **arguments)
        assert answer.is_error
        assert answer.text == f"The Asisso API did not answer in time; {text}. Call again in a minute."

    with anyio.fail_after(5):
        await asyncio.gather(*map(ask, (_silence, _trickle, _body_that_never_ends, _come_back_later)))


@pytest.mark.usefixtures("short")
async def test_a_write_that_dawdles_ends_in_time_as_an_unknown_outcome() -> None:
    async def ask(slow: Peer) -> str:
        async with _api(slow, reads_work=True) as service:
            return (await _ask(service, "pause_campaign", campaign_id=3)).text

    with anyio.fail_after(5):
        told = await asyncio.gather(*map(ask, (_silence, _trickle, _body_that_never_ends)))
    assert set(told) == {
        "Unknown outcome. Sent: the pause of campaign 3. The Asisso API did not answer in time; it had been sent. The campaign "
        "was read afterwards and shows no effect so far. It may or may not have been applied, also a little later, and it was "
        "not repeated: look with `get_campaign` before you try again."
    }


@pytest.mark.usefixtures("short")
async def test_a_write_that_the_api_puts_off_beyond_the_deadline_says_that_nothing_was_changed() -> None:
    async with _api(_come_back_later, reads_work=True) as service:
        with anyio.fail_after(5):
            answer = await _ask(service, "pause_campaign", campaign_id=3)
    assert answer.text == "The Asisso API did not answer in time; nothing was changed. Call again in a minute."


# --- what is known stays told, also when looking again fails ----------------------------------------------------------


@pytest.fixture
def hasty(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> CampaignService:
    monkeypatch.setattr(retries, "_seconds_to_wait", lambda *_: 0)
    client = AsissoClient(ApiTransport(SETTINGS, transport=sandbox.transport()), SETTINGS)
    return CampaignService(client, clock=lambda: MONDAY, sleep=no_wait)


async def test_a_pause_during_the_import_is_told_although_it_cannot_be_watched(
    hasty: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("status", method="GET", code=500, after=1))
    answer = await _ask(hasty, "pause_campaign", campaign_id=10)
    assert answer.structure is not None
    assert answer.structure["applied"] is True
    assert sandbox.campaign(10)["state"] == "paused"
    assert (
        "Note: It was paused while its contacts were being imported, and the end of the import can set it running: it could "
        "not be looked at long enough to be sure. Look once more with `get_campaign` in a minute."
    ) in answer.text


async def test_a_pause_during_the_import_is_told_although_the_call_has_no_time_left_to_watch(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "DEADLINE_SECONDS", 1.0)
    monkeypatch.setattr(deadlines, "WRITE_SECONDS", 0.2)
    client = AsissoClient(ApiTransport(SETTINGS, transport=sandbox.transport()), SETTINGS)
    with anyio.fail_after(5):
        answer = await _ask(CampaignService(client, clock=lambda: MONDAY), "pause_campaign", campaign_id=10)
    assert not answer.is_error, answer.text
    assert "it could not be looked at long enough to be sure" in answer.text
    assert sandbox.campaign(10)["state"] == "paused"


async def test_an_edit_that_its_answer_does_not_show_is_unknown_when_it_cannot_be_read_again(
    hasty: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("foreign-edit", method="PATCH", when="lost", times=1, fields={"max_concurrency": 2}))
    sandbox.faults.add(Fault("status", method="GET", code=500, after=1))
    answer = await _ask(hasty, "update_campaign", campaign_id=4, circuit_breaker={"window_seconds": 77})
    assert answer.text == (
        "Unknown outcome. Sent: the edit of circuit_breaker.window_seconds of campaign 4. The API accepted it, and its answer does "
        "not show it. Reading the campaign afterwards failed as well. It may or may not have been applied, also a little later, and "
        "it was not repeated: look with `get_campaign` before you try again."
    )


async def test_a_named_value_that_was_so_already_and_that_a_colleague_changed_meanwhile_is_not_called_applied(
    hasty: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("foreign-edit", method="PATCH", times=1, fields={"max_concurrency": 2}))
    answer = await _ask(
        hasty, "update_campaign", campaign_id=4, max_concurrency=4, circuit_breaker={"min_calls_in_window": 9}
    )
    (patch,) = (request for request in sandbox.requests if request.method == "PATCH")
    assert patch.json.keys() == {"circuit_breaker"}
    assert answer.structure is not None
    assert answer.structure["applied"] is False
    assert answer.text.startswith(
        'Partly applied: Campaign 4 "Berlin appointment reminders" was written, and does not show all of the edit. Someone '
        "else may have written at the same moment. Not in place:\n- max_concurrency: 2, not 4\nIn place:\n"
        "- circuit_breaker.min_calls_in_window: 8 → 9\n"
    )


async def test_a_resume_whose_reply_was_lost_and_that_the_breaker_undid_is_not_sent_again(
    hasty: CampaignService, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault("trip", method="POST", when="after", times=1))
    sandbox.faults.add(Fault("drop-after", method="POST", times=1))
    answer = await _ask(hasty, "resume_campaign", campaign_id=4)
    assert answer.text.startswith("Unknown outcome. Sent: the resume of campaign 4. ")
    assert "The campaign was read afterwards: it is paused as before, and its log has new entries." in answer.text
    assert [request.method for request in sandbox.requests].count("POST") == 1
