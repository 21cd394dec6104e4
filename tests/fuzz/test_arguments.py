"""Whatever a model or a client passes as arguments: an answer in words, and nothing is sent when it is refused."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams
from pydantic import BaseModel

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.models import PatchBody
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.server.app import build_server
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import Tool, ToolContext
from tests.conftest import MONDAY, SETTINGS, no_wait
from tests.fuzz.searches import search
from tests.fuzz.shapes import FORGERIES, anything, as_text, deep, hostile, nested, numbers
from tests.fuzz.text_checks import check, check_text

CAMPAIGN: dict[str, Any] = {
    "id": 4,
    "name": "Berlin",
    "state": "paused",
    "retry_config": {
        "enabled": True,
        "max_retries": 2,
        "retry_delay_seconds": 600,
        "retry_on_busy": True,
        "retry_on_no_answer": True,
        "retry_on_voicemail": False,
    },
    "max_concurrency": 4,
    "schedule_config": None,
    "circuit_breaker": {"enabled": True, "failure_threshold": 0.3, "window_seconds": 180, "min_calls_in_window": 8},
    "logs": [],
}

# --- arguments: each value as the schema has it, nearly so, or anything -----------------------------------------------


def near(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that the schema means, values beside them, and things that have nothing to do with it."""
    odd = st.one_of(
        anything, as_text, deep, st.sampled_from(["", "null", "None", "undefined", "[object Object]", "${X}"])
    )
    match schema.get("type"):
        case "object":
            properties = {name: near(child) for name, child in schema["properties"].items()}
            right: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional=properties)
            strange = st.builds(
                lambda own, other: {**other, **own}, right, st.dictionaries(hostile, anything, max_size=2)
            )
            return st.one_of(right, right, strange, right.map(_text), odd)
        case "array":
            items = st.lists(near(schema["items"]), max_size=4)
            return st.one_of(
                items, items.map(_text), st.builds(lambda one, n: [one] * n, near(schema["items"]), st.just(60)), odd
            )
        case "boolean":
            return st.one_of(st.booleans(), st.sampled_from(["true", "False", "yes", 1, 0, 1.0, "2"]), odd)
        case "string":
            known = schema.get(
                "enum", ["09:00", "9:00", "24:00", "UTC", "utc", "EST", "Spring", "5pm", "America/New_York"]
            )
            return st.one_of(st.sampled_from(known), hostile, odd)
    low, high = schema.get("minimum", 0), schema.get("maximum", 10)
    inside = st.sampled_from(
        [low, high, (low + high) // 2, low - 1, high + 1, str(low), f" {high} ", f"{low}.0", "50%", "Monday"]
    )
    return st.one_of(inside, numbers, odd)


def _text(value: Any) -> str:
    return json.dumps(value)


def arguments_of(tool: Tool) -> st.SearchStrategy[dict[str, Any]]:
    properties = {name: near(child) for name, child in tool.input_schema["properties"].items()}
    ids = st.one_of(st.just(4), st.just(4), st.just("4"), near({"type": "integer", "minimum": 1, "maximum": 2**31 - 1}))
    if "campaign_id" in properties:
        properties["campaign_id"] = ids
    own = st.fixed_dictionaries({}, optional=properties)
    extra = st.dictionaries(
        st.one_of(hostile, st.sampled_from(["toolCallId", "_meta", "max_attempts", "state"])), anything, max_size=2
    )
    return st.one_of(
        own, own, st.builds(lambda mine, more: {**more, **mine}, own, extra), st.dictionaries(hostile, anything)
    )


ANY_CALL = st.one_of([st.tuples(st.just(tool), arguments_of(tool)) for tool in TOOLS])


def can_be_sent(name: str, arguments: dict[str, Any]) -> bool:
    """Whether the SDK's client can: half a surrogate pair it cannot, nor 250 levels. Raw lines: see test_lines."""
    try:
        CallToolRequestParams(name=name, arguments=arguments).model_dump(mode="json")
        name.encode()
    except (UnicodeEncodeError, ValueError, RecursionError):
        return False
    return True


class Api:
    """Answers every request with the campaign, and keeps what was sent."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []
        self.transport = httpx2.MockTransport(self._answer)
        transport = ApiTransport(SETTINGS, transport=self.transport)
        self.service = CampaignService(AsissoClient(transport, SETTINGS), clock=lambda: MONDAY, sleep=no_wait)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if request.url.path.endswith("/campaign/"):
            return httpx2.Response(200, json={"campaigns": [CAMPAIGN]})
        if request.url.path.startswith("/api/v1/organizations/"):
            return httpx2.Response(404, json={"detail": "Not Found"})
        parts = request.url.path.split("/")
        changed = json.loads(request.content) if request.content else {}
        return httpx2.Response(200, json={**CAMPAIGN, **changed, "id": int(parts[4])})


def check_sent(requests: list[httpx2.Request], text: str, *, error: bool) -> None:
    for request in requests:
        parts = request.url.path.split("/")
        if parts[3] == "organizations":
            assert request.method == "GET"
            continue
        assert parts[:4] == ["", "api", "v1", "campaign"]
        assert parts[4] == "" or 1 <= int(parts[4]) <= 2**31 - 1
        if request.method == "PATCH":
            PatchBody.model_validate(json.loads(request.content), strict=True)
    if text.startswith("Nothing was sent, because"):
        assert error
        assert not requests
    if error:
        assert not [request for request in requests if request.method != "GET"], text


@search(6)
@given(ANY_CALL)
async def test_any_arguments_are_answered_in_words_and_nothing_is_sent_when_they_are_refused(
    passed: tuple[Tool, dict[str, Any]],
) -> None:
    tool, arguments = passed
    api = Api()
    answer = await tool.call(arguments, ToolContext(api.service))
    check(tool, answer)
    check_sent(api.requests, answer.text, error=answer.is_error)


@pytest.mark.parametrize("text", FORGERIES)
async def test_a_refused_value_name_and_key_are_quoted_on_one_clean_line_each(text: str) -> None:
    update = next(tool for tool in TOOLS if tool.name == "update_campaign")
    api = Api()
    slot = {"day_of_week": text, "start_time": text, "end_time": "17:00"}
    for arguments in (
        {"campaign_id": text, text: text, "max_concurrency": text, "dry_run": text, "retry_config": {text: text}},
        {"campaign_id": 4, "schedule_config": {"timezone": text or "?", "slots": [slot]}, "name": text * 300},
    ):
        answer = await update.call(arguments, ToolContext(api.service))
        assert answer.is_error
        check(update, answer)
    assert api.requests == []


@asynccontextmanager
async def _client(api: Api, mode: str) -> AsyncIterator[Client]:
    async with Client(build_server(SETTINGS, transport=api.transport, clock=lambda: MONDAY), mode=mode) as client:
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@search(2)
@given(passed=ANY_CALL)
async def test_any_arguments_get_a_result_and_never_a_protocol_error(
    mode: str, passed: tuple[Tool, dict[str, Any]]
) -> None:
    tool, arguments = passed
    assume(can_be_sent(tool.name, arguments))
    api = Api()
    async with _client(api, mode) as client:
        result = await client.call_tool(tool.name, arguments)
    (content,) = result.content
    check_text(content.text, error=bool(result.is_error))  # type: ignore[union-attr]
    assert (result.structured_content is None) == result.is_error
    check_sent(api.requests, content.text, error=bool(result.is_error))  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@search(0.5)
@given(name=st.one_of(hostile, st.sampled_from(["delete_campaign", "", "list_campaigns "])))
@example(name=FORGERIES[0])
async def test_an_unknown_tool_is_the_one_protocol_error_and_its_name_is_shown_clean(mode: str, name: str) -> None:
    assume(can_be_sent(name, {}))
    api = Api()
    async with _client(api, mode) as client:
        with pytest.raises(MCPError) as refusal:
            await client.call_tool(name, {})
    check_text(refusal.value.error.message, error=True)
    assert len(refusal.value.error.message) < 400
    assert api.requests == []


@pytest.mark.parametrize("levels", [10, 400, 20_000])
async def test_arguments_nested_as_deep_as_json_text_goes_are_refused_in_words(levels: int) -> None:
    update = next(tool for tool in TOOLS if tool.name == "update_campaign")
    for brackets in ("[]", '{"a":}'):
        opening, closing = brackets[:-1], brackets[-1]
        api = Api()
        text = opening * levels + ("1" if closing == "}" else "") + closing * levels
        answer = await update.call({"campaign_id": 4, "schedule_config": text}, ToolContext(api.service))
        assert answer.is_error
        check(update, answer)
        assert api.requests == []
    answer = await update.call(
        {"campaign_id": 4, "schedule_config": {"slots": nested(min(levels, 900), lists=True)}},
        ToolContext(Api().service),
    )
    assert answer.is_error
    check(update, answer)


def test_every_tool_has_arguments_that_this_search_knows_how_to_make() -> None:
    assert all(issubclass(tool.arguments, BaseModel) and tool.input_schema["properties"] for tool in TOOLS)
