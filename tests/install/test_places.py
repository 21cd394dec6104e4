"""Which file each client reads on each system, and which command starts the server there."""

import os
from pathlib import Path

import pytest

from asisso_mcp.install import launch
from asisso_mcp.install.clients import CLIENTS, Machine, by_name
from asisso_mcp.install.launch import ANYWHERE, Launch


@pytest.mark.parametrize(
    ("system", "places"),
    [
        (
            "darwin",
            {
                "claude-desktop": "Library/Application Support/Claude/claude_desktop_config.json",
                "claude-code": ".claude.json",
                "cursor": ".cursor/mcp.json",
                "vscode": "Library/Application Support/Code/User/mcp.json",
                "codex": ".codex/config.toml",
                "gemini": ".gemini/settings.json",
                "windsurf": ".codeium/windsurf/mcp_config.json",
                "goose": ".config/goose/config.yaml",
            },
        ),
        (
            "win32",
            {
                "claude-desktop": "AppData/Roaming/Claude/claude_desktop_config.json",
                "claude-code": ".claude.json",
                "cursor": ".cursor/mcp.json",
                "vscode": "AppData/Roaming/Code/User/mcp.json",
                "codex": ".codex/config.toml",
                "gemini": ".gemini/settings.json",
                "windsurf": ".codeium/windsurf/mcp_config.json",
                "goose": "AppData/Roaming/Block/goose/config/config.yaml",
            },
        ),
        (
            "linux",
            {
                "claude-desktop": ".config/Claude/claude_desktop_config.json",
                "claude-code": ".claude.json",
                "cursor": ".cursor/mcp.json",
                "vscode": ".config/Code/User/mcp.json",
                "codex": ".codex/config.toml",
                "gemini": ".gemini/settings.json",
                "windsurf": ".codeium/windsurf/mcp_config.json",
                "goose": ".config/goose/config.yaml",
            },
        ),
    ],
)
def test_each_client_has_its_file_on_each_system(system: str, places: dict[str, str]) -> None:
    machine = Machine(system, Path("/home/ada"), {})
    found = {client.name: client.file(machine).relative_to("/home/ada").as_posix() for client in CLIENTS}
    assert found == places


def test_variables_that_move_a_clients_settings_are_followed() -> None:
    moved = {"CLAUDE_CONFIG_DIR": "/c", "CODEX_HOME": "/x", "XDG_CONFIG_HOME": "/g", "APPDATA": "/r"}
    on_linux, on_windows = Machine("linux", Path("/h"), moved), Machine("win32", Path("/h"), moved)
    assert by_name("claude-code").file(on_linux) == Path("/c/.claude.json")
    assert by_name("codex").file(on_linux) == Path("/x/config.toml")
    assert by_name("goose").file(on_linux) == Path("/g/goose/config.yaml")
    assert by_name("vscode").file(on_windows) == Path("/r/Code/User/mcp.json")


def environment(prefix: Path) -> str:
    program = prefix / ("Scripts/asisso-mcp.exe" if os.name == "nt" else "bin/asisso-mcp")
    program.parent.mkdir(parents=True)
    program.touch()
    (prefix / "CACHEDIR.TAG").touch()  # as in every environment that uv makes
    return str(program)


def test_a_lasting_installation_is_started_by_its_full_path(tmp_path: Path) -> None:
    assert launch.here(str(tmp_path / "venv"), environment(tmp_path / "venv")) == Launch(
        str(tmp_path / "venv" / "bin" / "asisso-mcp")
    )


@pytest.mark.parametrize("cache", [".cache/uv/archive-v0/abc", ".cache/pipx/def", "tagged/environments/ghi"])
def test_an_installation_in_a_cache_is_fetched_by_uvx_instead(tmp_path: Path, cache: str) -> None:
    environment(tmp_path / cache)
    if cache.startswith("tagged"):
        (tmp_path / "tagged" / "CACHEDIR.TAG").touch()
    uvx = tmp_path / "uvx"
    uvx.touch(mode=0o755)
    assert launch.here(str(tmp_path / cache), path=str(tmp_path)) == Launch(str(uvx), ("asisso-mcp",))
    assert launch.here(str(tmp_path / cache), path="") == ANYWHERE
