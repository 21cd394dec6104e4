"""Lines on stdio that are requests and cannot be read: the client hears so at once, with its number where that is known."""

import json
import sys

import pytest

from tests.processes import stdio_server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")

WORDS = (
    "The request could not be read, so nothing was done: it is no JSON-RPC 2.0 request in valid UTF-8, is nested too deeply, "
    "or contains half of a surrogate pair or a number of thousands of digits."
)


def asking(arguments: str) -> str:
    return (
        '{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"update_campaign","arguments":'
        + arguments
        + "}}"
    )


def test_a_request_that_cannot_be_read_is_answered_instead_of_leaving_the_client_to_wait() -> None:
    half = asking('{"campaign_id":4,"name":"cut emoji \\ud83d"}')
    deep = asking('{"query":' + "[" * 5000 + "]" * 5000 + "}")
    digits = asking('{"campaign_id":' + "9" * 6000 + "}")
    old = '{"jsonrpc":"1.0","id":"a","method":"tools/call"}'
    with stdio_server("--sandbox") as server:
        server.open("legacy")
        server.call("get_campaign", campaign_id=4)
        heard = []
        for line in (half, deep, digits, old):
            server.write(line.encode())
            heard.append(json.loads(server.stdout.readline()))
        assert [(each["id"], each["error"]) for each in heard] == [
            (number, {"code": -32700, "message": WORDS}) for number in (77, None, None, "a")
        ]
        assert "Berlin appointment reminders" in server.call("get_campaign", campaign_id=4)["content"][0]["text"]
        assert server.end() == (0, "")
