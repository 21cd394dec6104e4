"""`/healthz` and `/readyz`: the process, the configuration, and the API only when asked."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from asisso_mcp.http import app
from asisso_mcp.sandbox import Fault, RunningServer, Sandbox
from tests.conftest import until_fired
from tests.http.served import OPTIONS, Served, settings_for


def get(served: Served, path: str, **headers: str) -> tuple[int, Any]:
    answer = httpx2.get(served.origin + path, headers=headers, **OPTIONS)
    return answer.status_code, answer.json()


def test_a_configured_server_is_ready_without_asking_the_api(api: RunningServer, sandbox: Sandbox) -> None:
    with Served(settings_for(api.url)) as served:
        assert get(served, "/healthz") == (200, {"status": "ok"})
        assert get(served, "/readyz") == (200, {"status": "ready"})
    assert sandbox.requests == []


def test_probes_come_by_address_and_need_no_key(api: RunningServer) -> None:
    with Served(settings_for(api.url, key=None), auth="passthrough") as served:
        assert get(served, "/healthz", host="10.1.2.3:8000")[0] == 200
        assert get(served, "/readyz", host="10.1.2.3:8000")[0] == 200


def test_without_a_key_a_server_that_needs_one_is_alive_but_not_ready(api: RunningServer) -> None:
    with Served(settings_for(api.url, key=None)) as served:
        assert get(served, "/healthz")[0] == 200
        assert get(served, "/readyz") == (503, {"status": "not ready", "why": "no Asisso API key is set"})


def test_the_api_is_asked_on_request_and_not_more_often_than_it_may(
    api: RunningServer, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Served(settings_for(api.url)) as served:
        assert [get(served, "/readyz?api=1") for _ in range(20)] == [(200, {"status": "ready"})] * 20
        assert len(sandbox.requests) == 1
        sandbox.faults.add(Fault("status", code=503))
        monkeypatch.setattr(app, "API_CHECK_SECONDS", 0.0)
        error = {"status": "not ready", "why": "the Asisso API answers with an error"}
        assert get(served, "/readyz?api=1") == (503, error)
        assert get(served, "/readyz") == (200, {"status": "ready"})


def test_while_one_check_waits_for_the_api_the_others_have_the_last_answer(
    api: RunningServer, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "API_CHECK_SECONDS", 0.0)
    with Served(settings_for(api.url)) as served, ThreadPoolExecutor(1) as pool:
        assert get(served, "/readyz?api=1") == (200, {"status": "ready"})
        held = sandbox.faults.add(Fault("delay", seconds=1, when="before"))
        waiting = pool.submit(get, served, "/readyz?api=1")
        until_fired(held)
        assert get(served, "/readyz?api=1") == (200, {"status": "ready"})
        assert not waiting.done()
        assert waiting.result() == (200, {"status": "ready"})


def test_an_api_that_is_not_there_is_said_without_detail() -> None:
    with Served(settings_for("http://127.0.0.1:9")) as served:
        silent = {"status": "not ready", "why": "the Asisso API does not answer"}
        assert get(served, "/readyz?api=1") == (503, silent)
