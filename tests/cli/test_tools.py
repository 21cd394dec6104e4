"""`asisso-mcp tools`: what there is, with what is allowed, and what to type to try it."""

import shlex

import pytest

from asisso_mcp.cli import main
from asisso_mcp.cli.invocation import invocation
from asisso_mcp.tools.campaigns import TOOLS


def run(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def test_the_tools_are_listed_with_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tools") == 0
    assert capsys.readouterr() == (
        "list_campaigns    List calling campaigns (reads)\n"
        "get_campaign      Read a campaign (reads)\n"
        "update_campaign   Edit a campaign's settings (phones can ring)\n"
        "pause_campaign    Pause a campaign (writes)\n"
        "resume_campaign   Resume dialing (phones can ring)\n"
        "\n"
        "The arguments of one:\n"
        f"  {invocation()} tools update_campaign\n",
        "",
    )


def test_the_arguments_of_one_are_shown_with_the_ranges_that_the_limits_here_leave(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASISSO_MAX_RETRIES", "3")
    assert run("tools", "update_campaign") == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        "  campaign_id                          a whole number from 1 to 2147483647. Id from list_campaigns. (required)"
        in lines
    )
    assert "  retry_config.max_retries             a whole number from 0 to 3" in lines
    assert "  schedule_config.slots                a list of 1 to 50. Replaces the list." in lines
    assert "  schedule_config.slots[].day_of_week  a whole number from 0 to 6. 0 Monday to 6 Sunday." in lines


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_the_example_of_each_tool_works_as_printed(tool: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tools", tool.name) == 0  # type: ignore[attr-defined]
    example = capsys.readouterr().out.splitlines()[-1].strip()
    assert run(*shlex.split(example.removeprefix(invocation()))) == 0


def test_a_tool_that_is_not_offered_here_is_refused_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tools", "pause_campaign", "--read-only") == 2
    assert "It has list_campaigns, get_campaign." in capsys.readouterr().err
