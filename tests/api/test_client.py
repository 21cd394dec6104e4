"""What is sent for each call: method, path, headers, body. Recorded in process and over a real socket."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from asisso_mcp.api.client import MAX_CAMPAIGN_ID
from asisso_mcp.api.errors import KeyMissing, WrongAddress
from tests.api.bodies import RETRY
from tests.api.scripted import CAMPAIGN, KEY, Scripted, answer, asking, listening, raw, settings


async def test_each_call_asks_its_own_path_and_only_the_list_has_a_trailing_slash() -> None:
    api = Scripted(answer(200, {**CAMPAIGN, "campaigns": [CAMPAIGN]}))
    campaigns = await api.client.list_campaigns()
    assert [each.name for each in campaigns] == ["Spring promo"]
    for call in (api.client.get, api.client.pause, api.client.resume):
        assert (await call(3)).id == 3
    assert (await api.client.patch(3, {"name": "New"})).id == 3
    assert api.asked == [
        "GET /api/v1/campaign/",
        "GET /api/v1/campaign/3",
        "POST /api/v1/campaign/3/pause",
        "POST /api/v1/campaign/3/resume",
        "PATCH /api/v1/campaign/3",
    ]
    assert [request.content for request in api.requests] == [b"", b"", b"", b"", b'{"name":"New"}']


async def test_a_patch_is_sent_as_json_with_complete_sections_and_nothing_else() -> None:
    api = Scripted(answer(200, CAMPAIGN))
    await api.client.patch(3, {"retry_config": {**RETRY, "new_key": [1, None]}})
    assert json.loads(api.requests[0].content) == {"retry_config": {**RETRY, "new_key": [1, None]}}
    assert api.requests[0].headers["content-type"] == "application/json"


async def test_on_the_wire_the_key_is_sent_once_with_no_other_credential_and_no_wish_for_compression() -> None:
    async with listening(raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        await client.get(3)
        await client.pause(3)
    assert [sent.line for sent in api.requests] == [
        "GET /api/v1/campaign/3 HTTP/1.1",
        "POST /api/v1/campaign/3/pause HTTP/1.1",
    ]
    for sent in api.requests:
        assert sent.header("x-api-key") == [KEY]
        assert sent.header("authorization") == []
        assert sent.header("cookie") == []
        assert sent.header("accept-encoding") == ["identity"]
        assert sent.header("accept") == ["application/json"]
        assert sent.header("user-agent") == ["asisso-mcp"]
        assert sent.body == b""


async def test_a_token_is_sent_as_a_bearer_only_when_there_is_no_key() -> None:
    token = SecretStr("token.of.a.person")
    both = Scripted(answer(200, CAMPAIGN), settings=settings(access_token=token))
    await both.client.get(3)
    assert both.requests[0].headers["x-api-key"] == KEY
    assert "authorization" not in both.requests[0].headers
    alone = Scripted(answer(200, CAMPAIGN), settings=settings(api_key=None, access_token=token))
    await alone.client.get(3)
    assert alone.requests[0].headers["authorization"] == "Bearer token.of.a.person"
    assert "x-api-key" not in alone.requests[0].headers


async def test_without_credentials_every_call_says_what_to_set_and_sends_nothing() -> None:
    api = Scripted(answer(200, CAMPAIGN), settings=settings(api_key=None))
    for call in (
        lambda: api.client.get(3),
        api.client.list_campaigns,
        lambda: api.client.patch(3, {"name": "x"}),
        lambda: api.client.pause(3),
        lambda: api.client.resume(3),
    ):
        with pytest.raises(KeyMissing) as caught:
            await call()
        assert caught.value.text == (
            "No Asisso API key is set, so nothing was sent. Set ASISSO_API_KEY where this server is configured (the host's "
            '"env" block) and restart it. To try everything without an account, start the server with --sandbox (or '
            "ASISSO_SANDBOX=1)."
        )
        assert caught.value.executed is False
    assert api.requests == []


async def test_another_tenant_shares_the_connection_and_nothing_of_the_credentials() -> None:
    token = SecretStr("token.of.a.person")
    async with (
        listening(raw(200, CAMPAIGN, headers="set-cookie: session=of-the-first; path=/\r\n")) as api,
        asking(settings(api.origin, access_token=token)) as client,
    ):
        await client.get(3)
        await client.for_key(SecretStr("as_the_other_tenant")).get(3)
        await client.get(3)
    assert [sent.header("x-api-key") for sent in api.requests] == [[KEY], ["as_the_other_tenant"], [KEY]]
    assert [sent.header("authorization") for sent in api.requests] == [[], [], []]
    assert [sent.header("cookie") for sent in api.requests] == [[], [], []]
    assert api.connections == 1


@pytest.mark.parametrize(
    "campaign_id",
    [0, -1, MAX_CAMPAIGN_ID + 1, 10**20, True, 3.0, 1.5, None, "3", "1/pause", "1%2Fpause", "../campaign/1", [3]],
)
async def test_an_id_that_no_campaign_can_have_never_becomes_a_path(campaign_id: Any) -> None:
    api = Scripted(answer(200, CAMPAIGN))
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: api.client.get(campaign_id),
        lambda: api.client.patch(campaign_id, {"name": "x"}),
        lambda: api.client.pause(campaign_id),
        lambda: api.client.resume(campaign_id),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"^campaign_id must be a whole number from 1 to 2147483647$"):
            await call()
    assert api.requests == []


@pytest.mark.parametrize("campaign_id", [1, MAX_CAMPAIGN_ID])
async def test_the_smallest_and_the_largest_id_are_asked_for_in_plain_digits(campaign_id: int) -> None:
    api = Scripted(answer(200, {**CAMPAIGN, "id": campaign_id}))
    assert (await api.client.get(campaign_id)).id == campaign_id
    assert api.asked == [f"GET /api/v1/campaign/{campaign_id}"]


async def test_a_redirect_is_not_followed_so_that_the_key_goes_nowhere_else() -> None:
    async with listening(raw(200, CAMPAIGN)) as elsewhere:
        moved = raw(307, headers=f"location: {elsewhere.origin}/api/v1/campaign/3\r\n")
        async with listening(moved) as api, asking(settings(api.origin)) as client:
            with pytest.raises(WrongAddress):
                await client.get(3)
            with pytest.raises(WrongAddress):
                await client.pause(3)
        assert len(api.requests) == 2
        assert elsewhere.connections == 0


async def test_a_path_on_the_api_is_asked_below_the_origin_also_with_a_port() -> None:
    api = Scripted(answer(200, CAMPAIGN), settings=settings("https://calls.example:8443"))
    await api.client.get(3)
    assert str(api.requests[0].url) == "https://calls.example:8443/api/v1/campaign/3"
    assert api.transport.origin == "https://calls.example:8443"
