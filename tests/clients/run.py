"""`python -m tests.clients.run [NAME …]`: real clients talk to the server over the sandbox, and the matrix says what came of it.

Each client is installed from the package index into an environment of its own (`.clients/`). None needs a language model or a
key. The exit code is 1 when a cell is not as it should be. A run in which all clients spoke writes the matrix into docs/clients.md.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asisso_mcp.tools.campaigns import TOOLS
from tests.clients.conversation import COLUMNS, GOOD, STEPS, judged
from tests.clients.environments import (
    FASTMCP,
    INSPECTOR,
    LANGCHAIN,
    LLAMA_INDEX,
    MCP,
    NPM,
    OPENAI_AGENTS,
    PYDANTIC_AI,
    ROOT,
    Environment,
)
from tests.clients.servers import API, HTTP, STDIO, served

HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "clients.md"
SECONDS = 120


@dataclass(frozen=True)
class Row:
    """One client, driven in one way, over one transport."""

    client: str
    environment: Environment
    driver: str
    way: str
    words: str
    transport: str = STDIO


ROWS = (
    Row("MCP SDK (Python)", MCP, "mcp_sdk.py", "auto", "its API"),
    Row("MCP SDK (Python)", MCP, "mcp_sdk.py", "legacy", "its API"),
    Row("MCP SDK (Python)", MCP, "mcp_sdk.py", "auto", "its API", HTTP),
    Row("MCP SDK (Python)", MCP, "mcp_sdk.py", "legacy", "its API", HTTP),
    Row("MCP SDK (npm)", NPM, "npm_sdk.mjs", "auto", "its API"),
    Row("MCP SDK (npm)", NPM, "npm_sdk.mjs", "legacy", "its API"),
    Row("MCP SDK (npm)", NPM, "npm_sdk.mjs", "auto", "its API", HTTP),
    Row("MCP SDK 1.x (npm)", NPM, "npm_sdk.mjs", "sdk1", "its API"),
    Row("MCP SDK 1.x (npm)", NPM, "npm_sdk.mjs", "sdk1", "its API", HTTP),
    Row("MCP Inspector", INSPECTOR, "inspector.py", "", "its command line, `--strict`", API),
    Row("MCP Inspector", INSPECTOR, "inspector.py", "", "its command line, `--strict`", HTTP),
    Row("FastMCP", FASTMCP, "fastmcp_client.py", "", "its API"),
    Row("FastMCP", FASTMCP, "fastmcp_client.py", "", "its API", HTTP),
    Row("LangChain", LANGCHAIN, "langchain_adapters.py", "", "its API"),
    Row("LangChain", LANGCHAIN, "langchain_adapters.py", "model", "an agent with a scripted model"),
    Row("OpenAI Agents SDK", OPENAI_AGENTS, "openai_agents.py", "", "its API"),
    Row("OpenAI Agents SDK", OPENAI_AGENTS, "openai_agents.py", "model", "an agent with a scripted model"),
    Row("Pydantic AI", PYDANTIC_AI, "pydantic_ai_toolset.py", "", "its API"),
    Row("Pydantic AI", PYDANTIC_AI, "pydantic_ai_toolset.py", "model", "an agent with a scripted model"),
    Row("LlamaIndex", LLAMA_INDEX, "llama_index_tools.py", "", "its API", API),
    Row("LlamaIndex", LLAMA_INDEX, "llama_index_tools.py", "model", "an agent with a scripted model", HTTP),
)
"""`API`: this client starts a process for each call, so the processes share one `asisso-mcp sandbox`."""


@dataclass(frozen=True)
class Outcome:
    row: Row
    versions: str
    protocol: str
    cells: dict[str, str]

    @property
    def spoke(self) -> bool:
        """Whether there was a conversation, however it went."""
        return self.versions != "?"

    @property
    def good(self) -> bool:
        return set(self.cells.values()) <= GOOD

    def reasons(self) -> dict[str, str]:
        """What is wrong, by column; the same reason once."""
        wrong = {column: word for column, word in self.cells.items() if word not in GOOD}
        return {column: word for column, word in wrong.items() if column == next(k for k in wrong if wrong[k] == word)}

    def line(self) -> str:
        how = f"{self.row.words}, {'HTTP' if self.row.transport == HTTP else 'stdio'}"
        shown = [word if word in GOOD else "**no**" for word in (self.cells[column] for column in COLUMNS)]
        return "| " + " | ".join((self.row.client, self.versions, self.protocol, how, *shown)) + " |"


def outcome(row: Row) -> Outcome:
    """Let the client have its conversation. A client that breaks gives cells that say how."""
    try:
        heard = _heard(row)
    except (RuntimeError, subprocess.TimeoutExpired) as problem:
        return Outcome(row, "?", "?", dict.fromkeys(COLUMNS, f"broke: {problem}"))
    versions = ", ".join(f"{name} {number}" for name, number in heard["versions"].items())
    cells = judged(heard, [tool.name for tool in TOOLS])
    return Outcome(row, versions, heard["protocol"] or "not told", cells)


def _heard(row: Row) -> dict[str, Any]:
    """What the driver hands back. Raises RuntimeError, TimeoutExpired."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        note, result = folder / "protocol", folder / "result.json"
        server = stack.enter_context(served(row.transport, note))
        job = {**server, "way": row.way, "steps": STEPS, "environment": str(row.environment.folder)}
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        program = sys.executable if row.driver == "inspector.py" else row.environment.interpreter
        command = [program, str(HERE / "drivers" / row.driver), str(folder / "job.json"), str(result)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS, cwd=folder)
        if done.returncode:
            raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()[-400:]}")
        heard: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        if note.exists():
            heard["protocol"] = note.read_text(encoding="utf-8")
    return heard


def matrix(outcomes: Sequence[Outcome]) -> str:
    head = ("client", "versions", "protocol", "driven by", *COLUMNS)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + [each.line() for each in outcomes])


def written(page: str, table: str) -> str:
    """The page with the matrix between its markers. Raises ValueError when the markers are missing."""
    renewed, count = re.subn(
        r"(<!-- matrix -->\n).*?(<!-- end of matrix -->)",
        lambda found: f"{found[1]}{table}\n{found[2]}",
        page,
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError("docs/clients.md has no place for the matrix.")
    return renewed


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - start:.1f} s", file=sys.stderr)


def main() -> int:
    names = sorted({row.environment.name for row in ROWS})
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which clients: {', '.join(names)}; default all")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="at once (default 2)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    rows = [row for row in ROWS if not options.names or row.environment.name in options.names]
    environments = list({row.environment.name: row.environment for row in rows}.values())
    with ThreadPoolExecutor(options.jobs) as pool:
        with timed("environments"):
            list(pool.map(Environment.ready, environments))
        with timed("conversations"):
            outcomes = list(pool.map(outcome, rows))
    table = matrix(outcomes)
    print(table)
    failed = [each for each in outcomes if not each.good]
    if not options.names and all(each.spoke for each in outcomes):
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
    for each in failed:
        print(f"\n{each.row.client} ({each.row.words}, {each.row.transport}) failed:", file=sys.stderr)
        for column, words in each.reasons().items():
            print(f"  {column}: {words}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
