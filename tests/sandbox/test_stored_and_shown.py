"""Does a stored campaign become the response that the real server makes of it, and is the seed what it promises?"""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from asisso_mcp.sandbox import Sandbox
from asisso_mcp.sandbox.calling_hours import is_open

SHOWN_RETRY = {
    "enabled": True,
    "max_retries": 1,
    "retry_delay_seconds": 120,
    "retry_on_busy": True,
    "retry_on_no_answer": True,
    "retry_on_voicemail": False,
}
SHOWN_BREAKER = {"enabled": False, "failure_threshold": 0.5, "window_seconds": 120, "min_calls_in_window": 5}


async def test_the_keys_come_in_the_recorded_order(client: httpx2.AsyncClient) -> None:
    campaign = (await client.get("/campaign/3")).json()
    assert ",".join(campaign) == (
        "id,name,workflow_id,workflow_name,state,source_type,source_id,total_rows,processed_rows,failed_rows,"
        "created_at,started_at,completed_at,retry_config,max_concurrency,schedule_config,circuit_breaker,"
        "executed_count,total_queued_count,parent_campaign_id,redialed_campaign_id,telephony_configuration_id,"
        "telephony_configuration_name,logs"
    )
    assert campaign["telephony_configuration_name"] == "Twilio US"


async def test_what_is_unset_is_shown_with_display_defaults(sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
    campaign = (await client.get("/campaign/2")).json()
    assert campaign["retry_config"] == SHOWN_RETRY
    assert (campaign["max_concurrency"], campaign["schedule_config"]) == (None, None)
    assert campaign["circuit_breaker"] == SHOWN_BREAKER
    assert sandbox.campaign(2)["effective_circuit_breaker"] == {**SHOWN_BREAKER, "enabled": True}


async def test_an_unset_and_an_explicitly_disabled_breaker_look_alike_and_differ(
    sandbox: Sandbox, client: httpx2.AsyncClient
) -> None:
    unset, explicit = [(await client.get(f"/campaign/{number}")).json()["circuit_breaker"] for number in (7, 13)]
    assert unset == explicit == SHOWN_BREAKER
    assert sandbox.campaign(7)["effective_circuit_breaker"]["enabled"] is True
    assert sandbox.campaign(13)["effective_circuit_breaker"]["enabled"] is False


@pytest.mark.parametrize(
    ("stored", "key", "shown"),
    [
        ({"retry_config": {}}, "retry_config", SHOWN_RETRY),
        ({"retry_config": {**SHOWN_RETRY, "max_retries": 99, "x": 1}}, "retry_config", {**SHOWN_RETRY, "max_retries": 99}),
        (
            {"schedule_config": {"slots": []}},
            "schedule_config",
            {"enabled": False, "timezone": "UTC", "slots": []},
        ),
        ({"schedule_config": {}}, "schedule_config", None),
        ({"circuit_breaker": {"window_seconds": 60}}, "circuit_breaker", {**SHOWN_BREAKER, "window_seconds": 60}),
        ({"workflow_name": None}, "workflow_name", "Unknown"),
        ({"logs": [{"ts": "t", "level": "error", "event": "e", "message": "m"}]}, "logs",
         [{"ts": "t", "level": "error", "event": "e", "message": "m", "details": None}]),
        ({"logs": ["text", None, 5, [], {"ts": "t", "level": "info", "event": "e", "message": "m", "details": None}]}, "logs",
         [{"ts": "t", "level": "info", "event": "e", "message": "m", "details": None}]),
        ({"created_at": "2026-11-23T12:38:53.274915+00:00"}, "created_at", "2026-11-23T12:38:53.274915Z"),
    ],
)  # fmt: skip
async def test_a_stored_value_is_shown_as_recorded(
    sandbox: Sandbox, client: httpx2.AsyncClient, stored: dict[str, Any], key: str, shown: Any
) -> None:
    sandbox.put(4, **stored)
    assert (await client.get("/campaign/4")).json()[key] == shown


@pytest.mark.parametrize(
    "stored",
    [{"retry_config": {"enabled": True}}, {"schedule_config": {"slots": [{"day_of_week": 1, "start_time": "09:00"}]}}],
)
async def test_one_malformed_row_breaks_its_get_and_the_whole_list(
    sandbox: Sandbox, client: httpx2.AsyncClient, stored: dict[str, Any]
) -> None:
    sandbox.put(4, **stored)
    for path in ("/campaign/4", "/campaign/"):
        got = await client.get(path)
        assert (got.status_code, got.text) == (500, "Internal Server Error")
    assert (await client.get("/campaign/5")).status_code == 200


async def test_a_write_to_a_malformed_row_is_committed_before_the_500(
    sandbox: Sandbox, client: httpx2.AsyncClient
) -> None:
    sandbox.put(4, retry_config={"enabled": True})
    sandbox.put(3, retry_config={"enabled": True})
    assert (await client.patch("/campaign/4", json={"name": "Changed"})).status_code == 500
    assert (await client.post("/campaign/3/pause")).status_code == 500
    assert (sandbox.campaign(4)["name"], sandbox.campaign(3)["state"]) == ("Changed", "paused")
    for campaign in (3, 4):
        assert (await client.patch(f"/campaign/{campaign}", json={"retry_config": SHOWN_RETRY})).status_code == 200
    assert (await client.get("/campaign/")).status_code == 200


async def test_the_list_is_everything_newest_first_whatever_is_asked(client: httpx2.AsyncClient) -> None:
    plain = (await client.get("/campaign/")).json()
    asked = (await client.get("/campaign/", params={"limit": 1, "state": "running", "search": "x"})).json()
    assert plain == asked
    assert [campaign["id"] for campaign in plain["campaigns"]] == list(range(14, 0, -1))
    assert len(plain["campaigns"][14 - 8]["logs"]) == 500


async def test_the_seed_holds_what_tests_and_demos_rely_on(sandbox: Sandbox) -> None:
    states = [sandbox.campaign(number)["state"] for number in range(1, 15)]
    assert " ".join(states) == (
        "running created running paused paused failed paused running created syncing running paused paused completed"
    )
    assert sandbox.campaign(4)["name"] == sandbox.campaign(13)["name"]
    assert sandbox.campaign(5)["logs"][-1]["message"] == (
        "Paused: failure rate 100.00% (5/5) exceeded threshold 50.00% in 120s window"
    )
    assert len(sandbox.campaign(9)["name"]) <= 255


async def test_the_first_campaign_can_be_paused_edited_and_resumed(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    hours = [
        is_open(sandbox.campaign(1)["metadata"]["schedule_config"], clock() + timedelta(hours=n)) for n in range(168)
    ]
    assert sum(hours) / len(hours) > 0.5
    assert (await client.get("/campaign/1")).json()["state"] == "running"
    assert (await client.post("/campaign/1/pause")).json()["state"] == "paused"
    edited = await client.patch("/campaign/1", json={"name": "Renamed", "max_concurrency": 4})
    assert (edited.status_code, edited.json()["name"]) == (200, "Renamed")
    assert (await client.post("/campaign/1/resume")).json()["state"] == "running"


async def test_the_defaults_for_a_new_campaign_are_offered_too(client: httpx2.AsyncClient) -> None:
    defaults = (await client.get("/organizations/campaign-defaults")).json()
    assert (defaults["concurrent_call_limit"], defaults["from_numbers_count"]) == (20, 5)
    assert defaults["default_retry_config"] == SHOWN_RETRY


def test_two_sandboxes_on_one_file_are_one_server(tmp_path: Path, clock: Any) -> None:
    first, second = Sandbox(db=tmp_path / "a.db", clock=clock), Sandbox(db=str(tmp_path / "a.db"), clock=clock)
    first.put(4, name="Seen by both")
    assert second.campaign(4)["name"] == "Seen by both"
    assert second.add(name="New") == first.add(name="Newer") - 1
    first.close()
    second.close()


def test_several_processes_may_fill_and_write_one_file(tmp_path: Path) -> None:
    program = (
        "import sys; from asisso_mcp.sandbox import Sandbox\n"
        "s = Sandbox(db=sys.argv[1])\n"
        "for _ in range(40): s.add(name='x')\n"
        "s.close()"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "b.db")]) for _ in range(2)]
    assert [process.wait(30) for process in running] == [0, 0]
    sandbox = Sandbox(db=tmp_path / "b.db")
    assert sandbox.add() == 201 + 2 * 40 + 1
    sandbox.close()


def test_a_copy_is_handed_out_and_unknown_names_are_refused(sandbox: Sandbox) -> None:
    sandbox.campaign(4)["metadata"].clear()
    assert sandbox.campaign(4)["metadata"]["max_concurrency"] == 4
    sandbox.put(4, max_concurrency=None)
    assert "max_concurrency" not in sandbox.campaign(4)["metadata"]
    with pytest.raises(TypeError, match="a campaign stores no retries"):
        sandbox.put(4, retries=3)
    with pytest.raises(LookupError):
        sandbox.campaign(999)


def test_an_unseeded_sandbox_starts_at_one() -> None:
    sandbox = Sandbox(seed=False)
    assert sandbox.add(name="First") == 1
    assert "/api/v1/campaign/{campaign_id}" in sandbox.openapi()["paths"]
    sandbox.close()


def test_naming_the_package_loads_no_web_framework() -> None:
    program = "import asisso_mcp.sandbox, sys; print(sorted({'fastapi', 'uvicorn', 'sqlite3'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
