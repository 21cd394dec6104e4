"""Head and body of an answer leave in one piece, nothing that was written is lost or overtaken, and heads are bounded."""

import asyncio
import json
import socket
from contextlib import suppress

import httpx2
import pytest

from asisso_mcp.sandbox import Running
from asisso_mcp.server.http_wire import MAX_HEAD, Joining
from tests.server.http.served import Served, legacy, modern, settings_for


class Noting:
    """A transport that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def close(self) -> None:
        self.closing = True
        self.told.append("closed")

    def is_closing(self) -> bool:
        return self.closing


async def test_what_is_written_in_one_go_leaves_in_one_piece() -> None:
    transport = Noting()
    joining = Joining(transport)  # type: ignore[arg-type]
    joining.write(b"head ")
    joining.write(b"body")
    assert transport.told == []
    await asyncio.sleep(0)
    joining.write(b"more")
    await asyncio.sleep(0)
    assert transport.told == [b"head body", b"more"]


async def test_closing_comes_after_what_was_written() -> None:
    transport = Noting()
    joining = Joining(transport)  # type: ignore[arg-type]
    joining.write(b"last")
    joining.close()
    await asyncio.sleep(0)
    assert transport.told == [b"last", "closed"]


async def test_nothing_is_written_to_a_transport_that_closes_by_itself() -> None:
    transport = Noting()
    joining = Joining(transport)  # type: ignore[arg-type]
    joining.write(b"too late")
    transport.close()
    await asyncio.sleep(0)
    assert transport.told == ["closed"]
    assert joining.is_closing()


@pytest.mark.parametrize(
    "fill", [b"x-filler: " + b"a" * 100 + b"\r\n", b"a" * 100], ids=["many headers", "an endless one"]
)
def test_a_head_without_an_end_is_refused(api: Running, fill: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with (
        Served(settings_for(api.url)) as served,
        socket.create_connection(("127.0.0.1", served.serving.port), timeout=10) as connection,
    ):
        connection.sendall(b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ")
        sent = 0
        with suppress(ConnectionError):  # it may be closed before all is sent
            while sent < 4 * MAX_HEAD:
                sent += connection.send(fill * 20)
        answer = b""
        with suppress(ConnectionError):
            while piece := connection.recv(65_536):
                answer += piece
    assert sent < 4 * MAX_HEAD or answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert caplog.messages.count(f"refused a request whose headers are larger than {MAX_HEAD} bytes") == 1


def test_large_bodies_and_many_requests_on_one_connection_are_no_large_heads(api: Running) -> None:
    body, headers = legacy("tools/call", name="get_campaign", arguments={"campaign_id": 3, "_filler": "x" * 300_000})
    with Served(settings_for(api.url)) as served, httpx2.Client(trust_env=False) as http:
        answers = [http.post(served.url, json=body, headers={**headers, "x-some": "y" * 8_000}) for _ in range(12)]
    assert {answer.status_code for answer in answers} == {200}
    assert all("Spring promo" in answer.text for answer in answers)


def test_an_answer_arrives_in_one_packet(api: Running) -> None:
    with (
        Served(settings_for(api.url)) as served,
        socket.create_connection(("127.0.0.1", served.serving.port), timeout=10) as connection,
    ):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'\r\n\r\n{"status":"ok"}')


def test_blanks_around_a_headers_value_are_no_part_of_it(api: Running) -> None:
    request, headers = modern("tools/call", name="list_campaigns", arguments={})
    body = json.dumps(request).encode()
    with (
        Served(settings_for(api.url)) as served,
        socket.create_connection(("127.0.0.1", served.serving.port), timeout=10) as connection,
    ):
        host = f"127.0.0.1:{served.serving.port} \t"
        named = {**headers, "mcp-name": "  list_campaigns  ", "host": host, "content-length": f"{len(body)} "}
        head = ["POST /mcp HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "connection: close"]
        connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
