"""The generated part of docs/clients.md: `python -m tests.clients.page` writes it, `--check` fails when it differs.

Each block is what `asisso-mcp install --client NAME --print` prints where only `uvx` is there.
"""

import re
import sys
from pathlib import Path

from asisso_mcp.install.clients import CLIENTS, Client
from asisso_mcp.install.config_file import preview
from asisso_mcp.install.launch_command import UVX
from tests.docs import write_or_check

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
HIGHLIGHT = {"json": "json", "jsonc": "json", "toml": "toml", "yaml": "yaml"}


def section(client: Client) -> str:
    project = f", or `{'/'.join(client.project)}` in a project (`--project DIR`)" if client.project else ""
    return "\n".join(
        [
            f"### {client.title}",
            "",
            "```sh",
            f"asisso-mcp install --client {client.name}",
            "```",
            "",
            f"Or by hand, in {client.config_path_text}{project}:",
            "",
            f"```{HIGHLIGHT[client.format]}",
            preview(client, UVX).rstrip("\n"),
            "```",
            "",
            f"* **The key.** {client.key_hint}",
            *(f"* **Its nod.** {nod}" for nod in (client.nod, client.project_nod) if nod),
            f"* **To see it work.** {client.check}",
            f"* Described by its makers at <{client.source}>.",
        ]
    )


def renewed(text: str) -> str:
    """`text` with the clients' sections as they should be. Raises ValueError when it has no place for them."""
    sections = "\n\n".join(section(client) for client in CLIENTS)
    changed, count = re.subn(
        r"(<!-- generated: clients -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}\n{sections}\n\n{found[2]}",
        text,
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f"{PAGE.name} has no place for the clients' sections.")
    return changed


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, renewed))
