"""Is an answer over HTTP understood, whole or in chunks, as JSON or as a stream?"""

import pytest

from bench.stdio import Failed, checked
from bench.web import message_in, parsed_answer

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
SIZED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(("raw", "status", "body"), [(CHUNKED, 200, b"hello world"), (SIZED, 202, b"hello")])
def test_an_answer_is_complete_at_its_last_byte_and_not_before(raw: bytes, status: int, body: bytes) -> None:
    assert all(parsed_answer(bytearray(raw[:length])) is None for length in range(len(raw)))
    parsed = parsed_answer(bytearray(raw))
    assert parsed is not None
    assert (parsed[0], parsed[2]) == (status, body)


def test_the_answer_in_a_stream_is_the_event_with_an_id() -> None:
    stream = b'event: message\r\ndata: {"method":"notifications/progress"}\r\n\r\ndata: {"id":1,"result":{}}\r\n\r\n'
    assert message_in(stream) == {"id": 1, "result": {}}
    assert message_in(b'{"id":2,"result":{}}') == {"id": 2, "result": {}}
    with pytest.raises(Failed, match="an answer without a message"):
        message_in(b"")


def test_an_error_of_a_tool_is_a_failure_in_its_own_words() -> None:
    with pytest.raises(Failed, match="No such campaign"):
        checked({"result": {"isError": True, "content": [{"type": "text", "text": "No such campaign"}]}}, "tools/call")
    with pytest.raises(Failed, match="tools/call: Unknown tool"):
        checked({"error": {"code": -32602, "message": "Unknown tool"}}, "tools/call")
