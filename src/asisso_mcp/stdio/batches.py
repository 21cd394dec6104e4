"""JSON-RPC batches: arrays of messages, which one revision of the protocol has, and no other.

Servers of 2025-03-26 must take them; 2025-06-18 removed them. There each message is a line of its own.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from mcp_types import INVALID_REQUEST, ErrorData, JSONRPCError, RequestId

REVISION = "2025-03-26"
"""The protocol's revision in which a batch is served."""
NOT_SUPPORTED = (
    "Nothing was done: this revision of the protocol has no JSON-RPC batches. Send each message as a line of its own."
)
EMPTY = "Nothing was done: the batch is empty."
NOT_IN_A_BATCH = "Nothing was done: initialize is not part of a batch, and no id may be used twice."
CANCELLED = "The request was cancelled. If it was to change something, look with `get_campaign`."
NOT_A_MESSAGE = "A part of the batch is no JSON-RPC 2.0 message, so nothing was done about it."


@dataclass
class Batch:
    """The requests of one batch: their responses leave together, as one array, when the last is there."""

    waiting: set[RequestId] = field(default_factory=set)
    responses: list[bytes] = field(default_factory=list)

    def add(self, request_id: RequestId | None, response: bytes) -> bytes | None:
        """A response in JSON; returns the whole array when it was the last."""
        self.waiting -= {request_id}
        self.responses.append(response)
        return None if self.waiting else b"[%s]" % b",".join(self.responses)


def parse_batch(line: bytes) -> list[Any] | None:
    """The members of a line that is an array; None for any other line."""
    try:
        found = json.loads(line) if line.lstrip().startswith(b"[") else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def refuse_batch(members: list[Any], message: str) -> list[JSONRPCError]:
    """An error for each request, so that nobody waits for a response; one without an id where none asks."""
    ids = [each["id"] for each in members if isinstance(each, dict) and "method" in each and is_id(each.get("id"))]
    return [invalid_request(each, message) for each in ids or [None]]


def invalid_request(request_id: RequestId | None, message: str) -> JSONRPCError:
    """The error response to something that is no request which can be served."""
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=INVALID_REQUEST, message=message))


def is_id(value: object) -> bool:
    """Whether a value may be the id of a request."""
    return isinstance(value, str | int) and not isinstance(value, bool)
