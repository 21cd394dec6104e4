"""What is published says one version, one name, and what the running server really offers."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from asisso_mcp import __version__
from asisso_mcp.config import ADVICE, DEFAULT_BASE_URL, SETTINGS, Settings, UnreadableLimit
from asisso_mcp.tools.campaigns import TOOLS

ROOT = Path(__file__).parents[1]
REGISTRY = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
OPTIONS = {
    "api_key": "key-1",
    "sandbox": "true",
    "read_only": "false",
    "campaigns": "3,17",
    "tools": "read",
    "max_concurrency": "4",
    "max_retries": "2",
    "calling_hours": "08:00-21:00",
    "require_breaker": "true",
    "confirm": "risky",
}


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_bundle", ROOT / "bundle" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def manifest(build: ModuleType) -> dict[str, Any]:
    tools: dict[str, Any] = build.manifest([tool.definition() for tool in TOOLS])
    return tools


def test_there_is_one_version_number(manifest: dict[str, Any]) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changelog, re.MULTILINE)
    assert newest is not None
    shown = subprocess.run(
        [sys.executable, "-m", "asisso_mcp", "--version"], capture_output=True, text=True, check=True
    )
    assert {
        "installed": metadata("asisso-mcp")["Version"],
        "bundle": manifest["version"],
        "registry": REGISTRY["version"],
        "registry, package": REGISTRY["packages"][0]["version"],
        "changelog": newest[1],
        "--version": shown.stdout.strip().removeprefix("asisso-mcp "),
    } == dict.fromkeys(("installed", "bundle", "registry", "registry, package", "changelog", "--version"), __version__)


def test_the_build_takes_the_version_from_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["version"]["path"] == "src/asisso_mcp/__init__.py"


def test_the_version_is_an_exact_one() -> None:
    # Registry: ranges and `latest` are refused (server.json schema 2025-12-11, `version`).
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:[a-z0-9.-]+)?", __version__)


def test_server_json_keeps_the_registrys_rules() -> None:
    # Schema 2025-12-11: `name` has one slash, `description` at most 100 characters, `title` too.
    assert REGISTRY["$schema"] == "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", REGISTRY["name"])
    assert 1 <= len(REGISTRY["description"]) <= 100
    assert 1 <= len(REGISTRY["title"]) <= 100
    (package,) = REGISTRY["packages"]
    assert package["registryType"] == "pypi"
    assert package["identifier"] == metadata("asisso-mcp")["Name"]
    assert package["transport"] == {"type": "stdio"}
    assert package["runtimeHint"] == "uvx"


def test_the_registry_and_the_bundle_say_where_the_project_is_and_show_its_icon(manifest: dict[str, Any]) -> None:
    repository = REGISTRY["repository"]["url"]
    owner, name = REGISTRY["name"].removeprefix("io.github.").split("/")
    assert repository == manifest["repository"]["url"] == f"https://github.com/{owner}/{name}"
    assert REGISTRY["websiteUrl"] == manifest["homepage"] == DEFAULT_BASE_URL
    (icon,) = REGISTRY["icons"]
    assert icon["src"] == f"https://raw.githubusercontent.com/{owner}/{name}/main/bundle/{manifest['icon']}"
    picture = (ROOT / "bundle" / manifest["icon"]).read_bytes()
    width, height = (int.from_bytes(picture[at : at + 4], "big") for at in (16, 20))
    assert (picture[:8], icon["mimeType"]) == (b"\x89PNG\r\n\x1a\n", "image/png")
    assert icon["sizes"] == [f"{width}x{height}"]


def test_server_json_names_only_settings_that_there_are_and_keeps_secrets_secret() -> None:
    variables = REGISTRY["packages"][0]["environmentVariables"]
    assert {variable["name"] for variable in variables} <= {setting.name for setting in SETTINGS}
    assert [variable["name"] for variable in variables if variable.get("isSecret")] == ["ASISSO_API_KEY"]
    named = {variable["name"] for variable in variables}
    assert {setting.name for setting in SETTINGS if setting.is_limit} <= named
    assert {"ASISSO_ADVICE", "ASISSO_JOURNAL", "ASISSO_JOURNAL_DAYS"} <= named
    (advice,) = (variable for variable in variables if variable["name"] == "ASISSO_ADVICE")
    assert tuple(advice["choices"]) == ADVICE
    defaults = {variable["name"]: variable["default"] for variable in variables if "default" in variable}
    assert Settings.from_environment(defaults) == Settings.from_environment({})


def test_the_readme_proves_to_the_registry_whose_package_it_is() -> None:
    # https://modelcontextprotocol.io/registry/package-types: `mcp-name: NAME` in the README that PyPI shows.
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^<!-- mcp-name: (\S+) -->$", readme, re.MULTILINE) == [REGISTRY["name"]]


def test_the_bundle_lists_the_tools_of_the_running_server_in_its_words(build: ModuleType) -> None:
    running = build.tools_of([sys.executable, "-m", "asisso_mcp", "serve", "--sandbox"])
    assert build.manifest(running)["tools"] == [{"name": tool.name, "description": tool.description} for tool in TOOLS]


def test_the_bundle_keeps_the_key_as_a_secret_and_asks_for_nothing_else_it_must_have(manifest: dict[str, Any]) -> None:
    assert manifest["manifest_version"] == "0.4"
    assert manifest["server"]["type"] == "uv"
    options = manifest["user_config"]
    assert [name for name, option in options.items() if option.get("sensitive")] == ["api_key"]
    assert not any(option["required"] for option in options.values())
    assert all(option["title"] and option["description"] for option in options.values())


def test_every_option_of_the_bundle_reaches_a_setting_and_every_placeholder_is_an_option(
    manifest: dict[str, Any],
) -> None:
    environment = manifest["server"]["mcp_config"]["env"]
    assert set(environment) <= {setting.name for setting in SETTINGS}
    used = [re.fullmatch(r"\$\{user_config\.(\w+)\}", value) for value in environment.values()]
    assert [found[1] for found in used if found] == list(manifest["user_config"])
    assert set(OPTIONS) == set(manifest["user_config"])


def test_options_that_a_person_did_not_set_are_unset_and_every_limit_has_its_default(
    build: ModuleType, tmp_path: Path
) -> None:
    build.stage(tmp_path / "bundle", [])
    _, environment = build.launch_in(tmp_path / "bundle", {})
    assert environment == {
        "ASISSO_API_KEY": "${user_config.api_key}",
        "ASISSO_SANDBOX": "false",
        "ASISSO_READ_ONLY": "false",
        "ASISSO_CAMPAIGNS": "all",
        "ASISSO_TOOLS": "all",
        "ASISSO_MAX_CONCURRENCY": "none",
        "ASISSO_MAX_RETRIES": "none",
        "ASISSO_CALLING_HOURS": "any",
        "ASISSO_REQUIRE_BREAKER": "false",
        "ASISSO_CONFIRM": "never",
    }
    assert Settings.from_environment(environment) == Settings()
    assert Settings.from_environment({**environment, "ASISSO_API_KEY": "", "ASISSO_SANDBOX": ""}) == Settings()


def test_a_limit_that_reaches_the_bundles_server_empty_or_as_a_placeholder_is_never_taken_for_none(
    manifest: dict[str, Any],
) -> None:
    environment = manifest["server"]["mcp_config"]["env"]
    limits = [setting.name for setting in SETTINGS if setting.is_limit]
    assert set(limits) <= set(environment)
    for name in limits:
        for value in ("", environment[name]):
            with pytest.raises(UnreadableLimit):
                Settings.from_environment({name: value})


def test_options_that_a_person_set_arrive(build: ModuleType, tmp_path: Path) -> None:
    build.stage(tmp_path / "bundle", [])
    command, environment = build.launch_in(tmp_path / "bundle", OPTIONS)
    settings = Settings.from_environment(environment)
    assert command[:4] == ["uv", "run", "--directory", str(tmp_path / "bundle")]
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "key-1"
    assert (settings.sandbox, settings.read_only, settings.campaigns) == (True, False, frozenset({3, 17}))
    assert settings.tools == {"list_campaigns", "get_campaign"}
    assert (settings.max_concurrency, settings.max_retries, settings.calling_hours) == (4, 2, (480, 1260))
    assert settings.require_breaker is True
    assert settings.confirm == "risky"


def test_the_bundle_has_the_code_the_lock_and_the_licence_and_nothing_of_this_machine(
    build: ModuleType, tmp_path: Path
) -> None:
    build.stage(tmp_path / "bundle", [])
    files = {path.relative_to(tmp_path / "bundle").as_posix() for path in (tmp_path / "bundle").rglob("*")}
    assert {"manifest.json", "icon.png", "pyproject.toml", "uv.lock", "README.md", "LICENSE"} <= files
    assert (tmp_path / "bundle" / json.loads(build.TEMPLATE.read_text())["server"]["entry_point"]).is_file()
    assert not [name for name in files if "__pycache__" in name or ".venv" in name]
    for path in (tmp_path / "bundle").rglob("*"):
        if path.is_file() and path.suffix in (".json", ".toml", ".py", ".md"):
            assert str(ROOT) not in path.read_text(encoding="utf-8"), path


def test_the_entry_point_can_be_run_as_a_file_which_is_how_some_hosts_start_it(build: ModuleType) -> None:
    entry = ROOT / json.loads(build.TEMPLATE.read_text(encoding="utf-8"))["server"]["entry_point"]
    assert len(build.tools_of([sys.executable, str(entry)], {"ASISSO_SANDBOX": "true"})) == len(TOOLS)
    called = subprocess.run(
        [sys.executable, str(entry), "call", "get_campaign", "campaign_id=3", "--sandbox"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert called.stdout.startswith('Campaign 3 "Spring promo" is running.')


def test_a_server_that_ends_early_fails_the_build_instead_of_giving_an_empty_list(build: ModuleType) -> None:
    for ends in ("pass", "input(); input(); input()"):
        with pytest.raises(build.BuildFailed, match=r"ended without listing its tools\.$"):
            build.tools_of([sys.executable, "-c", ends])
