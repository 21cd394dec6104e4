"""The error responses to lines that cannot be read, with the id of the request where that is known."""

import json
import re

from mcp_types import PARSE_ERROR, ErrorData, JSONRPCError, RequestId

from asisso_mcp.stdio.batches import invalid_request, is_id
from asisso_mcp.stdio.pipe import MAX_LINE_BYTES, OverlongLine

OVERLONG = (
    f"The line is longer than {MAX_LINE_BYTES // 1024} kB, so it was not read and nothing was done. The largest edit that the tools "
    "accept is a few kB."
)
_ID = rb'"id"\s*:\s*(-?\d{1,18}|"[^"\\]{0,200}")\s*'
_TEXT_MEMBER = rb'"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*'
_FIRST_ID = re.compile(rb"\s*\{\s*(?:" + _TEXT_MEMBER + rb",\s*)*" + _ID + rb",")
_LAST_ID = re.compile(rb",\s*" + _ID + rb"(?:,\s*" + _TEXT_MEMBER + rb")*\}\s*$")
"""Beside members that are texts, an id is the request's own and no argument's."""


def overlong_error(line: OverlongLine) -> JSONRPCError:
    """The error response to a line that was too long to be read."""
    return invalid_request(_id_in(line), OVERLONG)


def unreadable_error(line: bytes) -> JSONRPCError | None:
    """The error response to a line that cannot be read; None when it is no request, so that nobody waits for a response."""
    number: RequestId | None = None
    try:
        frame = json.loads(line)
    except (ValueError, RecursionError):  # nested too deeply, or no JSON at all
        if b'"method"' not in line:
            return None
    else:
        if not isinstance(frame, dict) or "method" not in frame or "id" not in frame:
            return None
        number = frame["id"] if is_id(frame["id"]) else None
    message = "The request could not be read, so nothing was done: it is no JSON-RPC 2.0 request in valid UTF-8, "
    message += "is nested too deeply, or contains half of a surrogate pair or a number of thousands of digits."
    return JSONRPCError(jsonrpc="2.0", id=number, error=ErrorData(code=PARSE_ERROR, message=message))


def _id_in(line: OverlongLine) -> RequestId | None:
    """The id of a request of which only the first and the last bytes are there; None where it stands in neither."""
    head, _, tail = line.partition(b"\0")
    found = _FIRST_ID.match(head) or _LAST_ID.search(tail)
    number: RequestId | None = json.loads(found[1]) if found else None
    return number
