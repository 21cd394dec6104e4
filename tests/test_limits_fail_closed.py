"""With a limit that cannot be understood nothing is sent, and whoever calls or starts the server reads why."""

from collections.abc import Iterator
from typing import Any

import pytest

from asisso_mcp import Toolbox
from asisso_mcp.cli import main
from asisso_mcp.config import UnreadableLimit
from asisso_mcp.sandbox import KEY, RunningServer, Sandbox
from asisso_mcp.tools.campaigns import TOOLS
from tests.processes import stdio_server

CLOSED = (
    "A limit that is not understood is never taken for none: nothing is sent to the API. Correct it, or remove it if no limit is "
    "meant, then restart."
)
NO_TOOLS = (
    "ASISSO_TOOLS is a list of tools of list_campaigns, get_campaign, update_campaign, pause_campaign, resume_campaign, or read for "
    f"the first two, or all. {CLOSED}"
)
UNREADABLE = {
    "a placeholder": (
        {"ASISSO_READ_ONLY": "${input:ro}"},
        f"ASISSO_READ_ONLY is a placeholder that was not filled in; without a limit it would be 0. {CLOSED}",
    ),
    "another name": (
        {"ASISSO_READONLY": "1"},
        f"ASISSO_READONLY is not a setting; did you mean ASISSO_READ_ONLY? {CLOSED}",
    ),
    "empty": ({"ASISSO_CAMPAIGNS": ""}, f"ASISSO_CAMPAIGNS is empty; without a limit it would be all. {CLOSED}"),
    "a placeholder for ids": (
        {"ASISSO_CAMPAIGNS": "${IDS}"},
        f"ASISSO_CAMPAIGNS is a placeholder that was not filled in; without a limit it would be all. {CLOSED}",
    ),
    "singular": (
        {"ASISSO_CAMPAIGN": "12"},
        f"ASISSO_CAMPAIGN is not a setting; did you mean ASISSO_CAMPAIGNS? {CLOSED}",
    ),
    "a word that confirms nothing": (
        {"ASISSO_CONFIRM": "sometimes"},
        f"ASISSO_CONFIRM must be one of never, risky, always. {CLOSED}",
    ),
    "a tool that there is not": ({"ASISSO_TOOLS": "get_campaigns"}, NO_TOOLS),
    "a number in words": (
        {"ASISSO_MAX_CONCURRENCY": "five"},
        f"ASISSO_MAX_CONCURRENCY is a whole number from 1 to 100, or none. {CLOSED}",
    ),
    "too many retries": (
        {"ASISSO_MAX_RETRIES": "11"},
        f"ASISSO_MAX_RETRIES is a whole number from 0 to 10, or none. {CLOSED}",
    ),
    "hours that are none": (
        {"ASISSO_CALLING_HOURS": "21:00-08:00"},
        f"ASISSO_CALLING_HOURS is a time of day from and until, as 08:00-21:00 (24:00 ends the day), or any. {CLOSED}",
    ),
    "a switch that is none": (
        {"ASISSO_REQUIRE_BREAKER": "on please"},
        f"ASISSO_REQUIRE_BREAKER must be 1 or 0. {CLOSED}",
    ),
}
EACH = pytest.mark.parametrize(("environment", "reason"), UNREADABLE.values(), ids=UNREADABLE)
ARGUMENTS: dict[str, dict[str, Any]] = {
    "list_campaigns": {},
    "get_campaign": {"campaign_id": 3},
    "update_campaign": {"campaign_id": 4, "max_concurrency": 2},
    "pause_campaign": {"campaign_id": 3},
    "resume_campaign": {"campaign_id": 4},
}


@pytest.fixture
def silent(sandbox: Sandbox, api: RunningServer) -> Iterator[RunningServer]:
    """An API that is never asked."""
    yield api
    assert sandbox.requests == [], "something was sent to the API"


def environment_of(api: RunningServer, limits: dict[str, str]) -> dict[str, str]:
    return {"ASISSO_BASE_URL": api.url, "ASISSO_API_KEY": KEY, **limits}


@pytest.mark.parametrize(
    ("era", "environment", "reason"),
    [("modern", *UNREADABLE["a placeholder"]), *(("legacy", *each) for each in UNREADABLE.values())],
)
def test_on_stdio_the_server_lists_its_tools_and_answers_every_call_with_the_reason(
    silent: RunningServer, era: str, environment: dict[str, str], reason: str
) -> None:
    said = f"Nothing was sent, because of how this server was started: {reason}"
    with stdio_server(**environment_of(silent, environment)) as server:
        server.open(era)
        assert [tool["name"] for tool in server.ask("tools/list")["tools"]] == [tool.name for tool in TOOLS]
        for tool, arguments in [*ARGUMENTS.items(), ("get_campaign", {"campaign_id": "x"}), ("no_such_tool", {})]:
            answer = server.call(tool, **arguments)
            assert (answer["isError"], answer["content"]) == (True, [{"type": "text", "text": said}])
            assert "structuredContent" not in answer
        for uri in ("asisso://campaigns", "asisso://campaigns/3"):
            assert server.refused("resources/read", uri=uri)["message"] == said
        of_a_prompt = {"type": "ref/prompt", "name": server.ask("prompts/list")["prompts"][0]["name"]}
        for ref in (of_a_prompt, {"type": "ref/resource", "uri": "asisso://campaigns/{campaign_id}"}):
            error = server.refused("completion/complete", ref=ref, argument={"name": "campaign_id", "value": "s"})
            assert error["message"] == said
        assert server.ask("resources/list")["resources"]
        assert server.end() == (0, f"asisso-mcp: {reason}\n")


def test_on_stdio_with_limits_that_can_be_read_calls_are_answered(api: RunningServer) -> None:
    limits = {"ASISSO_READ_ONLY": "0", "ASISSO_CAMPAIGNS": "3,4"}
    with stdio_server(**environment_of(api, limits)) as server:
        server.open("legacy")
        assert server.call("get_campaign", campaign_id=3)["isError"] is False
        assert server.end() == (0, "")


def test_a_read_only_server_with_an_unreadable_limit_lists_only_what_it_would_offer(silent: RunningServer) -> None:
    with stdio_server("--read-only", **environment_of(silent, {"ASISSO_CAMPAIGNS": ""})) as server:
        server.open("legacy")
        assert [tool["name"] for tool in server.ask("tools/list")["tools"]] == ["list_campaigns", "get_campaign"]
        assert server.call("get_campaign", campaign_id=3)["isError"] is True


@pytest.mark.parametrize("command", ["serve --transport http --port 0", "call pause_campaign campaign_id=3", "doctor"])
@EACH
def test_a_start_over_http_a_call_and_doctor_are_refused_with_the_reason(
    silent: RunningServer,
    command: str,
    environment: dict[str, str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment_of(silent, environment).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", f"asisso-mcp: {reason}\n")


@EACH
def test_a_toolbox_from_such_an_environment_is_refused(
    environment: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnreadableLimit) as caught:
        Toolbox.from_environment(sandbox=True)
    assert str(caught.value) == reason


UNKNOWN = "ASISSO_COLOUR is not a setting of this version, so it does nothing."


def test_an_unknown_name_is_one_line_on_stderr_and_one_in_doctor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASISSO_COLOUR", "blue")
    monkeypatch.setenv("ASISSO_MCP_SERVICE_HOST", "10.0.0.1")
    for command, code in ((["call", "list_campaigns", "--sandbox"], 0), (["doctor", "--sandbox"], 0)):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert ended.value.code == code
        out, err = capsys.readouterr()
        if command[0] == "doctor":
            assert [line for line in out.splitlines() if line.startswith("unknown")] == [f"unknown  {UNKNOWN}"]
            assert err == ""
        else:
            assert err == f"asisso-mcp: {UNKNOWN}\n"


def test_an_unknown_name_is_told_on_stdio_and_calls_are_answered() -> None:
    with stdio_server("--sandbox", ASISSO_COLOUR="blue") as server:
        server.open("legacy")
        assert server.call("get_campaign", campaign_id=3)["isError"] is False
        assert server.end() == (0, f"asisso-mcp: {UNKNOWN}\n")


def test_an_unknown_name_is_logged_by_a_toolbox(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ASISSO_COLOUR", "blue")
    Toolbox.from_environment(sandbox=True)
    assert caplog.messages == [UNKNOWN]
