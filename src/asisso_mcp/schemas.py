"""`tool_schemas/`: one file per tool, written from the models, so that a change of a tool shows as a diff."""

import json
from pathlib import Path

from asisso_mcp.server.tools import TOOLS


def rendered() -> dict[str, str]:
    """File name → text, the same bytes on every run."""
    return {f"{tool.name}.json": json.dumps(tool.definition(), indent=2, ensure_ascii=False) + "\n" for tool in TOOLS}


def write(folder: Path) -> list[Path]:
    """Write the files, and remove those of tools that no longer exist."""
    folder.mkdir(parents=True, exist_ok=True)
    files = rendered()
    for stale in folder.glob("*.json"):
        if stale.name not in files:
            stale.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def differing(folder: Path) -> list[str]:
    """Names of files that are missing, stale, or differ from the models."""
    files = rendered()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in files.keys() | there.keys() if files.get(name) != there.get(name))
