"""Each client: which file it reads, of what format, and what the server's block looks like in it.

`source` is the page on which its makers describe places, names and references to variables: look there when one changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from asisso_mcp.install.json_text import Step
from asisso_mcp.install.launch import Launch

SERVER = "asisso"
KEY = "ASISSO_API_KEY"
INPUT = "asisso-api-key"

Format = Literal["json", "jsonc", "toml", "yaml"]


@dataclass(frozen=True)
class Machine:
    """Where files lie. system: as `sys.platform`."""

    system: str
    home: Path
    environment: Mapping[str, str]

    def folder(self, variable: str, *default: str) -> Path:
        """A folder that an environment variable may name."""
        named = self.environment.get(variable)
        return Path(named) if named else self.home.joinpath(*default)

    def applications(self, *name: str) -> Path:
        """Where desktop applications keep their settings."""
        if self.system == "darwin":
            return self.home.joinpath("Library", "Application Support", *name)
        if self.system == "win32":
            return self.folder("APPDATA", "AppData", "Roaming").joinpath(*name)
        return self.folder("XDG_CONFIG_HOME", ".config").joinpath(*name)


@dataclass(frozen=True)
class Client:
    """One client. `key`: how its file refers to the key without holding it; None where the block has other means."""

    name: str
    title: str
    source: str
    format: Format
    place: Callable[[Machine], Path]
    shown: str
    project: tuple[str, ...] | None
    under: str
    key: str | None
    to_do: str
    check: str
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> tuple[Step, ...]:
        return (self.under, SERVER)

    def file(self, machine: Machine, project: Path | None = None) -> Path:
        """The person's own file, or the project's. Raises ValueError for a client without project files."""
        if project is None:
            return self.place(machine)
        if self.project is None:
            raise ValueError(f"{self.title} has no project files")
        return project.joinpath(*self.project)

    def block(self, launch: Launch, *, keyless: bool, key: str | None = None) -> dict[str, Any]:
        """What belongs under the server's name. keyless: nothing about a key. key: stored as it is."""
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
        block = {**self.extra, "command": launch.command, "args": list(launch.arguments)}
        return block if keyless else {**block, "env": {KEY: key or self.key}}


CLIENTS = (
    Client(
        name="claude-desktop",
        title="Claude Desktop",
        source="https://modelcontextprotocol.io/quickstart/user",
        format="json",
        place=lambda machine: machine.applications("Claude", "claude_desktop_config.json"),
        shown=(
            "`~/Library/Application Support/Claude/claude_desktop_config.json` (macOS), "
            "`%APPDATA%\\Claude\\claude_desktop_config.json` (Windows)"
        ),
        project=None,
        under="mcpServers",
        key="${ASISSO_API_KEY}",  # not replaced by this client: it stands for "unset" until a person puts the key there
        to_do="Put your key in place of ${ASISSO_API_KEY} in that file, or run this again with --ask-key.",
        check="Quit Claude Desktop entirely and start it again: Settings → Developer shows asisso as running.",
    ),
    Client(
        name="claude-code",
        title="Claude Code",
        source="https://code.claude.com/docs/en/mcp",
        format="json",
        place=lambda machine: machine.folder("CLAUDE_CONFIG_DIR") / ".claude.json",
        shown="`~/.claude.json`",
        project=(".mcp.json",),
        under="mcpServers",
        key="${ASISSO_API_KEY:-}",
        to_do="Set ASISSO_API_KEY in the environment from which you start claude, or run this again with --ask-key.",
        check="`claude mcp list` shows asisso as connected; in a session, `/mcp` lists its tools.",
        extra={"type": "stdio"},
    ),
    Client(
        name="cursor",
        title="Cursor",
        source="https://cursor.com/docs/mcp",
        format="jsonc",
        place=lambda machine: machine.home / ".cursor" / "mcp.json",
        shown="`~/.cursor/mcp.json`",
        project=(".cursor", "mcp.json"),
        under="mcpServers",
        key="${env:ASISSO_API_KEY}",
        to_do="Set ASISSO_API_KEY in the environment from which Cursor starts, or run this again with --ask-key.",
        check="Settings → MCP shows asisso with a green dot and its tools.",
        extra={"type": "stdio"},
    ),
    Client(
        name="vscode",
        title="VS Code",
        source="https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
        format="jsonc",
        place=lambda machine: machine.applications("Code", "User", "mcp.json"),
        shown=(
            "`~/Library/Application Support/Code/User/mcp.json` (macOS), `%APPDATA%\\Code\\User\\mcp.json` (Windows), "
            "`~/.config/Code/User/mcp.json` (Linux)"
        ),
        project=(".vscode", "mcp.json"),
        under="servers",
        key=f"${{input:{INPUT}}}",
        to_do="VS Code asks for the key when it first starts the server, and keeps it in its secret storage.",
        check="The command `MCP: List Servers` shows asisso as running; its tools are in the tools picker of agent mode.",
        extra={"type": "stdio"},
    ),
    Client(
        name="codex",
        title="Codex",
        source="https://developers.openai.com/codex/mcp",
        format="toml",
        place=lambda machine: machine.folder("CODEX_HOME", ".codex") / "config.toml",
        shown="`~/.codex/config.toml`",
        project=(".codex", "config.toml"),
        under="mcp_servers",
        key=None,
        to_do="Set ASISSO_API_KEY in the environment from which Codex starts, or run this again with --ask-key.",
        check="`codex mcp list` shows asisso; in a session, `/mcp` lists its tools.",
    ),
    Client(
        name="gemini",
        title="Gemini CLI",
        source="https://github.com/google-gemini/gemini-cli/blob/main/docs/tools/mcp-server.md",
        format="jsonc",
        place=lambda machine: machine.home / ".gemini" / "settings.json",
        shown="`~/.gemini/settings.json`",
        project=(".gemini", "settings.json"),
        under="mcpServers",
        key="${ASISSO_API_KEY}",
        to_do="Set ASISSO_API_KEY in the environment from which you start gemini, or run this again with --ask-key.",
        check="`gemini mcp list` shows asisso as connected; in a session, `/mcp` lists its tools.",
    ),
    Client(
        name="windsurf",
        title="Windsurf",
        source="https://docs.windsurf.com/windsurf/cascade/mcp",
        format="json",
        place=lambda machine: machine.home / ".codeium" / "windsurf" / "mcp_config.json",
        shown="`~/.codeium/windsurf/mcp_config.json`",
        project=None,
        under="mcpServers",
        key="${env:ASISSO_API_KEY}",
        to_do="Set ASISSO_API_KEY in the environment from which Windsurf starts, or run this again with --ask-key.",
        check="Refresh in Cascade's MCP panel: asisso appears with its tools.",
    ),
    Client(
        name="goose",
        title="goose",
        source="https://github.com/aaif-goose/goose/blob/main/documentation/docs/guides/config-files.md",
        format="yaml",
        place=lambda machine: (
            machine.applications("Block", "goose", "config", "config.yaml")
            if machine.system == "win32"
            else machine.folder("XDG_CONFIG_HOME", ".config") / "goose" / "config.yaml"
        ),
        shown="`~/.config/goose/config.yaml` (macOS, Linux), `%APPDATA%\\Block\\goose\\config\\config.yaml` (Windows)",
        project=None,
        under="extensions",
        key=None,
        to_do=(
            "goose takes ASISSO_API_KEY from its keyring or its environment, and does not start the extension before it is "
            "there: set it, or run this again with --ask-key."
        ),
        check="`goose info -v` lists asisso; in a session, ask for your campaigns.",
    ),
)


def by_name(name: str) -> Client:
    return next(client for client in CLIENTS if client.name == name)
