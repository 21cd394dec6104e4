"""docs/first-minute.md shows what a person sees, in a terminal of 80 columns."""

import re
import shutil
import subprocess
import tempfile
import unicodedata

import pytest

from tests.first_minute import COLUMNS, PAGE, ROOT, picture, renewed


def shown() -> str:
    found = re.search(r"```text\n(.*?)\n```\n", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux, which the Linux job of CI installs")
def test_the_picture_is_what_the_programs_say_now() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert renewed(text, picture()) == text


def test_no_line_of_the_picture_is_wider_than_the_terminal_and_no_path_of_a_machine_is_in_it() -> None:
    for line in shown().splitlines():
        assert sum(1 + (unicodedata.east_asian_width(each) in "WF") for each in line) <= COLUMNS, line
        assert not any(path in line for path in (str(ROOT), tempfile.gettempdir(), "/home/")), line


@pytest.mark.parametrize("uv", ["", "uv"])
def test_the_demo_installs_what_runs_the_server_and_no_development_tool(uv: str) -> None:
    command = ["make", "--dry-run", "--no-print-directory", "VENV=.not-there", f"UV={uv}", "PYTHON=python3"]
    plain, full = (
        subprocess.run([*command, target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for target in ("demo", "test")
    )
    assert "Installing %s into %s (about %s MB)\\n' 'asisso-mcp' '.not-there' '80'" in plain
    assert plain.rstrip().endswith(".not-there/bin/asisso-mcp demo")
    if uv:
        assert "uv sync --quiet --frozen ) &" in plain
        assert "uv sync --quiet --frozen --extra dev) &" in full
    else:
        assert "-e '.') &" in plain
        assert "-e '.[dev]') &" in full
