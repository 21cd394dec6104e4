"""Null, as clients send it for every optional argument, means "not named"; whoever meant something by it is told."""

from typing import Any

import pytest
from mcp.client import Client

from asisso_mcp.sandbox import Sandbox
from asisso_mcp.server.app import build_server
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.coercion import decode
from tests.conftest import MONDAY, SETTINGS

SCHEMAS = {tool.name: tool.input_schema for tool in TOOLS}
SLOTS = [{"day_of_week": 0, "start_time": None, "end_time": "17:00"}]
EVERY_ARGUMENT = {
    "campaign_id": 4,
    "name": None,
    "retry_config": {
        "enabled": None,
        "max_retries": 5,
        "retry_delay_seconds": None,
        "retry_on_busy": None,
        "retry_on_no_answer": None,
        "retry_on_voicemail": None,
    },
    "max_concurrency": None,
    "schedule_config": {"enabled": None, "timezone": None, "slots": None},
    "circuit_breaker": None,
    "dry_run": None,
    "expected_revision": None,
}
"""As crewai-tools, mcp-use and smolagents send it, and every model in strict mode: one field is meant."""
NOTE = (
    "null changes nothing, so name, retry_config.enabled, retry_config.retry_delay_seconds and 6 more stay as they are."
)
NAMED_NOTHING = (
    "Nothing was sent, because no change was named. Name at least one of name, retry_config, max_concurrency, "
    "schedule_config, circuit_breaker."
)


@pytest.mark.parametrize(
    ("tool", "sent", "meant", "nulls"),
    [
        ("get_campaign", {"campaign_id": 3, "log_entries": None}, {"campaign_id": 3}, ["log_entries"]),
        ("get_campaign", {"campaign_id": None, "log_entries": 5}, {"campaign_id": None, "log_entries": 5}, []),
        ("get_campaign", {"campaign_id": 3, "no_such": None}, {"campaign_id": 3, "no_such": None}, []),
        ("list_campaigns", {"query": None, "state": None, "limit": None}, {}, ["query", "state", "limit"]),
        (
            "update_campaign",
            {
                "campaign_id": 3,
                "name": None,
                "retry_config": {"enabled": None, "max_retries": 5},
                "schedule_config": {"enabled": None, "timezone": None, "slots": SLOTS},
                "circuit_breaker": {"enabled": None, "failure_threshold": None},
                "max_concurrency": False,
            },
            {
                "campaign_id": 3,
                "retry_config": {"max_retries": 5},
                "schedule_config": {"slots": SLOTS},
                "max_concurrency": False,
            },
            ["name", "retry_config.enabled", "schedule_config.enabled", "schedule_config.timezone", "circuit_breaker"],
        ),
        (
            "update_campaign",
            {"retry_config": '{"enabled": null, "max_retries": 5}', "schedule_config": '{"enabled": null}'},
            {"retry_config": {"max_retries": 5}},
            ["retry_config.enabled", "schedule_config"],
        ),
        ("update_campaign", {"retry_config": {}}, {"retry_config": {}}, []),
        ("update_campaign", {"retry_config": {"no_such": None}}, {"retry_config": {"no_such": None}}, []),
        (
            "update_campaign",
            {"retry_config": {"enabled": ""}, "max_concurrency": "null", "name": "null", "dry_run": ""},
            {"name": "null"},
            ["retry_config", "max_concurrency", "dry_run"],
        ),
    ],
)
def test_null_is_left_out_where_a_field_may_be_left_out_and_stays_where_a_value_is_needed(
    tool: str, sent: Any, meant: Any, nulls: list[str]
) -> None:
    assert decode(sent, SCHEMAS[tool]) == (meant, nulls)


@pytest.fixture
async def client(sandbox: Sandbox) -> Any:
    async with Client(build_server(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY)) as opened:
        yield opened


def patches(sandbox: Sandbox) -> list[Any]:
    return [request.json for request in sandbox.requests if request.method == "PATCH"]


async def test_an_edit_beside_nulls_changes_what_was_named_and_says_once_that_null_changes_nothing(
    client: Client, sandbox: Sandbox
) -> None:
    before = sandbox.campaign(4)["retry_config"]
    answer = await client.call_tool("update_campaign", EVERY_ARGUMENT)
    assert answer.structured_content is not None
    assert answer.structured_content["changes"] == [{"field": "retry_config.max_retries", "before": 2, "after": 5}]
    assert answer.structured_content["warnings"] == [NOTE]
    assert answer.structured_content["summary"] == (
        'Done: Campaign 4 "Berlin appointment reminders" was changed.\n'
        "- retry_config.max_retries: 2 → 5\n"
        f"Note: {NOTE}\n"
        "Not dialing. Right after a pause, up to ten claimed contacts may still be called.\n"
        "Revision 78cd41e5c94a. `resume_campaign` lets it dial again.\n"
        'Undo: `update_campaign` with {"campaign_id": 4, "retry_config": {"max_retries": 2}}'
    )
    assert patches(sandbox) == [{"retry_config": {**before, "max_retries": 5}}]


@pytest.mark.parametrize(
    ("nulls", "note"),
    [
        ({"name": None}, "null changes nothing, so name stays as it is."),
        (
            {"circuit_breaker": {"enabled": None}, "retry_config": {"max_retries": None, "enabled": True}},
            "null changes nothing, so circuit_breaker and retry_config.max_retries stay as they are.",
        ),
        (
            {"name": None, "circuit_breaker": None, "schedule_config": None},
            "null changes nothing, so name, circuit_breaker and schedule_config stay as they are.",
        ),
    ],
)
async def test_the_note_names_what_stays(client: Client, nulls: dict[str, Any], note: str) -> None:
    answer = await client.call_tool("update_campaign", {"campaign_id": 4, "max_concurrency": 2, **nulls})
    assert answer.structured_content is not None
    assert answer.structured_content["warnings"] == [note]


async def test_null_for_how_to_edit_is_no_setting_that_could_stay(client: Client) -> None:
    arguments = {"campaign_id": 4, "max_concurrency": 2, "if_running": None, "dry_run": None, "expected_revision": None}
    answer = await client.call_tool("update_campaign", arguments)
    assert answer.structured_content is not None
    assert (answer.structured_content["applied"], answer.structured_content["warnings"]) == (True, [])


@pytest.mark.parametrize(
    "nulls",
    [
        {"name": None},
        {**EVERY_ARGUMENT, "retry_config": None},
        {**EVERY_ARGUMENT, "retry_config": {"enabled": None, "max_retries": None}},
        {"circuit_breaker": {"enabled": None}, "dry_run": True},
    ],
)
async def test_an_edit_of_nulls_alone_is_refused_because_it_names_no_change(
    client: Client, sandbox: Sandbox, nulls: dict[str, Any]
) -> None:
    answer = await client.call_tool("update_campaign", {"campaign_id": 4, **nulls})
    assert (answer.is_error, answer.content[0].text) == (True, NAMED_NOTHING)  # type: ignore[union-attr]
    assert sandbox.requests == []


async def test_null_is_refused_where_a_value_is_needed(client: Client, sandbox: Sandbox) -> None:
    edit = {**EVERY_ARGUMENT, "schedule_config": {"slots": [{**SLOTS[0], "day_of_week": None, "start_time": "09:00"}]}}
    for arguments, words in (
        (
            {**EVERY_ARGUMENT, "campaign_id": None},
            "campaign_id is null; it must be a whole number from 1 to 2147483647.",
        ),
        (edit, "schedule_config.slots[0].day_of_week is null; it must be a whole number from 0 to 6."),
    ):
        answer = await client.call_tool("update_campaign", arguments)
        text = f"Nothing was sent, because an argument of update_campaign does not fit: {words}"
        assert (answer.is_error, answer.content[0].text) == (True, text)  # type: ignore[union-attr]
    assert sandbox.requests == []


async def test_reading_with_null_for_every_optional_argument_is_reading_without_them(client: Client) -> None:
    for tool, required in (("list_campaigns", {}), ("get_campaign", {"campaign_id": 3})):
        nulls = {name: None for name in SCHEMAS[tool]["properties"] if name not in required}
        assert nulls
        plain, padded = await client.call_tool(tool, required), await client.call_tool(tool, {**nulls, **required})
        assert not padded.is_error
        assert padded.structured_content == plain.structured_content
