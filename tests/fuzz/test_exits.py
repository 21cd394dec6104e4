"""One property for every exit: whatever the API stores or says, what leaves is clean, bounded, and without the key.

Exits: text and structure of all five tools, their errors, resources and their errors, completions, prompts.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx2
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client, MCPError
from mcp_types import PromptReference, ResourceTemplateReference
from pydantic import SecretStr

from asisso_mcp.config import Settings
from asisso_mcp.server.app import build_server
from tests.conftest import MONDAY
from tests.fuzz.searches import search
from tests.fuzz.shapes import anything, campaigns, hostile
from tests.fuzz.test_replies import EDITS
from tests.fuzz.text_checks import DRAWN_AS_NOTHING, LARGEST, is_harmless, strings_of

KEY = "Correct-Horse_battery/staple=7"
SETTINGS = Settings(api_key=SecretStr(KEY))

spellings: st.SearchStrategy[Callable[[str], str]] = st.sampled_from(
    [
        lambda each: each,
        str.swapcase,
        lambda each: f"{each}\u200b",
        lambda each: f"{each}\U000e0041\n",
        lambda each: f"%{ord(each):02x}",
        lambda each: f"\\u{ord(each):04X}",
    ]
)
keys = st.builds(lambda spell, before, after: f"{before}{''.join(map(spell, KEY))}{after}", spellings, hostile, hostile)
"""The key, as a text of the API may carry it."""
blank = st.text(st.sampled_from(sorted(DRAWN_AS_NOTHING)) | st.characters(), max_size=30)
odd = st.one_of(blank, keys, hostile)


def _mixed(row: dict[str, Any], texts: list[str], more: Any) -> dict[str, Any]:
    """The row with some of its texts, and the names of some of its leaves, replaced."""
    name, leaf, value = texts
    row = {**row, "name": name, "workflow_name": value, "warnings": [{leaf: more}, value]}
    for section in ("retry_config", "schedule_config", "circuit_breaker"):
        if isinstance(row.get(section), dict):
            row[section] = {**row[section], leaf: more, "timezone": value}
    row["logs"] = [{"ts": value, "level": leaf, "event": value, "message": name}]
    return row


rows = st.builds(_mixed, campaigns(4), st.lists(odd, min_size=3, max_size=3), anything)
replies = st.one_of(
    st.tuples(st.just(200), rows),
    st.tuples(st.just(200), rows),
    st.tuples(st.sampled_from([400, 401, 402, 404, 418]), st.builds(lambda text: {"detail": text}, odd)),
    st.tuples(st.just(422), st.builds(lambda one, two: {"detail": [{"loc": [one], "msg": two}]}, odd, odd)),
)


def check_exit(found: Any) -> None:
    """Raises AssertionError for a result, or an error, that may not leave."""
    assert len(json.dumps(found)) <= LARGEST
    for text in strings_of(found):
        assert is_harmless(text), ascii(text)
        assert KEY.lower() not in "".join(each for each in text.lower() if "!" <= each <= "~"), text
        assert quote(KEY, safe="").lower() not in text.lower()


async def leaves(ask: Callable[[], Any]) -> None:
    try:
        result = await ask()
    except MCPError as problem:
        check_exit([str(problem), problem.error.data if problem.error.data is not None else ""])
        return
    found = result.model_dump(mode="json", by_alias=True)
    if (undo := (found.get("structuredContent") or {}).get("undo")) is not None:
        assert "undo_tool" in found["structuredContent"]
        assert undo["campaign_id"] == 4
    check_exit(found)


@search(2)
@given(script=st.lists(replies, min_size=1, max_size=3), edit=st.sampled_from(EDITS), typed=st.one_of(blank, hostile))
async def test_nothing_hidden_and_no_key_leaves_by_any_exit(
    script: list[tuple[int, Any]], edit: dict[str, Any], typed: str
) -> None:
    asked = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        status, body = script[asked % len(script)]
        asked += 1
        is_list = request.url.path.endswith("/campaign/") and status == 200
        return httpx2.Response(status, json={"campaigns": [body]} if is_list else body)

    server = build_server(SETTINGS, transport=httpx2.MockTransport(answer), clock=lambda: MONDAY)
    prompt = PromptReference(type="ref/prompt", name="review_campaign")
    uri = ResourceTemplateReference(type="ref/resource", uri="asisso://campaigns/{campaign_id}")
    async with Client(server) as client:
        for ask in (
            partial(client.call_tool, "list_campaigns", {}),
            partial(client.call_tool, "get_campaign", {"campaign_id": 4, "log_entries": 50}),
            partial(client.call_tool, "update_campaign", {"campaign_id": 4, **edit}),
            partial(client.call_tool, "update_campaign", {"campaign_id": 4, **edit, "dry_run": True}),
            partial(client.call_tool, "pause_campaign", {"campaign_id": 4}),
            partial(client.call_tool, "resume_campaign", {"campaign_id": 4}),
            partial(client.read_resource, "asisso://campaigns"),
            partial(client.read_resource, "asisso://campaigns/4"),
            partial(client.complete, prompt, {"name": "campaign_id", "value": ""}),
            partial(client.complete, uri, {"name": "campaign_id", "value": ""}),
            partial(client.list_prompts),
            partial(client.list_tools),
        ):
            await leaves(ask)
        for argument in ({"campaign_id": typed[:300]}, {typed[:100]: "4"}):
            await leaves(partial(client.get_prompt, "review_campaign", argument))
