"""What a driver hands back: what its client showed for each step, nothing judged.

A driver is called as `driver.py JOB RESULT`: it reads the file JOB and writes the file RESULT, so that prints do no harm.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any


def job() -> dict[str, Any]:
    """`command`, `args`, `env` (stdio) or `url` (HTTP); `way` of driving; `steps`."""
    return json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))


def answer(text: str | None, *, structure: Any = None, error: bool | None = None) -> dict[str, Any]:
    """One step's answer. The text of a client that shows the structure alone is the structure's summary."""
    if text is None and isinstance(structure, Mapping):
        text = structure.get("summary")
    return {"text": text, "structure": structure, "error": error}


def hand_back(tools: Sequence[str], answers: Mapping[str, Any], *packages: str, protocol: str | None = None) -> None:
    result = {
        "tools": list(tools),
        "answers": dict(answers),
        "versions": {package: version(package) for package in packages},
        "protocol": protocol,
    }
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")


def structure_in(value: Any, depth: int = 8) -> dict[str, Any] | None:
    """The structured result of a campaign tool, wherever a client put it: in an attribute, a list, or as JSON text."""
    if depth == 0 or value is None:
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
        return structure_in(value, depth - 1) if isinstance(value, dict | list) else None
    if isinstance(value, Mapping):
        if "campaign_id" in value and "summary" in value:
            return dict(value)
        inner: Any = value.values()
    elif isinstance(value, list | tuple):
        inner = value
    else:
        inner = getattr(value, "__dict__", {}).values()
    return next((found for each in inner if (found := structure_in(each, depth - 1)) is not None), None)


def text_in(blocks: Any) -> str:
    """The text of content blocks, however a client shapes them."""
    if isinstance(blocks, str):
        return blocks
    if isinstance(blocks, Mapping):
        return str(blocks["text"])
    if hasattr(blocks, "text"):
        return str(blocks.text)
    return "\n".join(text_in(block) for block in blocks)
