"""Strangers get nowhere: what they leave unfinished, do not read or guess takes nothing from those who work."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import pytest

from asisso_mcp.http import body as bodies
from asisso_mcp.http import process, protocol
from asisso_mcp.sandbox import KEY, Fault, RunningServer, Sandbox
from tests.conftest import until_fired
from tests.http.served import Served, legacy, modern, post, settings_for

LIST = modern("tools/list")
CAMPAIGNS = modern("tools/call", name="list_campaigns", arguments={})
READ = modern("tools/call", name="get_campaign", arguments={"campaign_id": 2})
PAUSE = modern("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
ALIVE = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
Refusals = Callable[[], list[str]]


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


@contextmanager
def connected(served: Served, count: int, sending: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections on which this was sent, and nothing else."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(served.settings.port)) for _ in range(count)]
        for connection in connections:
            connection.sendall(sending)
        yield connections


def begin_body(port: int, key: str = "invented", *, length: int = 100, sent: int = 1) -> bytes:
    """The beginning of a request whose body is never complete."""
    head = f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n\r\n"
    return head.encode() + b" " * sent


def ask_whether_it_is_alive(connection: socket.socket) -> None:
    """Send a request and read its answer to the end."""
    connection.sendall(ALIVE)
    answer = b""
    while not answer.endswith(b'{"status":"ok"}'):
        answer += (received := connection.recv(65_536))
        assert received, answer


def wait_until_closed(connection: socket.socket) -> None:
    """Raises TimeoutError when it stays open."""
    with suppress(ConnectionError):
        while connection.recv(65_536):
            pass


def test_requests_that_are_never_complete_take_no_slot(api: RunningServer) -> None:
    settings = settings_for(api.url, key=None)
    with (
        Served(settings, auth="passthrough", environment={"ASISSO_MCP_MAX_CALLS": "2"}) as served,
        ExitStack() as stack,
    ):
        for number in range(8):
            unfinished = begin_body(served.settings.port, f"invented-{number}")
            stack.enter_context(connected(served, 1, unfinished))
        answer = post(served.url, READ, x_api_key=KEY)
    assert answer.status_code == 200
    assert "Winter reactivation" in answer.text


def test_connections_without_a_request_make_room_for_others_and_idle_ones_go_last(
    own: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MAX_CONNECTIONS", 8)
    with connect(own.settings.port) as known:
        ask_whether_it_is_alive(known)
        with connected(own, 20) as silent, connected(own, 20, begin_body(own.settings.port)) as unfinished:
            assert post(own.url, READ).status_code == 200
            wait_until_closed(silent[0])
            wait_until_closed(unfinished[0])
            assert len(own.server.server_state.connections) <= 8
            ask_whether_it_is_alive(known)


def test_a_call_in_progress_is_not_closed_for_want_of_room(
    own: Served, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MAX_CONNECTIONS", 4)
    held = sandbox.faults.add(Fault("delay", seconds=0.5, when="before"))
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(post, own.url, READ)
        until_fired(held)
        with connected(own, 20):
            assert call.result().status_code == 200


@pytest.mark.parametrize("later", [False, True], ids=["the first header", "a later one"])
@pytest.mark.parametrize("drip", [b"", b"x"], ids=["silent", "dripping"])
def test_a_header_has_to_be_complete_in_time(
    api: RunningServer, monkeypatch: pytest.MonkeyPatch, later: bool, drip: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.2)
    monkeypatch.setattr(process, "KEEP_ALIVE_SECONDS", 0.2)
    with Served(settings_for(api.url)) as served, connect(served.settings.port) as connection:
        if later:
            ask_whether_it_is_alive(connection)
        connection.sendall(b"POST /mcp HTTP/1.1\r\nx-filler: ")
        connection.settimeout(0.02 if drip else 10)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                connection.sendall(drip)
                if connection.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert time.monotonic() < until


def test_the_rest_of_a_body_that_was_refused_does_not_keep_the_connection(
    api: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "KEEP_ALIVE_SECONDS", 0.2)
    with Served(settings_for(api.url)) as served, connect(served.settings.port) as connection:
        connection.sendall(
            b"POST /none HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-length: 99\r\n\r\n" % served.settings.port
        )
        assert connection.recv(65_536).startswith(b"HTTP/1.1 404 ")
        connection.sendall(b" ")
        wait_until_closed(connection)


def test_whoever_does_not_read_the_answers_is_let_go_and_the_call_ends(
    own: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "WRITE_SECONDS", 0.2)
    body, headers = legacy("tools/list")
    content = json.dumps(body).encode()
    named = {**headers, "host": f"127.0.0.1:{own.settings.port}", "content-length": str(len(content))}
    head = "\r\n".join(["POST /mcp HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""])
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", own.settings.port))
        with pytest.raises(ConnectionError):
            connection.sendall((head.encode() + content) * 100_000)
        own.end()
    assert own.server.server_state.tasks == set()


def test_large_bodies_that_do_not_arrive_keep_out_neither_small_ones_nor_the_server(
    own: Served, monkeypatch: pytest.MonkeyPatch, refusals: Refusals
) -> None:
    monkeypatch.setattr(bodies, "MAX_LARGE_BODIES", 2)
    large = begin_body(own.settings.port, length=200_000, sent=100_000)
    with connected(own, 2, large):
        body, headers = READ
        body = {**body, "params": {**body["params"], "_meta": {**body["params"]["_meta"], "filler": "x" * 100_000}}}
        refused = post(own.url, (body, headers))
        assert post(own.url, READ).status_code == 200
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json() == {"error": "Too many large requests are arriving. Try again in a moment."}
    own.end()
    assert refusals() == ["refused 503 POST /mcp from 127.0.0.1: 2 bodies larger than 65536 bytes are arriving"]


def test_a_pause_finds_a_slot_when_all_are_taken(api: RunningServer, sandbox: Sandbox) -> None:
    held = sandbox.faults.add(Fault("delay", seconds=0.5, when="before", path="/campaign/4"))
    slow = modern("tools/call", name="get_campaign", arguments={"campaign_id": 4})
    with (
        Served(settings_for(api.url), environment={"ASISSO_MCP_MAX_CALLS": "1"}) as served,
        ThreadPoolExecutor(1) as pool,
    ):
        call = pool.submit(post, served.url, slow)
        until_fired(held)
        read, pause = post(served.url, READ), post(served.url, PAUSE)
        assert call.result().status_code == 200
    assert read.status_code == 503
    assert 'Done: Campaign 3 \\"Spring promo\\" is paused' in pause.text


def test_a_key_that_the_api_refused_is_refused_for_a_minute_without_asking_again(
    api: RunningServer, sandbox: Sandbox, refusals: Refusals, caplog: pytest.LogCaptureFixture
) -> None:
    guessed = "as_guessed_0123456789"
    with Served(settings_for(api.url, key=None), auth="passthrough") as served:
        first = post(served.url, READ, x_api_key=guessed)
        later = [post(served.url, READ, x_api_key=guessed) for _ in range(20)]
        assert post(served.url, READ, x_api_key=KEY).status_code == 200
    assert first.json()["result"]["content"][0]["text"].startswith("The Asisso API did not accept the credentials")
    assert {answer.status_code for answer in later} == {401}
    assert later[0].json() == {
        "error": "The Asisso API did not accept this key a moment ago. Check the X-API-Key header, and try again in a minute."
    }
    assert later[0].headers["www-authenticate"] == 'ApiKey realm="asisso-mcp", header="X-API-Key"'
    assert [request.path for request in sandbox.requests] == ["/api/v1/campaign/2"] * 2
    assert refusals() == [
        "The API refused a key that a caller brought; it is refused here for 60 s. 1 such keys are remembered.",
        *["refused 401 POST /mcp from 127.0.0.1: a key that the API refused"] * 20,
    ]
    assert guessed not in caplog.text


def test_many_guessed_keys_do_not_become_as_many_requests_and_keep_nobody_out(
    api: RunningServer, sandbox: Sandbox
) -> None:
    with (
        Served(
            settings_for(api.url, key=None), auth="passthrough", environment={"ASISSO_MCP_MAX_CALLS": "8"}
        ) as served,
        ThreadPoolExecutor(20) as pool,
    ):
        assert post(served.url, CAMPAIGNS, x_api_key=KEY).status_code == 200
        began, known = time.monotonic(), len(sandbox.requests)
        guesses = [pool.submit(post, served.url, READ, x_api_key=f"guess-{number}") for number in range(100)]
        assert post(served.url, READ, x_api_key=KEY).status_code == 200
        assert {guess.result().status_code for guess in guesses} == {200, 503}
        asked, seconds = len(sandbox.requests) - known - 1, time.monotonic() - began
    assert asked <= 4 * (seconds + 1)
