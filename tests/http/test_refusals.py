"""Bad requests over HTTP: the status, a few words, one line in the log, and nothing that helps a stranger."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from asisso_mcp.http import body as bodies
from asisso_mcp.sandbox import KEY, Fault, RunningServer, Sandbox
from tests.conftest import until_fired
from tests.http.served import JSON, OPTIONS, Served, modern, post, settings_for

LIST = modern("tools/list")
Refusals = Callable[[], list[str]]


HOST = 'refused 421 POST /mcp from 127.0.0.1: Host "evil.example" is not allowed (--allow-host)'
ORIGIN = 'refused 403 POST /mcp from 127.0.0.1: Origin "https://evil.example" is not allowed (--allow-origin)'
HIDDEN = 'refused 403 POST /mcp from 127.0.0.1: Origin "http://x31m" is not allowed (--allow-origin)'


@pytest.mark.parametrize(
    ("headers", "status", "error", "log"),
    [
        ({"host": "evil.example"}, 421, "Misdirected request.", HOST),
        ({"origin": "https://evil.example"}, 403, "This origin is not allowed.", ORIGIN),
        ({"origin": b"http://x\x9b31m"}, 403, "This origin is not allowed.", HIDDEN),
    ],
)
def test_a_foreign_host_or_origin_is_refused_and_nothing_hidden_reaches_the_log(
    own: Served, headers: Any, status: int, error: str, log: str, refusals: Refusals
) -> None:
    answer = post(own.url, LIST, **headers)
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    own.end()
    assert refusals() == [log]
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["null", "http://127.0.0.1:1", "http://localhost", "http://127.0.0.1.evil.example"])
def test_no_origin_resembles_an_allowed_one(served: Served, origin: str) -> None:
    assert post(served.url, LIST, origin=origin).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "127.0.0.1:80000", "localhost.evil.example:{port}"])
def test_no_host_resembles_an_allowed_one(served: Served, host: str) -> None:
    assert post(served.url, LIST, host=host.format(port=served.settings.port)).status_code == 421


def test_the_own_address_is_an_allowed_host_and_origin_in_any_case(served: Served) -> None:
    port = served.settings.port
    assert post(served.url, LIST, host=f"LocalHost:{port}", origin=f"http://localhost:{port}").status_code == 200


@pytest.mark.parametrize("size", [bodies.MAX_BODY + 1, bodies.MAX_DISCARDED // 2])
@pytest.mark.parametrize("declared", [True, False])
def test_an_oversized_body_is_answered_with_413(own: Served, refusals: Refusals, declared: bool, size: int) -> None:
    body = b" " * size
    chunks = (body[start : start + 65536] for start in range(0, len(body), 65536))
    answer = httpx2.post(own.url, content=body if declared else chunks, headers=JSON, **OPTIONS)
    assert (answer.status_code, answer.json()) == (413, {"error": "The request body is too large."})
    own.end()
    assert refusals() == ["refused 413 POST /mcp from 127.0.0.1: a body larger than 1048576 bytes"]


def test_a_body_that_does_not_arrive_is_answered_with_408(
    own: Served, refusals: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", own.settings.port)) as line:
        line.sendall(
            f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{own.settings.port}\r\ncontent-length: 100\r\n\r\n{{".encode()
        )
        line.settimeout(10)
        answer = b""
        while chunk := line.recv(4096):  # and the connection is closed
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 408 ")
    own.end()
    assert refusals() == ["refused 408 POST /mcp from 127.0.0.1: an incomplete body"]


def test_other_methods_are_answered_with_405_and_no_warning(own: Served, refusals: Refusals) -> None:
    for method in ("GET", "DELETE", "PUT", "OPTIONS"):
        answer = httpx2.request(method, own.url, headers={"accept": "text/event-stream"}, **OPTIONS)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    own.end()
    assert refusals() == []


def test_what_is_not_json_rpc_is_answered_with_400(served: Served) -> None:
    for body in (b"{", b"[]", b"null", b"[" * 100_000, b'{"jsonrpc":"2.0","id":1}'):
        for headers in (modern("tools/list")[1], JSON):
            assert httpx2.post(served.url, content=body, headers=headers, **OPTIONS).status_code == 400


def test_more_calls_than_places_are_told_to_come_back(api: RunningServer, sandbox: Sandbox, refusals: Refusals) -> None:
    held = sandbox.faults.add(Fault("delay", seconds=0.5, when="before"))
    settings = settings_for(api.url)
    with Served(settings, environment={"ASISSO_MCP_MAX_CALLS": "1"}) as served:
        first: list[int] = []
        read = modern("tools/call", name="get_campaign", arguments={"campaign_id": 3})
        thread = threading.Thread(target=lambda: first.append(post(served.url, read).status_code))
        thread.start()
        until_fired(held)
        answer = post(served.url, LIST)
        thread.join()
        assert first == [200]
        assert post(served.url, LIST).status_code == 200
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json() == {"error": "Too many calls are in progress. Try again in a moment."}
    assert refusals() == ["refused 503 POST /mcp from 127.0.0.1: 1 calls in progress, 1 of them for this key"]


def test_one_key_does_not_take_the_places_of_the_others(
    api: RunningServer, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    held = sandbox.faults.add(Fault("delay", seconds=0.5, when="before", path="/campaign/3"))
    with Served(
        settings_for(api.url, key=None), auth="passthrough", environment={"ASISSO_MCP_MAX_CALLS": "2"}
    ) as served:
        post(served.url, modern("tools/call", name="list_campaigns", arguments={}), x_api_key=KEY)  # the API accepts it
        read = modern("tools/call", name="get_campaign", arguments={"campaign_id": 3})
        thread = threading.Thread(target=post, args=(served.url, read), kwargs={"x_api_key": KEY})
        thread.start()
        until_fired(held)
        same, other = post(served.url, LIST, x_api_key=KEY), post(served.url, LIST, x_api_key="another")
        thread.join()
    assert (same.status_code, other.status_code) == (503, 200)
    assert KEY not in caplog.text


def test_browsers_get_cors_only_where_a_page_was_named(api: RunningServer) -> None:
    page = "https://chat.example.com"
    asking = {
        "origin": page,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-api-key, mcp-param-id",
    }
    with Served(settings_for(api.url), allow_origins=[page]) as served:
        allowed = httpx2.options(served.url, headers=asking, **OPTIONS)
        answered = post(served.url, LIST, origin=page)
        foreign = httpx2.options(served.url, headers={**asking, "origin": "https://evil.example"}, **OPTIONS)
    assert allowed.status_code == answered.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == page
    assert allowed.headers["access-control-allow-headers"] == "x-api-key, mcp-param-id"
    assert answered.headers["access-control-allow-origin"] == page
    assert "access-control-allow-credentials" not in {*allowed.headers, *answered.headers}
    assert foreign.status_code == 403


def test_a_refusal_can_be_read_by_the_page_that_was_named(api: RunningServer) -> None:
    page = "https://chat.example.com"
    with Served(settings_for(api.url, key=None), auth="passthrough", allow_origins=[page]) as served:
        answer = post(served.url, LIST, origin=page)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, page)
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]
