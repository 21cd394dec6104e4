"""`ASISSO_JOURNAL=otel`: each entry is a line in OpenTelemetry logs before it is sent, and one more with its outcome."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from asisso_mcp.config import SettingsError
from asisso_mcp.journal.location import check_journal
from asisso_mcp.sandbox import KEY, Sandbox
from asisso_mcp.toolbox import Toolbox
from tests.conftest import MONDAY
from tests.http.issuer import Loopback
from tests.http.test_telemetry import Collector
from tests.journal.test_writes import EDIT, settings_with, writes

OTEL = settings_with("otel")


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.origin)
        yield collector


def records(collector: Collector) -> list[Any]:
    request = ExportLogsServiceRequest.FromString(collector.bodies.get("/v1/logs", b""))
    return [
        record for resource in request.resource_logs for scope in resource.scope_logs for record in scope.log_records
    ]


async def test_an_entry_is_exported_before_it_is_sent_and_again_with_its_outcome(
    sandbox: Sandbox, collector: Collector
) -> None:
    seen: list[int] = []
    async with Toolbox(OTEL, transport=sandbox.transport(), clock=lambda: MONDAY) as toolbox:
        client = toolbox._services.service._client  # type: ignore[union-attr]
        real = client.patch

        async def patch(*arguments: Any) -> Any:
            seen.append(len(records(collector)))
            return await real(*arguments)

        client.patch = patch  # type: ignore[method-assign]
        answer = await toolbox.call("update_campaign", EDIT)
    assert set(seen) == {1}, "the entry was not there when the write was sent"
    first, second = records(collector)
    bodies = [json.loads(record.body.string_value) for record in (first, second)]
    assert [body["outcome"] for body in bodies] == ["sent", "applied"]
    assert bodies[0]["entry"] == bodies[1]["entry"]
    assert answer.structure is not None
    assert bodies[1]["undo"] == answer.structure["undo"]
    assert bodies[1]["after"]["retry_config"]["max_retries"] == 7
    assert first.event_name == "asisso.journal.entry"
    attributes = {each.key: each.value for each in second.attributes}
    assert attributes["asisso.entry"].string_value == bodies[0]["entry"]
    assert attributes["asisso.outcome"].string_value == "applied"
    assert attributes["asisso.campaign_id"].int_value == 4
    assert attributes["gen_ai.tool.name"].string_value == "update_campaign"
    assert KEY.encode() not in collector.bodies["/v1/logs"]


class Refusing(Loopback):
    """A collector that accepts nothing."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(400)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        super().__init__(Handler)


async def test_without_the_collectors_consent_nothing_is_sent(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Refusing() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.origin)
        async with Toolbox(OTEL, transport=sandbox.transport(), clock=lambda: MONDAY) as toolbox:
            answer = await toolbox.call("update_campaign", EDIT)
    assert answer.text == (
        "Nothing was changed. The journal that ASISSO_JOURNAL asks for, in OpenTelemetry logs (otel), cannot be written (the collector "
        "did not accept an entry), and without it nothing is sent. The person who runs this server can correct that, name another file, "
        "or set ASISSO_JOURNAL=off."
    )
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({}, "OTEL_EXPORTER_OTLP_ENDPOINT names no collector"),
        ({"OTEL_LOGS_EXPORTER": "zipkin"}, "OTEL_LOGS_EXPORTER may be otlp (over HTTP) or console here"),
        ({"OTEL_LOGS_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED is set"),
    ],
)
def test_what_names_no_collector_is_told_when_the_http_server_starts(
    environment: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        check_journal(OTEL)
    assert str(refused.value) == (
        f"The journal that ASISSO_JOURNAL asks for, in OpenTelemetry logs (otel), cannot be written ({why}), and without it nothing is "
        "sent. The person who runs this server can correct that, name another file, or set ASISSO_JOURNAL=off."
    )


def test_without_the_packages_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['opentelemetry.sdk._logs'] = None\n"
        "from asisso_mcp.journal.otel import OtelStore\n"
        "try: OtelStore({'OTEL_LOGS_EXPORTER': 'console'}).open()\n"
        "except Exception as problem: print(problem)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told == "it needs OpenTelemetry: pip install 'asisso-mcp[telemetry]'\n"
