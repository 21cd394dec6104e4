"""The calls of a campaign as the API tells of them: which there are, in which order, and which there never were."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from asisso_mcp.sandbox import OTHER_TENANT_KEY, Sandbox


async def times_of(client: httpx2.AsyncClient, query: str = "", campaign: int = 4) -> list[str]:
    """When the runs of a page began, as minutes and seconds."""
    return [run["created_at"][14:19] for run in (await client.get(f"/campaign/{campaign}/runs{query}")).json()["runs"]]


async def test_a_run_has_its_times_and_the_heavy_rest(sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any) -> None:
    began = clock()
    sandbox.add_run(4, created_at=began, ended_at=began + timedelta(seconds=42), disposition="busy")
    page = (await client.get("/campaign/4/runs")).json()
    run = page.pop("runs")[0]
    assert page == {"total_count": 1, "page": 1, "limit": 50, "total_pages": 1}
    assert ",".join(run) == (
        "id,workflow_id,name,mode,created_at,is_completed,transcript_url,transcript_public_url,recording_url,"
        "recording_public_url,user_recording_url,user_recording_public_url,bot_recording_url,bot_recording_public_url,"
        "public_access_token,cost_info,usage_info,definition_id,initial_context,gathered_context,call_type,logs,annotations"
    )
    assert (run["created_at"], run["is_completed"], run["cost_info"]) == ("2026-11-23T15:00:00Z", False, None)
    assert run["initial_context"]["phone_number"].startswith("+1415555")
    clock.move(seconds=42)
    run = (await client.get("/campaign/4/runs")).json()["runs"][0]
    assert (run["is_completed"], run["cost_info"]["call_duration_seconds"]) == (True, 42.0)
    assert run["gathered_context"]["call_disposition"] == "busy"


async def test_a_run_without_an_end_is_never_completed(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    sandbox.add_run(4, created_at=clock())
    clock.move(days=3)
    assert (await client.get("/campaign/4/runs")).json()["runs"][0]["is_completed"] is False


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["00:03", "00:02", "00:01"]),
        ("?limit=1", ["00:03"]),
        ("?limit=2&page=2", ["00:01"]),
        ("?page=3", []),
        ("?sort_order=asc", ["00:01", "00:02", "00:03"]),
        ("?sort_by=duration", ["00:02", "00:03", "00:01"]),
        ("?sort_by=duration&sort_order=asc", ["00:01", "00:03", "00:02"]),
        ("?sort_by=name&sort_order=up", ["00:03", "00:02", "00:01"]),
    ],
)
async def test_runs_come_newest_first_or_as_asked(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any, query: str, expected: list[str]
) -> None:
    for second, seconds in ((1, 5), (2, 30), (3, 10)):
        began = clock() + timedelta(seconds=second)
        sandbox.add_run(4, created_at=began, ended_at=began + timedelta(seconds=seconds))
    assert await times_of(client, query) == expected


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/campaign/9999/runs", 404, "Campaign 9999 not found"),
        ("/campaign/101/runs", 404, "Campaign 101 not found"),
        ("/campaign/9999/progress", 404, "Campaign not found"),
        ("/campaign/2147483648/runs", 500, None),
        ("/campaign/2147483648/progress", 500, None),
        ("/campaign/4/runs?page=100000000000000000000", 500, None),
    ],
)
async def test_runs_that_cannot_be_had_are_refused_in_the_recorded_words(
    client: httpx2.AsyncClient, path: str, status: int, detail: str | None
) -> None:
    got = await client.get(path)
    assert got.status_code == status
    assert got.text == "Internal Server Error" if detail is None else got.json() == {"detail": detail}


@pytest.mark.parametrize("query", ["page=0", "limit=0", "limit=101", "page=x"])
async def test_a_page_or_limit_out_of_range_is_a_422(client: httpx2.AsyncClient, query: str) -> None:
    got = await client.get(f"/campaign/4/runs?{query}")
    assert (got.status_code, got.json()["detail"][0]["loc"]) == (422, ["query", query.partition("=")[0]])


async def test_another_tenants_runs_are_not_there(sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any) -> None:
    sandbox.add_run(4, created_at=clock())
    got = await client.get("/campaign/4/runs", headers={"X-API-Key": OTHER_TENANT_KEY})
    assert got.status_code == 404


def test_a_run_of_a_campaign_that_is_not_there_is_refused(sandbox: Sandbox, clock: Any) -> None:
    with pytest.raises(LookupError, match="there is no campaign 999"):
        sandbox.add_run(999, created_at=clock())


async def test_seeded_campaigns_that_can_dial_have_done_so_lately_and_others_have_no_run(
    client: httpx2.AsyncClient,
) -> None:
    began = {number: await times_of(client, campaign=number) for number in range(1, 15)}
    assert {number for number, times in began.items() if times} == {1, 3, 8, 11}
    assert began[3] == ["59:52", "59:00"]
    assert (await client.get("/campaign/3/runs?limit=1")).json()["runs"][0]["is_completed"] is False


async def test_each_call_that_is_made_is_a_run(sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any) -> None:
    clock.move(seconds=35)
    assert await times_of(client, "?limit=4", campaign=3) == ["00:30", "00:20", "00:10", "59:52"]
    runs = (await client.get("/campaign/3/runs")).json()["runs"]
    assert [run["is_completed"] for run in runs] == [False, False, False, True, True]
    assert (await client.get("/campaign/3")).json()["executed_count"] == 123


LATER = "2026-11-23T15:45:00+00:00"


@pytest.mark.parametrize(
    "stored",
    [
        {"state": "paused"},
        {"executed_count": 0, "total_queued_count": 5, "failed_count": 5},
        {"executed_count": 239, "total_queued_count": 240, "waiting_retries": [[LATER, 1]]},
        {"executed_count": 240},
        {
            "schedule_config": {
                "enabled": True,
                "slots": [{"day_of_week": 6, "start_time": "09:00", "end_time": "17:00"}],
            }
        },
    ],
    ids=["paused", "only failed rows", "a retry waits", "nothing left", "outside its hours"],
)
async def test_a_campaign_with_nothing_to_dial_makes_no_call(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any, stored: dict[str, Any]
) -> None:
    sandbox.put(3, **{"batch": [], **stored})
    before = await times_of(client, campaign=3)
    clock.move(minutes=44)
    assert await times_of(client, campaign=3) == before


async def test_a_retry_is_called_when_its_time_has_come(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    sandbox.put(3, batch=[], executed_count=239, total_queued_count=240, waiting_retries=[[LATER, 1]])
    clock.move(minutes=46)
    campaign = (await client.get("/campaign/3")).json()
    assert (campaign["executed_count"], campaign["total_queued_count"]) == (240, 240)
    assert (await times_of(client, "?limit=1", campaign=3)) == ["45:20"]  # claimed at the check of 45:10


async def test_failed_calls_of_the_progress_are_counted(
    sandbox: Sandbox, client: httpx2.AsyncClient, clock: Any
) -> None:
    for disposition in ("failed", "busy", "no-answer", "completed"):
        sandbox.add_run(4, created_at=clock(), ended_at=clock(), disposition=disposition)
    sandbox.add_run(4, created_at=clock(), ended_at=clock() + timedelta(seconds=1), disposition="failed")
    assert (await client.get("/campaign/4/progress")).json() == {
        "campaign_id": 4,
        "state": "paused",
        "total_rows": 480,
        "processed_rows": 21,
        "failed_calls": 3,
        "progress_percentage": 4.375,
        "source_sync": {"status": "completed", "last_synced_at": "2026-08-17T06:30:05Z", "error": None},
        "rate_limit": 1,
        "started_at": "2026-08-17T06:30:00Z",
        "completed_at": None,
    }


@pytest.mark.parametrize(
    ("campaign", "status", "error"),
    [(2, "pending", ""), (10, "in_progress", ""), (6, "failed", "Source sync failed: (sql")],
)
async def test_the_progress_tells_how_the_import_went(
    client: httpx2.AsyncClient, campaign: int, status: str, error: str
) -> None:
    progress = (await client.get(f"/campaign/{campaign}/progress")).json()
    assert (progress["source_sync"]["status"], (progress["source_sync"]["error"] or "")[:24]) == (status, error)
    assert (progress["total_rows"], progress["progress_percentage"]) == (0, 0.0)
