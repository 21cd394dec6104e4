"""What the clients talk to: this checkout's server over the built-in sandbox, on stdio or HTTP, each with a state of its own."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asisso_mcp.sandbox import KEY

COMMAND = str(Path(sys.executable).with_name("asisso-mcp" + (".exe" if os.name == "nt" else "")))
STDIO, HTTP, API = "stdio", "http", "stdio, one API"
SECONDS = 30


@contextmanager
def served(transport: str, note: Path) -> Iterator[dict[str, Any]]:
    """How a client reaches the server: `command`, `args`, `env`, or `url`.

    note: a file that says at which protocol version they spoke, after a conversation on stdio.
    """
    recorded = [str(Path(__file__).with_name("recorder.py")), str(note), COMMAND, "serve"]
    launch: dict[str, Any] = {"command": sys.executable, "args": [*recorded, "--sandbox"], "env": {}, "url": None}
    if transport == STDIO:
        yield launch
        return
    port = _free_port()
    if transport == HTTP:
        arguments = ["serve", "--transport", "http", "--sandbox", "--port", str(port)]
        health, reach = "/healthz", {**launch, "url": f"http://127.0.0.1:{port}/mcp"}
    else:
        arguments = ["sandbox", "--port", str(port)]
        environment = {"ASISSO_BASE_URL": f"http://127.0.0.1:{port}", "ASISSO_API_KEY": KEY}
        health, reach = "/", {**launch, "args": recorded, "env": environment}
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([COMMAND, *arguments], stderr=errors)
        try:
            if not _answers(f"http://127.0.0.1:{port}{health}", process):
                errors.seek(0)
                raise RuntimeError(f"asisso-mcp {' '.join(arguments)} did not come up: {errors.read().decode()[-400:]}")
            yield reach
        finally:
            process.terminate()
            process.wait(timeout=SECONDS)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def _answers(url: str, process: "subprocess.Popen[bytes]") -> bool:
    """Whether something answers there, before the process ends or the time is up."""
    until = time.monotonic() + SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < until and process.poll() is None:
        try:
            opener.open(url, timeout=5).close()
        except urllib.error.HTTPError:  # it answers, and that is all we ask
            return True
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False
