"""OpenTelemetry: off unless asked; then spans and metrics without keys, arguments or names of campaigns."""

import gzip
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from asisso_mcp.cli import main
from asisso_mcp.config import SettingsError
from asisso_mcp.sandbox import KEY, RunningServer
from asisso_mcp.server import telemetry
from asisso_mcp.server.app import build_server
from tests.conftest import SETTINGS
from tests.http.issuer import Loopback
from tests.http.served import modern, post
from tests.processes import http_server, stdio_server


class Collector(Loopback):
    """An OTLP/HTTP endpoint that keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.bodies[self.path] = collector.bodies.get(self.path, b"") + body
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        super().__init__(Handler)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def test_calls_and_api_requests_are_told_without_anything_personal(api: RunningServer, collector: Collector) -> None:
    environment = {
        "ASISSO_BASE_URL": api.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.origin,
        "OTEL_METRIC_EXPORT_INTERVAL": "60000",
    }
    rename = {"campaign_id": 2, "name": "Call +49 30 1234567 back"}
    with http_server("--auth", "passthrough", **environment) as running:
        assert post(
            running.url, modern("tools/call", name="update_campaign", arguments=rename), x_api_key=KEY
        ).is_success
        failed = modern("tools/call", name="get_campaign", arguments={"campaign_id": 999})
        assert post(running.url, failed, x_api_key=KEY).is_success
        running.terminate()
        assert running.process.wait(20) == 0
    traces, metrics = collector.bodies["/v1/traces"], collector.bodies["/v1/metrics"]
    for told in (
        b"asisso-mcp", b"tools/call update_campaign", b"PATCH /campaign/{campaign_id}", b"GET /campaign/{campaign_id}",
        b"http.response.status_code", b"tool_error",
    ):  # fmt: skip
        assert told in traces
    for told in (b"mcp.server.operation.duration", b"http.client.request.duration", b"update_campaign", b"tool_error"):
        assert told in metrics
    for secret in (KEY.encode(), b"1234567", b"/campaign/2", b"/campaign/999", b"Winter", b"mcp-python-sdk"):
        assert secret not in traces
        assert secret not in metrics


def test_calls_over_stdio_are_told_too(api: RunningServer, collector: Collector) -> None:
    environment = {
        "ASISSO_BASE_URL": api.url,
        "ASISSO_API_KEY": KEY,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.origin,
        "OTEL_METRIC_EXPORT_INTERVAL": "60000",
    }
    with stdio_server(**environment) as server:
        server.open("modern")
        assert server.call("update_campaign", campaign_id=2, max_concurrency=2)["isError"] is False
        assert server.end() == (0, "")
    traces, metrics = collector.bodies["/v1/traces"], collector.bodies["/v1/metrics"]
    for told in (b"tools/call update_campaign", b"PATCH /campaign/{campaign_id}"):
        assert told in traces
    for told in (b"mcp.server.operation.duration", b"http.client.request.duration", b"update_campaign"):
        assert told in metrics


def test_without_telemetry_no_middleware_runs_around_a_call() -> None:
    assert build_server(SETTINGS).middleware == []


@pytest.mark.parametrize(
    ("environment", "enabled"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "asisso"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
    ],
)
def test_telemetry_is_off_until_the_usual_variables_ask(environment: dict[str, str], enabled: bool) -> None:
    assert telemetry.is_enabled(environment) is enabled


def test_what_is_asked_for_and_not_installed_is_said_at_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics", None)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    for workers in ("1", "2"):
        with pytest.raises(SystemExit) as ended:
            main(["serve", "--transport", "http", "--port", "0", "--workers", workers])
        assert (ended.value.code, capsys.readouterr().err) == (
            2,
            "asisso-mcp: The environment asks for OpenTelemetry (OTEL_…), which is not installed: pip install "
            "'asisso-mcp[telemetry]', or unset it.\n",
        )


def test_a_protocol_that_is_not_spoken_is_said_at_start() -> None:
    with pytest.raises(SettingsError) as refused:
        telemetry.start({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert str(refused.value) == "OTEL_EXPORTER_OTLP_PROTOCOL may only be http/protobuf here."


def loaded_by(modules: str, *prefixes: str) -> str:
    """The modules with these prefixes that a process has loaded once it has imported `modules`."""
    script = f"import {modules}, sys; print(sorted(name for name in sys.modules if name.startswith({prefixes!r})))"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_http_loads_none_of_it_before_it_is_asked_for() -> None:
    assert loaded_by("asisso_mcp.http.process", "opentelemetry.sdk") == "[]\n"


def test_stdio_loads_neither_it_nor_our_http_server() -> None:
    modules = "asisso_mcp.stdio.server, asisso_mcp.server.app, asisso_mcp.cli"
    unwanted = ("opentelemetry.sdk", "asisso_mcp.http", "asisso_mcp.server.telemetry")
    assert loaded_by(modules, *unwanted) == "[]\n"
