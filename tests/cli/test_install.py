"""`asisso-mcp install` on a command line: what is written, what is said, and the exit code."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from asisso_mcp.cli import main
from asisso_mcp.install.clients import CLIENTS
from asisso_mcp.install.launch_command import script
from tests import processes


def run(*arguments: str, home: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    where = {"HOME": str(home), "USERPROFILE": str(home), "ASISSO_API_KEY": "key-in-environment"}
    return processes.run("install", *arguments, lines=given, **where)


def test_the_command_writes_says_so_and_undoes_it(tmp_path: Path) -> None:
    file = tmp_path / ".cursor" / "mcp.json"
    done = run("--client", "cursor", home=tmp_path)
    assert done.stdout == (
        f"Cursor starts asisso now: {file} was written.\n"
        "The key: Set ASISSO_API_KEY in the environment from which Cursor starts, or run this again with --ask-key.\n"
        "To see it work: Settings → MCP shows asisso with a green dot and its tools.\n"
    )
    assert "key-in-environment" not in file.read_text()
    again = run("--client", "cursor", home=tmp_path)
    assert f"{file} says so already; nothing was changed.\n" in again.stdout
    gone = run("--client", "cursor", "--remove", home=tmp_path)
    assert gone.stdout == f"Cursor no longer starts asisso: it was taken out of {file}.\n"
    assert (
        run("--client", "cursor", "--remove", home=tmp_path).stdout
        == f"asisso is not in {file}; nothing was changed.\n"
    )
    assert not file.exists()


def test_a_backup_is_named_and_goes_when_the_server_is_taken_out(tmp_path: Path) -> None:
    file = tmp_path / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.write_text("{}")
    done = run("--client", "cursor", home=tmp_path)
    (backup,) = file.parent.glob("mcp.json.asisso-*.bak")
    assert f"{file} was written.\nAs it was before: {backup}\n" in done.stdout
    assert run("--client", "cursor", "--remove", home=tmp_path).stdout == (
        f"Cursor no longer starts asisso: it was taken out of {file}.\n"
        "Deleted 1 backup of it: a key could be in there.\n"
    )
    assert not backup.exists()


def test_printing_writes_nothing_and_gives_the_block_alone(tmp_path: Path) -> None:
    done = run("--client", "codex", "--print", "--sandbox", "--read-only", home=tmp_path)
    assert done.stderr == f"This belongs in {tmp_path / '.codex' / 'config.toml'}:\n"
    block = tomllib.loads(done.stdout)["mcp_servers"]["asisso"]
    assert Path(block["command"]).name.startswith("asisso-mcp")
    assert block["args"] == ["--sandbox", "--read-only"]
    assert list(tmp_path.iterdir()) == []


def test_a_projects_file_starts_the_clone_says_so_and_never_has_a_key(tmp_path: Path) -> None:
    done = run("--client", "claude-code", "--project", str(tmp_path), home=tmp_path)
    clone = Path(__file__).parents[2]
    assert f"It starts the clone in {clone}, which is on this machine only.\n" in done.stdout
    assert (
        "Before that: A project's `.mcp.json` waits for your approval: start `claude` in that folder once, and answer its "
        "question.\n"
    ) in done.stdout
    assert json.loads((tmp_path / ".mcp.json").read_text()) == {
        "mcpServers": {
            "asisso": {
                "type": "stdio",
                "command": str(script()),
                "args": [],
                "env": {"ASISSO_API_KEY": "${ASISSO_API_KEY:-}"},
            }
        }
    }
    refused = run("--client", "claude-code", "--project", str(tmp_path), "--ask-key", home=tmp_path, given="k\n")
    assert refused.returncode == 2
    assert refused.stderr == ("asisso-mcp: A project's file is shared, so no key belongs in it: leave --ask-key out.\n")


def test_a_client_without_project_files_says_so(tmp_path: Path) -> None:
    done = run("--client", "windsurf", "--project", str(tmp_path), home=tmp_path)
    assert (done.returncode, done.stderr) == (2, "asisso-mcp: Windsurf has no project files: leave --project out.\n")


def test_a_key_that_was_asked_for_is_stored_and_not_shown(tmp_path: Path) -> None:
    done = run("--client", "windsurf", "--ask-key", home=tmp_path, given=" secret-2\n")
    file = tmp_path / ".codeium" / "windsurf" / "mcp_config.json"
    assert json.loads(file.read_text())["mcpServers"]["asisso"]["env"] == {"ASISSO_API_KEY": "secret-2"}
    assert "secret-2" not in done.stdout + done.stderr
    bad = run("--client", "windsurf", "--ask-key", home=tmp_path, given="two words\n")
    assert bad.returncode == 1
    assert bad.stderr.startswith("asisso-mcp: That is not a key: ")
    assert "two words" not in bad.stderr


def test_a_broken_file_ends_with_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / ".claude.json").write_text('{"a": tru}')
    done = run("--client", "claude-code", home=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        f"asisso-mcp: {tmp_path / '.claude.json'} was left as it is, because it is not valid JSON (line 1: Expecting value). "
        "Repair it, or put the block there by hand: add --print to see it.\n"
    )


def test_a_client_that_is_not_known_is_refused_with_those_that_are(tmp_path: Path) -> None:
    done = run("--client", "emacs", home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert all(f"'{client.name}'" in done.stderr for client in CLIENTS)


def test_what_is_installed_starts_and_answers(tmp_path: Path) -> None:
    run("--client", "claude-code", "--sandbox", home=tmp_path)
    block = json.loads((tmp_path / ".claude.json").read_text())["mcpServers"]["asisso"]
    ask = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    done = subprocess.run(
        [block["command"], *block["args"]], input=json.dumps(ask) + "\n", capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[0])["result"]["serverInfo"]["name"] == "asisso"


def test_without_a_client_those_on_this_machine_are_shown_and_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".qwen").mkdir()
    at_home(tmp_path, monkeypatch)
    assert install_here("--sandbox", "--read-only") == 2
    assert capsys.readouterr() == (
        "On this machine:\n"
        "  Cursor          asisso-mcp install --client cursor --sandbox --read-only\n"
        "  Qwen Code       asisso-mcp install --client qwen --sandbox --read-only\n"
        "Not found, and possible: claude-desktop, claude-code, vscode, codex, gemini, windsurf, goose, opencode, copilot, cline, "
        "lmstudio, zed.\n",
        "asisso-mcp: say which one with --client NAME. Nothing was changed.\n",
    )
    assert list((tmp_path / ".cursor").iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "code", "said", "changed"),
    [
        (["9", "x", "2"], 0, "Qwen Code starts the sandbox now:", True),
        ([""], 0, "Nothing was changed.\n", False),
    ],
)
def test_in_a_terminal_a_number_picks_the_client_and_enter_picks_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: list[str],
    code: int,
    said: str,
    changed: bool,
) -> None:
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".qwen").mkdir()
    at_home(tmp_path, monkeypatch)
    answers = iter(typed)
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    assert install_here("--sandbox") == code
    assert list(answers) == []
    out = capsys.readouterr().out
    assert out.startswith("On this machine:\n  1  Cursor\n  2  Qwen Code\nNot found, and possible: claude-desktop, ")
    assert said in out
    assert (tmp_path / ".qwen" / "settings.json").exists() is changed
    assert list((tmp_path / ".cursor").iterdir()) == []


def test_where_no_client_is_found_all_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_home(tmp_path, monkeypatch)
    assert install_here() == 2
    assert capsys.readouterr() == (
        "",
        "asisso-mcp: No client that this knows was found here. Name one of claude-desktop, claude-code, cursor, vscode, codex, "
        "gemini, windsurf, goose, opencode, copilot, cline, qwen, lmstudio, zed: asisso-mcp install --client NAME\n",
    )


def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This program is the only one on PATH, and the person's folder is an empty one."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("PATH", str(script().parent))
    for name in (
        "XDG_CONFIG_HOME",
        "CLAUDE_CONFIG_DIR",
        "CODEX_HOME",
        "COPILOT_HOME",
        "CLINE_DIR",
        "QWEN_HOME",
        "APPDATA",
    ):
        monkeypatch.delenv(name, raising=False)


def install_here(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["install", *arguments])
    return ended.value.code
