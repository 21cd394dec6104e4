"""One request over a real socket: its response is read whole, or its failure is told in words."""

import asyncio
import logging
import traceback
from contextlib import suppress
from dataclasses import replace

import httpx2
import pytest
from pydantic import SecretStr

from asisso_mcp.api.errors import AsissoError, Misconfigured, TimedOut, Unreachable
from tests.api.scripted import (
    CAMPAIGN,
    DROP,
    SILENCE,
    Raw,
    Scripted,
    asking,
    failing,
    listening,
    raw,
    serving,
    settings,
    until,
    write_against,
)

SPRING = raw(200, CAMPAIGN)
LOST = "The connection to the API was lost before its answer was complete. Look again in a moment."


@pytest.mark.parametrize("head", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"])
async def test_an_informational_response_is_not_the_response(head: bytes) -> None:
    async with (
        listening(replace(SPRING, written=head * 3 + SPRING.written)) as api,
        asking(settings(api.origin)) as client,
    ):
        assert (await client.get(3)).name == "Spring promo"
        assert (await client.pause(3)).name == "Spring promo"
    assert api.connections == 1


@pytest.mark.parametrize(
    "written",
    [
        b'HTTP/1.0 200 OK\r\n\r\n{"id": 3, "name": "Spring promo", "state": "paused"}',
        b'HTTP/1.1 200 OK\r\n\r\n{"id": 3, "name": "Spring promo", "state": "paused"}',
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        b'6\r\n{"id":\r\n2e\r\n 3, "name": "Spring promo", "state": "paused"}\r\n0\r\nx-trailer: 1\r\n\r\n',
    ],
    ids=["HTTP/1.0", "until the end", "chunks and a trailer"],
)
async def test_a_response_of_any_framing_is_read_to_its_end(written: bytes) -> None:
    async with listening(Raw(written, "close")) as api, asking(settings(api.origin)) as client:
        for _ in range(2):
            assert (await client.get(3)).name == "Spring promo"
    assert [sent.connection for sent in api.requests] == [1, 2]


@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
async def test_a_response_may_come_in_pieces_of_any_size(pieces: int) -> None:
    body = b'{"id": 3, "name": "Spring promo", "state": "paused"}'
    framed = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x;x=y\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                for at in range(0, len(framed), pieces):
                    writer.write(framed[at : at + pieces])
                    await asyncio.sleep(0)

    async with serving(serve) as port, asking(settings(f"http://127.0.0.1:{port}")) as client:
        for _ in range(2):
            assert (await client.get(3)).name == "Spring promo"


@pytest.mark.parametrize(
    "answered",
    [
        DROP,
        Raw(b"HTTP/1.1 200 OK\r\ncontent-le", "close"),
        Raw(b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"id":3', "close"),
        Raw(b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\n{"id":3', "close"),
        Raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a size\r\n", "close"),
        Raw(b"SSH-2.0-OpenSSH_9.6\r\n", "close"),
        Raw(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n", "close"),
        Raw(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000, "close"),
    ],
    ids=["dropped", "cut head", "cut body", "cut chunk", "broken chunk", "not HTTP", "broken length", "endless head"],
)
async def test_a_write_whose_answer_is_lost_or_cut_has_an_unknown_outcome_and_is_sent_once(answered: Raw) -> None:
    fault, requests = await write_against(answered)
    assert type(fault) is Unreachable
    assert (fault.text, fault.executed, requests) == (LOST, None, 1)


async def test_a_read_whose_answer_is_cut_is_asked_again_on_a_new_connection() -> None:
    cut = Raw(b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"id":3', "close")
    async with listening(cut, DROP, raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        assert (await client.get(3)).name == "Spring promo"
    assert [sent.connection for sent in api.requests] == [1, 2, 3]


async def test_a_refused_connection_says_that_nothing_was_sent_and_is_tried_again(waits: list[float]) -> None:
    async with listening(DROP) as gone:
        pass
    async with asking(settings(gone.origin)) as client:
        for call in (lambda: client.get(3), lambda: client.pause(3)):
            fault = await failing(call)
            assert type(fault) is Unreachable
            assert fault.text == (
                f"{gone.origin} could not be reached (Connection refused). This request was not sent. Check the network and "
                "ASISSO_BASE_URL, then call again."
            )
            assert fault.executed is False
    assert len(waits) == 4  # of the read alone: a write is sent again by those who read before it
    assert gone.connections == 0


NOT_BUILT = (
    "The request could not be built from the settings, so nothing was sent. Check ASISSO_BASE_URL and ASISSO_API_KEY."
)
SLOW = "The API took longer than 30 s to answer (ASISSO_TIMEOUT). Look again in a minute."
FULL = "Too many requests to the API are in progress (16 at once), so this one was not sent. Call again in a moment."
NO_WAY = "The proxy did not let the request through, so this request did not reach the API. Check ASISSO_PROXY (or HTTPS_PROXY)."
SILENT = (
    "https://app.asisso.com could not be reached: no connection within 10 s. This request was not sent. Check the network (and "
    "ASISSO_PROXY, if you need one), then call again."
)
HUNG_UP = (
    "https://app.asisso.com could not be reached (it hung up). This request was not sent. Check the network and ASISSO_BASE_URL, "
    "then call again."
)
FAULTS = [
    (httpx2.ConnectTimeout("x"), Unreachable, SILENT, False),
    (httpx2.PoolTimeout("x"), Unreachable, FULL, False),
    (httpx2.ProxyError("407 x"), Unreachable, NO_WAY, False),
    (httpx2.ConnectError(""), Unreachable, HUNG_UP, False),
    (httpx2.ReadTimeout("x"), TimedOut, SLOW, None),
    (httpx2.WriteTimeout("x"), TimedOut, SLOW, None),
    (httpx2.LocalProtocolError("Illegal header value b'as_0123456789abcdef'"), Misconfigured, NOT_BUILT, False),
    (httpx2.ReadError("x"), Unreachable, LOST, None),
    (httpx2.WriteError("x"), Unreachable, LOST, None),
    (httpx2.RemoteProtocolError("x"), Unreachable, LOST, None),
    (httpx2.StreamClosed(), Unreachable, LOST, None),
    (OSError(5, "x"), Unreachable, LOST, None),
]


@pytest.mark.parametrize(("raised", "error", "text", "executed"), FAULTS, ids=lambda value: type(value).__name__)
async def test_each_fault_below_has_its_words_and_says_whether_the_request_went_out(
    raised: Exception, error: type[AsissoError], text: str, executed: bool | None
) -> None:
    api = Scripted(raised, settings=settings(timeout=30))
    fault = await failing(lambda: api.client.pause(3))
    assert type(fault) is error
    assert (fault.text, fault.executed) == (text, executed)


@pytest.mark.parametrize(
    "key", ["as_kéy0123456789", "as_0123456789\nx-other: 1", "as_0123\x00456789", "as_0123\ud800456789"]
)
async def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown(key: str) -> None:
    async with listening(raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        fault = await failing(lambda: client.for_key(SecretStr(key)).pause(3))
    assert type(fault) is Misconfigured
    assert fault.text == NOT_BUILT
    assert key not in "".join(traceback.format_exception(fault)) + repr((fault, fault.args, vars(fault)))
    assert api.requests == []


async def test_each_request_is_one_line_of_the_log_without_headers_or_bodies(
    caplog: pytest.LogCaptureFixture, waits: list[float]
) -> None:
    caplog.set_level(logging.DEBUG, "asisso_mcp")
    huge = Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n", "close")
    async with listening(SPRING, DROP, huge, SILENCE) as api, asking(settings(api.origin)) as client:
        await client.get(3)
        await failing(lambda: client.pause(3))
        await failing(lambda: client.patch(3, {"name": "x"}))
        given_up = asyncio.create_task(client.get(4))
        await until(lambda: len(api.requests) == 4)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
    ours = [record.getMessage() for record in caplog.records if record.name == "asisso_mcp.api.transport"]
    assert [" ".join(line.split()[:-2]) for line in ours] == [
        "GET /campaign/3: 200 after",
        "POST /campaign/3/pause: RemoteProtocolError after",
        "PATCH /campaign/3: 200 after",
        "GET /campaign/4: given up after",
    ]


@pytest.mark.parametrize("reused", [False, True])
async def test_what_stops_a_write_before_its_first_byte_keeps_it_from_the_api(reused: bool) -> None:
    """The last word is asked for after the connection was made or found, and before anything is written on it."""
    async with listening(raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        if reused:
            await client.get(3)
        asked = len(api.requests)
        connections = api.connections
        calls = 0

        def stop() -> None:
            nonlocal calls
            calls += 1
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await client.pause(3, stop)
        assert (len(api.requests), calls) == (asked, 1)
        assert (await client.get(3)).id == 3
        assert api.connections >= connections
