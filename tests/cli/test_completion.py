"""What a shell offers on Tab, asked for as argcomplete's scripts ask."""

import os
import subprocess
import sys

import pytest

from asisso_mcp.cli import main

posix = pytest.mark.skipif(sys.platform == "win32", reason="the answer is written to descriptor 8")


def completions(line: str) -> list[str]:
    """What the line could go on with. The terminal from which the shell asks stays open, and is not read."""
    asked = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE": "1", "_ARGCOMPLETE_COMP_WORDBREAKS": "="}
    terminal, keyboard = os.pipe()
    try:
        answered = subprocess.run(
            ["bash", "-c", f"exec {sys.executable} -m asisso_mcp 8>&1 9>/dev/null"],
            env={**os.environ, **asked, "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_SUPPRESS_SPACE": "1"},
            stdin=terminal,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    finally:
        os.close(terminal)
        os.close(keyboard)
    return answered.stdout.split("\n")


@posix
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("asisso-mcp s", ["serve", "sandbox", "schemas"]),
        ("asisso-mcp call up", ["update_campaign"]),
        ("asisso-mcp call --sandbox update_campaign campaign_id=4 --json max", ["max_concurrency="]),
        (
            "asisso-mcp call --sandbox update_campaign campaign_id=4 --json sch",
            [
                "schedule_config=",
                "schedule_config.enabled=true",
                "schedule_config.enabled=false",
                "schedule_config.timezone=",
                "schedule_config.slots=",
            ],
        ),
        ("asisso-mcp call update_campaign retry_config.max", ["retry_config.max_retries="]),
        ("asisso-mcp call update_campaign circuit_breaker.enabled=t", ["true"]),
        ("asisso-mcp tools res", ["resume_campaign"]),
        ("asisso-mcp call update_campaign dry_run=t", ["true"]),
        ("asisso-mcp call update_campaign --re", ["--read-only"]),
        ("asisso-mcp serve --auth ", ["none", "passthrough", "token", "oauth"]),
        ("asisso-mcp install --client claude-", ["claude-desktop", "claude-code"]),
    ],
)
def test_a_line_is_completed_with_commands_tools_arguments_and_values(line: str, offered: list[str]) -> None:
    assert completions(line) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_gets_a_script_for_this_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["completion", shell])
    script, errors = capsys.readouterr()
    assert (ended.value.code, errors) == (0, "")
    assert "asisso-mcp" in script
    assert "_ARGCOMPLETE" in script
