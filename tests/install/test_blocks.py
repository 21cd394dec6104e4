"""The server goes into a client's file and out of it again, and nothing else in it is touched."""

import json
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from asisso_mcp.config import Settings
from asisso_mcp.install import blocks, documents, json_text
from asisso_mcp.install.clients import CLIENTS, Client, by_name
from asisso_mcp.install.errors import NotInstalled
from asisso_mcp.install.launch import ANYWHERE, Launch

EACH = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
OTHER = Launch("/opt/asisso/bin/asisso-mcp")

FILES: dict[str, str] = {
    "json": '{\n  "theme": "dark",\n  "mcpServers": {\n    "other": {"command": "x", "args": []}\n  }\n}\n',
    "jsonc": (
        '{\n    // my servers\n    "mcpServers": {\n        "other": {"command": "x"}, // keep\n    },\n'
        '    "servers": {\n        "other": {"command": "x"}\n    },\n    "url": "https://a.example//b", /* end */\n}\n'
    ),
    "toml": '# mine\nmodel = "o"   # keep\n\n[mcp_servers.other]\ncommand = "x"\n\n[profiles.a]\nmodel = "b"\n',
    "yaml": "# mine\nGOOSE_MODE: smart_approve  # keep\nextensions:\n  other:\n    cmd: 'x'\n    args:\n    - a\nLAST: 0.70\n",
}
"""What a person has in a client's file before, by format."""


def parsed(text: str, form: str) -> Any:
    """Read by somebody else than the code under test, where there is one."""
    match form:
        case "toml":
            return tomllib.loads(text)
        case "yaml":
            return YAML(typ="safe").load(text)
    return json_text.read(text, comments=form == "jsonc")


def file_of(client: Client, folder: Path, text: str | None) -> Path:
    file = folder / "settings"
    if text is not None:
        file.write_bytes(text.encode())
    return file


@EACH
def test_the_block_is_added_and_everything_else_stays_byte_for_byte_in_its_place(
    client: Client, tmp_path: Path
) -> None:
    before = FILES[client.format]
    file = file_of(client, tmp_path, before)
    assert blocks.install(client, file, ANYWHERE).changed
    after = file.read_text()
    lines = iter(after.splitlines())
    for line in before.splitlines():
        assert any(line in (each, each.removesuffix(",")) for each in lines), f"{line!r} is gone"
    wanted = parsed(before, client.format)
    wanted.setdefault(client.under, {})["asisso"] = client.block(ANYWHERE, keyless=False)
    found = parsed(after, client.format)
    found.pop("inputs", None)
    assert found == wanted


@EACH
def test_a_second_time_changes_nothing_and_makes_no_backup(client: Client, tmp_path: Path) -> None:
    file = file_of(client, tmp_path, FILES[client.format])
    blocks.install(client, file, ANYWHERE)
    text = file.read_bytes()
    again = blocks.install(client, file, ANYWHERE)
    assert (again.changed, again.backup) == (False, None)
    assert file.read_bytes() == text
    assert len(list(tmp_path.iterdir())) == 2  # the file and the first backup


@EACH
@pytest.mark.parametrize("sandbox", [False, True])
def test_removing_brings_the_file_back_to_the_byte(client: Client, tmp_path: Path, sandbox: bool) -> None:
    for ends in ("\n", "\r\n"):
        before = FILES[client.format].replace("\n", ends)
        file = file_of(client, tmp_path, before)
        blocks.install(client, file, ANYWHERE, sandbox=sandbox)
        assert blocks.remove(client, file).changed
        assert file.read_bytes().decode() == before


@EACH
def test_a_file_that_was_not_there_is_made_and_taken_away_again(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "not" / "yet" / "settings"
    done = blocks.install(client, file, ANYWHERE)
    assert (done.changed, done.backup) == (True, None)
    assert file.read_text() == blocks.preview(client, ANYWHERE)
    blocks.remove(client, file)
    assert not file.exists()


@EACH
def test_the_backup_is_the_file_as_it_was(client: Client, tmp_path: Path) -> None:
    file = file_of(client, tmp_path, FILES[client.format])
    first = blocks.install(client, file, ANYWHERE).backup
    second = blocks.install(client, file, OTHER).backup
    assert first is not None
    assert second is not None
    assert first != second
    assert first.read_text() == FILES[client.format]


@EACH
@pytest.mark.parametrize("text", ['{"a": ', "a: [1\nb", "[1, 2]", '"words"', "\x00\xff", "{'a': 1} = ["])
def test_a_file_that_cannot_be_read_is_refused_and_left_as_it_is(client: Client, tmp_path: Path, text: str) -> None:
    file = file_of(client, tmp_path, text)
    for change in (lambda: blocks.install(client, file, ANYWHERE), lambda: blocks.remove(client, file)):
        with pytest.raises(NotInstalled, match=r"was left as it is, because .*add --print to see it"):
            change()
    assert file.read_bytes() == text.encode()
    assert list(tmp_path.iterdir()) == [file]


@EACH
def test_a_list_or_a_word_where_the_servers_belong_is_refused(client: Client, tmp_path: Path) -> None:
    texts = {"json": '{"%s": [1]}', "jsonc": '{"%s": "x"}', "toml": "%s = [1]\n", "yaml": "%s: [1]\n"}
    file = file_of(client, tmp_path, texts[client.format] % client.under)
    before = file.read_bytes()
    with pytest.raises(NotInstalled, match="was left as it is, because there is something else where"):
        blocks.install(client, file, ANYWHERE)
    assert file.read_bytes() == before


def test_comments_are_refused_where_the_client_could_not_read_them(tmp_path: Path) -> None:
    file = file_of(by_name("claude-desktop"), tmp_path, '{\n  // mine\n  "mcpServers": {}\n}')
    with pytest.raises(NotInstalled, match=r"because it is not valid JSON \(line 2: Expecting property name"):
        blocks.install(by_name("claude-desktop"), file, ANYWHERE)


@EACH
def test_what_a_person_added_to_the_block_stays_when_the_command_changes(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "settings"
    blocks.install(client, file, ANYWHERE, key="key-of-a-person")
    variables = "envs" if client.name == "goose" else "env"
    block = documents.block_in(file.read_text(), client.format, client.path)
    block[variables]["ASISSO_CAMPAIGNS"] = "3"
    block["timeout"] = 17
    file.write_text(documents.put(file.read_text(), client.format, client.path, block))
    blocks.install(client, file, OTHER)
    after = documents.block_in(file.read_text(), client.format, client.path)
    assert after[variables] == {"ASISSO_API_KEY": "key-of-a-person", "ASISSO_CAMPAIGNS": "3"}
    assert after["timeout"] == 17
    assert after.get("command", after.get("cmd")) == OTHER.command
    assert after.get("env_keys", after.get("env_vars", [])) == []


@EACH
def test_from_the_sandbox_to_the_real_api_and_back_is_only_a_matter_of_installing_again(
    client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "settings"
    seen = []
    for sandbox in (True, False, True):
        blocks.install(client, file, ANYWHERE, sandbox=sandbox)
        seen.append(documents.block_in(file.read_text(), client.format, client.path))
    assert [block["args"] for block in seen] == [
        ["asisso-mcp", "--sandbox"],
        ["asisso-mcp"],
        ["asisso-mcp", "--sandbox"],
    ]
    assert seen[0] == seen[2] == client.block(ANYWHERE.with_flags(["--sandbox"]), keyless=True)
    assert seen[1] == client.block(ANYWHERE, keyless=False)


@EACH
def test_no_block_has_a_key_and_each_reference_counts_as_unset_until_the_client_fills_it_in(client: Client) -> None:
    block = client.block(ANYWHERE, keyless=False)
    given: Mapping[str, str] = block.get("env", {}) | block.get("envs", {})
    assert Settings.from_environment(given).api_key is None
    named = list(given) + block.get("env_vars", []) + block.get("env_keys", [])
    assert named == ["ASISSO_API_KEY"]


def test_a_given_key_makes_the_file_its_owners_alone(tmp_path: Path) -> None:
    file = file_of(by_name("cursor"), tmp_path, "{}")
    file.chmod(0o644)
    blocks.install(by_name("cursor"), file, ANYWHERE, key="secret-1")
    assert json.loads(file.read_text())["mcpServers"]["asisso"]["env"] == {"ASISSO_API_KEY": "secret-1"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_files_permissions_and_a_link_to_it_stay(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    real.chmod(0o640)
    link = tmp_path / "settings.json"
    link.symlink_to(real)
    blocks.install(by_name("gemini"), link, ANYWHERE)
    assert link.is_symlink()
    assert "asisso" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = file_of(by_name("gemini"), tmp_path, '{"a": 1}')

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotInstalled, match=r"settings cannot be written \(No space left on device\)\.$"):
        blocks.install(by_name("gemini"), file, ANYWHERE)
    assert file.read_text() == '{"a": 1}'
    assert [each for each in tmp_path.iterdir() if each != file and each.suffix != ".bak"] == []


def test_a_file_that_another_program_changes_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = by_name("claude-code")
    file = file_of(client, tmp_path, '{"a": 1}')
    honest = documents.put

    def slow(*arguments: Any) -> str:
        file.write_text('{"a": 2}')
        return honest(*arguments)

    monkeypatch.setattr(documents, "put", slow)
    with pytest.raises(NotInstalled, match="was changed by another program at this moment"):
        blocks.install(client, file, ANYWHERE)
    assert file.read_text() == '{"a": 2}'


def test_a_byte_order_mark_stays_where_it_was(tmp_path: Path) -> None:
    file = file_of(by_name("vscode"), tmp_path, '\ufeff{\r\n\t"servers": {}\r\n}')
    blocks.install(by_name("vscode"), file, ANYWHERE, sandbox=True)
    text = file.read_bytes().decode()
    assert text.startswith('\ufeff{\r\n\t"servers": {\r\n\t\t"asisso": {')
    assert text.count("\n") == text.count("\r\n")


def test_vs_code_is_told_to_ask_for_the_key_once_and_keeps_other_questions(tmp_path: Path) -> None:
    client = by_name("vscode")
    other = {"type": "promptString", "id": "mine", "description": "Mine"}
    file = file_of(client, tmp_path, json.dumps({"inputs": [other], "servers": {}}, indent=2))
    blocks.install(client, file, ANYWHERE)
    asked = {"type": "promptString", "id": "asisso-api-key", "description": "Asisso API key", "password": True}
    assert json.loads(file.read_text())["inputs"] == [other, asked]
    blocks.remove(client, file)
    assert json.loads(file.read_text())["inputs"] == [other]


def test_a_question_that_a_person_worded_otherwise_stays_so(tmp_path: Path) -> None:
    client = by_name("vscode")
    file = tmp_path / "mcp.json"
    blocks.install(client, file, ANYWHERE)
    file.write_text(file.read_text().replace('"Asisso API key"', '"Key of the Berlin account"'))
    blocks.install(client, file, OTHER)
    assert json.loads(file.read_text())["inputs"][0]["description"] == "Key of the Berlin account"


def test_a_yaml_file_whose_lists_are_indented_keeps_them_so(tmp_path: Path) -> None:
    before = "extensions:\n  other:\n    args:\n      - a  # first\n      - b\nPATHS:\n  - /opt\n"
    file = file_of(by_name("goose"), tmp_path, before)
    blocks.install(by_name("goose"), file, ANYWHERE)
    assert file.read_text().startswith("extensions:\n  other:\n    args:\n      - a  # first\n      - b\n  asisso:\n")
    assert file.read_text().endswith("\nPATHS:\n  - /opt\n")
    blocks.remove(by_name("goose"), file)
    assert file.read_text() == before


def test_a_server_that_was_reached_over_http_is_replaced_not_mixed(tmp_path: Path) -> None:
    file = file_of(by_name("cursor"), tmp_path, '{"mcpServers": {"asisso": {"url": "http://127.0.0.1:8000/mcp"}}}')
    blocks.install(by_name("cursor"), file, ANYWHERE)
    block = json.loads(file.read_text())["mcpServers"]["asisso"]
    assert block == by_name("cursor").block(ANYWHERE, keyless=False)
