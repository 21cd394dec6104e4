"""The campaigns of the stand-in API: whole objects with every field that the API shows. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

READ_ID = 3
"""The campaign that the runs read and edit: paused, so that an edit is allowed, and without a log."""
WAITING_ID = 5
"""A running campaign outside its calling hours, whose log has twenty entries."""
_WAITING_LOG_ENTRIES = 20
DIALING_ID = 6
"""A running campaign within its calling hours, on any day."""


def campaign(number: int, *, log_entries: int = 0) -> dict[str, Any]:
    """A paused campaign with calling hours on five days; its log is oldest first, as the API sends it.

    The one with WAITING_ID runs, and none of its days is today anywhere. The one with DIALING_ID runs, and is open at any time.
    """
    waits, dials = number == WAITING_ID, number == DIALING_ID
    first_day = datetime.now(UTC).weekday() + 2 if waits else 0
    start, end = ("00:00", "23:59") if dials else ("09:00", "17:00")
    days = [
        {"day_of_week": (first_day + day) % 7, "start_time": start, "end_time": end}
        for day in range(4 if waits else 7 if dials else 5)
    ]
    log_entries = max(log_entries, _WAITING_LOG_ENTRIES) if waits else log_entries
    return {
        "id": number,
        "name": f"Spring promo {number}",
        "workflow_id": 1,
        "workflow_name": "Appointment agent",
        "state": "running" if waits or dials else "paused",
        "source_type": "csv",
        "source_id": f"campaigns/1/{number:05d}_contacts.csv",
        "total_rows": 240,
        "processed_rows": 118,
        "failed_rows": 7,
        "created_at": "2026-08-01T03:00:00Z",
        "started_at": "2026-08-02T12:00:00Z",
        "completed_at": None,
        "retry_config": {
            "enabled": True,
            "max_retries": 3,
            "retry_delay_seconds": 300,
            "retry_on_busy": True,
            "retry_on_no_answer": True,
            "retry_on_voicemail": True,
        },
        "max_concurrency": 3,
        "schedule_config": {"enabled": True, "timezone": "America/New_York", "slots": days},
        "circuit_breaker": {
            "enabled": True,
            "failure_threshold": 0.4,
            "window_seconds": 300,
            "min_calls_in_window": 10,
        },
        "executed_count": 120,
        "total_queued_count": 240,
        "parent_campaign_id": None,
        "redialed_campaign_id": None,
        "telephony_configuration_id": 1,
        "telephony_configuration_name": "Twilio US",
        "logs": [entry(index) for index in range(log_entries)],
    }


def newest_call() -> dict[str, Any]:
    """A call that began a moment ago, with the weight that one has: addresses, contact and log."""
    return {
        "id": 4711,
        "workflow_id": 1,
        "name": "WR-CAMPAIGN-6-4711",
        "mode": "twilio",
        "created_at": f"{datetime.now(UTC) - timedelta(seconds=20):%Y-%m-%dT%H:%M:%SZ}",
        "is_completed": False,
        "transcript_url": "https://storage.internal.example/runs/4711/transcript.txt?token=3f9a",
        "recording_url": "https://storage.internal.example/runs/4711/recording.wav?token=3f9a",
        "cost_info": None,
        "initial_context": {"phone_number": "+14155554711", "customer_name": "Jane", "called_number": "+14155554711"},
        "gathered_context": None,
        "call_type": "outbound",
        "logs": {"telephony_status_callbacks": [{"status": "in-progress", "called": "+14155554711"}] * 5},
    }


def entry(index: int) -> dict[str, Any]:
    """A log entry of the usual length, about 200 bytes."""
    return {
        "ts": f"2026-09-{1 + index // 1440 % 28:02d}T{index // 60 % 24:02d}:{index % 60:02d}:00+00:00",
        "level": "warning",
        "event": "phone_number_pool_exhausted_retry",
        "message": f"No free number for batch {index + 1}, trying again in 30s",
        "details": {"batch": index + 1, "attempt": 1 + index % 3},
    }
