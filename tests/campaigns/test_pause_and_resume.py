"""A running campaign is edited in one call, and from its pause on the answer says exactly where it stands."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.models import Campaign
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.campaigns import deadlines
from asisso_mcp.campaigns.models import PAUSE_AND_RESUME
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.sandbox import Fault, Sandbox
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import ToolContext, ToolResult
from tests.api.scripted import until
from tests.campaigns.test_interrupted_writes import Waits, held, waits, writes  # noqa: F401 - `waits` is a fixture
from tests.conftest import MONDAY, SETTINGS, no_wait
from tests.journal.test_writes import Calls, ended, settings_with

EDIT = {"campaign_id": 3, "retry_config": {"max_retries": 5}, "if_running": PAUSE_AND_RESUME}
ALL_THREE = ["POST pause", "PATCH 3", "POST resume"]
WHO = 'campaign 3 "Spring promo"'
UNDO = 'Undo: `update_campaign` with {"campaign_id": 3, "retry_config": {"max_retries": 3}'
RUNS_AGAIN = "It was paused for the edit and is running again; the circuit breaker's window began anew."


class Tools:
    """The tools over one service, and what was told of calls whose caller went away."""

    def __init__(self, sandbox: Sandbox, policy: Policy | None = None) -> None:
        self.told: list[str] = []
        client = AsissoClient(ApiTransport(SETTINGS, transport=sandbox.transport()), SETTINGS)
        self.service = CampaignService(
            client, clock=lambda: MONDAY, sleep=no_wait, tell=self.told.append, policy=policy or Policy()
        )

    async def __call__(self, tool_name: str, **arguments: Any) -> ToolResult:
        (tool,) = (each for each in TOOLS if each.name == tool_name)
        return await tool.call(arguments, ToolContext(self.service))

    async def edit(self, **arguments: Any) -> ToolResult:
        return await self("update_campaign", **{**EDIT, **arguments})

    def after(self, verb: str, meanwhile: Callable[[], object]) -> None:
        """Something happens when this request was executed, before its answer is looked at."""
        real: Callable[..., Awaitable[Campaign]] = getattr(self.service._client, verb)

        async def request(*arguments: Any) -> Campaign:
            answer = await real(*arguments)
            if asyncio.iscoroutine(happens := meanwhile()):
                await happens
            return answer

        setattr(self.service._client, verb, request)


@pytest.fixture
def tools(sandbox: Sandbox) -> Tools:
    return Tools(sandbox)


def retries_of(sandbox: Sandbox) -> tuple[str, int]:
    stored = sandbox.campaign(3)
    return stored["state"], stored["retry_config"]["max_retries"]


# --- done -------------------------------------------------------------------------------------------------------------


async def test_a_running_campaign_is_paused_edited_and_resumed_and_runs_again(tools: Tools, sandbox: Sandbox) -> None:
    answer = await tools.edit()
    assert answer.text == (
        'Done: Campaign 3 "Spring promo" was changed.\n'
        "- retry_config.max_retries: 3 → 5\n"
        f"{RUNS_AGAIN}\n"
        "Calls at once: at most 3, the smallest of its own limit (3), the organisation's limit (20), the numbers that it dials from (5, "
        "shared with other campaigns).\n"
        "Seen 3 s later: running, and no new call yet (the last one began 8 s ago, before the resume); calling hours: open now, closes "
        "17:00 EST (in 7 h). Look with `get_campaign` in a minute.\n"
        "Revision 9d8ccddb2c9b.\n"
        f'{UNDO}, "if_running": "pause_and_resume"}}'
    )
    assert writes(sandbox) == ALL_THREE
    assert retries_of(sandbox) == ("running", 5)
    assert answer.structure is not None
    assert (answer.structure["applied"], answer.structure["state"]) == (True, "running")
    undone = await tools(answer.structure["undo_tool"], **answer.structure["undo"])
    assert not undone.is_error
    assert retries_of(sandbox) == ("running", 3)


async def test_a_preview_shows_the_steps_and_sends_nothing(tools: Tools, sandbox: Sandbox) -> None:
    answer = await tools.edit(dry_run=True)
    assert (
        "Note: It is running: this call pauses it, makes the edit and resumes it. The circuit breaker's window then begins anew.\n"
        in answer.text
    )
    assert writes(sandbox) == []


async def test_on_a_paused_campaign_it_is_a_plain_edit_that_stays_paused(tools: Tools, sandbox: Sandbox) -> None:
    sandbox.put(3, state="paused")
    answer = await tools.edit()
    assert writes(sandbox) == ["PATCH 3"]
    assert "It was paused" not in answer.text
    assert answer.text.endswith(f"{UNDO}}}")
    assert retries_of(sandbox) == ("paused", 5)


async def test_what_is_so_already_is_neither_paused_nor_resumed(tools: Tools, sandbox: Sandbox) -> None:
    answer = await tools.edit(retry_config={"max_retries": 3})
    assert "already has these settings, so nothing was changed." in answer.text
    assert writes(sandbox) == []


async def test_each_step_has_its_own_entry_in_the_journal_and_the_edits_undo_lets_it_run_again(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "journal.sqlite3"
    calls = Calls(sandbox, None, settings_with(file))
    await calls("update_campaign", **EDIT)
    entries = await ended(calls, file)
    assert [(each.tool, each.outcome, each.undo_tool) for each in entries] == [
        ("update_campaign", "applied", "resume_campaign"),
        ("update_campaign", "applied", "update_campaign"),
        ("update_campaign", "applied", "pause_campaign"),
    ]
    assert entries[1].undo == {**EDIT, "retry_config": {"max_retries": 3}}


# --- known before the pause -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"dry_run": True}], ids=["sent", "preview"])
async def test_that_it_could_not_be_resumed_is_known_before_the_pause(
    tools: Tools, sandbox: Sandbox, options: dict[str, Any]
) -> None:
    sandbox.put(3, telephony_configuration_id=2)
    answer = await tools.edit(**options)
    assert answer.is_error
    assert answer.text.startswith(
        'Campaign 3 "Spring promo" is running and was not paused, and nothing was sent: it could not be resumed after this edit: its '
        'telephony configuration "Plivo (no numbers)" is not ready for outbound calls'
    )
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(max_concurrency=2), "could not be resumed after this edit: max_concurrency is 3: set it to at most 2"),
        (Policy(max_retries=4), "retry_config.max_retries may be at most 4, and would be 5"),
        (Policy(tools=frozenset({"update_campaign", "resume_campaign"})), "pause_campaign is not among the tools"),
        (Policy(tools=frozenset({"update_campaign", "pause_campaign"})), "resume_campaign is not among its tools"),
    ],
)
async def test_limits_on_edits_and_on_what_would_run_are_judged_before_the_pause(
    sandbox: Sandbox, policy: Policy, words: str
) -> None:
    answer = await Tools(sandbox, policy).edit()
    assert answer.is_error
    assert words in answer.text
    assert writes(sandbox) == []


async def test_the_edit_may_bring_a_campaign_within_the_limits_that_it_was_beyond(sandbox: Sandbox) -> None:
    answer = await Tools(sandbox, Policy(max_concurrency=2)).edit(max_concurrency=2)
    assert RUNS_AGAIN in answer.text
    assert writes(sandbox) == ALL_THREE


async def test_an_import_is_never_interrupted_for_an_edit(tools: Tools, sandbox: Sandbox) -> None:
    answer = await tools.edit(campaign_id=10)
    assert answer.text == (
        'Campaign 10 "Newsletter opt-ins" is syncing; settings can only be changed while a campaign is paused or a draft, so nothing was '
        "changed. Next: `pause_campaign` with campaign_id=10, then this edit again, then `resume_campaign`."
    )
    assert writes(sandbox) == []


async def test_with_too_little_time_left_it_is_not_paused(
    tools: Tools, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "DEADLINE_SECONDS", 10.0)
    answer = await tools.edit()
    assert answer.text == "The Asisso API did not answer in time; nothing was changed. Call again in a minute."
    assert writes(sandbox) == []


# --- something goes wrong in the middle -------------------------------------------------------------------------------


async def test_an_edit_that_the_api_refuses_leaves_it_running_and_unchanged(tools: Tools, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("status", method="PATCH", code=422, body='{"detail":"no"}', times=1))
    answer = await tools.edit()
    assert answer.is_error
    assert answer.text == f"The edit of {WHO} was not made: the API refused the values (no). {RUNS_AGAIN}"
    assert writes(sandbox) == ALL_THREE
    assert retries_of(sandbox) == ("running", 3)


async def test_an_edit_of_unknown_outcome_is_left_paused_and_not_sent_again(tools: Tools, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("status", method="PATCH", code=502, times=1))
    answer = await tools.edit()
    assert answer.is_error
    assert answer.text.startswith("Unknown outcome. Sent: the edit of retry_config.max_retries of campaign 3. ")
    assert answer.text.endswith(
        "It was paused for the edit and is left paused: look at its settings first. `resume_campaign` lets it dial again."
    )
    assert writes(sandbox) == ["POST pause", "PATCH 3"]
    assert retries_of(sandbox)[0] == "paused"


async def test_after_a_pause_of_unknown_outcome_nothing_more_is_sent(tools: Tools, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("status", method="POST", code=502, times=1))
    answer = await tools.edit()
    assert answer.text.startswith("Unknown outcome. Sent: the pause of campaign 3. ")
    assert answer.text.endswith("The edit that the pause was for was not sent, and this call resumes nothing.")
    assert writes(sandbox) == ["POST pause"]


async def test_lost_replies_of_all_three_are_settled_by_reading(tools: Tools, sandbox: Sandbox) -> None:
    for method in ("POST", "PATCH"):
        sandbox.faults.add(Fault("drop-after", method=method))
    answer = await tools.edit()
    assert RUNS_AGAIN in answer.text
    assert writes(sandbox) == ALL_THREE
    assert retries_of(sandbox) == ("running", 5)


async def test_a_resume_that_the_api_refuses_leaves_the_edit_in_place_and_the_campaign_paused(
    tools: Tools, sandbox: Sandbox
) -> None:
    sandbox.put(3, quota="You have exhausted your credits")
    answer = await tools.edit()
    assert answer.text.startswith(
        'Done: Campaign 3 "Spring promo" was changed.\n'
        "- retry_config.max_retries: 3 → 5\n"
        "It was paused for the edit and is left paused: The campaign was not resumed: You have exhausted your credits. "
    )
    assert "`resume_campaign` lets it dial again.\n" in answer.text
    assert answer.text.endswith(f"{UNDO}}}")
    assert retries_of(sandbox) == ("paused", 5)


async def test_a_resume_of_unknown_outcome_is_told_beside_the_edit_that_is_in_place(
    tools: Tools, sandbox: Sandbox
) -> None:
    tools.after("patch", lambda: sandbox.faults.add(Fault("status", method="POST", code=502, times=1)))
    answer = await tools.edit()
    assert answer.text.startswith('Done: Campaign 3 "Spring promo" was changed.\n')
    assert "\nIt was paused for the edit. Unknown outcome. Sent: the resume of campaign 3. " in answer.text
    assert writes(sandbox) == ALL_THREE


async def test_a_step_that_is_put_off_is_made_again_and_a_colleagues_edit_meanwhile_is_kept_and_told(
    tools: Tools,
    sandbox: Sandbox,
    waits: Waits,  # noqa: F811
) -> None:
    sandbox.faults.add(Fault("status", method="PATCH", code=429, retry_after=3, times=1))
    waits.meanwhile = lambda: sandbox.put(3, max_concurrency=2)
    waits.go_on.set()
    answer = await tools.edit()
    assert "Note: While this call waited, someone else changed: max_concurrency: 3 → 2." in answer.text
    assert RUNS_AGAIN in answer.text
    assert writes(sandbox) == ["POST pause", "PATCH 3", "PATCH 3", "POST resume"]
    assert (sandbox.campaign(3)["metadata"]["max_concurrency"], *retries_of(sandbox)) == (2, "running", 5)


async def test_a_colleague_who_resumes_in_between_is_told_and_nothing_is_resumed(
    tools: Tools, sandbox: Sandbox
) -> None:
    tools.after("patch", lambda: sandbox.put(3, state="running"))
    sandbox.faults.add(Fault("status", method="POST", path="/resume", code=400, body='{"detail":"not paused"}'))
    answer = await tools.edit()
    assert answer.text.startswith('Done: Campaign 3 "Spring promo" was changed.\n')
    assert "It was paused for the edit, and someone else changed its state meanwhile: it is running." in answer.text


async def test_an_edit_that_meets_a_campaign_that_a_colleague_resumed_is_not_made_and_says_so(
    tools: Tools, sandbox: Sandbox
) -> None:
    tools.after("pause", lambda: sandbox.put(3, state="running"))
    answer = await tools.edit()
    assert answer.text == (
        f"The edit of {WHO} was not made: the API refused (Cannot update a running campaign). It was paused for the edit, and someone else "
        "changed its state meanwhile: it is running."
    )
    assert writes(sandbox) == ["POST pause", "PATCH 3"]


async def test_a_breaker_that_trips_meanwhile_is_not_overruled(tools: Tools, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("trip", method="PATCH", when="before", times=1))
    sandbox.put(3, state="running")
    trip = {"ts": "2026-11-23T15:00:01+00:00", "level": "warning", "event": "circuit_breaker_tripped", "message": "x"}
    tools.after("pause", lambda: sandbox.put(3, logs=[trip]))
    answer = await tools.edit()
    assert "It was paused for the edit and is left paused: the circuit breaker tripped meanwhile.\n" in answer.text
    assert writes(sandbox) == ["POST pause", "PATCH 3"]


# --- a pause by somebody else wins ------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["pause", "patch"])
async def test_a_pause_that_comes_after_our_own_was_sent_wins_and_nothing_is_resumed(
    tools: Tools, sandbox: Sandbox, verb: str
) -> None:
    reached, go_on = anyio.Event(), anyio.Event()
    client = tools.service._client
    setattr(client, verb, held(getattr(client, verb), reached, go_on))
    answers: list[ToolResult] = []

    async def edit() -> None:
        answers.append(await tools.edit())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(edit)
        await reached.wait()
        tasks.start_soon(tools.service.pause, 3)
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    assert "It was paused for the edit and is left paused: another call paused it meanwhile." in answers[0].text
    assert not answers[0].is_error
    assert "POST resume" not in writes(sandbox)
    assert retries_of(sandbox) == ("paused", 5)


async def test_a_pause_that_comes_while_the_resume_waits_for_a_connection_wins(tools: Tools, sandbox: Sandbox) -> None:
    real = tools.service._client.resume

    async def resume(*arguments: Any) -> Campaign:
        await tools.service.pause(3)
        return await real(*arguments)

    tools.service._client.resume = resume  # type: ignore[method-assign]
    answer = await tools.edit()
    assert "is left paused: another call paused it meanwhile." in answer.text
    assert writes(sandbox) == ["POST pause", "PATCH 3"]


async def test_a_pause_does_not_drop_the_call_once_it_has_paused(
    tools: Tools,
    sandbox: Sandbox,
    waits: Waits,  # noqa: F811
) -> None:
    sandbox.faults.add(Fault("status", method="PATCH", code=429, retry_after=3, times=1))
    answers: list[ToolResult] = []

    async def edit() -> None:
        answers.append(await tools.edit())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(edit)
        await waits.begun.wait()
        await tools.service.pause(3)
        waits.go_on.set()
    assert answers[0].text.startswith('Done: Campaign 3 "Spring promo" was changed.\n')
    assert "is left paused: another call paused it meanwhile." in answers[0].text
    assert retries_of(sandbox) == ("paused", 5)


async def test_a_pause_before_our_own_was_sent_drops_the_call(
    tools: Tools,
    sandbox: Sandbox,
    waits: Waits,  # noqa: F811
) -> None:
    sandbox.faults.add(Fault("status", method="POST", code=429, retry_after=3, times=1))
    answers: list[ToolResult] = []

    async def edit() -> None:
        answers.append(await tools.edit())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(edit)
        await waits.begun.wait()
        await tools.service.pause(3)
    assert answers[0].text.startswith("Nothing was changed: another call pauses this campaign")
    assert retries_of(sandbox) == ("paused", 3)
    assert writes(sandbox) == ["POST pause", "POST pause"]


# --- given up in the middle -------------------------------------------------------------------------------------------

LEFT = "Campaign 3 was paused for this edit and is left paused: `resume_campaign` lets it dial again."


@pytest.mark.parametrize(
    ("verb", "told", "stands"),
    [
        (
            "pause",
            "the pause of campaign 3: done. The edit that the pause was for was not sent, and this call resumes nothing.",
            "paused",
        ),
        ("patch", f"the edit of retry_config.max_retries of campaign 3: done. {LEFT}", "paused"),
        ("resume", "the resume of campaign 3: done.", "running"),
    ],
)
async def test_a_call_that_is_given_up_sends_nothing_more_and_where_it_stands_is_told(
    tools: Tools, sandbox: Sandbox, verb: str, told: str, stands: str
) -> None:
    reached, go_on = anyio.Event(), anyio.Event()
    client = tools.service._client
    setattr(client, verb, held(getattr(client, verb), reached, go_on))
    task = asyncio.get_running_loop().create_task(tools.edit())
    await reached.wait()
    task.cancel()
    with anyio.fail_after(1), pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await until(lambda: not tools.service.in_flight)
    assert tools.told[-1] == f"The caller went away. Outcome of {told}"
    assert writes(sandbox) == ALL_THREE[: ["pause", "patch", "resume"].index(verb) + 1]
    assert retries_of(sandbox)[0] == stands


async def test_when_the_time_is_over_in_the_middle_the_answer_says_that_it_is_left_paused(
    tools: Tools,
    sandbox: Sandbox,
    waits: Waits,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadlines, "DEADLINE_SECONDS", 0.3)
    monkeypatch.setattr(deadlines, "WRITE_SECONDS", 0.1)
    monkeypatch.setattr(deadlines, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(deadlines, "SPARE_SECONDS", 0.0)
    monkeypatch.setattr("asisso_mcp.campaigns.pause_and_resume.SECONDS_NEEDED", 0.1)
    sandbox.faults.add(Fault("status", method="PATCH", code=429, retry_after=3, times=1))
    answer = await tools.edit()
    assert answer.text == (
        f"The time for this call was over before that was settled. Last sent: the pause of campaign 3: done. {LEFT}"
    )
    assert retries_of(sandbox) == ("paused", 3)


async def test_when_the_process_is_told_to_end_in_the_middle_it_is_left_paused_and_said(
    tools: Tools, sandbox: Sandbox
) -> None:
    tools.after("pause", tools.service.stop_writing)
    answer = await tools.edit()
    assert answer.text == (
        f"The edit of {WHO} was not made: asisso-mcp is shutting down. It was paused for the edit and is left paused: asisso-mcp is "
        "shutting down. `resume_campaign` lets it dial again."
    )
    assert tools.told == [f"The process ends. {LEFT}"]
    assert retries_of(sandbox) == ("paused", 3)
