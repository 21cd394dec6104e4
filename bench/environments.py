"""The environments in which the servers run, one each under `.bench/`, installed from the package indexes.

asisso-mcp is installed as a user would install it: a wheel built from this checkout, byte-compiled, not editable.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".bench"
PEERS = ROOT / "bench" / "peers"
NODE = HOME / "node"
OPENAPI = HOME / "openapi.json"

PYTHON_PEERS = {"sdk": ["mcp>=2.3,<3", "httpx2>=2.16,<3"], "fastmcp": ["fastmcp>=4.2,<5", "httpx2>=2.16,<3"]}
_OURS = "asisso-mcp"
_OPERATIONS = {
    "/api/v1/campaign/": ("get",),
    "/api/v1/campaign/{campaign_id}": ("get", "patch"),
    "/api/v1/campaign/{campaign_id}/pause": ("post",),
    "/api/v1/campaign/{campaign_id}/resume": ("post",),
}


class NotInstalled(Exception):
    """An environment could not be made; in words."""


def python(environment: str) -> str:
    """The Python interpreter of an environment."""
    return str(HOME / environment / "bin" / "python")


def node() -> str:
    """The Node executable that npm installed."""
    return str(NODE / "node_modules" / "node" / "bin" / "node")


def prepare(*, fresh: bool = False) -> None:
    """Make what is missing, and install this checkout anew. `fresh` removes what an earlier run installed.

    Raises NotInstalled.
    """
    if fresh and HOME.exists():
        shutil.rmtree(HOME)
    HOME.mkdir(exist_ok=True)
    (HOME / ".gitignore").write_text("*\n")
    for left in ("log", "state"):  # the journal of an earlier run is none of this one's work
        shutil.rmtree(HOME / left, ignore_errors=True)
    (HOME / "log").mkdir()
    for name, requirements in PYTHON_PEERS.items():
        _python_peer(name, requirements)
    _npm_peers()
    _ourselves()
    _describe_api()


def versions() -> dict[str, str]:
    """What was compared with what: the name of each package, and its version."""
    found = {"Python": sys.version.split()[0]}
    for environment, names in (
        ("ours", [_OURS]),
        ("sdk", ["mcp", "httpx2", "pydantic", "uvicorn"]),
        ("fastmcp", ["fastmcp"]),
    ):
        code = "import sys, importlib.metadata as m; print(*(m.version(name) for name in sys.argv[1:]))"
        answer = subprocess.run([python(environment), "-c", code, *names], check=True, capture_output=True, text=True)
        found.update(zip(names, answer.stdout.split(), strict=True))
    for name in ("node", "@modelcontextprotocol/sdk", "@ivotoby/openapi-mcp-server", "gpt-tokenizer"):
        found[name] = json.loads((NODE / "node_modules" / name / "package.json").read_text())["version"]
    return found


def _python_peer(name: str, requirements: Sequence[str]) -> None:
    stamp = HOME / name / ".requirements"
    wanted = "\n".join(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    _create(name)
    _install(name, *requirements)
    stamp.write_text(wanted)


def _npm_peers() -> None:
    NODE.mkdir(exist_ok=True)
    wanted = (PEERS / "package.json").read_text()
    stamp = NODE / ".requirements"
    for source in [PEERS / "package.json", *PEERS.glob("*.js")]:
        shutil.copy(source, NODE)
    if not stamp.exists() or stamp.read_text() != wanted:
        if shutil.which("npm") is None:
            raise NotInstalled("The npm peers need npm; install Node.js and run again.")
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", cwd=NODE)
        stamp.write_text(wanted)


def _ourselves() -> None:
    built = HOME / "dist"
    shutil.rmtree(built, ignore_errors=True)
    if shutil.which("uv"):
        _run("uv", "build", "--quiet", "--wheel", "--out-dir", str(built))
    else:
        _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(built), ".")
    (wheel,) = built.glob("*.whl")
    stamp = HOME / "ours" / ".requirements"
    wanted = (ROOT / "pyproject.toml").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        _create("ours")
        _install("ours", str(wheel))
        stamp.write_text(wanted)
    else:
        _install("ours", "--no-deps", "--reinstall" if shutil.which("uv") else "--force-reinstall", str(wheel))


def _describe_api() -> None:
    """The API's own OpenAPI description, cut down to the five operations, for the peers that are made from one."""
    code = "import json; from asisso_mcp.sandbox import Sandbox; print(json.dumps(Sandbox().openapi()))"
    answer = subprocess.run([python("ours"), "-c", code], check=True, capture_output=True, text=True)
    description = json.loads(answer.stdout)
    description["paths"] = {
        path: {method: description["paths"][path][method] for method in methods}
        for path, methods in _OPERATIONS.items()
    }
    OPENAPI.write_text(json.dumps(description))


def _create(name: str) -> None:
    shutil.rmtree(HOME / name, ignore_errors=True)
    if shutil.which("uv"):
        _run("uv", "venv", "--quiet", "--python", sys.executable, str(HOME / name))
    else:
        _run(sys.executable, "-m", "venv", str(HOME / name))


def _install(name: str, *what: str) -> None:
    if shutil.which("uv"):
        _run("uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", python(name), *what)
    else:  # pip compiles of itself
        _run(python(name), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what)


def _run(*command: str, cwd: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).strip()[-600:]
        raise NotInstalled(f"`{' '.join(command[:3])} …` failed: {last}")
