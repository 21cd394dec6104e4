"""`tool_schemas/`: what the models say, written down, so that a change of a tool shows as a diff.

`<tool>.json` is a tool as MCP lists it; `<format>/tools.json` is the value of `tools` in a request to that provider. The folder may
hold other people's files: only those that show that they are ours are overwritten or removed.
"""

import json
from pathlib import Path
from typing import Any

from asisso_mcp.exports import FORMATS, ProviderFormat, to_provider_format
from asisso_mcp.tools.campaigns import TOOLS

_OUR_NAMES = frozenset(tool.name for tool in TOOLS)
_DEFINITION = TOOLS[0].definition()


def render(form: ProviderFormat | None = None) -> dict[str, str]:
    """File name in the folder → text, the same bytes on every run. `form`: this provider's file alone."""
    definitions = [tool.definition() for tool in TOOLS]
    files: dict[str, Any] = {} if form else {f"{each['name']}.json": each for each in definitions}
    files |= {f"{each}/tools.json": to_provider_format(definitions, each) for each in ([form] if form else FORMATS)}
    return {name: json.dumps(value, indent=2, ensure_ascii=False) + "\n" for name, value in files.items()}


class ForeignFile(Exception):
    """A file of someone else stands where one of ours would be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} would be overwritten, and is not a file that asisso-mcp wrote. Nothing was written: move that file away, "
            "or choose another --folder."
        )


def write(folder: Path, form: ProviderFormat | None = None) -> list[Path]:
    """Write the files, and remove those of tools that no longer exist; with `form`, touch nothing but its file.

    Raises ForeignFile before anything is written, and OSError.
    """
    files = {folder / name: text for name, text in render(form).items()}
    for path in files:
        if path.exists() and not _is_ours(path):
            raise ForeignFile(path)
    for name in () if form else _stale(folder):
        (folder / name).unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def outdated_files(folder: Path, form: ProviderFormat | None = None) -> list[str]:
    """Names of files that are missing, stale, or differ from the models."""
    differ = {name for name, text in render(form).items() if _text(folder / name) != text}
    return sorted(differ if form else differ | _stale(folder))


def _stale(folder: Path) -> set[str]:
    """Names of files that an earlier version wrote for a tool that no longer exists."""
    return {path.name for path in folder.glob("*.json") if path.stem not in _OUR_NAMES and _is_definition(path)}


def _is_ours(path: Path) -> bool:
    """Whether the file is what belongs there: one of our definitions, or a provider's list of nothing but our tools."""
    match _content(path):
        case [{"functionDeclarations": [*tools]}] | [*tools]:
            return bool(tools) and all(_name_in(tool) in _OUR_NAMES for tool in tools)
    return _is_definition(path)


def _is_definition(path: Path) -> bool:
    """Whether the file shows that it was written here: a definition with exactly our keys, under its own name."""
    match _content(path):
        case {"name": path.stem, "annotations": {**hints}, **others}:
            keys = {"name", "annotations", *others}
            return keys == _DEFINITION.keys() and hints.keys() == _DEFINITION["annotations"].keys()
    return False


def _name_in(tool: Any) -> Any:
    """The name of one tool in a provider's list; None when there is none."""
    match tool:
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            return name
    return None


def _content(path: Path) -> Any:
    """What the JSON file says; None when it is no JSON, or not there."""
    try:
        return json.loads(_text(path) or "")
    except (ValueError, RecursionError):
        return None


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
