"""SIGTERM: calls in progress are answered, writes are settled, new calls are refused, and the end is bounded."""

import socket
import threading
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import anyio
import httpx2
import pytest

from asisso_mcp.api import retries
from asisso_mcp.sandbox import KEY, Fault, RunningServer, Sandbox
from tests.conftest import until_fired
from tests.http.served import OPTIONS, Served, legacy, modern, post, settings_for
from tests.processes import HttpServer, http_server

ERAS = {"2026": modern, "2025": legacy}


def calling(url: str, request: Any) -> tuple[threading.Thread, list[httpx2.Response | Exception]]:
    answers: list[httpx2.Response | Exception] = []

    def call() -> None:
        try:
            answers.append(post(url, request))
        except httpx2.HTTPError as fault:
            answers.append(fault)

    thread = threading.Thread(target=call)
    thread.start()
    return thread, answers


def wait_until_refused(running: HttpServer) -> None:
    """Until the server accepts no connection any more."""
    port, until = httpx2.URL(running.url).port, time.monotonic() + 10
    with suppress(ConnectionRefusedError):
        while True:
            assert time.monotonic() < until
            with suppress(ConnectionResetError):  # in the moment in which a socket is closed
                socket.create_connection(("127.0.0.1", port), timeout=10).close()


@pytest.mark.slow
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_call_in_progress_is_answered_and_new_ones_are_refused(
    api: RunningServer, sandbox: Sandbox, era: str, workers: str
) -> None:
    slow = sandbox.faults.add(Fault("delay", method="POST", seconds=2.0, when="after"))
    environment = {"ASISSO_BASE_URL": api.url, "ASISSO_API_KEY": KEY}
    with http_server("--workers", workers, **environment) as running:
        pause = ERAS[era]("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
        thread, answers = calling(running.url, pause)
        until_fired(slow)
        running.terminate()
        wait_until_refused(running)
        assert answers == []
        thread.join(20)
        assert running.process.wait(20) == 0
    assert isinstance(answers[0], httpx2.Response)
    assert 'Done: Campaign 3 \\"Spring promo\\" is paused' in answers[0].text
    assert sandbox.campaign(3)["state"] == "paused"


@pytest.mark.parametrize("era", ERAS)
def test_a_resume_that_waits_for_the_api_when_the_server_is_told_to_stop_is_not_sent_any_more(
    api: RunningServer, sandbox: Sandbox, era: str
) -> None:
    put_off = sandbox.faults.add(Fault("status", method="POST", code=429, retry_after=1, times=1))
    with Served(settings_for(api.url)) as served:
        resume = ERAS[era]("tools/call", name="resume_campaign", arguments={"campaign_id": 4})
        thread, answers = calling(served.url, resume)
        until_fired(put_off)
        served.app.stop()
        thread.join(20)
    assert isinstance(answers[0], httpx2.Response)
    assert "Nothing was changed: asisso-mcp is shutting down, so this was not sent." in answers[0].text
    assert sum(request.path.endswith("/resume") for request in sandbox.requests) == 1
    assert sandbox.campaign(4)["state"] == "paused"


def test_a_resume_whose_client_of_2026_hangs_up_while_it_waits_for_the_api_is_not_sent_any_more(
    api: RunningServer, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = threading.Event()

    async def wait(_: float) -> None:
        try:
            await anyio.Event().wait()
        finally:
            given_up.set()

    monkeypatch.setattr(retries, "anyio", SimpleNamespace(sleep=wait))
    sandbox.faults.add(Fault("status", method="POST", code=429, retry_after=1, times=1))
    with Served(settings_for(api.url)) as served:
        body, headers = modern("tools/call", name="resume_campaign", arguments={"campaign_id": 4})
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.post(served.url, json=body, headers=headers, timeout=0.3, trust_env=False, verify=False)
        assert given_up.wait(10)
    assert sum(request.path.endswith("/resume") for request in sandbox.requests) == 1
    assert sandbox.campaign(4)["state"] == "paused"


def test_a_request_on_an_open_connection_is_told_that_the_server_stops(api: RunningServer) -> None:
    with Served(settings_for(api.url)) as served, httpx2.Client(**OPTIONS) as http:
        served.app.stopping = True
        body, headers = modern("tools/list")
        answer = http.post(served.url, json=body, headers=headers)
        ready, alive = http.get(f"{served.origin}/readyz"), http.get(f"{served.origin}/healthz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json() == {"error": "This server is stopping."}
    assert (ready.status_code, alive.status_code) == (503, 200)


@pytest.mark.slow
@pytest.mark.parametrize("era", ERAS)
def test_a_call_that_outlasts_the_bound_is_answered_and_its_write_is_settled(
    api: RunningServer, sandbox: Sandbox, era: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("asisso_mcp.http.process.FINISH_SECONDS", 1)
    slow = sandbox.faults.add(Fault("delay", method="POST", seconds=3.0, when="after"))
    pause = ERAS[era]("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
    with Served(settings_for(api.url)) as served:
        thread, answers = calling(served.url, pause)
        until_fired(slow)
        began = time.monotonic()
    lasted = time.monotonic() - began
    thread.join(10)
    assert 2.0 < lasted < 6.0
    assert sandbox.campaign(3)["state"] == "paused"
    assert served.app.services.in_flight() == ()
    assert "went away" not in caplog.text
    assert isinstance(answers[0], httpx2.Response)
    assert answers[0].status_code == 200
    assert "Done: Campaign 3" in answers[0].text


@pytest.mark.slow
def test_what_is_still_unknown_when_the_bound_is_over_is_said(api: RunningServer, sandbox: Sandbox) -> None:
    slow = sandbox.faults.add(Fault("delay", method="POST", seconds=30.0, when="after"))
    with http_server(ASISSO_BASE_URL=api.url, ASISSO_API_KEY=KEY) as running:
        pause = modern("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
        thread, _ = calling(running.url, pause)
        until_fired(slow)
        running.process.send_signal(2)
        wait_until_refused(running)
        running.process.send_signal(2)  # Ctrl-C again: someone is waiting
        assert running.process.wait(5) == 1
        thread.join(10)
        assert (
            "asisso-mcp ends while a write is unanswered. Unknown outcome of the pause of campaign 3: look at the campaign before "
            "trying again.\n"
        ) in running.said
