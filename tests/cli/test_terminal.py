"""In a terminal lines are wrapped and coloured; a pipe, and a person who wants none of it, get the text as it is."""

import io

import pytest

from asisso_mcp.cli.terminal import BOLD, RED, fail, show, wrap

UNDO = 'Undo: `update_campaign` with {"campaign_id": 4, "name": "a } b", "schedule_config": {"slots": [{"day_of_week": 0}]}}'


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 40 columns with colours."""
    for name, value in {"COLUMNS": "40", "TERM": "xterm", "NO_COLOR": "", "WT_SESSION": "1"}.items():
        monkeypatch.setenv(name, value)
    return Terminal()


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("", ""),
        ("Concurrency: at most 3 calls at once.", "Concurrency: at most 3 calls at once."),
        ("Calls in progress end normally, and up to ten.", "Calls in progress end normally, and up\n  to ten."),
        ("- 8 “Survey”: running, 4312 of 21107 calls made", "- 8 “Survey”: running, 4312 of 21107\n  calls made"),
        ("  - 8 “Survey”: running, 4312 of 21107 calls made", "  - 8 “Survey”: running, 4312 of 21107\n    calls made"),
        ("problem  This was not sent. Check the network.", "problem  This was not sent. Check the\n         network."),
        ("To change settings now: `pause_campaign then`.", "To change settings now:\n  `pause_campaign then`."),
        (UNDO, "Undo: `update_campaign` with\n  " + UNDO.partition(" with ")[2]),
        ('two a={"b": {"c": 1}} x={"y": 2, "z": 3, "w": 4}', 'two a={"b": {"c": 1}}\n  x={"y": 2, "z": 3, "w": 4}'),
        ("a brace { that is never closed, and more words", "a brace { that is never closed, and more\n  words"),
        ("ヴォイスヴォイスヴォイスヴォイスヴォイス and", "ヴォイスヴォイスヴォイスヴォイスヴォイス\n  and"),
        ("https://a-host.example/that-is-longer-than-a-line", "https://a-host.example/that-is-longer-than-a-line"),
    ],
)
def test_a_long_line_is_broken_between_words_but_never_within_what_people_copy(line: str, lines: str) -> None:
    assert wrap(line, 40) == lines


def test_the_first_line_has_its_style_notes_are_yellow_and_the_rest_is_plain(terminal: Terminal) -> None:
    show("Done: it was changed.\n- name: a → b\nNote: null changes nothing, so name stays as it is.\n", BOLD, terminal)
    assert terminal.getvalue() == (
        "\x1b[1mDone: it was changed.\x1b[0m\n"
        "- name: a → b\n"
        "\x1b[33mNote: null changes nothing, so name\n"
        "  stays as it is.\x1b[0m\n"
        "\n"
    )


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_lines_are_wrapped_all_the_same(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    show("Note: null changes nothing, so name stays as it is.", RED, terminal)
    assert terminal.getvalue() == "Note: null changes nothing, so name\n  stays as it is.\n"


def test_a_pipe_gets_the_text_as_it_is(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    show(f"Done: it was changed.\nNote: a note.\n{UNDO}", BOLD)
    assert fail("It cannot be done, for a reason that takes more than a line.", 2) == 2
    assert capsys.readouterr() == (
        f"Done: it was changed.\nNote: a note.\n{UNDO}\n",
        "asisso-mcp: It cannot be done, for a reason that takes more than a line.\n",
    )


def test_text_from_the_api_is_never_markup(terminal: Terminal) -> None:
    show('Campaign 3 "[red]x[/red] :fire:".\n- "*a* <b>b</b> {c}"', file=terminal)
    assert terminal.getvalue() == 'Campaign 3 "[red]x[/red] :fire:".\n- "*a* <b>b</b> {c}"\n'
