"""`asisso-mcp call`: how its arguments are read, and what is refused before anything is sent."""

import json
from pathlib import Path
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
            ["update_campaign", "campaign_id=4", "retry_config.max_retries=1", "retry_config.max_retries=2"],
            "retry_config.max_retries was given twice; which one is meant?",
        ),
        (
            ["update_campaign", "campaign_id=4", "retry_config.max_retries=1", 'retry_config={"max_retries": 2}'],
            "retry_config was given twice; which one is meant?",
        ),
        (
            ["update_campaign", "campaign_id=4", "retry_config=5", "retry_config.max_retries=2"],
            "retry_config.max_retries names a part of retry_config, which was given another value; which one is meant?",
        ),
        (
            ["get_campaign", "campaign_id=4", "--db", "campaigns.sqlite"],
            "--db goes with --sandbox: add that, or leave it out.",
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


def test_a_part_of_a_section_is_named_with_a_dot_and_joins_the_section_that_was_given_as_json(sandbox: Sandbox) -> None:
    sent = ('retry_config={"enabled": true}', "retry_config.max_retries=5", "schedule_config.timezone=Europe/Paris")
    assert call("update_campaign", "campaign_id=4", *sent) == 0
    (body,) = patches(sandbox)
    assert body["retry_config"]["max_retries"] == 5
    assert body["schedule_config"]["timezone"] == "Europe/Paris"
    assert body["schedule_config"]["slots"] == sandbox.campaign(4)["metadata"]["schedule_config"]["slots"]


def test_a_part_that_does_not_exist_is_refused_with_the_right_one(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("update_campaign", "campaign_id=4", "retry_config.retries=5") == 1
    assert capsys.readouterr().out.startswith("Nothing was sent, because an argument of update_campaign does not fit: ")
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (
            ["get_campaign", "campaign_id=99"],
            1,
            "There is no campaign 99 that this key can see. `list_campaigns` shows the campaigns with their ids; a campaign of "
            "another organisation answers the same.",
        ),
        (["get_campaign", "3"], 2, "'3' is not of the form key=value."),
    ],
)
def test_with_json_an_error_is_json_too(
    arguments: list[str], code: int, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments, "--json") == code
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == ({"error": error}, "")


def test_without_a_key_a_person_in_a_terminal_is_told_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ASISSO_API_KEY")
    assert call("get_campaign", "campaign_id=3") == 2
    assert capsys.readouterr() == (
        "",
        "asisso-mcp: No Asisso API key is set, so nothing was sent. Set it in this terminal with `export ASISSO_API_KEY=…`; or add "
        "--sandbox, for example campaigns without an account.\n",
    )


def test_a_sandbox_with_a_file_remembers_across_commands_and_one_without_says_that_it_forgets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forgets = "This sandbox ends with the command, and so does what was changed in it. With --db FILE it stays for the next one.\n"
    edit = ("update_campaign", "campaign_id=4", "max_concurrency=2", "--sandbox")
    look = ("get_campaign", "campaign_id=4", "--sandbox", "--json")
    remembered = ("--db", str(tmp_path / "campaigns.sqlite"))

    assert call(*edit) == 0
    assert capsys.readouterr().err == forgets
    assert call(*look) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out)["max_concurrency"], err) == (4, "")

    assert call(*edit, *remembered) == 0
    assert capsys.readouterr().err == ""
    assert call(*look, *remembered) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out)["max_concurrency"], err) == (2, "")


def test_a_file_that_no_sandbox_made_is_refused_before_anything_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert call("get_campaign", "campaign_id=3", "--sandbox", "--db", str(tmp_path / "notes.txt")) == 2
    assert capsys.readouterr() == (
        "",
        f"asisso-mcp: The file {tmp_path / 'notes.txt'} was not made by this sandbox, so nothing was written to it. It is no SQLite "
        "database. Name a file that does not exist yet, or one that this version of the sandbox made.\n",
    )
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_week_is_drawn_below_the_text_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("get_campaign", "campaign_id=3", "--week") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('Campaign 3 "Spring promo" is running.')
    assert lines[-9:-6] == [
        "",
        "     00    03    06    09    12    15    18    21  America/New_York",
        "Mon  ..................################..............",
    ]


def test_a_week_that_cannot_be_drawn_is_refused(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    said = "--week draws the calling hours below the text of get_campaign; it goes with no other tool, nor with --json."
    assert call("list_campaigns", "--week") == 2
    assert capsys.readouterr().err == f"asisso-mcp: {said}\n"
    assert call("get_campaign", "campaign_id=3", "--week", "--json") == 2
    assert json.loads(capsys.readouterr().out) == {"error": said}
    assert sandbox.requests == []
