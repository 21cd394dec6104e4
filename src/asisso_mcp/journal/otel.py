"""The journal as OpenTelemetry logs, for replicas that share no disk: `ASISSO_JOURNAL=otel`.

An entry is exported as `sent` before its write goes out, and once more, under the same id, when its outcome is known. Each export
waits for the collector's answer: what it does not accept is not stored.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from asisso_mcp.journal.entry import Entry
from asisso_mcp.journal.errors import StoreError

EVENT = "asisso.journal.entry"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class OtelStore:
    """A collector of logs, as the usual `OTEL_` variables name it. Not for several threads at once."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._provider: Any = None
        self._exporter: Any = None

    def open(self) -> None:
        """Make the exporter. Raises StoreError when none is named, installed or supported."""
        if self._provider is not None:
            return
        chosen = self._chosen()
        try:
            from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
            from opentelemetry.sdk._logs import LoggerProvider
            from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, SimpleLogRecordProcessor
            from opentelemetry.sdk.resources import Resource
        except ImportError:
            raise StoreError("it needs OpenTelemetry: pip install 'asisso-mcp[telemetry]'") from None
        # The console is standard error: standard output may be the protocol's.
        self._exporter = _Checked(
            ConsoleLogRecordExporter(out=sys.stderr) if chosen == "console" else OTLPLogExporter()
        )
        name = self._environment.get("OTEL_SERVICE_NAME") or "asisso-mcp"
        # Not through the process's own end: each export is complete when it returns.
        self._provider = LoggerProvider(Resource.create({"service.name": name}), shutdown_on_exit=False)
        self._provider.add_log_record_processor(SimpleLogRecordProcessor(self._exporter))

    def insert(self, entry: Entry) -> None:
        """Export an entry. Raises StoreError when the collector did not accept it."""
        self.open()
        self._exporter.was_accepted = False
        self._provider.get_logger("asisso_mcp").emit(
            timestamp=int(entry.time.timestamp() * 1e9),
            severity_text="INFO",
            event_name=EVENT,
            body=json.dumps(entry.to_json()),
            attributes={
                "asisso.entry": entry.id,
                "asisso.outcome": entry.outcome,
                "asisso.campaign_id": entry.campaign_id,
                "gen_ai.tool.name": entry.tool,
            },
        )
        if not self._exporter.was_accepted:
            raise StoreError("the collector did not accept an entry")

    def update(self, entry: Entry, *, flush: bool = False) -> None:  # noqa: ARG002 - every export is complete
        """As `insert`: a log has no second version of a line, only a second line."""
        self.insert(entry)

    def close(self) -> None:
        """Close the connection to the collector."""
        if self._provider is not None:
            self._provider.shutdown()

    def _chosen(self) -> str:
        """The exporter: otlp or console. Raises StoreError."""
        chosen = self._environment.get("OTEL_LOGS_EXPORTER", "").strip() or "otlp"
        if chosen not in ("otlp", "console"):
            raise StoreError("OTEL_LOGS_EXPORTER may be otlp (over HTTP) or console here")
        if chosen == "otlp" and not any(self._environment.get(name, "").strip() for name in _ENDPOINTS):
            raise StoreError("OTEL_EXPORTER_OTLP_ENDPOINT names no collector")
        if self._environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            raise StoreError("OTEL_SDK_DISABLED is set")
        return chosen


class _Checked:
    """An exporter that remembers whether the last export was accepted: the SDK drops what the exporter says of it."""

    def __init__(self, exporter: Any) -> None:
        self._exporter = exporter
        self.was_accepted = False

    def export(self, batch: Any) -> Any:
        result = self._exporter.export(batch)
        self.was_accepted = result.name == "SUCCESS"
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return bool(self._exporter.force_flush(timeout_millis))
