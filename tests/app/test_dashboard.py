"""The dashboard's requests: who is let in, what every response forbids, and that calls go through tools, limits and cache."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import pytest

from asisso_mcp.app.access import Access
from asisso_mcp.app.dashboard import MAX_BODY, JournalAccess, build_dashboard
from asisso_mcp.app.polled_readings import POLL_SECONDS
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.config import Settings
from asisso_mcp.sandbox import Sandbox
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import Registry, ToolResult
from asisso_mcp.tools.services import TenantServices
from tests.conftest import MONDAY, SETTINGS

PORT = 8899
ORIGIN = f"http://127.0.0.1:{PORT}"
REFUSAL = "Open the newest address that `asisso-mcp dashboard` printed in its terminal. Each works once.\n"


async def entries() -> list[dict[str, Any]]:
    return [{"id": "abc234", "lines": ["abc234 pause_campaign 3"], "can_undo": True, "undo_rings": True}]


async def waiting() -> list[dict[str, Any]]:
    return []


async def answer(entry: str, told: str) -> str:
    raise AssertionError(f"{entry} was {told}")


async def undo(entry: str) -> ToolResult:
    if entry != "abc234":
        raise ValueError("That entry is no longer in the journal.")
    return ToolResult("Done.", {"summary": "Done."})


def dashboard(sandbox: Sandbox, access: Access, settings: Settings = SETTINGS, **changed: Any) -> httpx2.AsyncClient:
    app = build_dashboard(
        TenantServices(settings, transport=sandbox.transport(), clock=lambda: MONDAY),
        Registry(TOOLS, Policy.of(settings)),
        access,
        **{"journal": JournalAccess(entries, waiting, undo, answer), **changed},
    )
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ORIGIN)


@pytest.fixture
def access() -> Access:
    return Access(PORT)


@pytest.fixture
async def stranger(sandbox: Sandbox, access: Access) -> AsyncIterator[httpx2.AsyncClient]:
    async with dashboard(sandbox, access) as client:
        yield client


@pytest.fixture
async def browser(sandbox: Sandbox, access: Access) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that has the cookie, and an Origin as a browser sends it."""
    async with dashboard(sandbox, access) as client:
        opened = await client.get(access.address)
        client.headers["cookie"] = opened.headers["set-cookie"].partition(";")[0]
        client.headers["origin"] = ORIGIN
        yield client


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


async def test_the_secret_of_the_address_gets_a_cookie_that_scripts_and_other_sites_cannot_use_and_works_once(
    stranger: httpx2.AsyncClient, access: Access
) -> None:
    address = access.address
    opened = await stranger.get(address)
    assert opened.status_code == 200
    assert opened.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert access.address != address
    again = await stranger.get(address)
    assert (again.status_code, again.text, "set-cookie" in again.headers) == (403, REFUSAL, False)


@pytest.mark.parametrize(
    "path", ["/", "/dashboard.js", "/dashboard.css", "/journal", "/?key=wrong", "/?key=", "/nothing"]
)
async def test_without_the_cookie_nothing_is_answered(stranger: httpx2.AsyncClient, path: str) -> None:
    answer = await stranger.get(path)
    assert (answer.status_code, answer.text) == (403, REFUSAL)


async def test_the_cookie_of_another_process_is_not_taken(browser: httpx2.AsyncClient) -> None:
    name = browser.headers["cookie"].partition("=")[0]
    for cookie in (f"{name}=other", f"{name}=", "", "x" * 5000, f"{name}=a; {name}=b"):
        assert (await browser.get("/", headers={"cookie": cookie})).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", f"127.0.0.1.evil.example:{PORT}", ""]
)
async def test_under_another_name_nothing_is_answered_also_with_the_cookie(
    browser: httpx2.AsyncClient, host: str
) -> None:
    answer = await browser.get("/", headers={"host": host})
    assert (answer.status_code, answer.text) == (403, "This address is not the one of the dashboard.\n")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", f"http://localhost:{PORT}", f"https://127.0.0.1:{PORT}"]
)
async def test_a_post_from_another_origin_reaches_no_tool(
    browser: httpx2.AsyncClient, sandbox: Sandbox, origin: str
) -> None:
    answer = await browser.post("/tools/call", json=call("pause_campaign", campaign_id=3), headers={"origin": origin})
    assert (answer.status_code, answer.text) == (403, "The request does not come from the dashboard's own page.\n")
    assert sandbox.requests == []


async def test_a_post_without_an_origin_reaches_no_tool(browser: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    del browser.headers["origin"]
    assert (await browser.post("/tools/call", json=call("pause_campaign", campaign_id=3))).status_code == 403
    assert sandbox.requests == []


@pytest.mark.parametrize("path", ["/tools/call", "/journal/undo", "/journal/approve", "/journal/reject"])
async def test_nothing_is_written_by_get(browser: httpx2.AsyncClient, sandbox: Sandbox, path: str) -> None:
    assert (await browser.get(path, params={"name": "pause_campaign", "entry": "abc234"})).status_code == 405
    assert sandbox.requests == []


@pytest.mark.parametrize("path", ["/", "/dashboard.js", "/journal", "/nothing", "/?key=wrong"])
async def test_every_response_forbids_frames_foreign_scripts_and_caches(browser: httpx2.AsyncClient, path: str) -> None:
    headers = (await browser.get(path)).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
    assert policy.endswith("connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    assert "unsafe" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"name": "pause_campaign", "arguments": {"campaign_id": 3}}', "text/plain"),
        (b"[]", "application/json"),
        (b"{", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"name": 3, "arguments": {}}', "application/json"),
        (b'{"name": "pause_campaign", "arguments": [3]}', "application/json"),
        (b'{"name": "' + b"x" * MAX_BODY + b'", "arguments": {}}', "application/json"),
    ],
)
async def test_what_is_no_call_is_refused_in_a_sentence(
    browser: httpx2.AsyncClient, sandbox: Sandbox, content: bytes, kind: str
) -> None:
    answer = await browser.post("/tools/call", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "A call is a JSON object with `name` and `arguments`."},
    )
    assert sandbox.requests == []


async def test_a_call_answers_as_the_tool_does_by_mcp(browser: httpx2.AsyncClient) -> None:
    answer: Mapping[str, Any] = (await browser.post("/tools/call", json=call("get_campaign", campaign_id=3))).json()
    assert answer["isError"] is False
    assert answer["structuredContent"]["name"] == "Spring promo"
    assert answer["content"] == [{"type": "text", "text": answer["structuredContent"]["summary"]}]


async def test_the_limits_of_the_server_hold_for_the_dashboard(sandbox: Sandbox) -> None:
    access = Access(PORT)
    settings = Settings(api_key=SETTINGS.api_key, read_only=True)
    async with dashboard(sandbox, access, settings) as client:
        opened = await client.get(access.address)
        headers = {"cookie": opened.headers["set-cookie"].partition(";")[0], "origin": ORIGIN}
        answer = await client.post("/tools/call", json=call("pause_campaign", campaign_id=3), headers=headers)
    assert answer.json()["isError"] is True
    assert answer.json()["content"][0]["text"].startswith("pause_campaign is not offered here: this server only reads")
    assert sandbox.requests == []


async def test_a_hundred_polls_cost_one_reading_and_a_write_makes_the_next_page_read_anew(
    browser: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    reading = {**call("list_campaigns"), "poll": True}
    for _ in range(100):
        assert (await browser.post("/tools/call", json=reading)).json()["structuredContent"]["total"] == 14
    assert len(sandbox.requests) == 1
    await browser.post("/tools/call", json=call("pause_campaign", campaign_id=3))
    assert (await browser.post("/tools/call", json=reading)).json() is None
    listed = (await browser.post("/tools/call", json=call("list_campaigns", state="paused"))).json()
    assert 3 in [row["campaign_id"] for row in listed["structuredContent"]["campaigns"]]


async def test_an_idle_page_on_one_campaign_costs_less_than_a_request_a_second(
    browser: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    await browser.post("/tools/call", json={**call("get_campaign", campaign_id=3), "poll": True})
    assert len(sandbox.requests) < POLL_SECONDS


async def test_the_journal_is_listed_and_taken_back(browser: httpx2.AsyncClient) -> None:
    assert (await browser.get("/journal")).json() == {"entries": await entries(), "waiting": []}
    assert (await browser.post("/journal/undo", json={"entry": "abc234"})).json()["content"] == [
        {"type": "text", "text": "Done."}
    ]
    gone = (await browser.post("/journal/undo", json={"entry": "zzz999"})).json()
    assert (gone["isError"], gone["content"][0]["text"]) == (True, "That entry is no longer in the journal.")


async def test_the_page_holds_the_view_in_a_sandbox_that_has_scripts_and_nothing_else(
    browser: httpx2.AsyncClient,
) -> None:
    page = (await browser.get("/")).text
    assert 'sandbox="allow-scripts" srcdoc="&lt;!doctype html&gt;' in page
    assert "allow-same-origin" not in page
