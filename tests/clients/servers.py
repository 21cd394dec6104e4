"""What the clients talk to: this checkout's server over the built-in sandbox, on stdio or HTTP, each with a state of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asisso_mcp.sandbox import KEY, RunningServer, Sandbox
from tests.processes import HttpServer, closing

COMMAND = str(Path(sys.executable).with_name("asisso-mcp" + (".exe" if os.name == "nt" else "")))
STDIO, HTTP, API = "stdio", "http", "stdio, one API"


@contextmanager
def served(transport: str, note: Path) -> Iterator[dict[str, Any]]:
    """How a client reaches the server: `command`, `args`, `env`, or `url`.

    note: a file that says at which protocol version they spoke, after a conversation on stdio.
    """
    recorded = [str(Path(__file__).with_name("recorder.py")), str(note), COMMAND, "serve"]
    launch: dict[str, Any] = {"command": sys.executable, "args": recorded, "env": {}, "url": None}
    if transport == STDIO:
        yield {**launch, "args": [*recorded, "--sandbox"]}
    elif transport == API:
        with RunningServer(Sandbox()) as api:
            yield {**launch, "env": {"ASISSO_BASE_URL": api.url, "ASISSO_API_KEY": KEY}}
    else:
        command = [COMMAND, "serve", "--transport", "http", "--sandbox", "--port", "0"]
        with closing(subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1)) as process:
            server = HttpServer(process)
            if not server.url:
                raise RuntimeError(f"{' '.join(command)} did not come up: {server.said[-400:]}")
            yield {**launch, "url": server.url}
