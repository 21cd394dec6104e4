"""Whoever gives up on a call over stdio, in the terminal or in Python: nothing is sent after that, and what was sent is told."""

import asyncio
import logging
import signal
import sys
import time

import anyio
import pytest

from asisso_mcp import Toolbox
from asisso_mcp.sandbox import Fault, Sandbox
from tests.api.scripted import until
from tests.conftest import MONDAY, SETTINGS, until_fired
from tests.processes import closing, start, stdio_server

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def resumes(sandbox: Sandbox) -> int:
    return sum(request.path.endswith("/resume") for request in sandbox.requests)


# --- stdio ------------------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("how", ["cancelled", "SIGTERM", "end of input"])
def test_a_resume_that_waits_for_the_api_and_is_given_up_over_stdio_is_not_sent_again(
    sandbox: Sandbox, api: dict[str, str], how: str
) -> None:
    """A server whose input ended waits for its calls: longer than the API asks for, but in the last case."""
    fault = Fault("status", method="POST", code=429, retry_after=7 if how == "end of input" else 1, times=1)
    sandbox.faults.add(fault)
    patches = {"asisso_mcp.stdio.server.GRACE_SECONDS": 0.5 if how == "end of input" else 2.0}
    with stdio_server(patches=patches, **api) as server:
        server.open("legacy")
        number = server.send("tools/call", name="resume_campaign", arguments={"campaign_id": 4})
        until_fired(fault)
        if how == "SIGTERM":
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(timeout=5) == 143
        else:
            if how == "cancelled":
                server.write({"method": "notifications/cancelled", "params": {"requestId": number}})
                assert server.call("get_campaign", campaign_id=4)["structuredContent"]["state"] == "paused"
            assert server.end()[0] == 0
    assert resumes(sandbox) == 1
    assert sandbox.campaign(4)["state"] == "paused"


# --- the terminal -----------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("sent", [True, False])
def test_a_call_in_the_terminal_that_is_interrupted_says_what_became_of_it(
    sandbox: Sandbox, api: dict[str, str], number: int, code: int, sent: bool
) -> None:
    fault = (
        Fault("delay", method="POST", seconds=0.5)
        if sent
        else Fault("status", method="POST", code=429, retry_after=20, times=1)
    )
    sandbox.faults.add(fault)
    with closing(start("call", "resume_campaign", "campaign_id=4", **api)) as process:
        until_fired(fault)
        process.send_signal(number)
        output, told = process.communicate(timeout=10)
    errors = told.decode()
    assert process.returncode == code
    assert output == b""
    if sent:
        assert errors == "asisso-mcp: The caller went away. Outcome of the resume of campaign 4: done.\n"
        assert sandbox.campaign(4)["state"] == "running"
    else:
        assert errors in (
            "asisso-mcp: interrupted; nothing was changed.\n",
            # The answer was still on its way.
            "asisso-mcp: The caller went away. Outcome of the resume of campaign 4: The API asks to slow down (429); nothing was "
            "done. Call again in a minute.\n",
        )
        assert sandbox.campaign(4)["state"] == "paused"


@posix
def test_a_call_in_the_terminal_that_is_interrupted_twice_says_that_the_outcome_is_unknown(
    sandbox: Sandbox, api: dict[str, str]
) -> None:
    fault = Fault("delay", method="POST", seconds=30)
    sandbox.faults.add(fault)
    with closing(start("call", "resume_campaign", "campaign_id=4", **api)) as process:
        until_fired(fault)
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        output, told = process.communicate(timeout=10)
    assert output == b""
    assert told.decode() == (
        "asisso-mcp ends while a write is unanswered. Unknown outcome of the resume of campaign 4: look at the campaign before "
        "trying again.\n"
    )
    assert process.returncode == 143


# --- Python -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["asyncio.timeout", "asyncio.wait_for", "task.cancel", "anyio.move_on_after"])
async def test_a_toolbox_call_that_is_given_up_returns_at_once_and_leaving_the_toolbox_finishes_and_logs_its_write(
    sandbox: Sandbox, api: dict[str, str], how: str, caplog: pytest.LogCaptureFixture
) -> None:
    fault = Fault("delay", method="POST", seconds=0.5)
    sandbox.faults.add(fault)
    with caplog.at_level(logging.WARNING):
        async with Toolbox(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY) as toolbox:
            call = asyncio.ensure_future(toolbox.call("resume_campaign", {"campaign_id": 4}))
            await until(lambda: bool(fault.fired))
            match how:
                case "asyncio.timeout":
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(0.01):
                            await call
                case "asyncio.wait_for":
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(call, 0.01)
                case "task.cancel":
                    call.cancel()
                case "anyio.move_on_after":
                    with anyio.move_on_after(0.01):
                        await call
            with pytest.raises(asyncio.CancelledError):
                await call
            assert sandbox.campaign(4)["state"] == "paused"
            assert not caplog.records
    assert sandbox.campaign(4)["state"] == "running"
    assert [record.message for record in caplog.records] == [
        "The caller went away. Outcome of the resume of campaign 4: done."
    ]


async def test_whoever_is_cancelled_once_more_while_leaving_a_toolbox_is_told_that_the_outcome_is_unknown(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = Fault("delay", method="POST", seconds=30)
    sandbox.faults.add(fault)

    async def use() -> None:
        async with Toolbox(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY) as toolbox:
            await toolbox.call("resume_campaign", {"campaign_id": 4})

    task = asyncio.ensure_future(use())
    await until(lambda: bool(fault.fired))
    task.cancel()
    await anyio.wait_all_tasks_blocked()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert capsys.readouterr().err == (
        "asisso-mcp ends while a write is unanswered. Unknown outcome of the resume of campaign 4: look at the campaign before "
        "trying again.\n"
    )


async def test_leaving_a_toolbox_waits_for_a_write_only_so_long_and_says_that_its_outcome_is_unknown(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("asisso_mcp.tools.services.FINISH_SECONDS", 0.1)
    fault = Fault("delay", method="POST", seconds=30)
    sandbox.faults.add(fault)
    with anyio.fail_after(5):
        async with Toolbox(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY) as toolbox:
            call = asyncio.ensure_future(toolbox.call("resume_campaign", {"campaign_id": 4}))
            await until(lambda: bool(fault.fired))
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
    assert capsys.readouterr().err == (
        "asisso-mcp ends while a write is unanswered. Unknown outcome of the resume of campaign 4: look at the campaign before "
        "trying again.\n"
    )
