"""Which file each client reads on each operating system."""

from pathlib import Path

import pytest

from asisso_mcp.install.clients import CLIENTS, Platform, by_name

EVERYWHERE = {
    "claude-code": ".claude.json",
    "cursor": ".cursor/mcp.json",
    "codex": ".codex/config.toml",
    "gemini": ".gemini/settings.json",
    "windsurf": ".codeium/windsurf/mcp_config.json",
}


@pytest.mark.parametrize(
    ("system", "folder", "goose"),
    [
        ("darwin", "Library/Application Support", ".config/goose/config.yaml"),
        ("win32", "AppData/Roaming", "AppData/Roaming/Block/goose/config/config.yaml"),
        ("linux", ".config", ".config/goose/config.yaml"),
    ],
)
def test_each_client_has_its_file_on_each_system(system: str, folder: str, goose: str) -> None:
    platform = Platform(system, Path("/home/ada"), {})
    found = {client.name: client.file(platform).relative_to("/home/ada").as_posix() for client in CLIENTS}
    assert found == {
        **EVERYWHERE,
        "claude-desktop": f"{folder}/Claude/claude_desktop_config.json",
        "vscode": f"{folder}/Code/User/mcp.json",
        "goose": goose,
    }


def test_variables_that_move_a_clients_settings_are_followed() -> None:
    moved = {"CLAUDE_CONFIG_DIR": "/c", "CODEX_HOME": "/x", "XDG_CONFIG_HOME": "/g", "APPDATA": "/r"}
    on_linux, on_windows = Platform("linux", Path("/h"), moved), Platform("win32", Path("/h"), moved)
    assert by_name("claude-code").file(on_linux) == Path("/c/.claude.json")
    assert by_name("codex").file(on_linux) == Path("/x/config.toml")
    assert by_name("goose").file(on_linux) == Path("/g/goose/config.yaml")
    assert by_name("vscode").file(on_windows) == Path("/r/Code/User/mcp.json")
