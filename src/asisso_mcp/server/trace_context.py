"""The trace that a request belongs to. OpenTelemetry's API alone, which the SDK of MCP brings along."""

import re
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import format_trace_id, get_current_span

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
"""W3C trace context, level 2: version, trace, span, flags."""


def trace_id_of(meta: Mapping[str, Any] | None) -> str | None:
    """The trace of the current span, or the one that the client names in the request's `_meta`; None where there is neither."""
    span = get_current_span().get_span_context()
    if span.is_valid:
        return format_trace_id(span.trace_id)
    found = _TRACEPARENT.fullmatch(str((meta or {}).get("traceparent", "")))
    return found[1] if found else None
