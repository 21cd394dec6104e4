"""The Inspector's command line: `tools/list --strict` must have no error and no warning; every call is a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

JOB = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
MODULES = Path(JOB["environment"]) / "node_modules"
PACKAGE = MODULES / "@modelcontextprotocol" / "inspector"


def inspect(*arguments: str) -> subprocess.CompletedProcess[str]:
    manifest = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
    command = [str(MODULES / ".bin" / "node"), str(PACKAGE / manifest["bin"]["mcp-inspector"]), "--cli"]
    command += [JOB["url"]] if JOB["url"] else [JOB["command"], *JOB["args"]]
    for name, value in JOB["env"].items():
        command += ["-e", f"{name}={value}"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, encoding="utf-8", check=False)


def listed() -> list[str]:
    done = inspect("--method", "tools/list", "--strict")
    if done.returncode or "Warning:" in done.stderr or "Error:" in done.stderr:
        return [f"exit code {done.returncode}: {done.stderr.strip()}"]
    return [tool["name"] for tool in json.loads(done.stdout)["tools"]]


def called(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    pairs = [f"{name}={json.dumps(value)}" for name, value in arguments.items()]
    done = inspect("--method", "tools/call", "--tool-name", tool, "--tool-arg", *pairs, "--format", "json", "-q")
    result = json.loads(done.stdout)["result"]
    return {
        "text": "\n".join(block["text"] for block in result["content"]),
        "structure": result.get("structuredContent"),
        "error": result.get("isError", False),
    }


VERSION = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))["version"]
RESULT = {
    "tools": listed(),
    "answers": {step["name"]: called(step["tool"], step["arguments"]) for step in JOB["steps"]},
    "versions": {"@modelcontextprotocol/inspector": VERSION},
    "protocol": None,
}
Path(sys.argv[2]).write_text(json.dumps(RESULT), encoding="utf-8")
