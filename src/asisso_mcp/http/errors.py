"""HTTP error responses: a status, a short message and headers, without details that would help an attacker."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

Scope = dict[str, Any]

_LOG_REASON = "asisso.log_reason"
_CLOSES_CONNECTION = frozenset({400, 408, 413, 503})
"""Where the request ends is unsure, its body was not read, or the process is ending: the connection is closed with the response."""


class HttpError(Exception):
    """A request that is answered with an error status.

    Args:
        message: what the caller reads.
        log_reason: what the log says; it holds no secret. None: an ordinary answer, not worth a warning.
    """

    def __init__(
        self, status: int, message: str, *, log_reason: str | None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.log_reason = log_reason
        self.headers = headers or {}

    async def respond(self, scope: Scope, receive: Any, send: Any) -> None:
        """Send the response, and leave the reason in `scope` for the access log."""
        scope.setdefault("state", {})[_LOG_REASON] = self.log_reason
        closing = {"connection": "close"} if self.status in _CLOSES_CONNECTION else {}
        await JSONResponse({"error": self.message}, self.status, {**self.headers, **closing})(scope, receive, send)


def log_reason_of(scope: Scope) -> str | None:
    """The reason of a refused request for the log; None when it was not refused, or is not worth a warning."""
    reason: str | None = scope.get("state", {}).get(_LOG_REASON)
    return reason
