"""What a model has to read stays within a budget, counted in tokens of o200k_base.

The tokenizer is `bpe-openai`, which carries its ranks: nothing is downloaded. Schemas and results are counted as the compact
JSON that goes over the wire, texts as they are. What is measured is printed at the end of the run.
"""

import json
import random
import warnings
from collections.abc import AsyncIterator, Callable
from functools import cache
from statistics import median
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp.client import Client

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns.dialing import dialing_status
from asisso_mcp.campaigns.edits import plan_edit
from asisso_mcp.campaigns.models import Change, Discrepancies, EditResult, NotAllowed, StateChange
from asisso_mcp.campaigns.revisions import revision
from asisso_mcp.campaigns.summary import campaign_text, edited_text, list_text, paused_text, resumed_text
from asisso_mcp.campaigns.truncation import LIMIT, estimate_tokens, truncate
from asisso_mcp.sandbox import KEY, Sandbox
from asisso_mcp.server.app import INSTRUCTIONS, build_server
from asisso_mcp.toolbox import Toolbox
from tests.conftest import MONDAY, SETTINGS

LISTED, READ_BY_A_MODEL = 3_000, 1_600
TYPICAL, ANY = 300, 1_500
TEXT_SHARE, STRUCTURE_SHARE = 0.75, 1.4

Record = Callable[[str, object], None]


@cache
def _encoding() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # on Python 3.11 and 3.12 it opens its ranks in the old way
        import bpe_openai

        return bpe_openai.get_encoding("o200k_base")


def tokens(value: Any) -> int:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(_encoding().encode_ordinary(text))


def test_the_tokenizer_is_the_one_that_is_named() -> None:
    assert _encoding().encode_ordinary('Pause the "Spring promo" – 春') == [
        38718,
        290,
        392,
        30099,
        29340,
        1,
        1127,
        148437,
    ]


# --- the tools --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_five_tools_cost_at_most_3000_tokens_and_what_a_model_reads_of_them_at_most_1600(
    sandbox: Sandbox, mode: Any, record_property: Record
) -> None:
    async with Client(build_server(SETTINGS, transport=sandbox.transport()), mode=mode) as client:
        tools = (await client.list_tools()).model_dump(mode="json", by_alias=True, exclude_none=True)["tools"]
    read = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in tools]
    listed, by_a_model, instructions = tokens({"tools": tools}), tokens(read), tokens(INSTRUCTIONS)
    record_property(
        "measured",
        f"tools/list ({mode}) {listed} tokens (at most {LISTED}), of which names, descriptions and input schemas {by_a_model} "
        f"(at most {READ_BY_A_MODEL}); instructions {instructions} more",
    )
    assert len(tools) == 5
    assert listed <= LISTED
    assert by_a_model <= READ_BY_A_MODEL


async def test_the_declaration_of_the_view_costs_every_client_at_most_100_tokens(
    sandbox: Sandbox, record_property: Record
) -> None:
    async with Client(build_server(SETTINGS, transport=sandbox.transport())) as client:
        tools = (await client.list_tools()).model_dump(mode="json", by_alias=True, exclude_none=True)["tools"]
    plain = [{key: value for key, value in tool.items() if key != "_meta"} for tool in tools]
    cost = tokens({"tools": tools}) - tokens({"tools": plain})
    record_property("measured", f"the view's declaration costs {cost} tokens of tools/list (at most 100)")
    assert 0 < cost <= 100


# --- one campaign -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def toolbox(sandbox: Sandbox) -> AsyncIterator[Toolbox]:
    async with Toolbox(SETTINGS, transport=sandbox.transport(), clock=lambda: MONDAY) as opened:
        yield opened


async def test_a_campaign_is_told_in_300_tokens_and_a_typical_one_costs_less_than_the_apis_own_answer(
    toolbox: Toolbox, sandbox: Sandbox, record_property: Record
) -> None:
    texts, shares, structures = {}, {}, {}
    async with httpx2.AsyncClient(
        transport=sandbox.transport(), base_url="https://app.asisso.com", headers={"X-API-Key": KEY}
    ) as api:
        for campaign_id in range(1, 15):
            raw = tokens((await api.get(f"/api/v1/campaign/{campaign_id}")).raise_for_status().text)
            answer = await toolbox.call("get_campaign", {"campaign_id": campaign_id})
            texts[campaign_id] = tokens(answer.text)
            shares[campaign_id] = texts[campaign_id] / raw
            assert answer.structure is not None
            beside = {name: value for name, value in answer.structure.items() if name != "summary"}
            structures[campaign_id] = tokens(beside) / raw
    record_property(
        "measured",
        f"get_campaign over 14 campaigns: text {min(texts.values())}–{max(texts.values())} tokens (at most {TYPICAL}), campaign 3 "
        f"{texts[3]}; of the API's JSON typically {median(shares.values()):.2f} (text, limit {TEXT_SHARE}), "
        f"at most {max(structures.values()):.2f} (structure beside its summary, limit {STRUCTURE_SHARE})",
    )
    assert {campaign_id: cost for campaign_id, cost in texts.items() if cost > TYPICAL} == {}
    assert median(shares.values()) <= TEXT_SHARE
    assert {campaign_id: share for campaign_id, share in structures.items() if share > STRUCTURE_SHARE} == {}


# --- any input --------------------------------------------------------------------------------------------------------

POOLS = {
    "three tokens a character": [chr(code) for code in range(0xA500, 0xA620)],
    "four tokens a character": [chr(code) for code in range(0x12000, 0x12300)],
    "letters": list("qzxjvkwQZXJVKW"),
    "punctuation": list("!#$%&*+/;<=>?@^`|~'"),
    "digits between letters": list("1a2b3c4d"),
    "quotes and backslashes": list("\"\\'`{}[]:, "),
    "CJK": [chr(code) for code in range(0x3400, 0x9FFF)],
    "combining": ["a", "\u0301", "\u0489", "\u035c"],
    "emoji": [chr(code) for code in range(0x1F300, 0x1F6FF)],
    "keys": [
        '"day_of_week": ',
        '"retry_on_no_answer": ',
        '{"day_of_week": 0, "start_time": "00:00", "end_time": "00:01"}',
    ],
}
"""Characters that cost most, or that could deceive the count."""


@cache
def _filled(pool: str, length: int, seed: int = 0) -> str:
    chosen = random.Random(seed)  # noqa: S311 - a text, not a secret
    return "".join(chosen.choice(POOLS[pool]) for _ in range(length))[:length]


def slots(count: int, hour: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "day_of_week": number % 7,
            "start_time": f"{hour + number // 7:02}:{number % 29:02}",
            "end_time": f"{hour + number // 7:02}:{31 + number % 23:02}",
        }
        for number in range(count)
    ]


def odd(text: Callable[[int], str], state: str = "paused", campaign_id: int = 2_147_483_647) -> Campaign:
    """A campaign in which whatever the API could fill with text is full of it."""
    log = [{"ts": text(40), "level": text(40), "event": text(60), "message": text(300)} for _ in range(20)]
    return Campaign.model_validate(
        {
            "id": campaign_id,
            "name": text(255),
            "state": state,
            "workflow_name": text(300),
            "telephony_configuration_name": text(300),
            **dict.fromkeys(("total_rows", "processed_rows", "failed_rows"), 10**40),
            **dict.fromkeys(("executed_count", "total_queued_count"), 999_999_999_999),
            **dict.fromkeys(("created_at", "started_at", "completed_at"), "2026-01-01T00:00:00Z"),
            "retry_config": {"enabled": False, "max_retries": text(80), "retry_delay_seconds": text(80)},
            "max_concurrency": 10**400,
            "schedule_config": {
                "enabled": True,
                "timezone": text(300),
                "slots": [*slots(45), *({"day_of_week": 9, "start_time": text(20), "end_time": text(20)},) * 5],
            },
            "circuit_breaker": {"enabled": True, **dict.fromkeys(("failure_threshold", "window_seconds"), text(80))},
            "logs": [*log * 25, {"level": "error", "event": "circuit_breaker_tripped", "message": text(300)}][-500:],
            "warnings": [text(300)] * 10,
        }
    )


def edits(text: Callable[[int], str]) -> list[EditResult]:
    """Edits of everything, 50 slots before and after: done, previewed, not applied, and mixed up with someone else's."""
    before = odd(text)
    before.schedule_config = {"enabled": True, "timezone": text(60), "slots": slots(50)}
    named = {
        "name": text(255),
        "retry_config": dict(zip(("enabled", "max_retries", "retry_delay_seconds"), (True, 5, 300), strict=True))
        | dict.fromkeys(("retry_on_busy", "retry_on_no_answer", "retry_on_voicemail"), True),
        "max_concurrency": 2,
        "schedule_config": {"enabled": False, "timezone": "Europe/Berlin", "slots": slots(50, hour=12)},
        "circuit_breaker": {"enabled": True, "failure_threshold": 0.1, "window_seconds": 99, "min_calls_in_window": 7},
    }
    try:
        intended = plan_edit(before.settings(), named)
    except NotAllowed:  # odd stored values that cannot be sent back: the edit of the rest remains
        intended = plan_edit(before.settings(), {key: named[key] for key in ("name", "max_concurrency")})
    moved = [Change(text(80), text(300), slots(50)) for _ in range(20)]
    comparison = Discrepancies(missing=tuple(moved), foreign=tuple(moved))
    return [
        EditResult(before, intended, applied=True, notes=(text(300),)),
        EditResult(before, intended, applied=False, preview=True),
        EditResult(before, intended, applied=False, comparison=comparison),
        EditResult(before, intended, applied=True, comparison=comparison),
    ]


def texts(text: Callable[[int], str], state: str, log_entries: int) -> dict[str, str]:
    campaign = odd(text, state)
    switched = StateChange(campaign, odd(text, "running"), applied=True, notes=("It was paused again.",) * 2)
    paused = StateChange(campaign, odd(text, "paused"), applied=True, notes=("It was paused again.",) * 2)
    many = [odd(text, state, campaign_id=number) for number in range(2_147_483_600, 2_147_483_630)]
    said = {
        "get_campaign": campaign_text(
            campaign, dialing_status(campaign, MONDAY), revision(campaign.settings()), log_entries=log_entries
        ),
        "list_campaigns": list_text(many, 10_000, 10_000, MONDAY),
        "pause_campaign": paused_text(paused, MONDAY),
        "resume_campaign": resumed_text(switched, MONDAY),
        **{f"update_campaign {number}": edited_text(edit, MONDAY) for number, edit in enumerate(edits(text))},
    }
    return {name: truncate(each) for name, each in said.items()}


@pytest.mark.parametrize("state", ["paused", "running", "failed", "any"])
@pytest.mark.parametrize("pool", POOLS)
def test_no_text_costs_more_than_1500_tokens_when_everything_is_full_of_odd_characters(
    pool: str, state: str, record_property: Record
) -> None:
    def text(length: int) -> str:
        return _filled(pool, length)

    costs = {name: tokens(said) for name, said in texts(text, text(300) if state == "any" else state, 50).items()}
    if state == "paused":
        record_property("measured", f"full of {pool}: at most {max(costs.values())} tokens a text (limit {ANY})")
    assert {name: cost for name, cost in costs.items() if cost > ANY} == {}


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    pieces=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=6),
    state=st.sampled_from(["draft", "syncing", "running", "paused", "completed", "failed"]) | st.text(max_size=60),
    log_entries=st.integers(0, 50),
)
def test_for_any_names_logs_slots_and_states_no_text_costs_more_than_1500_tokens(
    pieces: list[str], state: str, log_entries: int
) -> None:
    def text(length: int) -> str:
        whole = "".join(pieces)
        return (whole * (length // len(whole) + 1))[:length]

    costs = {name: tokens(said) for name, said in texts(text, state, log_entries).items()}
    assert {name: cost for name, cost in costs.items() if cost > ANY} == {}


@pytest.mark.parametrize("pool", POOLS)
async def test_refusals_and_answers_of_all_five_tools_stay_within_1500_tokens(
    pool: str, toolbox: Toolbox, sandbox: Sandbox
) -> None:
    strange = _filled(pool, 255)
    known = (await toolbox.call("get_campaign", {"campaign_id": 4})).structure
    assert known is not None
    schedule = {"enabled": True, "timezone": strange, "slots": slots(50)}
    sandbox.put(4, name=strange, schedule_config=schedule, max_concurrency=99)
    everything = {
        "name": strange[::-1],
        "max_concurrency": 3,
        "schedule_config": {"timezone": "Europe/Berlin", "slots": slots(50, hour=12)},
    }
    calls: list[tuple[str, dict[str, Any]]] = [
        ("list_campaigns", {"limit": 100}),
        ("list_campaigns", {"query": strange * 2}),
        ("get_campaign", {"campaign_id": 4, "log_entries": 50}),
        ("get_campaign", {"campaign_id": strange, **{f"{strange[:200]}{number}": strange for number in range(30)}}),
        ("update_campaign", {"campaign_id": 4, **everything, "expected_revision": known["revision"]}),
        ("update_campaign", {"campaign_id": 4, **everything, "expected_revision": strange[:60]}),
        ("update_campaign", {"campaign_id": 4, "schedule_config": {"slots": [{strange: strange}] * 50}}),
        ("update_campaign", {"campaign_id": 4, **everything, "dry_run": True}),
        ("update_campaign", {"campaign_id": 4, **everything}),
        ("resume_campaign", {"campaign_id": 4}),
        ("pause_campaign", {"campaign_id": 4}),
    ]
    costs = {}
    for number, (tool, arguments) in enumerate(calls):
        answer = await toolbox.call(tool, arguments)
        costs[f"{number} {tool}{' refused' if answer.is_error else ''}"] = tokens(answer.text)
    assert [name for name in costs if "refused" in name] == [
        "1 list_campaigns refused",
        "3 get_campaign refused",
        "4 update_campaign refused",
        "5 update_campaign refused",
        "6 update_campaign refused",
    ]
    assert {name: cost for name, cost in costs.items() if cost > ANY} == {}


@pytest.mark.parametrize("pool", POOLS)
def test_the_count_is_never_far_below_what_a_text_costs(pool: str) -> None:
    for seed in range(50):
        text = _filled(pool, 150, seed)
        assert tokens(text) <= 1.1 * estimate_tokens(text) + 2
    assert LIMIT * 1.1 + 2 <= ANY


async def test_an_edit_of_eight_windows_and_all_other_settings_is_told_whole_with_its_undo(
    toolbox: Toolbox, sandbox: Sandbox
) -> None:
    sandbox.put(4, schedule_config={"enabled": True, "timezone": "Europe/Berlin", "slots": slots(8)})
    edit = {
        "campaign_id": 4,
        "name": "Winter",
        "retry_config": {"enabled": False, "max_retries": 5, "retry_delay_seconds": 300, "retry_on_voicemail": True},
        "max_concurrency": 2,
        "schedule_config": {"timezone": "America/New_York", "slots": slots(8, hour=12)},
        "circuit_breaker": {"enabled": False, "failure_threshold": 0.1, "window_seconds": 100},
    }
    answer = await toolbox.call("update_campaign", edit)
    assert answer.structure is not None
    assert "…" not in answer.text
    undo = answer.text.splitlines()[-1].removeprefix("Undo: `update_campaign` with ")
    assert json.loads(undo) == answer.structure["undo"]


async def test_an_undo_of_fifty_windows_is_in_the_structure_and_the_text_says_so(
    toolbox: Toolbox, sandbox: Sandbox
) -> None:
    sandbox.put(4, schedule_config={"enabled": True, "timezone": "Europe/Berlin", "slots": slots(50)})
    answer = await toolbox.call("update_campaign", {"campaign_id": 4, "schedule_config": {"slots": slots(50, hour=12)}})
    assert answer.structure is not None
    assert answer.structure["undo"] == {"campaign_id": 4, "schedule_config": {"slots": slots(50)}}
    assert answer.text.splitlines()[-1] == (
        "Undo: `update_campaign` with the arguments in `undo` of the structured result; they are too long to repeat here"
    )


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("short", 10, "short"),
        ("first\n" + 'said "' + "x" * 90 + '"\nsecond\nlast', 40, 'first\nsaid "…"\nsecond\nlast'),
        ("first\n" + "# " * 90 + "\nlast", 40, f"first\n{'# ' * 28}".rstrip() + "…\nlast"),
        ("#" * 90, 20, "#" * 17 + "…"),
    ],
)
def test_what_is_too_long_loses_the_ends_of_its_longest_lines(text: str, limit: int, kept: str) -> None:
    assert truncate(text, limit) == kept
    assert estimate_tokens(kept) <= limit
