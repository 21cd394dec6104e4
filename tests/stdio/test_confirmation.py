"""A person is asked over the pipe: the official client in both eras, and hosts that answer as they please."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client
from mcp_types import ElicitRequestFormParams, ElicitResult

from asisso_mcp.journal.entry import Entry
from asisso_mcp.sandbox import Sandbox
from tests.journal.test_writes import entries_in, writes
from tests.processes import StdioServer, stdio_server

RESUME: dict[str, Any] = {"campaign_id": 4}
NEVER = "Nothing was changed: the question to a person was not answered in time, or never shown. "


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_is_asked_after_the_fast_start_and_a_yes_is_carried_out(
    api: dict[str, str], sandbox: Sandbox, mode: Any
) -> None:
    asked: list[str] = []

    async def person(_: Any, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        asked.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True})

    environment = {**os.environ, **api, "ASISSO_CONFIRM": "risky"}
    server = StdioServerParameters(command=sys.executable, args=["-m", "asisso_mcp"], env=environment)
    async with Client(stdio_client(server), mode=mode, elicitation_callback=person) as client:
        await client.list_tools()
        result = await client.call_tool("resume_campaign", RESUME)
    assert not result.is_error
    assert len(asked) == len(writes(sandbox)) == 1
    assert asked[0].startswith('Campaign 4 "Berlin appointment reminders" would be resumed:\n')


def opened(server: StdioServer) -> None:
    """Begin as a host of 2025 that says it can show forms."""
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "scripted", "version": "1"},
    }
    server.ask("initialize", **hello)
    server.write({"method": "notifications/initialized"})


def heard(server: StdioServer, method: str) -> dict[str, Any]:
    """The next message of that method."""
    for line in server.stdout:
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == method:
            return message
    raise AssertionError(f"no {method} came")


def answers_to(server: StdioServer, *numbers: int) -> dict[int, dict[str, Any]]:
    """The results of these requests, in whatever order they come."""
    found: dict[int, dict[str, Any]] = {}
    for line in server.stdout:
        message: dict[str, Any] = json.loads(line)
        if "result" in message and message["id"] in numbers:
            found[message["id"]] = message["result"]
        if len(found) == len(numbers):
            return found
    raise AssertionError("the server ended without answering")


def text(answer: dict[str, Any]) -> str:
    return str(answer["content"][0]["text"])


def test_a_host_that_declares_forms_and_never_shows_them_gets_its_answer_in_time_and_can_pause_meanwhile(
    api: dict[str, str], sandbox: Sandbox
) -> None:
    limits = {"asisso_mcp.server.confirmation.ANSWER_SECONDS": 0.0, "asisso_mcp.server.confirmation.LEAST_SECONDS": 0.5}
    with stdio_server(patches=limits, **api, ASISSO_CONFIRM="risky") as server:
        opened(server)
        number = server.send("tools/call", name="resume_campaign", arguments=RESUME)
        question = heard(server, "elicitation/create")
        pause = server.send("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
        answers = answers_to(server, number, pause)
        assert text(answers[pause]).startswith("Done: ")
        assert text(answers[number]).startswith(NEVER)
        server.write({"id": question["id"], "result": {"action": "accept", "content": {"confirm": True}}})
        assert not server.call("get_campaign", campaign_id=4)["isError"]
    assert writes(sandbox) == ["POST pause"], "an answer that came too late was carried out"


@pytest.mark.parametrize(
    "reply",
    [
        {"result": {"action": "decline"}},
        {"result": {"action": "maybe"}},
        {"result": {}},
        {"error": {"code": -32601, "message": "Method not found"}},
    ],
)
def test_whatever_a_host_answers_that_is_not_a_yes_sends_nothing(
    api: dict[str, str], sandbox: Sandbox, reply: dict[str, Any]
) -> None:
    with stdio_server(**api, ASISSO_CONFIRM="risky") as server:
        opened(server)
        number = server.send("tools/call", name="resume_campaign", arguments=RESUME)
        server.write({"id": heard(server, "elicitation/create")["id"], **reply})
        told = text(server.receive(number)["result"])
    assert told.startswith("Nothing was changed: the question to a person was declined, or never shown.")
    assert writes(sandbox) == []


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_for_a_host_that_cannot_ask_the_call_waits_in_the_journal(
    api: dict[str, str], sandbox: Sandbox, tmp_path: Path, era: str
) -> None:
    file = tmp_path / "journal.sqlite3"
    with stdio_server(**{**api, "ASISSO_CONFIRM": "risky", "ASISSO_JOURNAL": str(file)}) as server:
        server.open(era)
        told = text(server.call("resume_campaign", **RESUME))
        entry = only(file)
        assert f"It waits for a person as journal entry {entry.id}, until " in told
    assert (entry.outcome, entry.undo_tool, entry.undo) == ("waiting", None, None)
    assert writes(sandbox) == []


def test_a_host_that_declined_a_question_that_nobody_saw_is_told_how_a_person_can_answer(
    api: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "journal.sqlite3"
    with stdio_server(**{**api, "ASISSO_CONFIRM": "risky", "ASISSO_JOURNAL": str(file)}) as server:
        opened(server)
        number = server.send("tools/call", name="resume_campaign", arguments=RESUME)
        server.write({"id": heard(server, "elicitation/create")["id"], "result": {"action": "decline"}})
        told = text(server.receive(number)["result"])
    assert told.startswith(
        "Nothing was changed yet: the question to a person was declined, or never shown. It waits for a person as journal entry "
        f"{only(file).id}, until "
    )
    assert writes(sandbox) == []


def test_with_a_journal_that_cannot_be_used_nothing_is_sent(
    api: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    environment = {
        **api,
        "ASISSO_CONFIRM": "risky",
        "ASISSO_JOURNAL": "",
        "XDG_STATE_HOME": str(blocked),
        "HOME": str(blocked),
    }
    with stdio_server(**environment) as server:
        server.open("modern")
        told = text(server.call("resume_campaign", **RESUME))
    assert told.startswith("Nothing was changed: a person confirms this (ASISSO_CONFIRM), and the journal ")
    assert "in which it would wait for them, cannot be used (" in told
    assert writes(sandbox) == []


def only(file: Path) -> Entry:
    (entry,) = entries_in(file)
    return entry
