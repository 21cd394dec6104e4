"""The server goes into a client's file and out of it again, and nothing else in it is touched."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from asisso_mcp.config import Settings
from asisso_mcp.install import config_file, json_text
from asisso_mcp.install.clients import CLIENTS, Client, by_name
from asisso_mcp.install.files import InstallError
from asisso_mcp.install.launch_command import UVX, LaunchCommand

EACH = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
OTHER = LaunchCommand("/opt/asisso/bin/asisso-mcp")

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
    return json_text.parse(text, comments=form == "jsonc")


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
    assert config_file.install(client, file, UVX).changed
    after = file.read_text()
    lines = iter(after.splitlines())
    for line in before.splitlines():
        assert any(line in (each, each.removesuffix(",")) for each in lines), f"{line!r} is gone"
    wanted = parsed(before, client.format)
    wanted.setdefault(client.root_key, {})["asisso"] = client.block(UVX, keyless=False)
    found = parsed(after, client.format)
    found.pop("inputs", None)
    assert found == wanted


@EACH
def test_a_second_time_changes_nothing_and_makes_no_backup(client: Client, tmp_path: Path) -> None:
    file = file_of(client, tmp_path, FILES[client.format])
    config_file.install(client, file, UVX)
    text = file.read_bytes()
    again = config_file.install(client, file, UVX)
    assert (again.changed, again.backup) == (False, None)
    assert file.read_bytes() == text
    assert len(list(tmp_path.iterdir())) == 2  # the file and the first backup


@EACH
@pytest.mark.parametrize("sandbox", [False, True])
def test_removing_brings_the_file_back_to_the_byte(client: Client, tmp_path: Path, sandbox: bool) -> None:
    for ends in ("\n", "\r\n"):
        before = FILES[client.format].replace("\n", ends)
        file = file_of(client, tmp_path, before)
        config_file.install(client, file, UVX, sandbox=sandbox)
        assert config_file.remove(client, file).changed
        assert file.read_bytes().decode() == before


@EACH
def test_a_file_that_was_not_there_is_made_and_taken_away_again(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "not" / "yet" / "settings"
    done = config_file.install(client, file, UVX)
    assert (done.changed, done.backup) == (True, None)
    assert file.read_text() == config_file.preview(client, UVX)
    config_file.remove(client, file)
    assert not file.exists()


@EACH
@pytest.mark.parametrize("text", ['{"a": ', "a: [1\nb", "[1, 2]", '"words"', "\x00\xff", "{'a': 1} = ["])
def test_a_file_that_cannot_be_read_is_refused_and_left_as_it_is(client: Client, tmp_path: Path, text: str) -> None:
    file = file_of(client, tmp_path, text)
    for change in (lambda: config_file.install(client, file, UVX), lambda: config_file.remove(client, file)):
        with pytest.raises(InstallError, match=r"was left as it is, because .*add --print to see it"):
            change()
    assert file.read_bytes() == text.encode()
    assert list(tmp_path.iterdir()) == [file]


@EACH
def test_a_list_or_a_word_where_the_servers_belong_is_refused(client: Client, tmp_path: Path) -> None:
    texts = {"json": '{"%s": [1]}', "jsonc": '{"%s": "x"}', "toml": "%s = [1]\n", "yaml": "%s: [1]\n"}
    file = file_of(client, tmp_path, texts[client.format] % client.root_key)
    before = file.read_bytes()
    with pytest.raises(InstallError, match="was left as it is, because there is something else where"):
        config_file.install(client, file, UVX)
    assert file.read_bytes() == before


def test_comments_are_refused_where_the_client_could_not_read_them(tmp_path: Path) -> None:
    file = file_of(by_name("claude-desktop"), tmp_path, '{\n  // mine\n  "mcpServers": {}\n}')
    with pytest.raises(InstallError, match=r"because it is not valid JSON \(line 2: Expecting property name"):
        config_file.install(by_name("claude-desktop"), file, UVX)


@EACH
def test_what_a_person_added_to_the_block_stays_when_the_command_changes(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "settings"
    config_file.install(client, file, UVX, key="key-of-a-person")
    variables = {"goose": "envs", "opencode": "environment"}.get(client.name, "env")
    block = config_file.get_value(file.read_text(), client.format, client.path)
    block[variables]["ASISSO_CAMPAIGNS"] = "3"
    block["timeout"] = 17
    file.write_text(config_file.set_value(file.read_text(), client.format, client.path, block))
    config_file.install(client, file, OTHER)
    after = config_file.get_value(file.read_text(), client.format, client.path)
    assert after[variables] == {"ASISSO_API_KEY": "key-of-a-person", "ASISSO_CAMPAIGNS": "3"}
    assert after["timeout"] == 17
    command = after.get("command", after.get("cmd"))
    assert command == ([OTHER.command] if client.name == "opencode" else OTHER.command)
    assert after.get("env_keys", after.get("env_vars", [])) == []


@EACH
def test_from_the_sandbox_to_the_real_api_and_back_is_only_a_matter_of_installing_again(
    client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "settings"
    seen = []
    for sandbox in (True, False, True):
        config_file.install(client, file, UVX, sandbox=sandbox)
        seen.append(config_file.get_value(file.read_text(), client.format, client.path))
    words = [block["command"] if client.name == "opencode" else ["uvx", *block["args"]] for block in seen]
    assert words == [["uvx", "asisso-mcp", "--sandbox"], ["uvx", "asisso-mcp"], ["uvx", "asisso-mcp", "--sandbox"]]
    assert seen[0] == seen[2] == client.block(UVX.with_flags(["--sandbox"]), keyless=True)
    assert seen[1] == client.block(UVX, keyless=False)


@EACH
def test_no_block_has_a_key_and_each_reference_counts_as_unset_until_the_client_fills_it_in(client: Client) -> None:
    block = client.block(UVX, keyless=False)
    given: Mapping[str, str] = block.get("env", {}) | block.get("envs", {}) | block.get("environment", {})
    assert Settings.from_environment(given).api_key is None
    named = list(given) + block.get("env_vars", []) + block.get("env_keys", [])
    assert named == ["ASISSO_API_KEY"]


def test_a_byte_order_mark_stays_where_it_was(tmp_path: Path) -> None:
    file = file_of(by_name("vscode"), tmp_path, '\ufeff{\r\n\t"servers": {}\r\n}')
    config_file.install(by_name("vscode"), file, UVX, sandbox=True)
    text = file.read_bytes().decode()
    assert text.startswith('\ufeff{\r\n\t"servers": {\r\n\t\t"asisso": {')
    assert text.count("\n") == text.count("\r\n")


def test_vs_code_is_told_to_ask_for_the_key_once_and_keeps_other_questions(tmp_path: Path) -> None:
    client = by_name("vscode")
    other = {"type": "promptString", "id": "mine", "description": "Mine"}
    file = file_of(client, tmp_path, json.dumps({"inputs": [other], "servers": {}}, indent=2))
    config_file.install(client, file, UVX)
    asked = {"type": "promptString", "id": "asisso-api-key", "description": "Asisso API key", "password": True}
    assert json.loads(file.read_text())["inputs"] == [other, asked]
    config_file.remove(client, file)
    assert json.loads(file.read_text())["inputs"] == [other]


def test_a_question_that_a_person_worded_otherwise_stays_so(tmp_path: Path) -> None:
    client = by_name("vscode")
    file = tmp_path / "mcp.json"
    config_file.install(client, file, UVX)
    file.write_text(file.read_text().replace('"Asisso API key"', '"Key of the Berlin account"'))
    config_file.install(client, file, OTHER)
    assert json.loads(file.read_text())["inputs"][0]["description"] == "Key of the Berlin account"


def test_a_yaml_file_whose_lists_are_indented_keeps_them_so(tmp_path: Path) -> None:
    before = "extensions:\n  other:\n    args:\n      - a  # first\n      - b\nPATHS:\n  - /opt\n"
    file = file_of(by_name("goose"), tmp_path, before)
    config_file.install(by_name("goose"), file, UVX)
    assert file.read_text().startswith("extensions:\n  other:\n    args:\n      - a  # first\n      - b\n  asisso:\n")
    assert file.read_text().endswith("\nPATHS:\n  - /opt\n")
    config_file.remove(by_name("goose"), file)
    assert file.read_text() == before


def test_a_server_that_was_reached_over_http_is_replaced_not_mixed(tmp_path: Path) -> None:
    file = file_of(by_name("cursor"), tmp_path, '{"mcpServers": {"asisso": {"url": "http://127.0.0.1:8000/mcp"}}}')
    config_file.install(by_name("cursor"), file, UVX)
    block = json.loads(file.read_text())["mcpServers"]["asisso"]
    assert block == by_name("cursor").block(UVX, keyless=False)
