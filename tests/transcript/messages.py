"""24 messages such as a campaign manager writes, and what an assistant calls for each: with our tools, and with the API alone.

Both know what they were answered before, and nothing else: ids come from the list, whole sections from an earlier answer. Neither asks
for what an answer already told.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

UNDO = "undo"
"""In place of a tool: `undo_tool` of the answer before, with its `undo`."""

ToolCall = tuple[str, Mapping[str, Any]]
Request = tuple[Literal["GET", "PATCH", "POST"], str, Mapping[str, Any] | None]


class Message(NamedTuple):
    """What the person writes, and the calls that it takes; without_calls: why it takes none."""

    text: str
    ours: tuple[ToolCall, ...] = ()
    raw: tuple[Request, ...] = ()
    without_calls: str = "an answer before has told it"


def update(campaign_id: int, **named: Any) -> ToolCall:
    return "update_campaign", {"campaign_id": campaign_id, **named}


def running(campaign_id: int, **named: Any) -> ToolCall:
    return update(campaign_id, **named, if_running="pause_and_resume")


def get(path: str) -> Request:
    return "GET", path, None


def post(campaign_id: int, verb: str) -> Request:
    return "POST", f"/campaign/{campaign_id}/{verb}", None


def patch(campaign_id: int, **body: Any) -> Request:
    return "PATCH", f"/campaign/{campaign_id}", body


def while_paused(campaign_id: int, **body: Any) -> tuple[Request, ...]:
    """What the published rule asks of whoever edits a running campaign."""
    return post(campaign_id, "pause"), patch(campaign_id, **body), post(campaign_id, "resume")


def weekdays(*spans: tuple[str, str], days: range = range(5)) -> list[dict[str, Any]]:
    return [{"day_of_week": day, "start_time": start, "end_time": end} for day in days for start, end in spans]


def nights(until: str) -> list[dict[str, Any]]:
    return [
        slot
        for day in range(5)
        for slot in (
            {"day_of_week": day, "start_time": "22:00", "end_time": "24:00"},
            {"day_of_week": day + 1, "start_time": "00:00", "end_time": until},
        )
    ]


def retries(number: int, delay: int, *, voicemail: bool) -> dict[str, Any]:
    return {
        "enabled": True,
        "max_retries": number,
        "retry_delay_seconds": delay,
        "retry_on_busy": True,
        "retry_on_no_answer": True,
        "retry_on_voicemail": voicemail,
    }


NEW_YORK, BERLIN, TOKYO = (
    {"enabled": True, "timezone": zone} for zone in ("America/New_York", "Europe/Berlin", "Asia/Tokyo")
)
NINE_TO_FOUR, EIGHT_TO_SIX = weekdays(("09:00", "16:00")), weekdays(("08:00", "18:00"))

MESSAGES = (
    Message("What campaigns do I have, and which may call right now?", (("list_campaigns", {}),), (get("/campaign/"),)),
    Message("Pause the spring promo.", (("pause_campaign", {"campaign_id": 3}),), (post(3, "pause"),)),
    Message("Why is Payment follow-ups not dialing?", (("get_campaign", {"campaign_id": 5}),), (get("/campaign/5"),)),
    Message(
        "Let the spring promo go on, but only on weekdays from nine to four.",
        (update(3, schedule_config={"slots": NINE_TO_FOUR}), ("resume_campaign", {"campaign_id": 3})),
        (patch(3, schedule_config={**NEW_YORK, "slots": NINE_TO_FOUR}), post(3, "resume")),
    ),
    Message(
        "In the customer survey, retry three times, not five.",
        (running(8, retry_config={"max_retries": 3}),),
        while_paused(8, retry_config=retries(3, 3600, voicemail=False)),
    ),
    Message("Undo that.", ((UNDO, {}),), while_paused(8, retry_config=retries(5, 3600, voicemail=False))),
    Message("Raise its concurrency to twelve.", (running(8, max_concurrency=12),), while_paused(8, max_concurrency=12)),
    Message("Until when do the autumn renewals call today?"),
    Message(
        "Call them Autumn renewals 2026.",
        (running(1, name="Autumn renewals 2026"),),
        while_paused(1, name="Autumn renewals 2026"),
    ),
    Message(
        "The Berlin reminders may make six calls at once.",
        without_calls="two campaigns have that name, and the assistant asks which one is meant",
    ),
    Message("The older one.", (update(4, max_concurrency=6),), (patch(4, max_concurrency=6),)),
    Message(
        "What would change if it called from eight to six?",
        (update(4, schedule_config={"slots": EIGHT_TO_SIX}, dry_run=True),),
        (get("/campaign/4"),),
    ),
    Message(
        "Good, do it.",
        (update(4, schedule_config={"slots": EIGHT_TO_SIX}),),
        (patch(4, schedule_config={**BERLIN, "slots": EIGHT_TO_SIX}),),
    ),
    Message("And let it dial again.", (("resume_campaign", {"campaign_id": 4}),), (post(4, "resume"),)),
    Message(
        "Is it dialing?",
        (("get_campaign", {"campaign_id": 4}),),
        (get("/campaign/4"), get("/campaign/4/runs?limit=1")),
    ),
    Message(
        "No retries on voicemail for the spring promo.",
        (running(3, retry_config={"retry_on_voicemail": False}),),
        while_paused(3, retry_config=retries(3, 300, voicemail=False)),
    ),
    Message("How far is the survey?", (("get_campaign", {"campaign_id": 8}),), (get("/campaign/8"),)),
    Message("Is there anything in its log?"),
    Message(
        "Let it stop when 60 percent of the calls fail.",
        (running(8, circuit_breaker={"failure_threshold": 0.6}),),
        while_paused(
            8,
            circuit_breaker={
                "enabled": True,
                "failure_threshold": 0.6,
                "window_seconds": 600,
                "min_calls_in_window": 50,
            },
        ),
    ),
    Message(
        "Tokyo may call from ten at night until seven, Monday to Friday nights.",
        (update(7, schedule_config={"slots": nights("07:00")}),),
        (patch(7, schedule_config={**TOKYO, "slots": nights("07:00")}),),
    ),
    Message("No, as it was.", ((UNDO, {}),), (patch(7, schedule_config={**TOKYO, "slots": nights("06:00")}),)),
    Message(
        "Can the September import be started again?",
        (("get_campaign", {"campaign_id": 6}),),
        (get("/campaign/6"),),
    ),
    Message(
        "Two retries for the newsletter opt-ins.",
        (update(10, retry_config={"max_retries": 2}),),
        (patch(10, retry_config=retries(2, 120, voicemail=False)),),
    ),
    Message("Enough for today: pause the survey.", (("pause_campaign", {"campaign_id": 8}),), (post(8, "pause"),)),
)
