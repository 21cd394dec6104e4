"""The clients that `install` knows: where each keeps its settings, in which format, and what the server's block looks like."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from asisso_mcp.install.json_text import Step
from asisso_mcp.install.launch_command import LaunchCommand

SERVER = "asisso"
KEY = "ASISSO_API_KEY"
INPUT_ID = "asisso-api-key"
"""The id of the prompt by which a client asks for the key."""

FileFormat = Literal["json", "jsonc", "toml", "yaml"]


@dataclass(frozen=True)
class Platform:
    """The operating system (a value of `sys.platform`), home folder and environment that decide where files are."""

    system: str
    home: Path
    environment: Mapping[str, str]

    def folder(self, variable: str, *default: str) -> Path:
        """The folder that the environment variable names, or the default below the home folder."""
        named = self.environment.get(variable)
        return Path(named) if named else self.home.joinpath(*default)

    def has_program(self, name: str) -> bool:
        """Whether there is a command of this name."""
        return shutil.which(name, path=self.environment.get("PATH", "")) is not None

    def application_settings(self, *name: str) -> Path:
        """A path below the folder in which desktop applications keep their settings."""
        if self.system == "darwin":
            return self.home.joinpath("Library", "Application Support", *name)
        if self.system == "win32":
            return self.folder("APPDATA", "AppData", "Roaming").joinpath(*name)
        return self.folder("XDG_CONFIG_HOME", ".config").joinpath(*name)


@dataclass(frozen=True, kw_only=True)
class Client:
    """One MCP client and its settings file.

    source: the page on which its makers describe the file; look there when something changes.
    config_path: its file for all of a person's projects. config_path_text: the same in words, for the documentation.
    project: the parts of the path to a project's own file, or None. root_key: the name under which it keeps its servers.
    key_reference: how a block refers to the key without holding it, or None. key_hint: what a person does about the key.
    check: how a person sees that it works. nod: what it wants to be told before it starts a server, or None;
    project_nod: before it starts one of a project's file.
    extra: further members of a block. asks_for_key: it has an `inputs` list. program: its command, where it has one.
    """

    name: str
    title: str
    source: str
    format: FileFormat
    config_path: Callable[[Platform], Path]
    config_path_text: str
    project: tuple[str, ...] | None = None
    root_key: str = "mcpServers"
    key_reference: str | None
    key_hint: str
    check: str
    nod: str | None = None
    project_nod: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    asks_for_key: bool = False
    program: str | None = None

    @property
    def path(self) -> tuple[Step, ...]:
        """The path of the server's block in the file."""
        return (self.root_key, SERVER)

    def file(self, platform: Platform, project: Path | None = None) -> Path:
        """The person's own settings file, or the project's. Raises ValueError for a client without project files."""
        if project is None:
            return self.config_path(platform)
        if self.project is None:
            raise ValueError(f"{self.title} has no project files")
        return project.joinpath(*self.project)

    def is_here(self, platform: Platform) -> bool:
        """Whether this machine has it: its settings file, a folder of its own for that, or its command."""
        file = self.config_path(platform)
        has_folder = file.parent != platform.home and file.parent.is_dir()
        return has_folder or file.is_file() or (self.program is not None and platform.has_program(self.program))

    def block(self, launch: LaunchCommand, *, keyless: bool, key: str | None = None) -> dict[str, Any]:
        """The server's block for this launch command. keyless: without any reference to a key. key: the key itself, to be stored."""
        match self.name:
            case "codex":
                block: dict[str, Any] = {"command": launch.command, "args": list(launch.arguments)}
                if key:
                    return {**block, "env": {KEY: key}}
                return block if keyless else {**block, "env_vars": [KEY]}
            case "goose":
                return {
                    "enabled": True,
                    "type": "stdio",
                    "name": SERVER,
                    "description": "Calling campaigns on Asisso",
                    "cmd": launch.command,
                    "args": list(launch.arguments),
                    "envs": {KEY: key} if key else {},
                    "env_keys": [] if keyless or key else [KEY],
                    "timeout": 300,
                }
            case "opencode":
                block = {**self.extra, "command": [launch.command, *launch.arguments]}
                return block if keyless else {**block, "environment": {KEY: key or self.key_reference}}
        block = {**self.extra, "command": launch.command, "args": list(launch.arguments)}
        return block if keyless else {**block, "env": {KEY: key or self.key_reference}}


CLIENTS = (
    Client(
        name="claude-desktop",
        title="Claude Desktop",
        source="https://modelcontextprotocol.io/quickstart/user",
        format="json",
        config_path=lambda platform: platform.application_settings("Claude", "claude_desktop_config.json"),
        config_path_text=(
            "`~/Library/Application Support/Claude/claude_desktop_config.json` (macOS), "
            "`%APPDATA%\\Claude\\claude_desktop_config.json` (Windows)"
        ),
        key_reference="${ASISSO_API_KEY}",  # not replaced by this client: it stands for "unset" until a person puts the key there
        key_hint="Put your key in place of ${ASISSO_API_KEY} in that file, or run this again with --ask-key.",
        check="Quit Claude Desktop entirely and start it again: Settings → Developer shows asisso as running.",
    ),
    Client(
        name="claude-code",
        title="Claude Code",
        source="https://code.claude.com/docs/en/mcp",
        format="json",
        config_path=lambda platform: platform.folder("CLAUDE_CONFIG_DIR") / ".claude.json",
        config_path_text="`~/.claude.json`",
        project=(".mcp.json",),
        key_reference="${ASISSO_API_KEY:-}",
        key_hint="Set ASISSO_API_KEY in the environment from which you start claude, or run this again with --ask-key.",
        check="`claude mcp list` shows asisso as connected; in a session, `/mcp` lists its tools.",
        project_nod="A project's `.mcp.json` waits for your approval: start `claude` in that folder once, and answer its question.",
        extra={"type": "stdio"},
        program="claude",
    ),
    Client(
        name="cursor",
        title="Cursor",
        source="https://cursor.com/docs/mcp",
        format="jsonc",
        config_path=lambda platform: platform.home / ".cursor" / "mcp.json",
        config_path_text="`~/.cursor/mcp.json`",
        project=(".cursor", "mcp.json"),
        key_reference="${env:ASISSO_API_KEY}",
        key_hint="Set ASISSO_API_KEY in the environment from which Cursor starts, or run this again with --ask-key.",
        check="Settings → MCP shows asisso with a green dot and its tools.",
        extra={"type": "stdio"},
    ),
    Client(
        name="vscode",
        title="VS Code",
        source="https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
        format="jsonc",
        config_path=lambda platform: platform.application_settings("Code", "User", "mcp.json"),
        config_path_text=(
            "`~/Library/Application Support/Code/User/mcp.json` (macOS), `%APPDATA%\\Code\\User\\mcp.json` (Windows), "
            "`~/.config/Code/User/mcp.json` (Linux)"
        ),
        project=(".vscode", "mcp.json"),
        root_key="servers",
        key_reference=f"${{input:{INPUT_ID}}}",
        key_hint="VS Code asks for the key when it first starts the server, and keeps it in its secret storage.",
        check="The command `MCP: List Servers` shows asisso as running; its tools are in the tools picker of agent mode.",
        extra={"type": "stdio"},
        asks_for_key=True,
    ),
    Client(
        name="codex",
        title="Codex",
        source="https://developers.openai.com/codex/mcp",
        format="toml",
        config_path=lambda platform: platform.folder("CODEX_HOME", ".codex") / "config.toml",
        config_path_text="`~/.codex/config.toml`",
        project=(".codex", "config.toml"),
        root_key="mcp_servers",
        key_reference=None,
        key_hint="Set ASISSO_API_KEY in the environment from which Codex starts, or run this again with --ask-key.",
        check="`codex mcp list` shows asisso; in a session, `/mcp` lists its tools.",
        program="codex",
    ),
    Client(
        name="gemini",
        title="Gemini CLI",
        source="https://github.com/google-gemini/gemini-cli/blob/main/docs/tools/mcp-server.md",
        format="jsonc",
        config_path=lambda platform: platform.home / ".gemini" / "settings.json",
        config_path_text="`~/.gemini/settings.json`",
        project=(".gemini", "settings.json"),
        key_reference="${ASISSO_API_KEY}",
        key_hint="Set ASISSO_API_KEY in the environment from which you start gemini, or run this again with --ask-key.",
        check="`gemini mcp list` shows asisso as connected; in a session, `/mcp` lists its tools.",
        nod="It starts servers only in folders that you trust: answer its question there, or type `/permissions`.",
        program="gemini",
    ),
    Client(
        name="windsurf",
        title="Windsurf",
        source="https://docs.windsurf.com/windsurf/cascade/mcp",
        format="json",
        config_path=lambda platform: platform.home / ".codeium" / "windsurf" / "mcp_config.json",
        config_path_text="`~/.codeium/windsurf/mcp_config.json`",
        key_reference="${env:ASISSO_API_KEY}",
        key_hint="Set ASISSO_API_KEY in the environment from which Windsurf starts, or run this again with --ask-key.",
        check="Refresh in Cascade's MCP panel: asisso appears with its tools.",
    ),
    Client(
        name="goose",
        title="goose",
        source="https://github.com/aaif-goose/goose/blob/main/documentation/docs/guides/config-files.md",
        format="yaml",
        config_path=lambda platform: (
            platform.application_settings("Block", "goose", "config", "config.yaml")
            if platform.system == "win32"
            else platform.folder("XDG_CONFIG_HOME", ".config") / "goose" / "config.yaml"
        ),
        config_path_text="`~/.config/goose/config.yaml` (macOS, Linux), `%APPDATA%\\Block\\goose\\config\\config.yaml` (Windows)",
        root_key="extensions",
        key_reference=None,
        key_hint=(
            "goose takes ASISSO_API_KEY from its keyring or its environment, and does not start the extension before it is "
            "there: set it, or run this again with --ask-key."
        ),
        check="`goose info -v` lists asisso; in a session, ask for your campaigns.",
        program="goose",
    ),
    Client(
        name="opencode",
        title="opencode",
        source="https://opencode.ai/docs/mcp-servers/",
        format="jsonc",
        config_path=lambda platform: platform.folder("XDG_CONFIG_HOME", ".config") / "opencode" / "opencode.json",
        config_path_text="`~/.config/opencode/opencode.json`",
        project=("opencode.json",),
        root_key="mcp",
        key_reference="{env:ASISSO_API_KEY}",
        key_hint="Set ASISSO_API_KEY in the environment from which you start opencode, or run this again with --ask-key.",
        check="`opencode mcp list` shows asisso as connected.",
        extra={"type": "local"},
        program="opencode",
    ),
    Client(
        name="copilot",
        title="Copilot CLI",
        source="https://docs.github.com/en/copilot/how-tos/copilot-cli/customize-copilot/add-mcp-servers",
        format="json",
        config_path=lambda platform: platform.folder("COPILOT_HOME", ".copilot") / "mcp-config.json",
        config_path_text="`~/.copilot/mcp-config.json`",
        project=(".github", "mcp.json"),
        key_reference="${ASISSO_API_KEY}",
        key_hint="Set ASISSO_API_KEY in the environment from which you start copilot, or run this again with --ask-key.",
        check="`copilot mcp list` names asisso; in a session, `/mcp show asisso` lists its tools.",
        project_nod="A project's file is read only in folders that you trust: answer its question when you start `copilot` there.",
        extra={"type": "local", "tools": ["*"]},
        program="copilot",
    ),
    Client(
        name="cline",
        title="Cline",
        source="https://docs.cline.bot/getting-started/config",
        format="json",
        config_path=lambda platform: (
            platform.folder("CLINE_DIR", ".cline") / "data" / "settings" / "cline_mcp_settings.json"
        ),
        config_path_text="`~/.cline/data/settings/cline_mcp_settings.json`",
        key_reference="${ASISSO_API_KEY}",  # it is not documented that this is replaced; until then it stands for "unset"
        key_hint="Put your key in place of ${ASISSO_API_KEY} in that file, or run this again with --ask-key.",
        check="`cline config mcp` names asisso; in the editor, the MCP Servers icon shows it with its tools.",
        program="cline",
    ),
    Client(
        name="qwen",
        title="Qwen Code",
        source="https://github.com/QwenLM/qwen-code/blob/main/docs/users/features/mcp.md",
        format="jsonc",
        config_path=lambda platform: platform.folder("QWEN_HOME", ".qwen") / "settings.json",
        config_path_text="`~/.qwen/settings.json`",
        project=(".qwen", "settings.json"),
        key_reference="${ASISSO_API_KEY}",
        key_hint="Set ASISSO_API_KEY in the environment from which you start qwen, or run this again with --ask-key.",
        check="`qwen mcp list` shows asisso as connected; in a session, `/mcp` lists its tools.",
        project_nod="With its trusted folders switched on, a project's file is read only in a folder that you trust.",
        program="qwen",
    ),
    Client(
        name="lmstudio",
        title="LM Studio",
        source="https://lmstudio.ai/docs/app/mcp",
        format="json",
        config_path=lambda platform: platform.home / ".lmstudio" / "mcp.json",
        config_path_text="`~/.lmstudio/mcp.json` (in the app: Program → Install → Edit mcp.json)",
        key_reference="${ASISSO_API_KEY}",  # it is not documented that this is replaced; until then it stands for "unset"
        key_hint="Put your key in place of ${ASISSO_API_KEY} in that file, or run this again with --ask-key.",
        check="The Program tab of the right sidebar shows mcp/asisso: switch it on, and its tools appear.",
    ),
    Client(
        name="zed",
        title="Zed",
        source="https://zed.dev/docs/ai/mcp",
        format="jsonc",
        config_path=lambda platform: (
            platform.folder("APPDATA", "AppData", "Roaming") / "Zed" / "settings.json"
            if platform.system == "win32"
            else (
                platform.folder("XDG_CONFIG_HOME", ".config")
                if platform.system == "linux"
                else platform.home / ".config"
            )
            / "zed"
            / "settings.json"
        ),
        config_path_text="`~/.config/zed/settings.json` (macOS, Linux), `%APPDATA%\\Zed\\settings.json` (Windows)",
        root_key="context_servers",
        key_reference="${ASISSO_API_KEY}",  # it is not documented that this is replaced; until then it stands for "unset"
        key_hint="Put your key in place of ${ASISSO_API_KEY} in that file, or run this again with --ask-key.",
        check="Settings → AI → MCP Servers shows asisso with a green dot.",
    ),
)


def by_name(name: str) -> Client:
    """The client of this name, one of those in CLIENTS."""
    return next(client for client in CLIENTS if client.name == name)
