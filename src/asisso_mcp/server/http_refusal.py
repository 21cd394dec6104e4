"""How is a request turned away? A status, a few words, the headers that belong to it; never a detail that helps a stranger."""

import json
from collections.abc import Mapping
from typing import Any

Scope = dict[str, Any]

_WHY = "asisso.why"
_HAS_NO_FURTHER_USE = frozenset({408, 413, 503})
"""The body was not read, or the process is ending: the connection is closed with the answer."""


class Refused(Exception):
    """`words` go to the caller; `why` goes to the log, and holds no secret. None: an ordinary answer, not worth a warning."""

    def __init__(self, status: int, words: str, *, why: str | None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.why = why
        self.headers = headers or {}

    async def answer(self, scope: Scope, send: Any) -> None:
        scope.setdefault("state", {})[_WHY] = self.why
        body = json.dumps({"error": self.words}).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **self.headers}
        if self.status in _HAS_NO_FURTHER_USE:
            headers["connection"] = "close"
        shown = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": shown})
        await send({"type": "http.response.body", "body": body})


def why_refused(scope: Scope) -> str | None:
    """What the log may say about a request that was refused; None: it was not."""
    why: str | None = scope.get("state", {}).get(_WHY)
    return why
