"""`asisso-mcp serve`: what it loads on the way to the first answer."""

import subprocess
import sys

import pytest

from asisso_mcp.cli import COMMANDS

PROGRAM = """
import sys
from asisso_mcp.cli import main
import asisso_mcp.stdio.server
asisso_mcp.stdio.server.serve = lambda *_, **__: print(*sys.modules, file=sys.stderr)
main(sys.argv[1:])
"""


@pytest.mark.parametrize("arguments", [[], ["serve"], ["serve", "--sandbox", "--read-only", "-v"]])
def test_serving_loads_nothing_that_only_a_person_in_a_terminal_needs(arguments: list[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(told.stderr.split())
    assert "asisso_mcp.cli.serve" in loaded
    unwanted = {"argcomplete", "rich", "typer", "getpass", "asisso_mcp.schemas"}
    assert not loaded & (unwanted | {f"asisso_mcp.cli.{name}" for name in COMMANDS if name != "serve"})
