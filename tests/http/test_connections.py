"""HTTP/1.1 on a connection: each request is one request, none is endless, and every one has its answer."""

import json
import socket
from collections.abc import Callable

import httpx2
import pytest

from asisso_mcp.sandbox import RunningServer, Sandbox
from tests.http.served import OPTIONS, Served, legacy, modern, settings_for


@pytest.mark.parametrize(
    ("begin", "fill"),
    [
        (b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n", b"x-filler: " + b"a" * 100 + b"\r\n"),
        (b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ", b"a" * 100),
        (b"POST /none HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"a:\r\n"),
    ],
    ids=["many headers", "an endless one", "many trailers"],
)
def test_what_has_no_end_is_cut_off(served: Served, begin: bytes, fill: bytes) -> None:
    with connect(served) as connection:
        connection.sendall(begin)
        with pytest.raises(ConnectionError):
            connection.sendall(fill * (32_000_000 // len(fill)))


def test_an_upgrade_does_not_make_a_body_the_next_request(api: RunningServer, sandbox: Sandbox) -> None:
    request, headers = legacy("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
    body = json.dumps(request).encode()
    with Served(settings_for(api.url)) as served, connect(served) as connection:
        named = {**headers, "host": f"127.0.0.1:{served.settings.port}", "content-length": str(len(body))}
        hidden = "\r\n".join(["POST /mcp HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""])
        smuggled = hidden.encode() + body
        connection.sendall(
            b"POST /none HTTP/1.1\r\nhost: %b\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: %d\r\n\r\n"
            % (named["host"].encode(), len(smuggled))
        )
        answer = connection.recv(65_536)  # the body has to come after it, in a packet of its own
        connection.sendall(smuggled)
        connection.shutdown(socket.SHUT_WR)
        answer += connection.makefile("rb").read()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert sandbox.campaign(3)["state"] == "running"


def test_trailers_are_no_headers(served: Served) -> None:
    with connect(served) as connection:
        connection.sendall(
            b"POST /mcp HTTP/1.1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n"
            b"host: 127.0.0.1:%d\r\n\r\n" % served.settings.port
        )
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("path", ["/mcp", "/healthz", "/none"])
def test_a_request_with_two_lengths_is_refused_and_ends_the_connection(
    own: Served, path: str, refusals: Callable[[], list[str]]
) -> None:
    hidden = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    with connect(own) as connection:
        connection.sendall(
            b"POST %b HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
            % (path.encode(), own.settings.port)
            + hidden
        )
        answer = connection.makefile("rb").read()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b'{"error":"Send Content-Length or Transfer-Encoding, not both."}')
    own.end()
    named = "another path" if path == "/none" else path
    assert refusals() == [f"refused 400 POST {named} from 127.0.0.1: both Content-Length and Transfer-Encoding"]


def test_whoever_has_said_all_and_listens_is_answered(served: Served) -> None:
    for _ in range(10):
        with connect(served) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            answer = connection.makefile("rb").read()
        assert answer.endswith(b'{"status":"ok"}')


def test_each_of_several_requests_in_one_packet_has_its_own_answer(served: Served) -> None:
    good = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    with connect(served) as connection:
        connection.sendall(good + good + b"BAD\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert [piece[:3] for piece in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"400"]


def connect(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.settings.port), timeout=10)


def test_large_bodies_and_many_requests_on_one_connection_are_no_large_heads(served: Served) -> None:
    body, headers = legacy("tools/call", name="get_campaign", arguments={"campaign_id": 3, "_filler": "x" * 300_000})
    with httpx2.Client(**OPTIONS) as http:
        answers = [http.post(served.url, json=body, headers={**headers, "x-some": "y" * 8_000}) for _ in range(12)]
    assert {answer.status_code for answer in answers} == {200}
    assert all("Spring promo" in answer.text for answer in answers)


def test_blanks_around_a_headers_value_are_no_part_of_it(served: Served) -> None:
    request, headers = modern("tools/call", name="list_campaigns", arguments={})
    body = json.dumps(request).encode()
    with connect(served) as connection:
        host = f"127.0.0.1:{served.settings.port} \t"
        named = {**headers, "mcp-name": "  list_campaigns  ", "host": host, "content-length": f"{len(body)} "}
        head = ["POST /mcp HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "connection: close"]
        connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
