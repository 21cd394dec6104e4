"""What a client writes never becomes part of a span or a metric: names and values come from closed sets. A real OpenTelemetry SDK."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from asisso_mcp.sandbox import RunningServer
from asisso_mcp.server.app import build_server
from asisso_mcp.server.telemetry import Telemetry
from tests.conftest import SETTINGS
from tests.http.served import OPTIONS, Served, legacy, modern, settings_for

INVENTED = "1234567890-invented"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Recorded:
    """Telemetry that stays in memory."""

    def __init__(self) -> None:
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.telemetry = Telemetry(tracers, MeterProvider(metric_readers=[self._reader]))

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._spans.get_finished_spans()

    def points(self, metric: str) -> list[dict[str, Any]]:
        """The attributes of each series of this metric."""
        data = self._reader.get_metrics_data()
        found = [
            each for resource in data.resource_metrics for scope in resource.scope_metrics for each in scope.metrics
        ]
        return [dict(point.attributes) for each in found if each.name == metric for point in each.data.data_points]


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def served(api: RunningServer, recorded: Recorded) -> Iterator[Served]:
    with Served(settings_for(api.url), telemetry=recorded.telemetry) as served:
        yield served


def send(served: Served, request: tuple[dict[str, Any], dict[str, str]], **more: Any) -> int:
    body, headers = request
    return httpx2.post(served.url, json={**body, **more}, headers=headers, **OPTIONS).status_code


def invented(number: int) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """Requests whose every free text is an invention, in both eras."""
    text = f"{INVENTED}-{number}"
    found = []
    for make in (modern, legacy):
        found += [
            make(text),
            make(f"notifications/{text}"),
            make("tools/call", name=text, arguments={text: text}),
            make("tools/call", name="get_campaign", arguments={"campaign_id": text}),
            make("resources/read", uri=f"asisso://campaigns/{text}"),
            make("prompts/get", name=text, arguments={text: text}),
            make(
                "completion/complete", ref={"type": "ref/prompt", "name": text}, argument={"name": text, "value": text}
            ),
        ]
    return found


def test_what_clients_invent_makes_no_names_and_no_values(served: Served, recorded: Recorded) -> None:
    def everything() -> tuple[set[str], int, int]:
        shown = "".join(span.to_json() for span in recorded.spans) + json.dumps(
            recorded.points("mcp.server.operation.duration")
        )
        assert INVENTED not in shown
        assert "asisso://" not in shown
        names = {span.name for span in recorded.spans}
        return names, len(recorded.points("mcp.server.operation.duration")), len(recorded.spans)

    for request in invented(0):
        send(served, request, id=f"{INVENTED}-id")
    names, series, spans = everything()
    for number in range(1, 6):
        for request in invented(number):
            send(served, request, id=f"{INVENTED}-id")
    later_names, later_series, later_spans = everything()
    assert names == later_names == {
        "_OTHER", "tools/call", "tools/call get_campaign", "resources/read", "prompts/get", "completion/complete",
    }  # fmt: skip
    assert later_series == series
    assert later_spans == 6 * spans


def test_a_notification_that_a_client_invents_makes_no_name(served: Served, recorded: Recorded) -> None:
    body, headers = legacy(f"notifications/{INVENTED}")
    del body["id"]
    assert httpx2.post(served.url, json=body, headers=headers, **OPTIONS).status_code == 202
    served.end()
    assert {span.name for span in recorded.spans} <= {"_OTHER"}


def test_no_span_holds_the_text_of_an_error(served: Served, recorded: Recorded) -> None:
    for request in (
        legacy("resources/read", uri="asisso://campaigns/999"),
        modern("tools/call", name="get_campaign", arguments={"campaign_id": 999}),
        legacy("prompts/get", name="none"),
    ):
        send(served, request)
    failed = [span for span in recorded.spans if not span.status.is_ok and span.attributes]
    assert {span.name: (span.attributes or {})["error.type"] for span in failed} == {
        "resources/read": "MCPError",
        "tools/call get_campaign": "tool_error",
        "prompts/get": "MCPError",
        "GET /campaign/{campaign_id}": "404",
    }
    assert {span.status.description for span in recorded.spans} == {None}
    assert [event for span in recorded.spans for event in span.events] == []


def test_a_call_joins_the_clients_trace_and_takes_nothing_else_from_it(served: Served, recorded: Recorded) -> None:
    body, headers = modern("tools/call", name="get_campaign", arguments={"campaign_id": 2})
    body["params"]["_meta"] = {
        **body["params"]["_meta"],
        "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
        "tracestate": f"vendor={INVENTED}",
        "baggage": f"key={INVENTED}",
    }
    assert send(served, (body, headers)) == 200
    request, call = recorded.spans
    assert (request.name, call.name) == ("GET /campaign/{campaign_id}", "tools/call get_campaign")
    assert {f"{span.context.trace_id:032x}" for span in recorded.spans} == {TRACE}
    assert request.parent is not None
    assert request.parent.span_id == call.context.span_id
    assert [dict(span.context.trace_state) for span in recorded.spans] == [{}, {}]
    assert dict(call.attributes or {}) == {
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": "2026-07-28",
        "gen_ai.tool.name": "get_campaign",
    }


def test_a_server_that_is_measured_runs_no_middleware_of_the_sdk(recorded: Recorded) -> None:
    (only,) = build_server(SETTINGS, telemetry=recorded.telemetry).middleware
    assert getattr(only, "func", only) == recorded.telemetry.measure
