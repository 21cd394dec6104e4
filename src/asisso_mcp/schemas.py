"""`tool_schemas/`: what the models say, written down, so that a change of a tool shows as a diff.

`<tool>.json` is a tool as MCP lists it; `<format>/tools.json` is the value of `tools` in a request to that provider.
"""

import json
from pathlib import Path
from typing import Any

from asisso_mcp.exports import FORMATS, Format, exported
from asisso_mcp.server.tools import TOOLS


def rendered(form: Format | None = None) -> dict[str, str]:
    """File name in the folder → text, the same bytes on every run. `form`: this provider's file alone."""
    definitions = [tool.definition() for tool in TOOLS]
    files: dict[str, Any] = {} if form else {f"{each['name']}.json": each for each in definitions}
    files |= {f"{each}/tools.json": exported(definitions, each) for each in ([form] if form else FORMATS)}
    return {name: json.dumps(value, indent=2, ensure_ascii=False) + "\n" for name, value in files.items()}


def write(folder: Path, form: Format | None = None) -> list[Path]:
    """Write the files, and remove those of tools that no longer exist; with `form`, touch nothing but its file."""
    files = rendered(form)
    for stale in () if form else folder.glob("*.json"):
        if stale.name not in files:
            stale.unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def differing(folder: Path, form: Format | None = None) -> list[str]:
    """Names of files that are missing, stale, or differ from the models."""
    files = rendered(form)
    names = files.keys() if form else files.keys() | {path.name for path in folder.glob("*.json")}
    return sorted(name for name in names if files.get(name) != _text(folder / name))


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
