"""The generated parts of the documents: `python -m tests.docs` writes them, `--check` fails when one differs.

Each part stands between `<!-- generated: NAME -->` and `<!-- end -->`, and shows what the program really says.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
from mcp.client import Client

from asisso_mcp.cli.demo import converse
from asisso_mcp.config import SETTINGS as SETTING_TABLE
from asisso_mcp.sandbox import Sandbox
from asisso_mcp.server.app import build_server
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.parameters import parameters
from tests.conftest import MONDAY, SETTINGS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def tools() -> str:
    rows = ["| tool | does | arguments |", "|---|---|---|"]
    for tool in TOOLS:
        required = tool.input_schema.get("required", [])
        names = [f"`{name}`" if name in required else f"`{name}?`" for name in tool.input_schema["properties"]]
        kind = "reads" if tool.hints.read_only else "phones ring" if tool.hints.destructive else "writes"
        rows.append(f"| `{tool.name}` | {tool.title} ({kind}) | {', '.join(names)} |")
    return "\n".join(rows)


def fields() -> str:
    update = next(tool for tool in TOOLS if tool.name == "update_campaign")
    rows = ["| field of `update_campaign` | allowed |", "|---|---|"]
    no_fields = ("campaign_id", "if_running", "dry_run", "expected_revision")
    fields = (each for each in parameters(update.input_schema) if each.path not in no_fields)
    return "\n".join([*rows, *(f"| `{each.path}` | {each.allowed} |" for each in fields)])


def settings() -> str:
    rows = ["| setting | meaning | default |", "|---|---|---|"]
    rows += [f"| `{each.name}` | {each.meaning} | {each.default} |" for each in SETTING_TABLE]
    return "\n".join(rows)


def conversation() -> str:
    lines: list[str] = []

    async def talk() -> None:
        sandbox = Sandbox(clock=lambda: MONDAY)
        async with Client(build_server(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY)) as client:
            await converse(client, lines.append)
        sandbox.close()

    anyio.run(talk)
    return "\n".join(["```text", *"\n".join(lines).splitlines(), "```"])


PARTS: dict[str, Callable[[], str]] = {
    "tools": tools,
    "fields": fields,
    "settings": settings,
    "conversation": conversation,
}


def renewed(text: str) -> str:
    """`text` with every generated part as it should be."""

    def part(found: re.Match[str]) -> str:
        return f"{found[1]}\n{PARTS[found[2]]()}\n{found[3]}"

    return re.sub(r"(<!-- generated: ([a-z-]+) -->)\n.*?(<!-- end -->)", part, text, flags=re.DOTALL)


def write_or_check(file: Path, renew: Callable[[str], str]) -> int:
    """Write what `renew` makes of the file; with `--check` say that it differs. The exit code."""
    text = file.read_text(encoding="utf-8")
    wanted = renew(text)
    if "--check" not in sys.argv:
        file.write_text(wanted, encoding="utf-8")
    elif wanted != text:
        print(f"{file.relative_to(ROOT)} is not what the program says now. Run `make docs`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(write_or_check(README, renewed))
