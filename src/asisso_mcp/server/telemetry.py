"""OpenTelemetry: spans of requests to the API and metrics of calls, on when the usual `OTEL_` variables are set.

Arguments of calls are never part of either.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
from opentelemetry.trace import SpanKind, StatusCode

from asisso_mcp.api.errors import AsissoError
from asisso_mcp.api.transport import ApiResponse, ApiTransport
from asisso_mcp.config import Settings, SettingsError

_TARGETS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
)
_ID = re.compile(r"/\d+(?=/|$)")
FLUSH_MILLISECONDS = 2000


def is_enabled(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names an exporter or an endpoint, and does not disable the SDK."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    return any(environment.get(name, "").strip() not in ("", "none") for name in _TARGETS)


def check(environment: Mapping[str, str] = os.environ) -> None:
    """Raises SettingsError when the environment asks for what is not installed or not supported."""
    if not is_enabled(environment):
        return
    for name in ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"):
        _exporter(environment, name)
    try:
        import opentelemetry.exporter.otlp.proto.http
        import opentelemetry.sdk.metrics
        import opentelemetry.sdk.trace  # noqa: F401
    except ImportError:
        raise SettingsError(
            "The environment asks for OpenTelemetry (OTEL_…), which is not installed: pip install 'asisso-mcp[telemetry]', "
            "or unset it."
        ) from None


def start(environment: Mapping[str, str] = os.environ) -> "Telemetry | None":
    """Start the exporters that the environment asks for; None when it asks for none. Raises SettingsError, as `check`."""
    check(environment)
    if not is_enabled(environment):
        return None
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    resource = Resource.create({"service.name": environment.get("OTEL_SERVICE_NAME") or "asisso-mcp"})
    tracer_provider = TracerProvider(resource=resource)
    readers = []
    # The console is standard error: standard output may be the protocol's.
    match _exporter(environment, "OTEL_TRACES_EXPORTER"):
        case "console":
            tracer_provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(out=sys.stderr)))
        case "otlp":
            tracer_provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    match _exporter(environment, "OTEL_METRICS_EXPORTER"):
        case "console":
            readers.append(PeriodicExportingMetricReader(ConsoleMetricExporter(out=sys.stderr)))
        case "otlp":
            readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    meter_provider = MeterProvider(resource=resource, metric_readers=readers)
    trace.set_tracer_provider(tracer_provider)  # the SDK's spans of tool calls go the same way
    metrics.set_meter_provider(meter_provider)
    return Telemetry(tracer_provider, meter_provider)


def _exporter(environment: Mapping[str, str], name: str) -> str:
    chosen = environment.get(name, "").strip() or "otlp"
    if chosen not in ("otlp", "console", "none"):
        raise SettingsError(f"{name} may be otlp (over HTTP), console or none.")
    if chosen == "otlp" and environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf").strip() != "http/protobuf":
        raise SettingsError("OTEL_EXPORTER_OTLP_PROTOCOL may only be http/protobuf here.")
    return chosen


class Telemetry:
    """Spans and metrics of messages from clients and of requests to the API."""

    def __init__(self, tracer_provider: Any, meter_provider: Any) -> None:
        self._providers = tracer_provider, meter_provider
        self._tracer = tracer_provider.get_tracer("asisso_mcp")
        meter = meter_provider.get_meter("asisso_mcp")
        self._calls = meter.create_histogram(
            "mcp.server.operation.duration", unit="s", description="Messages from clients; error.type where one failed"
        )
        self._requests = meter.create_histogram(
            "http.client.request.duration", unit="s", description="Requests to the Asisso API"
        )

    async def measure(self, ctx: Any, call_next: Callable[[Any], Any]) -> Any:
        """A middleware of the MCP server: how long each message took, and whether it failed."""
        attributes = {"mcp.method.name": ctx.method, "mcp.protocol.version": ctx.protocol_version}
        began = time.perf_counter()
        try:
            result = await call_next(ctx)
            if ctx.method == "tools/call":
                # Only here is it sure that the name is one of our tools, and not any text of a client.
                attributes["gen_ai.tool.name"] = (ctx.params or {}).get("name", "")
                if isinstance(result, dict) and result.get("isError"):
                    attributes["error.type"] = "tool_error"
            return result
        except BaseException as fault:
            attributes["error.type"] = type(fault).__name__
            raise
        finally:
            self._calls.record(time.perf_counter() - began, attributes)

    def transport(self, settings: Settings, *, transport: httpx2.AsyncBaseTransport | None = None) -> ApiTransport:
        """A transport to the API whose requests are spans."""
        return InstrumentedTransport(settings, self._tracer, self._requests, transport=transport)

    def close(self) -> None:
        """Export what is left, within `FLUSH_MILLISECONDS` for each of the two."""
        for provider in self._providers:
            provider.force_flush(FLUSH_MILLISECONDS)


class InstrumentedTransport(ApiTransport):
    """A transport to the API whose requests are spans. Paths are shown without ids, and no header at all."""

    def __init__(
        self, settings: Settings, tracer: Any, duration: Any, *, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(settings, transport=transport)
        self._tracer, self._duration = tracer, duration

    async def send(self, method: str, path: str, **request: Any) -> ApiResponse:
        """As `ApiTransport.send`, in a span of its own."""
        address = urlsplit(self.origin)
        template = _ID.sub("/{campaign_id}", path)
        attributes: dict[str, Any] = {
            "http.request.method": method,
            "url.template": template,
            "server.address": address.hostname or "",
            "server.port": address.port or (443 if address.scheme == "https" else 80),
        }
        began = time.perf_counter()
        with self._tracer.start_as_current_span(
            f"{method} {template}",
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                response = await super().send(method, path, **request)
                attributes["http.response.status_code"] = response.status
                if response.status >= 400:
                    attributes["error.type"] = str(response.status)
                return response
            except AsissoError as fault:
                attributes["error.type"] = type(fault).__name__
                raise
            finally:
                span.set_attributes(attributes)
                if "error.type" in attributes:
                    span.set_status(StatusCode.ERROR)
                self._duration.record(time.perf_counter() - began, attributes)
