"""Where a client lives: an environment of its own, installed from the package index once and kept in `.clients/`."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".clients"


@dataclass(frozen=True)
class Environment:
    """Packages with their bounds. A change of bounds is another environment."""

    name: str
    packages: tuple[str, ...]
    npm: bool = False

    @property
    def folder(self) -> Path:
        facts = "\n".join((sys.version.split()[0], *self.packages))
        return CACHE / f"{self.name}-{hashlib.sha256(facts.encode()).hexdigest()[:10]}"

    @property
    def interpreter(self) -> str:
        """What runs this environment's drivers."""
        if self.npm:
            own = self.folder / "node_modules" / ".bin" / "node"
            return str(own) if own.exists() else "node"
        return str(self.folder / ("Scripts" if os.name == "nt" else "bin") / "python")

    def ready(self) -> None:
        """Install what is missing. Raises RuntimeError with the installer's words."""
        if self.folder.exists():
            return
        CACHE.mkdir(exist_ok=True)
        for older in CACHE.glob(f"{self.name}-*"):
            shutil.rmtree(older)
        making = self.folder.with_name(f"making-{self.folder.name}")
        shutil.rmtree(making, ignore_errors=True)
        try:
            if self.npm:
                making.mkdir()
                (making / "package.json").write_text('{"private": true}', encoding="utf-8")
                _run("npm", "install", "--no-fund", "--no-audit", "--silent", *self.packages, cwd=making)
                making.rename(self.folder)
            else:
                self._python()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _python(self) -> None:
        if shutil.which("uv"):
            _run("uv", "venv", "--quiet", "--python", sys.executable, str(self.folder))
            _run("uv", "pip", "install", "--quiet", "--python", self.interpreter, *self.packages)
        else:
            _run(sys.executable, "-m", "venv", str(self.folder))
            _run(self.interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *self.packages)


MCP = Environment("mcp", ("mcp>=2.3,<3",))
FASTMCP = Environment("fastmcp", ("fastmcp>=4.2,<5",))
LANGCHAIN = Environment("langchain", ("langchain-mcp-adapters>=0.3,<0.4", "langchain>=1.4,<2"))
OPENAI_AGENTS = Environment("openai-agents", ("openai-agents>=0.24,<0.25",))
PYDANTIC_AI = Environment("pydantic-ai", ("pydantic-ai-slim[mcp]>=2.68,<3",))
LLAMA_INDEX = Environment("llama-index", ("llama-index-tools-mcp>=0.6,<0.7", "llama-index-core>=0.14,<0.15"))
NPM = Environment("npm", ("@modelcontextprotocol/client@^2.4.0", "@modelcontextprotocol/sdk@^1.32.0"), npm=True)
INSPECTOR = Environment("inspector", ("@modelcontextprotocol/inspector@^2.12.0", "node@22"), npm=True)


def _run(*command: str, cwd: Path | None = None) -> None:
    program = shutil.which(command[0]) or command[0]
    done = subprocess.run([program, *command[1:]], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-2000:]}")
