"""What does every HTTP request pass first? The checks of Host and Origin, and the one line that the log has of it."""

import logging
import time
from collections.abc import Callable
from typing import Any

from asisso_mcp.api.untrusted import quoted
from asisso_mcp.server.auth import headers_named
from asisso_mcp.server.http_refusal import Refused, Scope, why_refused

logger = logging.getLogger("asisso_mcp.http")

PROBES = frozenset({"/healthz", "/readyz"})
"""Asked by address, as Kubernetes does, and telling nothing: free of the Host check."""
SHOWN = frozenset({"/mcp", *PROBES})


class Gate:
    """`hosts` and `origins` are exact and in lower case; hosts as in the header, with the port where there is one."""

    def __init__(
        self, app: Any, *, hosts: frozenset[str], origins: frozenset[str], stopping: Callable[[], bool]
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answered = time.perf_counter(), 0
        scope = {**scope, "state": dict(scope.get("state") or {})}  # what is noted there is about this request alone

        async def noting(message: dict[str, Any]) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
            await send(message)

        try:
            try:
                self._check(scope)
            except Refused as refusal:
                await refusal.answer(scope, noting)
            else:
                await self._app(scope, receive, noting)
        finally:
            _log(scope, answered, time.perf_counter() - began)

    def _check(self, scope: Scope) -> None:
        if self._stopping() and scope["path"] != "/healthz":
            raise Refused(503, "This server is stopping.", why="stopping", headers={"Retry-After": "1"})
        if scope["path"] in PROBES:
            return
        hosts = [value.decode("latin-1").lower() for value in headers_named(scope["headers"], b"host")]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            shown = quoted(hosts[0], 80) if hosts else "none"
            raise Refused(421, "Misdirected request.", why=f"Host {shown} is not allowed (--allow-host)")
        for value in headers_named(scope["headers"], b"origin"):
            origin = value.decode("latin-1").lower()
            if origin not in self._origins:
                raise Refused(
                    403,
                    "This origin is not allowed.",
                    why=f"Origin {quoted(origin, 80)} is not allowed (--allow-origin)",
                )


def _log(scope: Scope, status: int, seconds: float) -> None:
    """Neither headers nor the query: keys and tokens travel there."""
    path = scope["path"] if scope["path"] in SHOWN else "another path"
    client = scope["client"][0] if scope.get("client") else "unknown"
    why = why_refused(scope)
    if why is not None:
        logger.warning("refused %d %s %s from %s: %s", status, scope["method"], path, client, why)
    else:
        logger.info("%d %s %s from %s in %.0f ms", status, scope["method"], path, client, seconds * 1000)
