"""Writes `stdio/cached_replies.json`: what the real server answers to a client's first requests.

`python -m scripts.cached_replies` asks the server over its pipe; a test asks again and compares each byte.
"""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from asisso_mcp import __version__
from asisso_mcp.stdio.fast_start import CACHED_REPLIES

VARIANTS = {"all": (), "read-only": ("--read-only",)}
_PLAIN = "from asisso_mcp.cli import main; main()"
"""The server without its fast start."""


def envelope(protocol: str) -> dict[str, Any]:
    """What a request of the era without handshake carries."""
    return {
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": protocol,
            "io.modelcontextprotocol/clientInfo": {"name": "fast start", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    }


def handshake(protocol: str) -> list[dict[str, Any]]:
    """The first requests of a client of the 2025 era."""
    hello = {"protocolVersion": protocol, "capabilities": {}, "clientInfo": {"name": "fast start", "version": "1"}}
    return [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]


def modern(protocol: str) -> list[dict[str, Any]]:
    """The first requests of a client of the 2026 era."""
    return [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": envelope(protocol)}
        for number, method in enumerate(("server/discover", "tools/list"), 1)
    ]


def asked(frames: list[dict[str, Any]], *flags: str) -> dict[str, str]:
    """Method → the text of the result, exactly as the real server writes it."""
    lines = "".join(json.dumps(frame) + "\n" for frame in frames)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASISSO_")}
    told = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _PLAIN, "serve", *flags],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    methods = {frame["id"]: frame["method"] for frame in frames if "id" in frame}
    results = {}
    for line in told.stdout.splitlines():
        number = json.loads(line)["id"]
        head = f'{{"jsonrpc":"2.0","id":{number},"result":'
        if not line.startswith(head):
            raise ValueError(f"the server's answer is not of the expected form: {line[:80]}")
        results[methods[number]] = line.removeprefix(head).removesuffix("}")
    return results


def render() -> str:
    """The file's text, the same bytes on every run."""
    texts: list[str] = []

    def numbered(results: dict[str, str]) -> dict[str, int]:
        texts.extend(dict.fromkeys(text for text in results.values() if text not in texts))
        return {method: texts.index(text) for method, text in results.items()}

    replies = {
        variant: {
            "handshake": {each: numbered(asked(handshake(each), *flags)) for each in HANDSHAKE_PROTOCOL_VERSIONS},
            "modern": {each: numbered(asked(modern(each), *flags)) for each in MODERN_PROTOCOL_VERSIONS},
        }
        for variant, flags in VARIANTS.items()
    }
    content = {
        "package": __version__,
        "sdk": ".".join(version("mcp").split(".")[:2]),
        "replies": replies,
        "texts": texts,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(CACHED_REPLIES).write_text(render(), encoding="utf-8")
