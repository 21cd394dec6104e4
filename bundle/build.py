"""Builds the MCPB bundle in `dist/`: validates, packs, unpacks and starts it. Checks server.json as well.

Run it with `python bundle/build.py`. manifest.json beside this file holds what does not change; description, version and
tools come from pyproject.toml, the package and the running server. Needs `npx` and `uv`, which keep what they fetch.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from asisso_mcp import __version__

ROOT = Path(__file__).parents[1]
TEMPLATE = Path(__file__).with_name("manifest.json")
MCPB = "@anthropic-ai/mcpb@^2.1.2"
REGISTRY_CHECK = "skillsaw>=0.22,<0.23"
"""It has the registry's published schemas with it, so no network is asked."""

CONTENT = ("pyproject.toml", "uv.lock", "README.md", "LICENSE", "src/asisso_mcp")
SECONDS = 120


class BuildFailed(Exception):
    """The bundle could not be built; the message says why."""


def project() -> dict[str, Any]:
    """The `project` table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def manifest(tools: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole manifest. tools: as the running server lists them."""
    facts = project()
    fixed = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    fixed["compatibility"]["runtimes"] = {"python": facts["requires-python"]}
    return {
        **fixed,
        "version": __version__,
        "description": facts["description"],
        "tools": [{"name": tool["name"], "description": tool["description"]} for tool in tools],
    }


def tools_of(command: list[str], environment: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """The tools that the server lists which this command starts. Raises BuildFailed."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bundle", "version": "1"}}
    frames = (
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    )
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **(environment or {})}
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        with suppress(BrokenPipeError):  # it has ended already, which shows below
            server.stdin.write("".join(json.dumps(frame) + "\n" for frame in frames).encode())
            server.stdin.flush()
        for line in server.stdout:
            answer = json.loads(line)
            if answer.get("id") == 2:
                server.stdin.close()
                tools: list[dict[str, Any]] = answer["result"]["tools"]
                return tools
    raise BuildFailed(f"{' '.join(command)} ended without listing its tools.")


def stage(folder: Path, tools: list[dict[str, Any]]) -> None:
    """Write the bundle's files into a folder."""
    folder.mkdir(parents=True)
    for name in CONTENT:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    shutil.copy2(TEMPLATE.with_name("icon.png"), folder)
    text = json.dumps(manifest(tools), indent=2, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def launch_in(folder: Path, options: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """The command and environment by which a host starts the unpacked bundle, with these options of its user.

    An option that is not set has its default; one without a default reaches the server as hosts leave it: as its placeholder.
    """
    content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    config = content["server"]["mcp_config"]
    defaults = {key: str(each["default"]).lower() for key, each in content["user_config"].items() if "default" in each}
    values = {"__dirname": str(folder), **{f"user_config.{key}": each for key, each in (defaults | options).items()}}

    def filled(text: str) -> str:
        for name, value in values.items():
            text = text.replace(f"${{{name}}}", value)
        return text

    command = [config["command"], *(filled(argument) for argument in config["args"])]
    return command, {name: filled(value) for name, value in config["env"].items()}


def check_registry_file() -> None:
    """Check server.json against the registry's own schema and rules. Raises BuildFailed."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy2(ROOT / "server.json", folder)
        _run("uvx", "--from", REGISTRY_CHECK, "skillsaw", "lint", "--strict", "--quiet", folder)


def build(target: Path) -> Path:
    """Pack the bundle, start what was packed, and return its path. Raises BuildFailed."""
    name = f"{project()['name']}-{__version__}.mcpb"
    tools = tools_of([sys.executable, "-m", "asisso_mcp", "serve", "--sandbox"])
    with tempfile.TemporaryDirectory() as work:
        staged, unpacked = Path(work) / "staged", Path(work) / "unpacked"
        stage(staged, tools)
        _run("npx", "--yes", "--prefer-offline", MCPB, "validate", str(staged / "manifest.json"))
        target.mkdir(exist_ok=True)
        _run("npx", "--yes", "--prefer-offline", MCPB, "pack", str(staged), str(target / name))
        with zipfile.ZipFile(target / name) as bundle:
            bundle.extractall(unpacked)
        command, environment = launch_in(unpacked, {"sandbox": "true"})
        answered = tools_of(command, {**environment, "UV_PROJECT_ENVIRONMENT": str(Path(work) / "environment")})
        if answered != tools:
            raise BuildFailed("The bundle's server lists other tools than this checkout's.")
    return target / name


def _run(*command: str) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise BuildFailed(f"{command[0]} is needed and was not found.")
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode:
        raise BuildFailed(f"{' '.join(command)}:\n{(done.stdout + done.stderr).strip()}")


def main() -> int:
    """Build the bundle. Returns the exit code: 0, or 1 with the reason on stderr."""
    try:
        check_registry_file()
        bundle = build(ROOT / "dist")
    except BuildFailed as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{bundle.relative_to(ROOT)}: {bundle.stat().st_size // 1024} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
