"""Both protocol eras over HTTP: the whole conversation, progress, and no session to be bound to."""

import pytest

from asisso_mcp.sandbox import Fault, RunningServer, Sandbox
from tests.http.served import ERAS, Served, connected, legacy, post, settings_for, text


@pytest.mark.parametrize("era", ERAS)
async def test_progress_is_told_while_the_api_is_slow(
    api: RunningServer, sandbox: Sandbox, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asisso_mcp.server.app.PROGRESS_SECONDS", 0.05)
    sandbox.faults.add(Fault("delay", seconds=0.4))
    told: list[tuple[float, str | None]] = []

    async def listen(progress: float, total: float | None, words: str | None) -> None:
        told.append((progress, words))

    with Served(settings_for(api.url)) as served:
        async with connected(served.url, era) as client:
            result = await client.call_tool("get_campaign", {"campaign_id": 3}, progress_callback=listen)
    assert text(result).startswith('Campaign 3 "Spring promo"')
    assert (0.05, "Read a campaign: waiting for the Asisso API, 0.05 s") in told


def test_the_2025_era_is_served_without_a_session(served: Served) -> None:
    opening = legacy(
        "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "raw", "version": "1"}
    )
    opened = post(served.url, opening)
    listed = post(served.url, legacy("tools/list"))  # no handshake came before it on this connection
    assert opened.status_code == listed.status_code == 200
    assert "mcp-session-id" not in opened.headers
    assert '"name":"resume_campaign"' in listed.text


async def test_what_a_server_offers_may_be_cached_by_anyone_where_everyone_sees_the_same(served: Served) -> None:
    async with connected(served.url, "auto") as client:
        listed = await client.list_tools()
    assert (listed.ttl_ms, listed.cache_scope) == (3_600_000, "public")
