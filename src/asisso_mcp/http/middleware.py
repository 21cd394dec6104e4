"""Middleware for every request: the Host and Origin checks (against DNS rebinding), and the access log."""

import logging
import time
from collections.abc import Callable
from typing import Any

from asisso_mcp.http.auth.base import headers_named
from asisso_mcp.http.errors import HttpError, Scope, log_reason_of
from asisso_mcp.sanitize import quoted

logger = logging.getLogger("asisso_mcp.http")

PROBES = frozenset({"/healthz", "/readyz"})
"""Paths that are exempt from the Host check: Kubernetes asks by address, and the answers hold no secret."""
LOGGED_PATHS = frozenset({"/mcp", *PROBES})


class HostOriginMiddleware:
    """Refuses requests for other hosts, from other origins, of two lengths, and while the server is stopping; logs one line for each.

    Args:
        hosts: what the Host header may say, exactly and in lower case, with the port where there is one.
        origins: what the Origin header may say, in the same form.
        stopping: whether new requests are refused because the process ends.
    """

    def __init__(
        self, app: Any, *, hosts: frozenset[str], origins: frozenset[str], stopping: Callable[[], bool]
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Check and log one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        scope = {**scope, "state": dict(scope.get("state") or {})}  # what is noted there is about this request alone

        async def send_and_note_status(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            try:
                self._check(scope)
            except HttpError as error:
                await error.respond(scope, receive, send_and_note_status)
            else:
                await self._app(scope, receive, send_and_note_status)
        finally:
            _log(scope, status, time.perf_counter() - began)

    def _check(self, scope: Scope) -> None:
        names = [name for name, _ in scope["headers"]]
        if b"content-length" in names and b"transfer-encoding" in names:  # a proxy in front may go by the other one
            raise HttpError(
                400,
                "Send Content-Length or Transfer-Encoding, not both.",
                log_reason="both Content-Length and Transfer-Encoding",
            )
        if self._stopping() and scope["path"] != "/healthz":
            raise HttpError(503, "This server is stopping.", log_reason="stopping", headers={"Retry-After": "1"})
        if scope["path"] in PROBES:
            return
        hosts = [value.decode("latin-1").lower() for value in headers_named(scope["headers"], b"host")]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            named = quoted(hosts[0], 80) if hosts else "none"
            raise HttpError(421, "Misdirected request.", log_reason=f"Host {named} is not allowed (--allow-host)")
        for value in headers_named(scope["headers"], b"origin"):
            origin = value.decode("latin-1").lower()
            if origin not in self._origins:
                raise HttpError(
                    403,
                    "This origin is not allowed.",
                    log_reason=f"Origin {quoted(origin, 80)} is not allowed (--allow-origin)",
                )


def _log(scope: Scope, status: int, seconds: float) -> None:
    """Write one line to the access log, without headers or query, which may hold keys and tokens."""
    path = scope["path"] if scope["path"] in LOGGED_PATHS else "another path"
    client = scope["client"][0] if scope.get("client") else "unknown"
    reason = log_reason_of(scope)
    if reason is not None:
        logger.warning("refused %d %s %s from %s: %s", status, scope["method"], path, client, reason)
    else:
        logger.info("%d %s %s from %s in %.0f ms", status, scope["method"], path, client, seconds * 1000)
