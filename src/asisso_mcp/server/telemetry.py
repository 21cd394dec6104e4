"""OpenTelemetry: spans and metrics of messages and of requests to the API, on when the usual `OTEL_` variables are set.

Names and values come from closed sets: nothing that a client writes, and no text of an error, is part of either.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mcp_types.methods import SPEC_CLIENT_METHODS, SPEC_CLIENT_NOTIFICATION_METHODS
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

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
_METHODS = SPEC_CLIENT_METHODS | SPEC_CLIENT_NOTIFICATION_METHODS
OTHER = "_OTHER"
"""In place of a method that the protocol does not have; the word is OpenTelemetry's own."""
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
    return Telemetry(tracer_provider, meter_provider)


def _exporter(environment: Mapping[str, str], name: str) -> str:
    chosen = environment.get(name, "").strip() or "otlp"
    if chosen not in ("otlp", "console", "none"):
        raise SettingsError(f"{name} may be otlp (over HTTP), console or none.")
    if chosen == "otlp" and environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf").strip() != "http/protobuf":
        raise SettingsError("OTEL_EXPORTER_OTLP_PROTOCOL may only be http/protobuf here.")
    return chosen


class Telemetry:
    """Spans and metrics of messages from clients and of requests to the API.

    They go to these two providers and not to the global ones, to which the MCP SDK would add spans of its own: their names,
    ids and error texts are what clients write.
    """

    def __init__(self, tracer_provider: Any, meter_provider: Any) -> None:
        self._providers = tracer_provider, meter_provider
        tracer, meter = tracer_provider.get_tracer("asisso_mcp"), meter_provider.get_meter("asisso_mcp")
        self._calls = Instrument(
            tracer,
            SpanKind.SERVER,
            meter.create_histogram(
                "mcp.server.operation.duration",
                unit="s",
                description="Messages from clients; error.type where one failed",
            ),
        )
        self._requests = Instrument(
            tracer,
            SpanKind.CLIENT,
            meter.create_histogram("http.client.request.duration", unit="s", description="Requests to the Asisso API"),
        )

    async def measure(self, tools: Collection[str], ctx: Any, call_next: Callable[[Any], Any]) -> Any:
        """A middleware of an MCP server with these tools: how long each message took, and whether it failed.

        Of what a client writes only what is known here becomes a value: anything else would be a series of its own.
        """
        method = ctx.method if ctx.method in _METHODS else OTHER
        version = ctx.protocol_version if ctx.protocol_version in KNOWN_PROTOCOL_VERSIONS else OTHER
        attributes = {"mcp.method.name": method, "mcp.protocol.version": version}
        tool = (ctx.params or {}).get("name") if method == "tools/call" else None
        if isinstance(tool, str) and tool in tools:
            attributes["gen_ai.tool.name"] = tool
            method = f"{method} {tool}"
        with self._calls.measure(method, attributes, _parent(ctx.meta)):
            result = await call_next(ctx)
            if ctx.method == "tools/call" and isinstance(result, dict) and result.get("isError"):
                attributes["error.type"] = "tool_error"
            return result

    def transport(self, settings: Settings, **options: Any) -> ApiTransport:
        """A transport to the API whose requests are spans, with the options of `ApiTransport`."""
        return InstrumentedTransport(settings, self._requests, **options)

    def close(self) -> None:
        """Export what is left, within `FLUSH_MILLISECONDS` for each of the two."""
        for provider in self._providers:
            provider.force_flush(FLUSH_MILLISECONDS)


@dataclass(frozen=True)
class Instrument:
    """Spans of one kind, each counted in a histogram under the same attributes."""

    tracer: Any
    kind: SpanKind
    duration: Any

    @contextmanager
    def measure(self, name: str, attributes: dict[str, Any], parent: Context | None = None) -> Iterator[None]:
        """A span around the block, which may add to `attributes`. An error is its type, never its text."""
        began = time.perf_counter()
        with self.tracer.start_as_current_span(
            name, parent, self.kind, attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as fault:
                attributes["error.type"] = type(fault).__name__
                raise
            finally:
                span.set_attributes(attributes)
                if "error.type" in attributes:
                    span.set_status(StatusCode.ERROR)
                self.duration.record(time.perf_counter() - began, attributes)


class InstrumentedTransport(ApiTransport):
    """A transport to the API whose requests are spans. Paths are shown without ids and query, and no header at all."""

    def __init__(self, settings: Settings, requests: Instrument, **options: Any) -> None:
        super().__init__(settings, **options)
        self._requests = requests

    async def send(self, method: str, path: str, **request: Any) -> ApiResponse:
        """As `ApiTransport.send`, in a span of its own."""
        address = urlsplit(self.origin)
        template = _ID.sub("/{campaign_id}", path.partition("?")[0])
        attributes: dict[str, Any] = {
            "http.request.method": method,
            "url.template": template,
            "server.address": address.hostname or "",
            "server.port": address.port or (443 if address.scheme == "https" else 80),
        }
        with self._requests.measure(f"{method} {template}", attributes):
            response = await super().send(method, path, **request)
            attributes["http.response.status_code"] = response.status
            if response.status >= 400:
                attributes["error.type"] = str(response.status)
            return response


def _parent(meta: Mapping[str, Any] | None) -> Context | None:
    """The client's span, by its `traceparent`. Its `tracestate` and `baggage` are any text, and are not taken over."""
    given = (meta or {}).get("traceparent")
    return TraceContextTextMapPropagator().extract({"traceparent": given}) if isinstance(given, str) else None
