"""Parses a response of the API into campaigns, or into an error of the tree in `errors`.

Statuses and bodies as observed. Error texts may change between versions: they choose between two messages here, and never
decide whether something was done.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pydantic import ValidationError

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
    UnreadableReply,
    WrongAddress,
)
from asisso_mcp.api.models import Campaign, LastCall, TelephonyConfiguration
from asisso_mcp.api.transport import ApiResponse
from asisso_mcp.sanitize import redact

_MAX_PROBLEMS = 5
_KEY_PROBLEMS = ("authorization header", "api key", "token")


def parse_campaign(response: ApiResponse, campaign_id: int, *, resuming: bool = False) -> Campaign:
    """The campaign in a response. Raises AsissoError for any other response, or another campaign.

    Args:
        response: what the API answered.
        campaign_id: the campaign that was asked for.
        resuming: whether the request was a resume, where 401 and 402 may be about telephony and credits.
    """
    campaign = _campaign(_object(response, campaign_id, resuming=resuming))
    if campaign.id != campaign_id:
        raise UnreadableReply(
            f"The API answered with campaign {campaign.id} instead of {campaign_id}, so its answer was not used.",
            executed=None,
        )
    return campaign


def parse_campaigns(response: ApiResponse) -> list[Campaign]:
    """The campaigns in a response to the list, in the API's order. Raises AsissoError for any other response."""
    rows = _object(response, None).get("campaigns")
    if not isinstance(rows, list):
        raise _unknown_shape("list of campaigns")
    return [_campaign(row) for row in rows]


def parse_last_call(response: ApiResponse, campaign_id: int) -> LastCall:
    """The newest of a campaign's runs. Raises AsissoError."""
    runs = _object(response, campaign_id).get("runs")
    if runs == []:
        return LastCall()
    try:
        run = _as_list(runs)[0]
        if run["created_at"] is None:  # there was a call, so not None, which says that none was ever made
            raise TypeError
        return LastCall(created_at=run["created_at"], is_completed=run["is_completed"])
    except (ValidationError, LookupError, TypeError):
        raise _unknown_shape("list of runs") from None


def parse_telephony(response: ApiResponse) -> list[TelephonyConfiguration]:
    """The organisation's telephony configurations. Raises AsissoError."""
    try:
        found = _as_list(_object(response, None).get("configurations"))
        return [TelephonyConfiguration.model_validate(each) for each in found]
    except (ValidationError, TypeError):
        raise _unknown_shape("list of telephony configurations") from None


def parse_call_limit(response: ApiResponse) -> int | None:
    """The organisation's limit of calls at once, in the defaults for new campaigns. Raises AsissoError."""
    limit = _object(response, None).get("concurrent_call_limit")
    return limit if type(limit) is int and limit > 0 else None


def _as_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _unknown_shape(what: str) -> UnreadableReply:
    return UnreadableReply(f"The API's {what} has an unknown shape, so it was not used.")


def _campaign(row: object) -> Campaign:
    try:
        return Campaign.model_validate(row)
    except ValidationError as problem:
        fields = (
            ", ".join(sorted({str(error["loc"][0]) for error in problem.errors() if error["loc"]}))
            or "the whole object"
        )
        raise UnreadableReply(
            f"The API's answer is not a campaign as this server knows it (trouble with: {fields}), so it was not used. "
            "Check that ASISSO_BASE_URL is Asisso's API and that asisso-mcp is up to date.",
            executed=None,
        ) from None


def _object(response: ApiResponse, campaign_id: int | None, *, resuming: bool = False) -> dict[str, Any]:
    if not 200 <= response.status < 300:
        raise _error_from(response, campaign_id, resuming=resuming)
    try:
        decoded = response.json()
    except ValueError:
        decoded = None
    if not isinstance(decoded, dict):
        raise UnreadableReply(
            "The answer is not the API's JSON: something else (a proxy or a login page, perhaps) replied. "
            "Check ASISSO_BASE_URL and ASISSO_PROXY.",
            executed=None,
        )
    return decoded


def _error_from(response: ApiResponse, campaign_id: int | None, *, resuming: bool) -> AsissoError:
    detail = _detail(response)
    reason = (redact(detail).rstrip(".") if isinstance(detail, str) else "") or f"HTTP {response.status}"
    wait = _retry_after(response.headers)
    match response.status:
        case 400 if "max_concurrency" in reason:
            return LimitExceeded(reason)
        case 400:
            return StateConflict(reason)
        case 401 if resuming and _is_about_telephony(detail):
            return TelephonyMissing(reason)
        case 401 | 403:
            return KeyRejected(reason)
        case 402 if resuming:
            return QuotaExceeded(reason)
        case 404 if campaign_id is not None and isinstance(detail, str) and detail.lower() != "not found":
            return NotFound(campaign_id)
        case 404 | 405:
            return WrongAddress(f"The address answered {response.status} as if it did not know Asisso's API.")
        case 422:
            return InvalidValues(_problems(detail))
        case 429:
            return Busy(
                f"The API asks to slow down (429); nothing was done. Call again {_later(wait)}.",
                executed=False,
                retry_after=wait,
                reason="the API asks to slow down (429)",
            )
        case 502 | 503 | 504:
            return Busy(
                f"The API is not available at the moment (HTTP {response.status}). Look again {_later(wait)}.",
                executed=False if response.status == 503 and wait is not None else None,
                retry_after=wait,
            )
        case status if 300 <= status < 400:
            return WrongAddress(
                "The address answered with a redirect, which is never followed: it could carry the key elsewhere."
            )
        case status if status >= 500:
            return ServerFault(
                f"The API had an error inside (HTTP {status}). If it stays, tell Asisso's support the campaign and the time.",
                executed=None,
            )
        case _:
            return ApiRefused(
                f"The API refused the request ({reason}); nothing was changed.", reason=f"the API refused ({reason})"
            )


def _is_about_telephony(detail: object) -> bool:
    """Whether a 401 on resume is about telephony: the key was accepted a moment ago, so any reason but credentials is."""
    return (
        isinstance(detail, str) and bool(detail.strip()) and not any(word in detail.lower() for word in _KEY_PROBLEMS)
    )


def _later(wait: float | None) -> str:
    """When to call again, in words, from the seconds that the API asked for."""
    minutes = math.ceil(min(wait or 0, 86_400) / 60)
    return "in a minute" if minutes <= 1 else f"in {minutes} minutes"


def _detail(response: ApiResponse) -> object:
    try:
        decoded = response.json()
    except ValueError:
        return None
    return decoded.get("detail") if isinstance(decoded, dict) else None


def _problems(detail: object) -> list[str]:
    """Each problem as `path: message`. The echoed input is left out: it can be megabytes."""
    if not isinstance(detail, list):
        return [(redact(detail) if isinstance(detail, str) else "") or "no reason given"]
    problems = []
    for entry in detail[:_MAX_PROBLEMS]:
        if isinstance(entry, Mapping):
            loc = entry.get("loc")
            path = ".".join(str(part) for part in loc if part not in ("body", "path")) if isinstance(loc, list) else ""
            problems.append(f"{redact(path, 60) or 'body'}: {redact(entry.get('msg', 'not accepted'), 120)}")
        else:
            problems.append(redact(entry, 120))
    if len(detail) > _MAX_PROBLEMS:
        problems.append(f"and {len(detail) - _MAX_PROBLEMS} more")
    return problems or ["no reason given"]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from a number or an HTTP date; None when absent or unreadable."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
