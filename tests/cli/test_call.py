"""`asisso-mcp call`: how its arguments are read, and what is refused before anything is sent."""

import json
from typing import Any

import pytest

from asisso_mcp.cli import main
from asisso_mcp.sandbox import KEY, RunningServer, Sandbox


def patches(sandbox: Sandbox) -> list[Any]:
    return [request.json for request in sandbox.requests if request.method == "PATCH"]


@pytest.fixture(autouse=True)
def environment(api: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASISSO_BASE_URL", api.url)
    monkeypatch.setenv("ASISSO_API_KEY", KEY)


def call(*arguments: str) -> Any:
    with pytest.raises(SystemExit) as ended:
        main(["call", *arguments])
    return ended.value.code


@pytest.mark.parametrize(
    ("tool", "argument", "words"),
    [
        (
            "update_campaign",
            "name=null",
            "name=null names nothing: leave name out, or write name='\"null\"' for that text.",
        ),
        (
            "list_campaigns",
            "query=null",
            "query=null names nothing: leave query out, or write query='\"null\"' for that text.",
        ),
    ],
)
def test_a_null_for_a_text_is_refused_and_nothing_is_sent(
    tool: str, argument: str, words: str, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tool, argument) == 2
    assert capsys.readouterr() == ("", f"asisso-mcp: {words}\n")
    assert sandbox.requests == []


def test_a_text_in_json_quotes_is_that_text_and_other_quotes_are_part_of_it(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    for argument in ('name="null"', 'name="Spring" promo', "name=12", 'name="', 'name={"a": 1, "a": 2}'):
        assert call("update_campaign", "campaign_id=4", argument) == 0, capsys.readouterr()
    names = ["null", '"Spring" promo', "12", '"', '{"a": 1, "a": 2}']
    assert patches(sandbox) == [{"name": name} for name in names]


def test_null_for_anything_else_names_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("update_campaign", "campaign_id=4", "max_concurrency=null") == 1
    assert capsys.readouterr() == (
        "Nothing was sent, because no change was named. Name at least one of name, retry_config, max_concurrency, "
        "schedule_config, circuit_breaker.\n",
        "",
    )


@pytest.mark.parametrize(
    "line",
    [
        "call update_campaign --json campaign_id=4 max_concurrency=2",
        "call update_campaign campaign_id=4 --json max_concurrency=2 -v",
        "call --json update_campaign campaign_id=4 max_concurrency=2",
        "--json -v call update_campaign campaign_id=4 max_concurrency=2",
        "call update_campaign campaign_id=4 max_concurrency=2 --json",
    ],
)
def test_options_may_stand_anywhere(line: str, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["changes"] == [{"field": "max_concurrency", "before": 4, "after": 2}]
    assert patches(sandbox) == [{"max_concurrency": 2}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["get_campaign", "3"], "'3' is not of the form key=value."),
        (["get_campaign", "=3"], "'=3' is not of the form key=value."),
        (["get_campaign", "campaign_id=3", "campaign_id=4"], "campaign_id was given twice; which one is meant?"),
        (
            ["update_campaign", "campaign_id=4", 'retry_config={"max_retries": 1, "max_retries": 2}'],
            "max_retries was given twice within retry_config; which one is meant?",
        ),
        (
            ["delete_campaign", "campaign_id=4"],
            "Unknown tool: delete_campaign. This server has list_campaigns, get_campaign, update_campaign, pause_campaign, "
            "resume_campaign.",
        ),
        (
            ["pause_campaign", "campaign_id=4", "--read-only"],
            "pause_campaign is not offered here: this server only reads (--read-only, or a token without the right to write). "
            "The person who runs it can change that. It has list_campaigns, get_campaign.",
        ),
    ],
)
def test_what_is_wrong_with_the_line_is_said_and_nothing_is_sent(
    arguments: list[str], words: str, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    assert capsys.readouterr() == ("", f"asisso-mcp: {words}\n")
    assert sandbox.requests == []


def test_an_option_that_does_not_exist_is_named_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["call", "get_campaign", "--sanbox", "campaign_id=3"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith("asisso-mcp call: error: unrecognized arguments: --sanbox\n")


def test_the_week_is_drawn_below_the_text_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("get_campaign", "campaign_id=3", "--week") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('Campaign 3 "Spring promo" is running.')
    assert lines[-9:-6] == [
        "",
        "     00    03    06    09    12    15    18    21  America/New_York",
        "Mon  ..................################..............",
    ]


@pytest.mark.parametrize(
    "arguments", [("list_campaigns", "--week"), ("get_campaign", "campaign_id=3", "--week", "--json")]
)
def test_a_week_that_cannot_be_drawn_is_refused(
    arguments: tuple[str, ...], sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    said = "asisso-mcp: --week draws the calling hours below the text of get_campaign; it goes with no other tool, nor with --json.\n"
    assert capsys.readouterr().err == said
    assert sandbox.requests == []
