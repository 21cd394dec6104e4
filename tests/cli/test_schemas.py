"""`asisso-mcp schemas`: which files are written, checked and left alone."""

import json
from pathlib import Path

import pytest

from asisso_mcp import schemas
from asisso_mcp.cli import main
from asisso_mcp.schemas import FORMATS, to_provider_format
from asisso_mcp.tools.campaigns import TOOLS

DEFINITIONS = [tool.definition() for tool in TOOLS]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["schemas", *arguments])
    assert isinstance(end.value.code, int)
    return end.value.code


def test_one_format_is_written_alone_and_touches_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "of_mine.json").write_text("{}")
    assert run("--folder", str(tmp_path), "--format", "gemini") == 0
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")) == [
        "gemini/tools.json",
        "of_mine.json",
    ]
    assert run("--folder", str(tmp_path), "--format", "gemini", "--check") == 0
    assert run("--folder", str(tmp_path), "--format", "openai", "--check") == 1


def test_without_a_format_everything_is_written_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--folder", str(tmp_path), "--check") == 1
    assert capsys.readouterr().err == (
        f"asisso-mcp: {tmp_path}: not there: anthropic/tools.json, gemini/tools.json, get_campaign.json, list_campaigns.json, "
        "openai-strict/tools.json, openai/tools.json, pause_campaign.json, resume_campaign.json, update_campaign.json. Run "
        "`asisso-mcp schemas`.\n"
    )
    assert run("--folder", str(tmp_path)) == 0
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json"))
    assert written == sorted([*(f"{tool.name}.json" for tool in TOOLS), *(f"{form}/tools.json" for form in FORMATS)])
    assert run("--folder", str(tmp_path), "--check") == 0
    (tmp_path / "openai-strict" / "tools.json").write_text("[]")
    assert run("--folder", str(tmp_path), "--check") == 1
    capsys.readouterr()
    (tmp_path / "get_campaign.json").unlink()
    assert run("--folder", str(tmp_path), "--check") == 1
    assert capsys.readouterr().err == (
        f"asisso-mcp: {tmp_path}: not there: get_campaign.json; different from the models: openai-strict/tools.json. Run "
        "`asisso-mcp schemas`.\n"
    )


FOREIGN = {
    "package.json": '{"name": "package", "version": "1.0.0", "description": "An agent"}',
    "tsconfig.json": '{\n  // comments are allowed here\n  "compilerOptions": {}\n}',
    "mcp.json": '{"mcpServers": {"asisso": {"command": "uvx", "args": ["asisso-mcp"]}}}',
    "create_issue.json": json.dumps({**DEFINITIONS[0], "name": "create_issue"}),
    "other_tool.json": '{"name": "other_tool", "description": "Of another server", "inputSchema": {"type": "object"}}',
    "of_another_name.json": json.dumps(DEFINITIONS[0]),
    "annotated_otherwise.json": json.dumps({**DEFINITIONS[0], "name": "annotated_otherwise", "annotations": {}}),
    "list.json": "[]",
    "my_tools.json": json.dumps(to_provider_format(DEFINITIONS, "openai")),
    "empty.json": "",
    "deep.json": "[" * 100_000,
    "latin.json": '{"name": "caf\xe9"}',
}
"""What lies in a project beside ours, by the names that its owner gave it."""


def test_in_a_folder_with_other_peoples_files_only_our_own_are_touched(tmp_path: Path) -> None:
    for name, text in FOREIGN.items():
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    assert run("--folder", str(tmp_path)) == 0
    assert {name: (tmp_path / name).read_bytes().decode("latin-1") for name in FOREIGN} == FOREIGN
    assert run("--folder", str(tmp_path), "--check") == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("get_campaign.json", '{"id": 3, "name": "Spring promo"}'),
        ("get_campaign.json", "not JSON"),
        ("list_campaigns.json", json.dumps({**DEFINITIONS[0], "title": "Campaigns of the mailing list"})),
        ("openai/tools.json", '[{"type": "function", "function": {"name": "send_mail", "parameters": {}}}]'),
        ("anthropic/tools.json", json.dumps([*to_provider_format(DEFINITIONS, "anthropic"), {"name": "send_mail"}])),
        ("gemini/tools.json", '[{"functionDeclarations": []}]'),
        ("openai-strict/tools.json", "[]"),
    ],
)
def test_a_file_of_someone_else_under_one_of_our_names_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert run("--folder", str(tmp_path)) == 1
    assert capsys.readouterr() == (
        "",
        f"asisso-mcp: {tmp_path / name} would be overwritten, and is not a file that asisso-mcp wrote. Nothing was written: move "
        "that file away, or choose another --folder.\n",
    )
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")] == [name]
    assert (tmp_path / name).read_text() == text


def test_an_older_file_of_ours_is_written_anew(tmp_path: Path) -> None:
    assert run("--folder", str(tmp_path)) == 0
    (tmp_path / "get_campaign.json").write_text(json.dumps({**DEFINITIONS[1], "description": "As it was once."}))
    for form in FORMATS:
        text = schemas.render(form)[f"{form}/tools.json"]
        (tmp_path / form / "tools.json").write_text(text.replace("Finds campaigns", "Found campaigns"))
    assert run("--folder", str(tmp_path)) == 0
    assert run("--folder", str(tmp_path), "--check") == 0


def test_a_folder_that_cannot_be_written_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert run("--folder", str(tmp_path / "file" / "folder")) == 1
    assert capsys.readouterr() == (
        "",
        f"asisso-mcp: {tmp_path / 'file' / 'folder'} cannot be written: Not a directory. Choose another --folder.\n",
    )


def test_a_format_that_does_not_exist_is_refused_with_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--format", "mistral") == 2
    said = capsys.readouterr().err
    assert all(f"'{form}'" in said for form in FORMATS)
