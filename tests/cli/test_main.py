"""The command line as a whole: what it offers and how it refuses."""

import pytest

from asisso_mcp import __version__
from asisso_mcp.cli import COMMANDS, main


def run(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def test_help_lists_every_command_and_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert run("--help") == 0
    said = capsys.readouterr().out
    assert all(f"\n    {name} " in said for name in COMMANDS)
    assert "  ASISSO_SANDBOX          `1` serves against the built-in\n                          API: " in said
    assert max(map(len, said.splitlines())) <= 60


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_says_what_it_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for line in ((name, "--help"), ("--help", name)):
        assert run(*line) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"usage: asisso-mcp {name} [-h]")
        assert " ".join(COMMANDS[name].split()) in " ".join(said.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dance"], "invalid choice: 'dance'"),
        (["--dance"], "unrecognized arguments: --dance"),
        (["demo", "--sandbox"], "unrecognized arguments: --sandbox"),
        (["doctor", "now"], "unrecognized arguments: now"),
        (["serve", "--work", "2"], "unrecognized arguments: --work"),
    ],
)
def test_what_is_not_known_is_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert (out, words in err) == ("", True)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr() == (f"asisso-mcp {__version__}\n", "")
