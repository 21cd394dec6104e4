"""The tools without MCP: the same checks, texts and structure, and nothing heavy before it is asked for."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client

import asisso_mcp
from asisso_mcp import Toolbox
from asisso_mcp.config import Settings
from asisso_mcp.sandbox import Sandbox
from asisso_mcp.schemas import FORMATS
from asisso_mcp.server.app import build_server
from tests.conftest import MONDAY, SETTINGS
from tests.tools.test_coercion import EVERY_ARGUMENT

PAGE = Path(__file__).parents[1] / "docs" / "toolbox.md"


@pytest.fixture
async def toolbox(sandbox: Sandbox) -> AsyncIterator[Toolbox]:
    async with Toolbox(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY) as opened:
        yield opened


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("list_campaigns", {"query": "spring"}),
        ("get_campaign", {"campaign_id": 3}),
        ("get_campaign", {"campaign_id": "three"}),
        ("get_campaign", {"campaign_id": 9999}),
        ("update_campaign", {"campaign_id": 3, "max_concurrency": 2}),
        ("update_campaign", {"campaign_id": 4, "retry_config": '{"max_retries": 5}', "dry_run": True}),
        ("update_campaign", {"campaign_id": 4, "max_concurrency": None}),
        ("update_campaign", {**EVERY_ARGUMENT, "dry_run": True}),
        ("update_campaign", {**EVERY_ARGUMENT, "campaign_id": None}),
        ("pause_campaign", {"campaign_id": 4}),
    ],
)
async def test_a_call_is_answered_as_the_server_answers_it(
    toolbox: Toolbox, sandbox: Sandbox, tool: str, arguments: dict[str, Any]
) -> None:
    answer = await toolbox.call(tool, arguments)
    async with Client(build_server(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY)) as client:
        served = await client.call_tool(tool, arguments)
    assert answer.text == getattr(served.content[0], "text", None)
    assert answer.structure == served.structured_content
    assert answer.is_error is served.is_error


async def test_arguments_may_be_the_json_text_that_a_model_wrote(toolbox: Toolbox) -> None:
    answer = await toolbox.call("get_campaign", '{"campaign_id": 3}')
    assert answer.structure == (await toolbox.call("get_campaign", {"campaign_id": 3})).structure
    assert (await toolbox.call("list_campaigns", "")).is_error is False


@pytest.mark.parametrize("arguments", ["{", "[3]", "3", "null", "[" * 100_000])
async def test_what_is_no_object_is_refused_and_nothing_is_sent(
    toolbox: Toolbox, sandbox: Sandbox, arguments: str
) -> None:
    answer = await toolbox.call("get_campaign", arguments)
    assert answer.is_error
    assert answer.text == "Nothing was sent, because the arguments of get_campaign are not a JSON object."
    assert sandbox.requests == []


async def test_an_unknown_tool_is_an_answer_that_names_the_tools(toolbox: Toolbox) -> None:
    answer = await toolbox.call("delete_campaign", {"campaign_id": 3})
    assert answer.is_error
    assert answer.text == (
        "Unknown tool: delete_campaign. This server has list_campaigns, get_campaign, update_campaign, pause_campaign, "
        "resume_campaign."
    )


async def test_limits_hold_for_definitions_and_calls(sandbox: Sandbox) -> None:
    settings = Settings(api_key=SETTINGS.api_key, read_only=True, campaigns=frozenset({4}))
    async with Toolbox(settings, transport=sandbox.transport()) as toolbox:
        names = [tool["name"] for tool in toolbox.definitions("anthropic")]
        pause = await toolbox.call("pause_campaign", {"campaign_id": 4})
        other = await toolbox.call("get_campaign", {"campaign_id": 3})
    assert names == ["list_campaigns", "get_campaign"]
    assert pause.text == "Unknown tool: pause_campaign. This server has list_campaigns, get_campaign."
    assert "started for certain campaigns only" in other.text
    assert sandbox.requests == []


async def test_settings_come_from_the_environment_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASISSO_SANDBOX", "1")
    monkeypatch.setenv("ASISSO_CAMPAIGNS", "3")
    async with Toolbox.from_environment() as toolbox:
        assert (await toolbox.call("get_campaign", {"campaign_id": 3})).is_error is False
    async with Toolbox.from_environment(campaigns=[4], read_only=True) as toolbox:
        assert (await toolbox.call("get_campaign", {"campaign_id": 3})).is_error is True
        assert (await toolbox.call("get_campaign", {"campaign_id": 4})).is_error is False
        assert len(toolbox.definitions("openai")) == 2


async def test_a_toolbox_is_used_inside_async_with_and_can_be_opened_again(sandbox: Sandbox) -> None:
    toolbox = Toolbox(SETTINGS, transport=sandbox.transport())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="inside `async with`"):
            await toolbox.call("list_campaigns", {})
        async with toolbox:
            assert (await toolbox.call("get_campaign", {"campaign_id": 3})).is_error is False


def test_a_format_that_does_not_exist_is_refused_with_those_that_do() -> None:
    unknown: Any = "mistral"
    words = "'mistral' is not a format; there are openai, openai-strict, anthropic, gemini."
    with pytest.raises(ValueError, match=re.escape(words)):
        Toolbox(SETTINGS).definitions(unknown)


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'asisso_mcp' has no attribute 'Toolkit'"):
        asisso_mcp.Toolkit  # noqa: B018


def loaded(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_importing_the_package_loads_nothing_else_and_the_toolbox_nothing_of_mcp() -> None:
    package = loaded("import asisso_mcp")
    assert {module for module in package if module.startswith("asisso_mcp")} == {"asisso_mcp"}
    assert not {"pydantic", "typing"} & (package - loaded("pass"))
    assert not {"mcp", "mcp_types", "fastapi", "starlette"} & loaded("from asisso_mcp import Toolbox")


def test_the_page_runs_as_it_stands_and_prints_what_it_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    snippet = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    printed = re.findall(r"```text\n(.*?)```", page, re.DOTALL)[0]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASISSO_")}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-X", "utf8", "-c", snippet],
        capture_output=True,
        check=False,
        timeout=60,
        env=clean,
    )
    assert ran.stderr.decode() == ""
    assert ran.stdout.decode() == printed


def test_the_page_names_every_format() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE) == list(FORMATS)


@pytest.mark.parametrize(("said", "applied"), [(True, True), (False, False), ("yes", False), (None, False)])
async def test_a_developer_can_have_a_person_asked_and_only_true_is_a_yes(
    sandbox: Sandbox, said: Any, applied: bool
) -> None:
    asked: list[str] = []

    async def confirm(question: str) -> Any:
        asked.append(question)
        return said

    settings = replace(SETTINGS, confirm="risky")
    async with Toolbox(settings, confirm=confirm, transport=sandbox.transport()) as toolbox:
        answer = await toolbox.call("update_campaign", {"campaign_id": 4, "max_concurrency": 9})
    assert asked == [
        'Campaign 4 "Berlin appointment reminders" would be changed:\n- max_concurrency: 4 → 9\n'
        "Why you are asked: it may make more calls at once."
    ]
    assert answer.is_error is not applied
    assert any(request.method == "PATCH" for request in sandbox.requests) is applied


async def test_without_a_way_to_ask_a_toolbox_refuses_what_a_person_confirms(sandbox: Sandbox) -> None:
    async with Toolbox(replace(SETTINGS, confirm="always"), transport=sandbox.transport()) as toolbox:
        for name, arguments in (("resume_campaign", {}), ("update_campaign", {"name": "Hamburg"})):
            answer = await toolbox.call(name, {"campaign_id": 4, **arguments})
            assert answer.text == (
                "Nothing was changed: a person confirms this (ASISSO_CONFIRM), and there is no way to ask one here. It needs a host that "
                "can ask, or a journal in a file (ASISSO_JOURNAL), in which it can wait for `asisso-mcp approve`."
            )
    assert {request.method for request in sandbox.requests} == {"GET"}
