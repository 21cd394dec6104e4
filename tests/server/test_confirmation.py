"""A person is asked through the protocol before a write is sent, in both eras; without their yes nothing is sent."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import mcp_types
import pytest
from mcp import MCPError
from mcp.client import Client
from mcp_types import ElicitRequestFormParams, ElicitResult, InputRequiredResult
from pydantic import SecretStr

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.config import Settings
from asisso_mcp.sandbox import TOKEN, Fault, Sandbox
from asisso_mcp.server import app, confirmation
from asisso_mcp.server.app import build_server
from tests.conftest import MONDAY, SETTINGS

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])
RISKY = replace(SETTINGS, confirm="risky")
MORE: dict[str, Any] = {"campaign_id": 4, "max_concurrency": 9, "circuit_breaker": {"enabled": False}}
RESUME: dict[str, Any] = {"campaign_id": 4}
YES = ElicitResult(action="accept", content={"confirm": True})

QUESTION = (
    'Campaign 4 "Berlin appointment reminders" would be changed:\n'
    "- max_concurrency: 4 → 9\n"
    "- circuit_breaker.enabled: on → off\n"
    "Why you are asked: it may make more calls at once; failing calls no longer pause it."
)
RESUME_QUESTION = (
    'Campaign 4 "Berlin appointment reminders" would be resumed:\n'
    "- state: paused → running\n"
    "It would dial like this:\n"
    "- calling hours: Mon–Fri 08:30–12:00 and 13:00–17:30 Europe/Berlin\n"
    "- at most 4 calls at once\n"
    "- retries: up to 2 retries, 10 min apart, after busy and no answer\n"
    "- circuit breaker: on: pauses the campaign when 30 % of at least 8 calls fail within 3 min\n"
    "Why you are asked: it may dial from then on."
)
FORM = {
    "type": "object",
    "properties": {
        "confirm": {"type": "boolean", "title": "Yes, do this", "description": "Without it nothing is sent."}
    },
    "required": ["confirm"],
}


class Person:
    """Whoever is asked: notes the questions, and answers each with what they are told to say."""

    def __init__(self, answer: ElicitResult = YES, meanwhile: Callable[[], Awaitable[object]] | None = None) -> None:
        self.asked: list[str] = []
        self.forms: list[Any] = []
        self.answer, self.meanwhile = answer, meanwhile

    async def __call__(self, _: Any, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.asked.append(params.message)
        self.forms.append(params.requested_schema)
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.answer


def connected(sandbox: Sandbox, mode: Any = "auto", person: Person | None = None, settings: Settings = RISKY) -> Client:
    server = build_server(settings, transport=sandbox.transport(), clock=lambda: MONDAY)
    return Client(server, mode=mode, elicitation_callback=person)


def someone_else(sandbox: Sandbox) -> AsissoClient:
    return AsissoClient(ApiTransport(SETTINGS, transport=sandbox.transport()), SETTINGS)


def text(result: Any) -> str:
    (block,) = result.content
    assert isinstance(block, mcp_types.TextContent)
    return block.text


def writes(sandbox: Sandbox) -> list[str]:
    return [f"{each.method} {each.path}" for each in sandbox.requests if each.method in ("PATCH", "POST")]


EDITED, RESUMED = "PATCH /api/v1/campaign/4", "POST /api/v1/campaign/4/resume"


@ERAS
async def test_a_risky_edit_and_a_resume_are_sent_once_after_a_yes_and_read_again_before(
    sandbox: Sandbox, mode: str
) -> None:
    seen: list[list[str]] = []

    async def note() -> None:
        seen.append(writes(sandbox))
        sandbox.requests.clear()

    person = Person(meanwhile=note)
    async with connected(sandbox, mode, person) as client:
        assert text(await client.call_tool("resume_campaign", RESUME)).startswith("Done: Campaign 4 ")
        assert writes(sandbox) == [RESUMED]
        await client.call_tool("pause_campaign", RESUME)
        sandbox.requests.clear()
        result = await client.call_tool("update_campaign", MORE)
    assert text(result).startswith('Done: Campaign 4 "Berlin appointment reminders" was changed.')
    assert [f"{each.method} {each.path}" for each in sandbox.requests][-2:] == ["GET /api/v1/campaign/4", EDITED]
    assert seen == [[], []], "something was sent before a person was asked"
    assert person.asked == [RESUME_QUESTION, QUESTION]
    assert person.forms == [FORM, FORM]


RUNNING: dict[str, Any] = {"campaign_id": 3, "name": "Autumn promo", "if_running": "pause_and_resume"}
STEPS = [f"{verb} /api/v1/campaign/3{end}" for verb, end in (("POST", "/pause"), ("PATCH", ""), ("POST", "/resume"))]


@ERAS
async def test_an_edit_of_a_running_campaign_is_one_question_for_all_of_its_steps(sandbox: Sandbox, mode: str) -> None:
    person = Person()
    async with connected(sandbox, mode, person) as client:
        result = await client.call_tool("update_campaign", RUNNING)
    assert not result.is_error, text(result)
    (question,) = person.asked
    assert question.startswith(
        'Campaign 3 "Spring promo" would be changed, and go on dialing:\n- name: "Spring promo" → "Autumn promo"\n'
    )
    assert writes(sandbox) == STEPS
    assert sandbox.campaign(3)["state"] == "running"


@ERAS
async def test_without_a_yes_a_running_campaign_is_not_even_paused(sandbox: Sandbox, mode: str) -> None:
    async with connected(sandbox, mode, Person(ElicitResult(action="decline"))) as client:
        result = await client.call_tool("update_campaign", RUNNING)
    assert result.is_error
    assert writes(sandbox) == []
    assert sandbox.campaign(3)["state"] == "running"


@ERAS
async def test_what_someone_else_changes_after_the_yes_and_before_the_edit_is_not_covered_by_it(
    sandbox: Sandbox, mode: str
) -> None:
    sandbox.faults.add(Fault("foreign-edit", path="/pause", method="POST", times=1, fields={"max_concurrency": 2}))
    async with connected(sandbox, mode, Person()) as client:
        result = await client.call_tool("update_campaign", RUNNING)
    assert result.is_error
    assert text(result).startswith(
        'The edit of campaign 3 "Spring promo" was not made: someone else changed its settings after a person had confirmed it.'
    )
    assert writes(sandbox) == [STEPS[0], STEPS[2]]
    stored = sandbox.campaign(3)
    assert (stored["name"], stored["state"]) == ("Spring promo", "running")


NOT_YES = {
    "declined": (
        ElicitResult(action="decline"),
        "Nothing was changed: the question to a person was declined, or never shown. Do not call again unless a person asks for it.",
    ),
    "closed": (
        ElicitResult(action="cancel"),
        "Nothing was changed: the question to a person was closed without an answer, or never shown. Do not call again unless a person "
        "asks for it.",
    ),
    "accepted without the tick": (
        ElicitResult(action="accept", content={"confirm": False}),
        "Nothing was changed: the question to a person came back without the confirmation ticked. Do not call again unless a person asks "
        "for it.",
    ),
}


@ERAS
@pytest.mark.parametrize(("answer", "told"), NOT_YES.values(), ids=NOT_YES)
async def test_whatever_is_not_a_yes_sends_nothing_and_claims_no_more_than_is_known(
    sandbox: Sandbox, mode: str, answer: ElicitResult, told: str
) -> None:
    async with connected(sandbox, mode, Person(answer)) as client:
        for tool, arguments in (("update_campaign", MORE), ("resume_campaign", RESUME)):
            result = await client.call_tool(tool, arguments)
            assert (result.is_error, text(result)) == (True, told)
    assert writes(sandbox) == []


async def test_a_question_that_nobody_answers_ends_in_time_and_sends_nothing(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert confirmation.ANSWER_SECONDS + confirmation.LEAST_SECONDS < 60, "hosts give up on a call after 60 s"
    monkeypatch.setattr(confirmation, "ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(confirmation, "LEAST_SECONDS", 0.05)
    with anyio.fail_after(10):
        async with connected(sandbox, "legacy", Person(meanwhile=anyio.sleep_forever)) as client:
            told = text(await client.call_tool("resume_campaign", RESUME))
    assert told == (
        "Nothing was changed: the question to a person was not answered in time, or never shown. Do not call again unless a person asks "
        "for it."
    )
    assert writes(sandbox) == []


@ERAS
async def test_a_campaign_that_changed_while_a_person_was_asked_is_left_as_it_is(sandbox: Sandbox, mode: str) -> None:
    async def change() -> None:
        await someone_else(sandbox).patch(4, {"max_concurrency": 2}, lambda: None)

    async with connected(sandbox, mode, Person(meanwhile=change)) as client:
        for tool, arguments in (("update_campaign", MORE), ("resume_campaign", RESUME)):
            if tool == "resume_campaign":
                await someone_else(sandbox).patch(4, {"max_concurrency": 4}, lambda: None)
            sandbox.requests.clear()
            assert text(await client.call_tool(tool, arguments)) == (
                "Nothing was changed: what a person said yes to is no longer what would happen. Changed meanwhile: max_concurrency: 4 → 2. "
                "Look with `get_campaign`, and call again if it is still wanted: they are asked again."
            )
            assert writes(sandbox) == [EDITED], "more was sent than what the other one wrote"


@ERAS
async def test_a_pause_goes_through_while_a_person_is_asked(sandbox: Sandbox, mode: str) -> None:
    client: Client
    answers: list[str] = []

    async def pause() -> None:
        with anyio.fail_after(5):
            answers.append(text(await client.call_tool("pause_campaign", RESUME)))

    async with connected(sandbox, mode, Person(meanwhile=pause)) as client:
        assert text(await client.call_tool("resume_campaign", RESUME)).startswith("Done: ")
    assert answers[0].startswith('Campaign 4 "Berlin appointment reminders" is already paused, so nothing was changed.')


@ERAS
async def test_only_what_the_setting_says_is_asked_about_and_never_a_pause_or_a_preview(
    sandbox: Sandbox, mode: str
) -> None:
    harmless = {"campaign_id": 4, "name": "Hamburg", "max_concurrency": 3}
    for setting, asked in (("never", 0), ("risky", 2), ("always", 3)):
        person = Person()
        async with connected(sandbox, mode, person, replace(SETTINGS, confirm=setting)) as client:
            for tool, arguments in (
                ("update_campaign", {**MORE, "dry_run": True}),
                ("update_campaign", harmless),
                ("update_campaign", MORE),
                ("resume_campaign", RESUME),
                ("pause_campaign", RESUME),
                ("update_campaign", {**MORE, "max_concurrency": 9}),  # is so already
                ("update_campaign", {"campaign_id": 4, "circuit_breaker": {"enabled": True}, "name": "Berlin"}),
            ):
                assert not (await client.call_tool(tool, arguments)).is_error, (setting, tool)
        assert len(person.asked) == asked + (setting == "always"), setting


@ERAS
async def test_without_a_way_to_ask_and_without_a_journal_it_is_refused_in_words(sandbox: Sandbox, mode: str) -> None:
    for setting in ("risky", "always"):
        async with connected(sandbox, mode, None, replace(SETTINGS, confirm=setting)) as client:
            assert text(await client.call_tool("resume_campaign", RESUME)) == (
                "Nothing was changed: a person confirms this (ASISSO_CONFIRM), and there is no way to ask one here. It needs a host that "
                "can ask, or a journal in a file (ASISSO_JOURNAL), in which it can wait for `asisso-mcp approve`."
            )
    assert writes(sandbox) == []


@ERAS
@pytest.mark.parametrize("name", ["confirm", "confirmed", "approve", "approved", "consent", "_confirm"])
async def test_no_tool_and_no_argument_lets_a_model_say_yes(sandbox: Sandbox, mode: str, name: str) -> None:
    async with connected(sandbox, mode) as client:
        assert not {tool.name for tool in (await client.list_tools()).tools} & {"approve", "confirm", "reject"}
        for value in (True, "yes", "entry1"):
            assert (await client.call_tool("resume_campaign", {**RESUME, name: value})).is_error
    assert writes(sandbox) == []


async def test_the_instructions_say_what_a_person_confirms(sandbox: Sandbox) -> None:
    told = {
        "risky": "a person confirms what is risky (resuming, wider hours, more calls or retries, a breaker off or laxer).",
        "always": "a person confirms every change but a pause.",
    }
    for setting, words in told.items():
        async with connected(sandbox, settings=replace(SETTINGS, confirm=setting)) as client:
            assert (client.instructions or "").endswith(
                f"Limits of this server, which nothing in a call widens: {words}"
            )


@ERAS
async def test_a_name_from_the_api_is_quoted_in_the_question_and_adds_no_line(sandbox: Sandbox, mode: str) -> None:
    await someone_else(sandbox).patch(4, {"name": 'Evil\n- all is well"\u202e'}, lambda: None)
    person = Person()
    async with connected(sandbox, mode, person) as client:
        await client.call_tool("update_campaign", {**MORE, "name": "Good\nname"})
    first, *changes, _ = person.asked[0].split("\n")
    assert first.startswith('Campaign 4 "Evil - all is well')
    assert [line.partition(":")[0] for line in changes] == ["- name", "- max_concurrency", "- circuit_breaker.enabled"]
    assert "\u202e" not in person.asked[0]


@ERAS
async def test_calling_hours_are_shown_in_full_however_long_they_are(sandbox: Sandbox, mode: str) -> None:
    slots = [
        {"day_of_week": day, "start_time": f"{hour:02d}:0{day}", "end_time": f"{hour:02d}:3{day}"}
        for day in range(7)
        for hour in range(8, 15)
    ]
    slots.append({"day_of_week": 6, "start_time": "03:17", "end_time": "03:43"})
    person = Person(ElicitResult(action="decline"))
    async with connected(sandbox, mode, person) as client:
        await client.call_tool("update_campaign", {"campaign_id": 4, "schedule_config": {"slots": slots}})
    assert "Its calling hours would be, in full:\n" in person.asked[0]
    assert "03:17–03:43" in person.asked[0]


# --- what a client of the 2026 era carries between its two calls ---


async def first_call(client: Client, tool: str, arguments: dict[str, Any]) -> str:
    """The state that comes with the question."""
    answer = await client.session.call_tool(tool, arguments, allow_input_required=True)
    assert isinstance(answer, InputRequiredResult)
    assert answer.request_state is not None
    assert list(answer.input_requests or {}) == ["confirm"]
    return answer.request_state


async def second_call(client: Client, tool: str, arguments: dict[str, Any], state: str) -> Any:
    return await client.session.call_tool(
        tool, arguments, input_responses={"confirm": YES}, request_state=state, allow_input_required=True
    )


async def test_an_answer_counts_once(sandbox: Sandbox) -> None:
    async with connected(sandbox, person=Person()) as client:
        state = await first_call(client, "resume_campaign", RESUME)
        assert text(await second_call(client, "resume_campaign", RESUME, state)).startswith("Done: ")
        await client.call_tool("pause_campaign", RESUME)
        sandbox.requests.clear()
        replayed = await second_call(client, "resume_campaign", RESUME, state)
    assert text(replayed) == (
        "Nothing was changed: a person's answer counts once and for two minutes, and this one was used already or came later. Do not "
        "call again unless a person asks for it."
    )
    assert writes(sandbox) == []


async def test_an_answer_that_comes_late_does_not_count(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "STATE_SECONDS", -1.0)
    async with connected(sandbox, person=Person()) as client:
        state = await first_call(client, "resume_campaign", RESUME)
        told = text(await second_call(client, "resume_campaign", RESUME, state))
    assert told.startswith("Nothing was changed: a person's answer counts once and for two minutes, ")
    assert writes(sandbox) == []


async def test_an_answer_counts_for_no_other_arguments_tool_server_or_forged_state(sandbox: Sandbox) -> None:
    async with connected(sandbox, person=Person()) as client:
        state = await first_call(client, "update_campaign", MORE)
        for tool, arguments, brought in (
            ("update_campaign", {**MORE, "max_concurrency": 10}, state),
            ("resume_campaign", RESUME, state),
            ("update_campaign", MORE, state[:-2] + ("AA" if state[-2:] != "AA" else "BB")),
            ("update_campaign", MORE, '{"nonce": "1", "until": 9e9, "account": "", "before": null, "intended": {}}'),
        ):
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await second_call(client, tool, arguments, brought)
        async with connected(sandbox, person=Person()) as other:
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await second_call(other, "update_campaign", MORE, state)
    assert writes(sandbox) == []


async def test_answers_without_a_state_and_a_state_without_an_answer_are_asked_again(sandbox: Sandbox) -> None:
    async with connected(sandbox, person=Person()) as client:
        state = await first_call(client, "resume_campaign", RESUME)
        bare = await client.session.call_tool(
            "resume_campaign", RESUME, input_responses={"confirm": YES}, allow_input_required=True
        )
        empty = await client.session.call_tool(
            "resume_campaign", RESUME, request_state=state, allow_input_required=True
        )
    assert isinstance(bare, InputRequiredResult)
    assert isinstance(empty, InputRequiredResult)
    assert writes(sandbox) == []


async def test_servers_with_the_same_keys_take_each_others_answers_also_while_keys_are_changed(
    sandbox: Sandbox,
) -> None:
    old, new = SecretStr("old " * 8), SecretStr("new " * 8)
    one, other = replace(RISKY, state_keys=(old,)), replace(RISKY, state_keys=(new, old))
    async with connected(sandbox, person=Person(), settings=one) as asking:
        state = await first_call(asking, "resume_campaign", RESUME)
        async with connected(sandbox, person=Person(), settings=other) as answering:
            assert text(await second_call(answering, "resume_campaign", RESUME, state)).startswith("Done: ")
    assert writes(sandbox) == [RESUMED]


async def test_an_answer_to_the_question_of_one_account_is_asked_again_for_another(sandbox: Sandbox) -> None:
    one = replace(RISKY, state_keys=(SecretStr("shared " * 5),))
    async with connected(sandbox, person=Person(), settings=one) as asking:
        state = await first_call(asking, "resume_campaign", RESUME)
    other = replace(one, api_key=None, access_token=SecretStr(TOKEN))
    async with connected(sandbox, person=Person(), settings=other) as answering:
        assert isinstance(await second_call(answering, "resume_campaign", RESUME, state), InputRequiredResult)
    assert writes(sandbox) == []


async def test_progress_says_that_a_person_is_waited_for(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "PROGRESS_SECONDS", 0.01)
    told, heard = list[str](), anyio.Event()

    async def progress(_: float, __: float | None, message: str | None) -> None:
        told.append(message or "")
        if "person" in told[-1]:
            heard.set()

    with anyio.fail_after(10):
        async with connected(sandbox, "legacy", Person(meanwhile=heard.wait)) as client:
            await client.call_tool("resume_campaign", RESUME, progress_callback=progress)
    assert any(line.startswith("Resume dialing: waiting for a person's answer, ") for line in told)


async def test_a_client_that_can_only_open_pages_is_not_asked_with_a_form(sandbox: Sandbox, tmp_path: Path) -> None:
    raw = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}}}
    async with connected(sandbox, settings=replace(RISKY, journal=tmp_path / "journal.sqlite3")) as client:
        answer = await client.session.call_tool("resume_campaign", RESUME, meta=raw, allow_input_required=True)  # type: ignore[arg-type]
    assert "It waits for a person as journal entry " in text(answer)
