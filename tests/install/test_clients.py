"""Which file each client reads on each operating system."""

from pathlib import Path

import pytest

from asisso_mcp.install.clients import CLIENTS, Platform, by_name


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
    platform = Platform(system, Path("/home/ada"), {})
    found = {client.name: client.file(platform).relative_to("/home/ada").as_posix() for client in CLIENTS}
    assert found == places


def test_variables_that_move_a_clients_settings_are_followed() -> None:
    moved = {"CLAUDE_CONFIG_DIR": "/c", "CODEX_HOME": "/x", "XDG_CONFIG_HOME": "/g", "APPDATA": "/r"}
    on_linux, on_windows = Platform("linux", Path("/h"), moved), Platform("win32", Path("/h"), moved)
    assert by_name("claude-code").file(on_linux) == Path("/c/.claude.json")
    assert by_name("codex").file(on_linux) == Path("/x/config.toml")
    assert by_name("goose").file(on_linux) == Path("/g/goose/config.yaml")
    assert by_name("vscode").file(on_windows) == Path("/r/Code/User/mcp.json")
