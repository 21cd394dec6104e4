"""Lines on stdio that are no single message: too long ones cost what they are long, and a batch gets its answer."""

import json
import os
import sys
from typing import Any

import pytest

from asisso_mcp.stdio.pipe import MAX_LINE_BYTES, OverlongLine, StdioPipe
from tests.processes import StdioServer, stdio_server

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")

OVERLONG = "The line is longer than 1024 kB, so it was not read and nothing was done. The largest edit that the tools accept is a few kB."
UNSUPPORTED = (
    "Nothing was done: this revision of the protocol has no JSON-RPC batches. Send each message as a line of its own."
)
LONG = "x" * (MAX_LINE_BYTES + 1)


def heard(server: StdioServer) -> Any:
    return json.loads(server.stdout.readline())


def error(number: int | str | None, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": -32600, "message": message}}


def lines_of(data: bytes) -> list[bytes]:
    """What the pipe makes of these bytes, a chunk at a time."""
    incoming, outgoing = os.pipe()
    pipe = StdioPipe(incoming, outgoing)
    found = []
    for start in range(0, len(data), 4096):
        os.write(outgoing, data[start : start + 4096])
        pipe.read_chunk()
        assert len(pipe._line) <= MAX_LINE_BYTES + 1
        found += pipe.lines()
    os.close(outgoing)
    pipe.read_chunk()
    os.close(incoming)
    assert pipe.ended
    return [*found, *pipe.lines()]


def test_lines_are_found_wherever_the_chunks_end() -> None:
    assert lines_of(b"") == []
    assert lines_of(b"\n \n\r\na\nb") == [b"a", b"b"]
    long = b"a" * 10_000
    assert lines_of(long + b"\n" + long + b"\n\nc\n") == [long, long, b"c"]


def test_of_a_line_that_is_too_long_the_ends_are_kept_and_the_next_one_is_whole() -> None:
    whole, first, last = b"a" * MAX_LINE_BYTES, b"b" * 10_000, b"c" * 10_000
    overlong = first + whole + last
    kept = lines_of(whole + b"\n" + overlong + b"\n" + b"next\n")
    assert kept == [whole, first[:1000] + b"\0" + last[:400], b"next"]
    assert [type(line) for line in kept] == [bytes, OverlongLine, bytes]


@POSIX
def test_a_line_of_a_hundred_megabytes_is_refused_and_the_server_lives_on() -> None:
    with stdio_server("--sandbox") as server:
        server.open("legacy")
        server.stdin.write(b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"x":"')
        for _ in range(100):
            server.stdin.write(b"y" * 1_000_000)
        server.write(b'"}}')
        assert heard(server) == error(7, OVERLONG)
        assert server.call("get_campaign", campaign_id=3)["isError"] is False
        assert server.end() == (0, "")


@POSIX
def test_the_error_for_a_line_that_is_too_long_has_the_id_of_the_request_where_it_is_surely_that() -> None:
    with stdio_server("--sandbox") as server:
        for line, number in (
            ('{"jsonrpc":"2.0","id":"a-1","method":"m","params":{"id":5,"x":"%s"}}', "a-1"),
            ('{"method":"m","params":{"id":5,"x":"%s"},"jsonrpc":"2.0","id":8}', 8),
            ('{"method":"m","params":{"id":5,"x":"%s"},"id":9,"jsonrpc":"2.0"}\r', 9),
            ('{"params":{"id":5,"x":"%s","id":5}}', None),
            ('{"params":{"id":5,"x":"%s"},"id":null}', None),
            ("%s", None),
        ):
            server.write((line % LONG).encode())
            assert heard(server) == error(number, OVERLONG), line[:80]
        server.open("legacy")
        assert server.end() == (0, "")


BATCH = [
    {"jsonrpc": "2.0", "id": 11, "method": "ping"},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}},
    {"jsonrpc": "2.0", "id": "b", "method": "no/such"},
]


@POSIX
@pytest.mark.parametrize("version", ["2024-11-05", "2025-06-18", "2025-11-25"])
def test_each_request_of_a_batch_hears_that_this_revision_has_none(version: str) -> None:
    with stdio_server("--sandbox") as server:
        server.open("legacy", version)
        server.write(json.dumps(BATCH).encode())
        assert [heard(server), heard(server)] == [error(11, UNSUPPORTED), error("b", UNSUPPORTED)]
        server.write(json.dumps(BATCH[1:2]).encode())
        assert heard(server) == error(None, UNSUPPORTED)
        server.write(b"[]")
        assert heard(server) == error(None, "Nothing was done: the batch is empty.")
        assert server.end() == (0, "")


@POSIX
def test_a_batch_without_a_handshake_is_refused() -> None:
    with stdio_server("--sandbox") as server:
        server.write(json.dumps(BATCH).encode())
        assert [heard(server)["id"], heard(server)["id"]] == [11, "b"]
        assert server.end() == (0, "")


@POSIX
def test_the_one_revision_with_batches_gets_the_responses_to_a_batch_in_one_array() -> None:
    call = {"name": "get_campaign", "arguments": {"campaign_id": 3}}
    asked = [
        *BATCH,
        {"jsonrpc": "2.0", "id": 12, "method": "tools/call", "params": call},
        {"jsonrpc": "2.0", "id": 13, "method": "initialize", "params": {}},
        {"jsonrpc": "2.0", "id": 11, "method": "ping"},
        3,
    ]
    with stdio_server("--sandbox") as server:
        server.open("legacy", "2025-03-26")
        server.write(json.dumps(asked).encode())
        told = heard(server)
        assert sorted((str(each["id"]), "result" in each) for each in told) == [
            ("11", False),
            ("11", True),
            ("12", True),
            ("13", False),
            ("None", False),
            ("b", False),
        ]
        (ping,) = [each for each in told if each["id"] == 11 and "result" in each]
        assert ping == {"jsonrpc": "2.0", "id": 11, "result": {}}
        server.write(json.dumps([3, {"jsonrpc": "2.0", "id": 14, "method": "initialize", "params": {}}]).encode())
        assert [heard(server)["id"], heard(server)["id"]] == [None, 14]
        assert server.call("get_campaign", campaign_id=3)["isError"] is False
        assert server.end() == (0, "")


@POSIX
def test_a_batch_of_which_a_request_is_cancelled_still_gets_the_other_responses() -> None:
    call = {"name": "resume_campaign", "arguments": {"campaign_id": 4}}
    asked = [
        {"jsonrpc": "2.0", "id": 11, "method": "ping"},
        {"jsonrpc": "2.0", "id": 12, "method": "tools/call", "params": call},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 12}},
    ]
    with stdio_server("--sandbox") as server:
        server.open("legacy", "2025-03-26")
        server.write(json.dumps(asked).encode())
        told = sorted(heard(server), key=lambda each: each["id"])
        assert told == [
            {"jsonrpc": "2.0", "id": 11, "result": {}},
            error(12, "The request was cancelled. If it was to change something, look with `get_campaign`."),
        ]
