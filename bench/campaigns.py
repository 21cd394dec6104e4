"""The campaigns of the stand-in API: whole objects with every field that the API shows. Pure."""

from datetime import UTC, datetime
from typing import Any

READ_ID = 3
"""The campaign that the runs read and edit: paused, so that an edit is allowed, and without a log."""
WAITING_ID = 5
"""A running campaign outside its calling hours, whose log has twenty entries."""
_WAITING_LOG_ENTRIES = 20


def campaign(number: int, *, log_entries: int = 0) -> dict[str, Any]:
    """A paused campaign with calling hours on five days; its log is oldest first, as the API sends it.

    The one with WAITING_ID runs, and none of its days is today anywhere.
    """
    waits = number == WAITING_ID
    first_day = datetime.now(UTC).weekday() + 2 if waits else 0
    days = [
        {"day_of_week": (first_day + day) % 7, "start_time": "09:00", "end_time": "17:00"}
        for day in range(4 if waits else 5)
    ]
    log_entries = max(log_entries, _WAITING_LOG_ENTRIES) if waits else log_entries
    return {
        "id": number,
        "name": f"Spring promo {number}",
        "workflow_id": 1,
        "workflow_name": "Appointment agent",
        "state": "running" if waits else "paused",
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


def entry(index: int) -> dict[str, Any]:
    """A log entry of the usual length, about 200 bytes."""
    return {
        "ts": f"2026-09-{1 + index // 1440 % 28:02d}T{index // 60 % 24:02d}:{index % 60:02d}:00+00:00",
        "level": "warning",
        "event": "phone_number_pool_exhausted_retry",
        "message": f"No free number for batch {index + 1}, trying again in 30s",
        "details": {"batch": index + 1, "attempt": 1 + index % 3},
    }
