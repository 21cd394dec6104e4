"""The journal in the dashboard, and what waits there for a person: over a real file, the tools and the sandbox API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from asisso_mcp.app.access import Access
from asisso_mcp.app.dashboard import build_dashboard
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.cli.dashboard import journal_access
from asisso_mcp.config import Settings
from asisso_mcp.journal.entry import Entry
from asisso_mcp.journal.store import SqliteStore
from asisso_mcp.sandbox import Sandbox
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import Registry
from asisso_mcp.tools.services import TenantServices
from tests.conftest import MONDAY, SETTINGS
from tests.journal.test_writes import entries_in, writes

PORT = 8899
ORIGIN = f"http://127.0.0.1:{PORT}"
EDIT = {"name": "update_campaign", "arguments": {"campaign_id": 4, "max_concurrency": 9}}
QUESTION = """Campaign 4 "Berlin appointment reminders" would be changed:
- max_concurrency: 4 → 9
Why you are asked: it may make more calls at once."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@asynccontextmanager
async def opened(sandbox: Sandbox, file: Path, **limits: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser on a dashboard that asks a person about risky changes."""
    settings: Settings = replace(SETTINGS, **{"journal": file, "confirm": "risky", **limits})
    services = TenantServices(settings, transport=sandbox.transport(), clock=lambda: MONDAY)
    registry, access = Registry(TOOLS, Policy.of(settings)), Access(PORT)
    app = build_dashboard(services, registry, access, journal=journal_access(settings, services, registry))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ORIGIN) as client:
        cookie = (await client.get(access.address)).headers["set-cookie"].partition(";")[0]
        client.headers.update({"cookie": cookie, "origin": ORIGIN})
        yield client
    await services.close()


@pytest.fixture
async def browser(sandbox: Sandbox, file: Path) -> AsyncIterator[httpx2.AsyncClient]:
    async with opened(sandbox, file) as client:
        yield client


async def call(browser: httpx2.AsyncClient, asked: dict[str, Any] = EDIT) -> str:
    """The text of a tool's answer."""
    return str((await browser.post("/tools/call", json=asked)).json()["content"][0]["text"])


async def waiting(browser: httpx2.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await browser.get("/journal")).json()["waiting"]
    return found


def stored(file: Path, **changed: Any) -> Entry:
    """An entry that waits, as a server of another person may have stored it."""
    facts: dict[str, Any] = {
        "tool": "resume_campaign",
        "arguments": {"campaign_id": 4},
        "origin": "https://api.example.com",
        "account": "0123456789ab",
        "campaign_id": 4,
        "before": {"state": "paused", "name": "Berlin"},
        "intended": {"state": "running"},
        "outcome": "waiting",
        "detail": "Campaign 4 would be resumed.",
    }
    entry = Entry(**{**facts, **changed})
    store = SqliteStore(file, days=1)
    store.insert(entry)
    store.close()
    return entry


async def test_an_undo_that_lets_a_campaign_call_people_is_marked_as_one(sandbox: Sandbox, file: Path) -> None:
    running = {"campaign_id": 3, "max_concurrency": 2, "if_running": "pause_and_resume"}
    async with opened(sandbox, file, confirm="never") as browser:
        assert (await call(browser)).startswith("Done: ")
        assert (await call(browser, {"name": "update_campaign", "arguments": running})).startswith("Done: ")
        entries = (await browser.get("/journal")).json()["entries"]
    resumed, edited, paused, edited_while_paused = entries
    assert [each["can_undo"] for each in entries] == [True] * 4
    assert (paused["undo_rings"], edited["undo_rings"]) == (True, True)
    assert (resumed["undo_rings"], edited_while_paused["undo_rings"]) == (False, False)


async def test_what_waits_is_shown_in_full_and_carried_out_once_after_a_yes(
    browser: httpx2.AsyncClient, sandbox: Sandbox, file: Path
) -> None:
    assert (await call(browser)).startswith("Nothing was changed yet: a person confirms this (ASISSO_CONFIRM)")
    (entry,) = entries_in(file)
    assert await waiting(browser) == [
        {
            "id": entry.id,
            "heading": f"Entry {entry.id}, update_campaign",
            "question": QUESTION,
            "is_approved": False,
            "can_approve": True,
            "expires": entry.expires.isoformat(),
        }
    ]
    sandbox.requests.clear()
    told = await browser.post("/journal/approve", json={"entry": entry.id})
    until = f"{entry.expires.astimezone():%H:%M:%S}"
    assert (told.status_code, told.json()) == (
        200,
        {"told": f"Approved until {until}: the same call, made again, is now carried out once."},
    )
    assert sandbox.requests == [], "approving sends nothing"
    (approved,) = await waiting(browser)
    assert (approved["is_approved"], approved["can_approve"]) == (True, False)
    assert (await call(browser)).startswith('Done: Campaign 4 "Berlin appointment reminders" was changed.')
    assert len(writes(sandbox)) == 1
    assert await waiting(browser) == []
    assert [each.outcome for each in entries_in(file)] == ["used", "applied"]


async def test_a_rejected_call_is_refused_and_a_yes_can_be_taken_back(
    browser: httpx2.AsyncClient, sandbox: Sandbox, file: Path
) -> None:
    await call(browser)
    (entry,) = entries_in(file)
    await browser.post("/journal/approve", json={"entry": entry.id})
    told = (await browser.post("/journal/reject", json={"entry": entry.id})).json()["told"]
    assert told.startswith("Rejected: the same call is refused until ")
    assert await waiting(browser) == []
    assert await call(browser) == (
        f"Nothing was changed: a person rejected this (journal entry {entry.id}). Do not call again unless they ask for it."
    )
    assert writes(sandbox) == []


@pytest.mark.parametrize("path", ["/journal/approve", "/journal/reject"])
@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"cookie": "asisso_dashboard_8899=guessed"}, 403),
        ("POST", {"cookie": ""}, 403),
        ("POST", {"origin": "http://evil.example"}, 403),
        ("POST", {"origin": "null"}, 403),
        ("POST", {"origin": ""}, 403),
        ("POST", {"host": "evil.example"}, 403),
        ("POST", {"content-type": "text/plain"}, 400),
        ("GET", {}, 405),
        ("PUT", {}, 405),
    ],
)
async def test_nobody_but_the_dashboards_own_page_answers(
    browser: httpx2.AsyncClient, file: Path, path: str, method: str, headers: dict[str, str], status: int
) -> None:
    entry = stored(file)
    answer = await browser.request(method, path, json={"entry": entry.id}, headers=headers)
    assert answer.status_code == status
    assert [each.outcome for each in entries_in(file)] == ["waiting"]


async def test_no_tool_of_the_dashboard_answers(browser: httpx2.AsyncClient, file: Path) -> None:
    entry = stored(file)
    for name in ("approve", "reject", "journal/approve"):
        told = await call(browser, {"name": name, "arguments": {"entry": entry.id}})
        assert told.startswith(f"Unknown tool: {name}. This server has ")
    for confirm in ({"approve": True}, {"confirm": True}, {"entry": entry.id}):
        asked = {**EDIT, "arguments": {**EDIT["arguments"], **confirm}}  # type: ignore[dict-item]
        assert (await browser.post("/tools/call", json=asked)).json()["isError"] is True
    assert [each.outcome for each in entries_in(file)] == ["waiting"]


async def test_a_read_only_dashboard_shows_what_waits_and_rejects_it_and_approves_nothing(
    sandbox: Sandbox, file: Path
) -> None:
    entry = stored(file)
    async with opened(sandbox, file, read_only=True) as browser:
        assert [each["can_approve"] for each in await waiting(browser)] == [False]
        refused = await browser.post("/journal/approve", json={"entry": entry.id})
        assert (refused.status_code, refused.json()) == (
            409,
            {"error": "This dashboard only reads (--read-only, ASISSO_READ_ONLY), so it approves nothing."},
        )
        assert [each.outcome for each in entries_in(file)] == ["waiting"]
        assert (await browser.post("/journal/reject", json={"entry": entry.id})).status_code == 200
    assert [each.outcome for each in entries_in(file)] == ["rejected"]


async def test_hidden_characters_of_a_question_are_shown(browser: httpx2.AsyncClient, file: Path) -> None:
    stored(file, detail="Campaign 4 would be resumed:\n- <b>name\u202e\u200b\x1b[2J", caller="agent\n\u202e7")
    (entry,) = await waiting(browser)
    assert entry["question"].startswith("Campaign 4 would be resumed:\n- <b>name")
    shown = entry["question"] + entry["heading"]
    assert not any(hidden in shown for hidden in "\u202e\u200b\x1b")
    assert "\n" not in entry["heading"]


async def test_what_cannot_be_answered_is_told_with_the_reason(browser: httpx2.AsyncClient, file: Path) -> None:
    async def refusal(entry_id: str) -> tuple[int, str]:
        answer = await browser.post("/journal/approve", json={"entry": entry_id})
        return answer.status_code, answer.json()["error"]

    await call(browser, {"name": "pause_campaign", "arguments": {"campaign_id": 3}})
    (sent,) = entries_in(file)
    over = stored(file, time=datetime.now(UTC) - timedelta(minutes=10, seconds=1))
    assert await refusal(sent.id) == (409, f"Entry {sent.id} waits for nobody: it was sent already (applied).")
    assert await refusal("nosuch") == (
        409,
        f'There is no entry "nosuch" in the journal {file}. `asisso-mcp approve` lists what waits.',
    )
    assert await refusal(over.id) == (
        409,
        f"Entry {over.id} expired at {over.expires.astimezone():%H:%M:%S}. The same call, made again, asks anew.",
    )
    assert await waiting(browser) == [], "what has expired is shown as waiting"


@pytest.mark.parametrize("body", [{}, {"entry": 3}, [], None])
async def test_an_answer_that_names_no_entry_is_refused_in_a_sentence(browser: httpx2.AsyncClient, body: Any) -> None:
    answer = await browser.post("/journal/approve", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "An answer names an `entry` of the journal."})


@pytest.fixture
def spoiled(file: Path) -> Path:
    file.write_text("no database at all")
    return file


async def test_a_journal_that_cannot_be_read_is_told(spoiled: Path, browser: httpx2.AsyncClient) -> None:
    answer = await browser.get("/journal")
    assert answer.status_code == 503
    assert answer.json()["error"].startswith(f"The journal {spoiled} cannot be read: ")
    refused = await browser.post("/journal/reject", json={"entry": "abc234"})
    assert refused.status_code == 409
    assert refused.json()["error"].startswith(f"The journal {spoiled} cannot be used: ")
