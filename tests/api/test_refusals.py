"""What each refusal of the API becomes: one error of the tree, in whole words, with its next step."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asisso_mcp.api.errors import (
    ApiRefused,
    AsissoError,
    Busy,
    InvalidValues,
    KeyRejected,
    LimitExceeded,
    NotFound,
    QuotaExceeded,
    ServerFault,
    StateConflict,
    TelephonyMissing,
    WrongAddress,
)
from asisso_mcp.api.responses import parse_campaign
from asisso_mcp.api.transport import ApiResponse
from tests.api.scripted import outcome


def rejected(detail: str) -> str:
    return (
        f"The Asisso API did not accept the credentials ({detail}). Check ASISSO_API_KEY (or ASISSO_ACCESS_TOKEN): it may be "
        "mistyped, revoked or expired, or belong to another address (ASISSO_BASE_URL). `asisso-mcp doctor` shows what is "
        "configured."
    )


def wrong_address(what: str) -> str:
    return (
        f"{what} ASISSO_BASE_URL should be the origin alone, such as https://app.asisso.com, without a path. "
        "`asisso-mcp doctor` checks it."
    )


def conflict(detail: str) -> str:
    return (
        f"The Asisso API refused: {detail}. Nothing was changed. The campaign's state may have changed a moment ago: look with "
        "`get_campaign`."
    )


def limited(detail: str) -> str:
    return (
        f"The Asisso API refused max_concurrency: {detail}. Nothing was changed, also no other field of this edit. Choose a "
        "number within that limit, or have the limit raised in Asisso (phone numbers of the telephony configuration, or the "
        "organisation's limit)."
    )


def without_telephony(detail: str) -> str:
    return (
        f"The campaign was not resumed: the organisation has no telephony configuration ({detail}). The key is fine. Set up "
        "telephony in Asisso, then call `resume_campaign` again."
    )


def out_of_credit(detail: str) -> str:
    return (
        f"The campaign was not resumed: {detail}. This concerns the account's credits, its model keys or the campaign's "
        "workflow: settle it in Asisso, then call `resume_campaign` again."
    )


TELEPHONY = "You must configure telephony first by going to https://app.example/configure-telephony"
NUMBERS = (
    "max_concurrency (6) cannot exceed 5. You have 5 phone number(s) configured. Add more CLIs in telephony configuration "
    "to increase concurrency."
)
UNKNOWN_ADDRESS = wrong_address("The address answered 404 as if it did not know Asisso's API.")
NO_CAMPAIGN = (
    "There is no campaign 3 that this key can see. `list_campaigns` shows the campaigns with their ids; a campaign of another "
    "organisation answers the same."
)
REDIRECT = wrong_address(
    "The address answered with a redirect, which is never followed: it could carry the key elsewhere."
)

REFUSALS = [
    # call, status, detail, error, text; nothing of this was executed
    ("get", 401, "Authorization header required", KeyRejected, rejected("Authorization header required")),
    ("get", 401, "Invalid or expired API key", KeyRejected, rejected("Invalid or expired API key")),
    ("get", 401, "API key has no associated user", KeyRejected, rejected("API key has no associated user")),
    ("get", 401, "API key owner not found", KeyRejected, rejected("API key owner not found")),
    ("list", 401, "Invalid or expired token", KeyRejected, rejected("Invalid or expired token")),
    ("resume", 401, "Invalid or expired API key", KeyRejected, rejected("Invalid or expired API key")),
    # A wording of a newer version is about the key, except where the key was accepted a moment ago.
    ("get", 401, "Not authenticated.", KeyRejected, rejected("Not authenticated")),
    ("pause", 401, "Who are you?", KeyRejected, rejected("Who are you?")),
    ("resume", 401, None, KeyRejected, rejected("HTTP 401")),
    ("resume", 401, "  ", KeyRejected, rejected("HTTP 401")),
    ("get", 403, "Forbidden", KeyRejected, rejected("Forbidden")),
    ("resume", 401, TELEPHONY, TelephonyMissing, without_telephony("You must configure telephony first by going to [address hidden]")),
    ("resume", 401, "No outbound trunk", TelephonyMissing, without_telephony("No outbound trunk")),
    ("resume", 402, "Workflow not found", QuotaExceeded, out_of_credit("Workflow not found")),
    ("resume", 402, None, QuotaExceeded, out_of_credit("HTTP 402")),
    ("get", 402, "Pay up", ApiRefused, "The API refused the request (Pay up); nothing was changed."),
    ("get", 404, "Campaign not found", NotFound, NO_CAMPAIGN),
    ("patch", 404, "Campaign 3 not found", NotFound, NO_CAMPAIGN),
    ("get", 404, "Not Found", WrongAddress, UNKNOWN_ADDRESS),
    ("get", 404, None, WrongAddress, UNKNOWN_ADDRESS),
    ("list", 404, "Campaign not found", WrongAddress, UNKNOWN_ADDRESS),
    ("pause", 405, "Method Not Allowed", WrongAddress, wrong_address("The address answered 405 as if it did not know Asisso's API.")),
    *(("get", status, None, WrongAddress, REDIRECT) for status in (301, 302, 307, 308)),
    ("patch", 400, "Cannot update a running campaign", StateConflict, conflict("Cannot update a running campaign")),
    (
        "pause",
        400,
        "Campaign must be in 'running' or 'syncing' state to pause, current state: paused",
        StateConflict,
        conflict("Campaign must be in 'running' or 'syncing' state to pause, current state: paused"),
    ),
    ("pause", 400, {"of": "another kind"}, StateConflict, conflict("HTTP 400")),
    ("patch", 400, NUMBERS, LimitExceeded, limited(NUMBERS.rstrip("."))),
    (
        "patch",
        400,
        "max_concurrency (21) cannot exceed organization limit (20)",
        LimitExceeded,
        limited("max_concurrency (21) cannot exceed organization limit (20)"),
    ),
    ("get", 418, "teapot", ApiRefused, "The API refused the request (teapot); nothing was changed."),
    ("get", 410, None, ApiRefused, "The API refused the request (HTTP 410); nothing was changed."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "status", "detail", "error", "text"), REFUSALS)
async def test_a_refusal_becomes_the_error_with_its_next_step_and_was_not_executed(
    call: str, status: int, detail: object, error: type[AsissoError], text: str
) -> None:
    fault = await outcome(call, status, {"detail": detail})
    assert type(fault) is error
    assert fault.text == str(fault) == text
    assert fault.executed is False


@pytest.mark.parametrize("body", [b"", b"<html>404</html>", b"[]", b'"Campaign not found"'])
async def test_a_404_without_the_apis_own_body_is_a_wrong_address(body: bytes) -> None:
    fault = await outcome("get", 404, body)
    assert type(fault) is WrongAddress
    assert fault.text == UNKNOWN_ADDRESS


def problem(*loc: str | int, msg: object = "wrong", **others: object) -> dict[str, object]:
    return {"type": "x", "loc": list(loc), "msg": msg, **others}


@pytest.mark.parametrize(
    ("detail", "listed"),
    [
        (
            [
                problem("body", "name", msg="String should have at most 255 characters", input="a" * 5_000_000),
                problem("body", "schedule_config", "slots", 0, "start_time", msg="String should match pattern"),
            ],
            "name: String should have at most 255 characters; "
            "schedule_config.slots.0.start_time: String should match pattern",
        ),
        ([problem("path", "campaign_id", msg="not a number")], "campaign_id: not a number"),
        ([problem("body", msg="Field required")], "body: Field required"),
        ([{"loc": "name", "type": "x"}], "body: not accepted"),
        (["just words", 7], "just words; 7"),
        (
            [problem("body", f"f{number}") for number in range(8)],
            "f0: wrong; f1: wrong; f2: wrong; f3: wrong; f4: wrong; and 3 more",
        ),
        ([], "no reason given"),
        (None, "no reason given"),
        ("in words", "in words"),
        ([problem("body", "name\nIgnore this", msg="a\x1b[31mb")], "name Ignore this: ab"),
    ],
)
async def test_a_422_lists_the_first_five_problems_without_the_echoed_values(detail: object, listed: str) -> None:
    fault = await outcome("patch", 422, {"detail": detail})
    assert type(fault) is InvalidValues
    assert fault.text == (
        f"The Asisso API refused the values, so nothing was changed: {listed}. Correct them and call again."
    )
    assert fault.executed is False


def in_an_hour() -> str:
    """An HTTP date."""
    return format_datetime(datetime.now(UTC) + timedelta(minutes=59, seconds=30), usegmt=True)


@pytest.mark.parametrize(
    ("status", "retry_after", "text", "executed"),
    [
        (429, None, "The API asks to slow down (429); nothing was done. Call again in a minute.", False),
        (429, "90", "The API asks to slow down (429); nothing was done. Call again in 2 minutes.", False),
        (502, None, "The API is not available at the moment (HTTP 502). Look again in a minute.", None),
        (502, "5", "The API is not available at the moment (HTTP 502). Look again in a minute.", None),
        (504, "5", "The API is not available at the moment (HTTP 504). Look again in a minute.", None),
        (503, None, "The API is not available at the moment (HTTP 503). Look again in a minute.", None),
        (503, "soon", "The API is not available at the moment (HTTP 503). Look again in a minute.", None),
        (503, "-5", "The API is not available at the moment (HTTP 503). Look again in a minute.", None),
        (503, "Wed, 99 Oct 2015 07:28:00 GMT", "The API is not available at the moment (HTTP 503). Look again in a minute.", None),
        (503, "60", "The API is not available at the moment (HTTP 503). Look again in a minute.", False),
        (503, "600", "The API is not available at the moment (HTTP 503). Look again in 10 minutes.", False),
        (503, "9" * 40, "The API is not available at the moment (HTTP 503). Look again in 1440 minutes.", False),
        (503, "Wed, 21 Oct 2015 07:28:00 GMT", "The API is not available at the moment (HTTP 503). Look again in a minute.", False),
        (503, "in an hour", "The API is not available at the moment (HTTP 503). Look again in 60 minutes.", False),
    ],
)  # fmt: skip
async def test_an_api_that_is_busy_says_when_to_look_again(
    status: int, retry_after: str | None, text: str, executed: bool | None
) -> None:
    headers = {"retry_after": in_an_hour() if retry_after == "in an hour" else retry_after} if retry_after else {}
    fault = await outcome("patch", status, b"", **headers)
    assert type(fault) is Busy
    assert (fault.text, fault.executed) == (text, executed)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("7.5", None),
        ("٣", None),
        ("Wed, 21 Oct 2015 07:28:00", 0),
        ("x" * 9999, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_that_may_lack_its_zone(text: str, seconds: float | None) -> None:
    with pytest.raises(Busy) as caught:
        parse_campaign(ApiResponse(503, {"retry-after": text}, b""), 3)
    assert caught.value.retry_after == seconds


def test_retry_after_as_a_date_is_counted_from_now() -> None:
    with pytest.raises(Busy) as caught:
        parse_campaign(ApiResponse(503, {"retry-after": in_an_hour()}, b""), 3)
    assert caught.value.retry_after is not None
    assert 3000 < caught.value.retry_after <= 3570


@given(st.text())
def test_no_retry_after_header_is_ever_more_than_none_or_seconds(text: str) -> None:
    with pytest.raises(Busy) as caught:
        parse_campaign(ApiResponse(503, {"retry-after": text}, b""), 3)
    assert caught.value.retry_after is None or caught.value.retry_after >= 0


@pytest.mark.parametrize("status", [500, 501, 505, 599])
async def test_a_plain_text_500_is_a_server_fault_whose_outcome_is_unknown(status: int) -> None:
    fault = await outcome("pause", status, b"Internal Server Error")
    assert type(fault) is ServerFault
    assert fault.text == (
        f"The API had an error inside (HTTP {status}). If it stays, tell Asisso's support the campaign and the time."
    )
    assert fault.executed is None


def test_a_refusals_words_are_shown_without_what_they_could_carry() -> None:
    detail = "bad\n\x1b[31mState: running\u202e +14155550100 jane@example.org http://10.0.0.5/x [SQL: SELECT 1]"
    with pytest.raises(StateConflict) as caught:
        parse_campaign(ApiResponse(400, {}, json.dumps({"detail": detail}).encode()), 3)
    shown = "bad State: running [number hidden] [e-mail hidden] [address hidden] [query hidden]"
    assert caught.value.text == conflict(shown)
