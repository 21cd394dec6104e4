"""Head and body of an answer leave in one piece, nothing is lost or overtaken, and each request is one request."""

import asyncio
import json
import socket
import time
from contextlib import suppress

import httpx2
import pytest

from asisso_mcp.sandbox import Running, Sandbox
from asisso_mcp.server.http_wire import Joining
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
    ("begin", "fill"),
    [
        (b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n", b"x-filler: " + b"a" * 100 + b"\r\n"),
        (b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ", b"a" * 100),
        (b"POST /none HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"a:\r\n"),
    ],
    ids=["many headers", "an endless one", "many trailers"],
)
def test_what_has_no_end_is_cut_off(api: Running, begin: bytes, fill: bytes) -> None:
    with Served(settings_for(api.url)) as served, line_to(served) as line:
        line.sendall(begin)
        with pytest.raises(ConnectionError):
            line.sendall(fill * (32_000_000 // len(fill)))


def test_an_upgrade_does_not_make_a_body_the_next_request(api: Running, sandbox: Sandbox) -> None:
    request, headers = legacy("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
    body = json.dumps(request).encode()
    with Served(settings_for(api.url)) as served, line_to(served) as line:
        named = {**headers, "host": f"127.0.0.1:{served.serving.port}", "content-length": str(len(body))}
        hidden = "\r\n".join(["POST /mcp HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""])
        smuggled = hidden.encode() + body
        line.sendall(
            b"POST /none HTTP/1.1\r\nhost: %b\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: %d\r\n\r\n"
            % (named["host"].encode(), len(smuggled))
        )
        time.sleep(0.2)  # a packet of its own
        line.sendall(smuggled)
        line.settimeout(1)
        answer = line.recv(65_536)
        with suppress(TimeoutError):
            answer += line.recv(65_536)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert sandbox.campaign(3)["state"] == "running"


def test_trailers_are_no_headers(api: Running) -> None:
    with Served(settings_for(api.url)) as served, line_to(served) as line:
        line.sendall(
            b"POST /mcp HTTP/1.1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n"
            b"host: 127.0.0.1:%d\r\n\r\n" % served.serving.port
        )
        answer = line.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_whoever_has_said_all_and_listens_is_answered(api: Running) -> None:
    with Served(settings_for(api.url)) as served:
        for _ in range(10):
            with line_to(served) as line:
                line.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
                line.shutdown(socket.SHUT_WR)
                answer = line.makefile("rb").read()
            assert answer.endswith(b'{"status":"ok"}')


def test_each_of_several_requests_in_one_packet_has_its_own_answer(api: Running) -> None:
    good = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    with Served(settings_for(api.url)) as served, line_to(served) as line:
        line.sendall(good + good + b"BAD\r\n\r\n")
        answer = line.makefile("rb").read()
    assert [piece[:3] for piece in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"400"]


def line_to(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.serving.port), timeout=10)


def test_large_bodies_and_many_requests_on_one_connection_are_no_large_heads(api: Running) -> None:
    body, headers = legacy("tools/call", name="get_campaign", arguments={"campaign_id": 3, "_filler": "x" * 300_000})
    with Served(settings_for(api.url)) as served, httpx2.Client(trust_env=False) as http:
        answers = [http.post(served.url, json=body, headers={**headers, "x-some": "y" * 8_000}) for _ in range(12)]
    assert {answer.status_code for answer in answers} == {200}
    assert all("Spring promo" in answer.text for answer in answers)


def test_an_answer_arrives_in_one_packet(api: Running) -> None:
    with Served(settings_for(api.url)) as served, line_to(served) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'\r\n\r\n{"status":"ok"}')


def test_blanks_around_a_headers_value_are_no_part_of_it(api: Running) -> None:
    request, headers = modern("tools/call", name="list_campaigns", arguments={})
    body = json.dumps(request).encode()
    with Served(settings_for(api.url)) as served, line_to(served) as connection:
        host = f"127.0.0.1:{served.serving.port} \t"
        named = {**headers, "mcp-name": "  list_campaigns  ", "host": host, "content-length": f"{len(body)} "}
        head = ["POST /mcp HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "connection: close"]
        connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
