"""The faults of a soak with their rates."""

import json
from typing import Any

from asisso_mcp.sandbox import KEY, Fault

TIMEOUT = 1.0
"""Seconds that the server waits for one answer of the API in a soak (ASISSO_TIMEOUT)."""

ECHO = json.dumps({"detail": f"The key {KEY} was refused"})

LOOKUPS = ("/runs", "/telephony-configs", "/campaign-defaults")
"""What is looked up beside a campaign, and may fail without harm."""

COLLEAGUES: tuple[dict[str, Any], ...] = (
    {"name": "Renamed by a colleague"},
    {"max_concurrency": 4},
    {
        "retry_config": {
            "enabled": True,
            "max_retries": 6,
            "retry_delay_seconds": 1801,
            "retry_on_busy": False,
            "retry_on_no_answer": True,
            "retry_on_voicemail": True,
        }
    },
    {
        "schedule_config": {
            "enabled": True,
            "timezone": "America/Denver",
            "slots": [{"day_of_week": 5, "start_time": "10:00", "end_time": "11:30"}],
        }
    },
    {"circuit_breaker": {"enabled": True, "failure_threshold": 0.7, "window_seconds": 61, "min_calls_in_window": 43}},
)
"""What colleagues store while a call waits: whole sections, as a form sends them, with values that no call asks for."""


def faults() -> list[Fault]:
    """Every kind that the sandbox has, for any call; `poison` comes in episodes, others are arranged for one call."""
    seeds = iter(range(1, 1000))

    def at(rate: float, kind: str, **others: Any) -> Fault:
        return Fault(kind, rate=rate, seed=next(seeds), **others)

    return [
        at(0.010, "delay", seconds=0.03),
        at(0.002, "delay", seconds=TIMEOUT + 0.3),
        at(0.004, "delay", seconds=TIMEOUT + 0.3, when="after", method="PATCH"),
        *(at(0.003, "status", code=code) for code in (500, 502, 504)),
        *(
            at(0.004, "status", code=code, method=method, executed_after=seconds)
            for code, seconds in ((504, 1.5), (502, 0.3), (500, 0.8))
            for method in ("PATCH", "POST")
        ),
        *(
            at(0.004, "drop-before", how=how, method=method, executed_after=seconds)
            for how, seconds in (("close", 0.4), ("reset", 1.2))
            for method in ("PATCH", "POST")
        ),
        *(at(0.015, kind, method=method) for kind in ("stale-body", "minimal-body") for method in ("PATCH", "POST")),
        at(0.003, "status", code=429),
        at(0.003, "status", code=503, retry_after=0),
        *(
            at(0.002, "status", code=code, retry_after=0, method="PATCH", fields=fields)
            for code, fields in zip((429, 503) * len(COLLEAGUES), COLLEAGUES * 2, strict=False)
        ),
        at(0.002, "status", code=401, body=ECHO),
        at(0.002, "status", code=400, body=ECHO),
        at(0.002, "status", code=422, body=ECHO),
        *(at(0.004, kind, how=how) for kind in ("drop-before", "drop-after") for how in ("close", "reset")),
        *(
            at(0.010, kind, how="close", method=method)
            for kind in ("drop-before", "drop-after")
            for method in ("PATCH", "POST")
        ),
        at(0.006, "error-after"),
        at(0.006, "broken-json"),
        at(0.006, "cut-body"),
        at(0.001, "huge-body", bytes=8_500_000),
        at(0.003, "redirect", location=f"https://elsewhere.example/?key={KEY}"),
        at(0.10, "trip", when="before"),
        at(0.03, "trip", when="after"),
        *(at(0.02, "foreign-edit", when=when) for when in ("before", "after", "overwrite", "lost")),
        at(0.15, "import-ends"),
        *(
            at(rate, kind, path=path, **others)
            for path in LOOKUPS
            for rate, kind, others in (
                (0.04, "status", {"code": 500}),
                (0.02, "broken-json", {}),
                (0.02, "drop-before", {"how": "close"}),
                (0.01, "delay", {"seconds": TIMEOUT + 0.3}),
            )
        ),
    ]
