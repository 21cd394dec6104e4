"""Bad input gets a clear error: the argument, its value, what is allowed, the nearest right form; nothing is sent."""

from typing import Any

import pytest

from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.sandbox import Sandbox
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import ToolContext, ToolResult

BY_NAME = {tool.name: tool for tool in TOOLS}
ONE = "Nothing was sent, because an argument of update_campaign does not fit: "
SLOT = {"day_of_week": 0, "start_time": "09:00", "end_time": "17:00"}


async def ask(service: CampaignService, tool: str, arguments: dict[str, Any]) -> ToolResult:
    return await BY_NAME[tool].call(arguments, ToolContext(service))


def slot(**other: Any) -> dict[str, Any]:
    return {"schedule_config": {"slots": [{**SLOT, **other}]}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"max_concurrency": 0}, "max_concurrency is 0; it must be a whole number from 1 to 100."),
        ({"max_concurrency": 101}, "max_concurrency is 101; it must be a whole number from 1 to 100."),
        ({"max_concurrency": "five"}, 'max_concurrency is "five"; it must be a whole number from 1 to 100.'),
        ({"max_concurrency": 2.5}, "max_concurrency is 2.5; it must be a whole number from 1 to 100."),
        ({"max_concurrency": True}, "max_concurrency: a number is needed, not true or false."),
        ({"retry_config": {"max_retries": 11}}, "retry_config.max_retries is 11; it must be a whole number from 0 to 10."),
        ({"retry_config": {"retry_delay_seconds": 5}}, "retry_config.retry_delay_seconds is 5; it must be a whole number from 30 to 3600."),
        ({"retry_config": {"retry_on_busy": "maybe"}}, 'retry_config.retry_on_busy is "maybe"; it must be true or false.'),
        ({"retry_config": {"enabled": 1}}, "retry_config.enabled: true or false is needed, not a number."),
        (
            {"retry_config": {"max_attempts": 3}},
            "retry_config.max_attempts is not an argument; did you mean max_retries? Valid here: enabled, max_retries, "
            "retry_delay_seconds, retry_on_busy, retry_on_no_answer, retry_on_voicemail.",
        ),
        (
            {"retry_config": {"retry_interval_minutes": 5}},
            "retry_config.retry_interval_minutes is not an argument; did you mean retry_delay_seconds (in seconds: 5 minutes "
            "are 300)? Valid here: enabled, max_retries, retry_delay_seconds, retry_on_busy, retry_on_no_answer, "
            "retry_on_voicemail.",
        ),
        (
            {"retry_config": {}},
            "retry_config: it names no field; name at least one of enabled, max_retries, retry_delay_seconds, retry_on_busy, "
            "retry_on_no_answer, retry_on_voicemail.",
        ),
        (
            {"retry_config": "often"},
            'retry_config is "often"; it must be an object with enabled, max_retries, retry_delay_seconds, retry_on_busy, '
            "retry_on_no_answer, retry_on_voicemail.",
        ),
        (
            {"time_slots": []},
            "time_slots is not an argument; did you mean schedule_config.slots? Valid here: campaign_id, name, retry_config, "
            "max_concurrency, schedule_config, circuit_breaker, if_running, dry_run, expected_revision.",
        ),
        (
            {"maxConcurrency": 5},
            "maxConcurrency is not an argument; did you mean max_concurrency? Valid here: campaign_id, name, retry_config, "
            "max_concurrency, schedule_config, circuit_breaker, if_running, dry_run, expected_revision.",
        ),
        ({"state": "paused"}, "state is not an argument; a campaign's state is changed with `pause_campaign` and `resume_campaign`."),
        ({"circuit_breaker": {"failure_threshold": 50}}, "circuit_breaker.failure_threshold: a fraction from 0 to 1 is meant: write 0.5 for 50 %."),
        (
            {"circuit_breaker": {"failure_threshold": "40%"}},
            "circuit_breaker.failure_threshold: a fraction from 0 to 1 is meant: write 0.4 for 40 %.",
        ),
        ({"circuit_breaker": {"failure_threshold": -0.1}}, "circuit_breaker.failure_threshold is -0.1; it must be a number from 0 to 1."),
        ({"name": ""}, 'name is ""; it must be text of 1 to 255 characters.'),
        ({"name": "   "}, "name: a name needs at least one visible character."),
        ({"name": 5}, "name is 5; it must be text of 1 to 255 characters."),
        ({"name": "a\x00b"}, "name: a name cannot contain the NUL character."),
        ({"name": "a\ud800"}, "name: a name cannot contain half of a surrogate pair."),
        (slot(day_of_week=7), "schedule_config.slots[0].day_of_week: days are numbers, 0 Monday to 6 Sunday."),
        (slot(day_of_week="Friday"), "schedule_config.slots[0].day_of_week: days are numbers, 0 is Monday and 6 is Sunday: write 4."),
        (
            {"schedule_config": {"slots": [{"day": 0, "start": "09:00", "end": "17:00"}]}},
            "schedule_config.slots[0].day is not an argument; did you mean day_of_week (0 is Monday)?",
        ),
        ({"schedule_config": {"slots": []}}, "schedule_config.slots is a list of 0; it must be a list of 1 to 50 objects."),
        ({"schedule_config": {"timezone": "utc"}}, "UTC"),
        ({"schedule_config": {"timezone": "EST"}}, "America/New_York"),
        ({"schedule_config": {"timezone": "IST"}}, "Asia/Kolkata"),
        ({"schedule_config": {"timezone": "New York"}}, "America/New_York"),
        ({"schedule_config": {"timezone": "GMT+2"}}, "Etc/GMT-2"),
        (slot(start_time="5pm"), "17:00"),
        (
            slot(day_of_week=4, start_time="22:00", end_time="02:00"),
            '{"day_of_week": 4, "start_time": "22:00", "end_time": "24:00"} and '
            '{"day_of_week": 5, "start_time": "00:00", "end_time": "02:00"}',
        ),
        ({"dry_run": "perhaps"}, 'dry_run is "perhaps"; it must be true or false.'),
    ],
)  # fmt: skip
async def test_a_wrong_argument_is_answered_with_the_right_form_and_nothing_is_sent(
    service: CampaignService, sandbox: Sandbox, arguments: dict[str, Any], words: str
) -> None:
    answer = await ask(service, "update_campaign", {"campaign_id": 4, **arguments})
    assert answer.is_error
    assert words in answer.text
    assert answer.text.startswith("Nothing was sent, because ")
    assert "pydantic" not in answer.text
    assert "Traceback" not in answer.text
    assert sandbox.requests == []


async def test_several_problems_are_all_listed(service: CampaignService, sandbox: Sandbox) -> None:
    answer = await ask(
        service, "update_campaign", {"campaign_id": "x", "max_concurrency": 500, "retry": {}, "name": "", "dry_run": 3}
    )
    assert answer.text == (
        "Nothing was sent, because 5 arguments of update_campaign do not fit:\n"
        '- campaign_id is "x"; it must be a whole number from 1 to 2147483647.\n'
        '- name is ""; it must be text of 1 to 255 characters.\n'
        "- max_concurrency is 500; it must be a whole number from 1 to 100.\n"
        "- dry_run: true or false is needed, not a number.\n"
        "- retry is not an argument; did you mean retry_config? Valid here: campaign_id, name, retry_config, max_concurrency, "
        "schedule_config, circuit_breaker, if_running, dry_run, expected_revision."
    )
    assert sandbox.requests == []


@pytest.mark.parametrize("tool", list(BY_NAME)[1:])
@pytest.mark.parametrize("campaign_id", [0, -1, 2147483648, 10**20, "1_0", "1e2", "abc", 1.5, True, [3], "３"])
async def test_an_id_is_checked_before_anything_is_asked(
    service: CampaignService, sandbox: Sandbox, tool: str, campaign_id: Any
) -> None:
    answer = await ask(service, tool, {"campaign_id": campaign_id})
    assert answer.is_error
    assert "campaign_id" in answer.text
    assert sandbox.requests == []


@pytest.mark.parametrize("tool", list(BY_NAME)[1:])
async def test_a_missing_id_is_said(service: CampaignService, sandbox: Sandbox, tool: str) -> None:
    answer = await ask(service, tool, {})
    assert answer.text == (
        f"Nothing was sent, because an argument of {tool} does not fit: campaign_id is missing; it must be a whole number from "
        "1 to 2147483647."
    )
    assert sandbox.requests == []


async def test_an_edit_that_names_nothing_is_told_what_can_be_named(service: CampaignService, sandbox: Sandbox) -> None:
    answer = await ask(service, "update_campaign", {"campaign_id": 4, "dry_run": True})
    assert answer.text == (
        "Nothing was sent, because no change was named. Name at least one of name, retry_config, max_concurrency, "
        "schedule_config, circuit_breaker."
    )
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({"campaign_id": "4", "max_concurrency": "7"}, {"max_concurrency": 7}),
        ({"campaign_id": 4, "max_concurrency": 7.0}, {"max_concurrency": 7}),
        ({"campaign_id": 4, "max_concurrency": 7, "name": "null"}, {"max_concurrency": 7, "name": "null"}),
        ({"campaign_id": 4, "max_concurrency": 7, "dry_run": "", "retry_config": "null"}, {"max_concurrency": 7}),
        ({"campaign_id": 4, "max_concurrency": 7, "toolCallId": "x", "sessionId": "y", "chatInput": "z", "_meta": {}}, {"max_concurrency": 7}),
        ({"campaign_id": 4, "name": '{"a": 1}'}, {"name": '{"a": 1}'}),
    ],
)  # fmt: skip
async def test_what_clients_really_send_is_understood(
    service: CampaignService, sandbox: Sandbox, arguments: dict[str, Any], body: dict[str, Any]
) -> None:
    answer = await ask(service, "update_campaign", arguments)
    assert not answer.is_error, answer.text
    assert [request.json for request in sandbox.requests if request.method == "PATCH"] == [body]


async def test_objects_that_arrive_as_json_text_are_understood(service: CampaignService, sandbox: Sandbox) -> None:
    answer = await ask(
        service,
        "update_campaign",
        {
            "campaign_id": 4,
            "schedule_config": '{"slots": "[{\\"day_of_week\\": \\"0\\", \\"start_time\\": \\"9:00\\", '
            '\\"end_time\\": \\"24:00\\"}]"}',
        },
    )
    assert not answer.is_error, answer.text
    (body,) = [request.json for request in sandbox.requests if request.method == "PATCH"]
    assert body["schedule_config"]["slots"] == [{"day_of_week": 0, "start_time": "09:00", "end_time": "24:00"}]
