"""`recorder.py FILE COMMAND …` stands between a client and the server on stdio, and notes at which protocol version they speak."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

KEY = "io.modelcontextprotocol/protocolVersion"


def version_in(line: bytes) -> str | None:
    """The version that a request of 2026 carries, or that an answer to `initialize` names."""
    try:
        frame: dict[str, Any] = json.loads(line)
        if frame.get("method") == "server/discover":  # only a question whether there is more than the handshake
            return None
        found = (frame.get("params") or {}).get("_meta", {}).get(KEY) or (frame.get("result") or {}).get(
            "protocolVersion"
        )
    except (ValueError, AttributeError):
        return None
    return str(found) if found else None


def relay(source: Any, target: Any, note: Path) -> None:
    try:
        for line in source:
            version = version_in(line)
            if version:
                note.write_text(version, encoding="utf-8")
            target.write(line)
            target.flush()
        target.close()
    except BrokenPipeError:  # the other side has left, so there is nobody to relay to
        return


def main() -> NoReturn:
    note = Path(sys.argv[1])
    server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    threading.Thread(target=relay, args=(sys.stdin.buffer, server.stdin, note), daemon=True).start()
    relay(server.stdout, sys.stdout.buffer, note)
    code = server.wait()
    os._exit(code)  # the thread that reads the client's lines cannot be interrupted


if __name__ == "__main__":
    main()
