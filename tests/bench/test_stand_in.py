"""Does the stand-in for the API answer as the API does, as far as the bench needs it?"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from asisso_mcp.api.models import Campaign
from asisso_mcp.campaigns.dialing import may_dial
from bench.api import Campaigns, Conversation
from bench.campaigns import DIALING_ID, READ_ID, WAITING_ID, campaign


@pytest.fixture
async def api() -> AsyncIterator[httpx2.AsyncClient]:
    campaigns = Campaigns()
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(campaigns), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": "k"}, verify=False
    ) as client:
        yield client
    server.close()


async def answer(api: httpx2.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    return (await api.request(method, f"/api/v1{path}", json=body)).json()


async def test_an_edit_replaces_what_it_names_and_is_read_back(api: httpx2.AsyncClient) -> None:
    edited = await answer(api, "PATCH", f"/campaign/{READ_ID}", {"max_concurrency": 7, "name": None})
    assert edited == {**campaign(READ_ID), "max_concurrency": 7}
    assert await answer(api, "GET", f"/campaign/{READ_ID}") == edited


async def test_only_a_running_campaign_can_be_paused(api: httpx2.AsyncClient) -> None:
    assert (await api.post(f"/api/v1/campaign/{READ_ID}/pause")).status_code == 400
    assert (await answer(api, "POST", f"/campaign/{READ_ID}/resume"))["state"] == "running"
    assert (await answer(api, "POST", f"/campaign/{READ_ID}/pause"))["state"] == "paused"


async def test_its_shape_sets_the_length_of_the_list_and_of_a_log_that_the_list_does_not_show(
    api: httpx2.AsyncClient,
) -> None:
    await api.post("/shape/100/500")
    listed = (await answer(api, "GET", "/campaign/"))["campaigns"]
    assert [each["id"] for each in listed] == list(range(100, 0, -1))
    assert all(each["logs"] == [] for each in listed)
    assert len((await answer(api, "GET", f"/campaign/{READ_ID}"))["logs"]) == 500


async def test_what_is_not_there_and_who_has_no_key_are_told_so(api: httpx2.AsyncClient) -> None:
    assert (await api.get("/api/v1/campaign/99999")).json() == {"detail": "Campaign not found"}
    assert (await api.get("/api/v1/other")).json() == {"detail": "Not Found"}
    del api.headers["X-API-Key"]
    assert (await api.get(f"/api/v1/campaign/{READ_ID}")).status_code == 401


async def test_the_newest_call_of_a_campaign_is_one_that_began_a_moment_ago(api: httpx2.AsyncClient) -> None:
    found = await answer(api, "GET", f"/campaign/{DIALING_ID}/runs?limit=1")
    (run,) = found["runs"]
    assert run["is_completed"] is False
    assert datetime.now(UTC) - datetime.fromisoformat(run["created_at"]) < timedelta(minutes=2)
    assert (await api.get("/api/v1/campaign/99999/runs")).status_code == 404


async def test_requests_to_the_api_are_counted_from_one_question_to_the_next(api: httpx2.AsyncClient) -> None:
    for _ in range(3):
        await answer(api, "GET", f"/campaign/{READ_ID}")
    assert (await api.post("/count")).json() == {"requests": 3}
    assert (await api.post("/count")).json() == {"requests": 0}


@pytest.mark.parametrize(("number", "may"), [(READ_ID, False), (WAITING_ID, False), (DIALING_ID, True)])
def test_of_the_campaigns_that_are_read_one_runs_within_its_hours(number: int, may: bool) -> None:
    at = datetime.now(UTC).replace(minute=30)  # the last minute of a day is closed
    assert may_dial(Campaign.model_validate(campaign(number)), at) is may


def test_a_request_that_comes_in_pieces_is_answered_once() -> None:
    sent: list[bytes] = []

    class Out(asyncio.Transport):
        def write(self, data: Any) -> None:
            sent.append(bytes(data))

    conversation = Conversation(Campaigns())
    conversation.connection_made(Out())
    body = json.dumps({"max_concurrency": 9}).encode()
    head = f"PATCH /api/v1/campaign/{READ_ID} HTTP/1.1\r\nX-API-Key: k\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for piece in (head[:20], head[20:], body[:5], body[5:]):
        conversation.data_received(piece)
    (answered,) = sent
    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(answered.partition(b"\r\n\r\n")[2])["max_concurrency"] == 9
