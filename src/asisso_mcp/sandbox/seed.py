"""The contents of a fresh sandbox: three tenants with their keys, and campaigns for every state and oddity.

Ids are stable; `created_at` lies in 2026 and grows with the id, so the newest is listed first. The keys open nothing
anywhere else.
"""

from datetime import timedelta
from typing import Any

from asisso_mcp.sandbox.calling_hours import is_open
from asisso_mcp.sandbox.dialing import BATCH, CALL_SECONDS, Run
from asisso_mcp.sandbox.seed_logs import BREAKER_LOG, HOSTILE_NAME, LONG_LOG, SYNC_LOG
from asisso_mcp.sandbox.store import Store

MAIN, OTHER, NO_TELEPHONY = 1, 2, 3
"""The tenants' ids."""

KEY = "as_sandbox_key"
"""The main tenant, which owns the seeded campaigns."""

OTHER_TENANT_KEY = "as_sandbox_other"
"""Another tenant: its campaigns do not exist for the main one."""

NO_TELEPHONY_KEY = "as_sandbox_no_telephony"
"""A tenant without telephony: resume answers 401."""

REVOKED_KEY = "as_sandbox_revoked"
OWNERLESS_KEY = "as_sandbox_ownerless"
"""A key whose creator is null."""
ORPHANED_KEY = "as_sandbox_orphaned"
"""A key whose creator was deleted."""

TOKEN = "sandbox.login.token"  # noqa: S105 - opens the sandbox only
"""A login token of the main tenant, for `Authorization: Bearer`."""


def _retry(retries: int, delay: int, *, voicemail: bool, enabled: bool = True) -> dict[str, Any]:
    return {
        "enabled": enabled,
        "max_retries": retries,
        "retry_delay_seconds": delay,
        "retry_on_busy": True,
        "retry_on_no_answer": True,
        "retry_on_voicemail": voicemail,
    }


def _schedule(zone: str, *slots: tuple[int, str, str], enabled: bool = True) -> dict[str, Any]:
    return {
        "enabled": enabled,
        "timezone": zone,
        "slots": [{"day_of_week": day, "start_time": start, "end_time": end} for day, start, end in slots],
    }


def _breaker(threshold: float, window: int, calls: int, *, enabled: bool = True) -> dict[str, Any]:
    return {
        "enabled": enabled,
        "failure_threshold": threshold,
        "window_seconds": window,
        "min_calls_in_window": calls,
    }


def _weekdays(*spans: tuple[str, str]) -> list[tuple[int, str, str]]:
    return [(day, start, end) for day in range(5) for start, end in spans]


def _counts(
    total: int, executed: int, *, unanswered: int = 0, queued: int | None = None, failed: int = 0
) -> dict[str, Any]:
    """The counts of `total` contacts: rows of the queue that were `executed` or `failed`, of `queued` in all."""
    return {
        "total_rows": total,
        "source_rows": total,
        "processed_rows": -(-executed // BATCH),
        "failed_rows": unanswered,
        "executed_count": executed,
        "failed_count": failed,
        "total_queued_count": total if queued is None else queued,
    }


def _at(moment: str) -> str:
    return f"2026-{moment}+00:00"


_OVERNIGHT = [span for day in range(5) for span in ((day, "22:00", "24:00"), (day + 1, "00:00", "06:00"))]

TELEPHONY: tuple[dict[str, Any], ...] = (
    {"id": 1, "organization_id": MAIN, "name": "Twilio US", "phone_number_count": 5, "is_default_outbound": True},
    {"id": 2, "organization_id": MAIN, "name": "Plivo (no numbers)", "provider": "plivo", "phone_number_count": 0},
    {"id": 3, "organization_id": MAIN, "name": "Telnyx DE", "provider": "telnyx", "phone_number_count": 40},
    {
        "id": 4,
        "organization_id": OTHER,
        "name": "Vonage EU",
        "provider": "vonage",
        "phone_number_count": 2,
        "is_default_outbound": True,
    },
    {
        "id": 5,
        "organization_id": MAIN,
        "name": "Vonage UK (parked)",
        "provider": "vonage",
        "phone_number_count": 3,
        "inactive": True,
        "inactive_since": _at("10-30T12:00:00"),
        "inactive_reason": "Parked by an administrator",
    },
)
"""An inactive configuration is shown as ready beside it."""

CAMPAIGNS: tuple[dict[str, Any], ...] = (
    {
        "id": 1,
        "name": "Autumn renewals",
        "state": "running",
        "created_at": _at("05-04T08:15:00"),
        "started_at": _at("05-05T07:00:00"),
        "retry_config": _retry(2, 900, voicemail=False),
        "max_concurrency": 5,
        "schedule_config": _schedule("Europe/London", *((day, "08:00", "21:00") for day in range(7))),
        "circuit_breaker": _breaker(0.6, 180, 10),
        **_counts(12_000, 3120, unanswered=71, queued=12_344),
    },
    {"id": 2, "name": "Winter reactivation", "created_at": _at("06-18T13:02:11.402113"), "source_rows": 300},
    {
        "id": 3,
        "name": "Spring promo",
        "state": "running",
        "created_at": _at("08-01T03:00:00"),
        "started_at": _at("08-02T12:00:00"),
        "source_id": "campaigns/1/0003_contacts.csv",
        "retry_config": _retry(3, 300, voicemail=True),
        "max_concurrency": 3,
        "schedule_config": _schedule("America/New_York", *_weekdays(("09:00", "17:00"))),
        "circuit_breaker": _breaker(0.4, 300, 10),
        "telephony_configuration_id": 1,
        **_counts(240, 120, unanswered=7),
    },
    {
        "id": 4,
        "name": "Berlin appointment reminders",
        "state": "paused",
        "created_at": _at("08-14T09:30:00"),
        "started_at": _at("08-17T06:30:00"),
        "retry_config": _retry(2, 600, voicemail=False),
        "max_concurrency": 4,
        "schedule_config": _schedule("Europe/Berlin", *_weekdays(("08:30", "12:00"), ("13:00", "17:30"))),
        "circuit_breaker": _breaker(0.3, 180, 8),
        **_counts(480, 205, unanswered=11),
    },
    {
        "id": 5,
        "name": "Payment follow-ups",
        "state": "paused",
        "created_at": _at("09-02T10:00:00"),
        "started_at": _at("09-03T08:00:00"),
        "retry_config": _retry(1, 1800, voicemail=False),
        "logs": BREAKER_LOG,
        **_counts(90, 5, failed=5),
    },
    {
        "id": 6,
        "name": "Imported leads, September",
        "state": "failed",
        "created_at": _at("09-09T15:40:00"),
        "started_at": _at("09-09T15:41:07"),
        "logs": SYNC_LOG,
    },
    {
        "id": 7,
        "name": "Tokyo night shift staffing",
        "state": "paused",
        "created_at": _at("09-21T22:10:00"),
        "started_at": _at("09-22T13:00:00"),
        "retry_config": _retry(3, 600, voicemail=True),
        "max_concurrency": 2,
        "schedule_config": _schedule("Asia/Tokyo", *_OVERNIGHT),
        **_counts(64, 20, unanswered=1),
    },
    {
        "id": 8,
        "name": "Customer survey 2026",
        "state": "running",
        "created_at": _at("09-28T07:00:00"),
        "started_at": _at("09-28T09:00:00"),
        "retry_config": _retry(5, 3600, voicemail=False),
        "max_concurrency": 10,
        "circuit_breaker": _breaker(0.8, 600, 50),
        "logs": LONG_LOG,
        **_counts(20_000, 4312, unanswered=260, queued=21_107),
    },
    {"id": 9, "name": HOSTILE_NAME, "created_at": _at("10-05T11:11:11")},
    {
        "id": 10,
        "name": "Newsletter opt-ins",
        "state": "syncing",
        "created_at": _at("10-12T12:00:00"),
        "started_at": _at("10-12T12:05:00"),
    },
    {
        "id": 11,
        "name": "Bengaluru onboarding calls",
        "state": "running",
        "created_at": _at("10-19T05:30:00"),
        "started_at": _at("10-20T04:00:00"),
        "retry_config": _retry(0, 120, voicemail=False, enabled=False),
        "schedule_config": _schedule("Asia/Kolkata", *_weekdays(("10:00", "19:00")), enabled=False),
        **_counts(3000, 740),
    },
    {
        "id": 12,
        "name": "Legacy mass outreach",
        "state": "paused",
        "created_at": _at("10-26T14:00:00"),
        "started_at": _at("10-26T15:00:00"),
        "retry_config": _retry(20, 7200, voicemail=True),
        "max_concurrency": 150,
        **_counts(50_000, 31_877, unanswered=2900, queued=61_400, failed=640),
    },
    {
        "id": 13,
        "name": "Berlin appointment reminders",
        "state": "paused",
        "created_at": _at("11-03T09:30:00"),
        "started_at": _at("11-04T07:30:00"),
        "max_concurrency": 4,
        "circuit_breaker": _breaker(0.5, 120, 5, enabled=False),
        **_counts(77, 12, unanswered=1),
    },
    {
        "id": 14,
        "name": "Rückruf-Aktion für Köln – 春の案内",
        "state": "completed",
        "created_at": _at("11-16T16:45:00.250000"),
        "started_at": _at("11-17T08:00:00"),
        "completed_at": _at("11-19T16:21:40.118020"),
        **_counts(200, 224, unanswered=12, queued=224),
    },
    {
        "id": 101,
        "organization_id": OTHER,
        "name": "Somebody else's campaign",
        "state": "paused",
        "created_at": _at("07-01T00:00:00"),
        "started_at": _at("07-02T00:00:00"),
        **_counts(10, 3),
    },
    {
        "id": 102,
        "organization_id": OTHER,
        "name": "Somebody else's draft",
        "created_at": _at("07-03T00:00:00"),
    },
    {
        "id": 201,
        "organization_id": NO_TELEPHONY,
        "name": "Before the first number",
        "state": "paused",
        "created_at": _at("07-04T00:00:00"),
        "started_at": _at("07-05T00:00:00"),
        **_counts(25, 0),
    },
)


def fill(store: Store, *, campaigns: bool) -> None:
    """Store the tenants, telephony and, if wanted, the campaigns; nothing where another process filled the file before."""
    with store.transaction():
        if not store.add_organization(MAIN, 20):
            return
        store.add_organization(OTHER, 10)
        store.add_organization(NO_TELEPHONY, 10)
        for configuration in TELEPHONY:
            store.telephony.add({**configuration, "created_at": _at("04-01T09:00:00")})
        for campaign in CAMPAIGNS if campaigns else ():
            store.insert({**campaign, "updated_at": campaign["created_at"]})
            _add_latest_calls(store, campaign["id"])


def _add_latest_calls(store: Store, campaign_id: int) -> None:
    """A campaign that can dial now has done so: of all its calls the last two are kept, one of them in progress."""
    row, now = store.row(campaign_id), store.now()
    if row and row["state"] == "running" and is_open(row["metadata"].get("schedule_config"), now):
        ended, begun = now - timedelta(seconds=CALL_SECONDS), now - timedelta(seconds=8)
        store.runs.add(campaign_id, [Run(ended - timedelta(seconds=CALL_SECONDS), ended)])
        store.runs.add(campaign_id, [Run(begun, begun + timedelta(seconds=CALL_SECONDS))])
