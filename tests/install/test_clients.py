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
    "opencode": ".config/opencode/opencode.json",
    "copilot": ".copilot/mcp-config.json",
    "cline": ".cline/data/settings/cline_mcp_settings.json",
    "qwen": ".qwen/settings.json",
    "lmstudio": ".lmstudio/mcp.json",
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
        "zed": "AppData/Roaming/Zed/settings.json" if system == "win32" else ".config/zed/settings.json",
    }


def test_variables_that_move_a_clients_settings_are_followed() -> None:
    moved = {
        "CLAUDE_CONFIG_DIR": "/c",
        "CODEX_HOME": "/x",
        "XDG_CONFIG_HOME": "/g",
        "APPDATA": "/r",
        "COPILOT_HOME": "/p",
        "CLINE_DIR": "/l",
        "QWEN_HOME": "/q",
    }
    on_linux, on_windows = Platform("linux", Path("/h"), moved), Platform("win32", Path("/h"), moved)
    assert by_name("claude-code").file(on_linux) == Path("/c/.claude.json")
    assert by_name("codex").file(on_linux) == Path("/x/config.toml")
    assert by_name("goose").file(on_linux) == Path("/g/goose/config.yaml")
    assert by_name("opencode").file(on_linux) == Path("/g/opencode/opencode.json")
    assert by_name("zed").file(on_linux) == Path("/g/zed/settings.json")
    assert by_name("zed").file(Platform("darwin", Path("/h"), moved)) == Path("/h/.config/zed/settings.json")
    assert by_name("zed").file(on_windows) == Path("/r/Zed/settings.json")
    assert by_name("copilot").file(on_linux) == Path("/p/mcp-config.json")
    assert by_name("cline").file(on_linux) == Path("/l/data/settings/cline_mcp_settings.json")
    assert by_name("qwen").file(on_linux) == Path("/q/settings.json")
    assert by_name("vscode").file(on_windows) == Path("/r/Code/User/mcp.json")


def test_a_client_is_on_this_machine_when_its_file_its_folder_or_its_command_is(tmp_path: Path) -> None:
    def here() -> set[str]:
        return {client.name for client in CLIENTS if client.is_here(platform)}

    platform = Platform("linux", tmp_path, {"PATH": str(tmp_path / "bin")})
    assert here() == set()
    (tmp_path / ".cursor").mkdir()
    assert here() == {"cursor"}
    (tmp_path / ".claude.json").write_text("{}")
    assert here() == {"cursor", "claude-code"}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "qwen").touch(mode=0o755)
    assert here() == {"cursor", "claude-code", "qwen"}
