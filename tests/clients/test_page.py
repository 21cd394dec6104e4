"""docs/clients.md shows what `install` writes, and a whole matrix."""

import re
from pathlib import Path

import pytest

from asisso_mcp.cli import main
from asisso_mcp.install.clients import CLIENTS, Client
from asisso_mcp.install.config_file import preview
from asisso_mcp.install.launch_command import UVX, launch_command
from tests.clients.page import PAGE, renewed


def test_the_page_shows_for_every_client_the_block_that_install_writes_now() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert renewed(text) == text
    for client in CLIENTS:
        assert f"### {client.title}\n" in text
        assert preview(client, UVX) in text


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_install_print_gives_the_pages_block_with_this_machines_command(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["install", "--client", client.name, "--print"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == preview(client, launch_command())


def test_every_cell_of_the_matrix_is_filled() -> None:
    table = re.search(r"<!-- matrix -->\n(.*?)<!-- end of matrix -->", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert table is not None
    head, rule, *rows = (line.strip().strip("|").split("|") for line in table[1].strip().splitlines())
    assert len(head) == len(rule) == 10
    clients = {row[0].strip() for row in rows}
    assert clients == {
        "MCP SDK (Python)",
        "MCP SDK (npm)",
        "MCP SDK 1.x (npm)",
        "MCP Inspector",
        "FastMCP",
        "LangChain",
        "OpenAI Agents SDK",
        "Pydantic AI",
        "LlamaIndex",
    }
    for row in rows:
        assert len(row) == len(head)
        assert all(cell.strip() for cell in row), row
        assert {cell.strip() for cell in row[4:]} <= {"yes", "as text", "text only"}
