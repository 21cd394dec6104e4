"""One connection to the API, and which one a request takes: what is read, what is kept, and what is never read as an answer."""

import asyncio
import json
import logging
import random
import socket
import threading
from dataclasses import replace

import anyio
import httpx2
import pytest

from asisso_mcp.api import way
from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import AsissoError
from asisso_mcp.api.link import Link
from asisso_mcp.api.models import PatchBody
from asisso_mcp.api.pool import Pool
from tests.api.scripted import CAMPAIGN, SILENCE, Raw, asking, failing, listening, raw, settings, until

OTHER = {**CAMPAIGN, "name": "Autumn promo"}
SPRING = raw(200, CAMPAIGN)
AUTUMN = raw(200, OTHER)


def with_before(before: bytes, answer: Raw) -> Raw:
    return replace(answer, written=before + answer.written)


@pytest.mark.parametrize("head", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"])
async def test_an_informational_answer_is_not_the_answer(head: bytes) -> None:
    async with listening(with_before(head * 3, SPRING)) as api, asking(settings(api.origin)) as client:
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
async def test_an_answer_of_any_framing_is_read_to_its_end(written: bytes) -> None:
    async with listening(Raw(written, "close")) as api, asking(settings(api.origin)) as client:
        for _ in range(2):
            assert (await client.get(3)).name == "Spring promo"
    assert [sent.connection for sent in api.requests] == [1, 2]


async def test_what_nobody_asked_for_is_not_the_answer_to_the_next_request() -> None:
    twice = replace(SPRING, written=SPRING.written + AUTUMN.written)
    async with listening(twice, SPRING) as api, asking(settings(api.origin)) as client:
        assert (await client.get(3)).name == "Spring promo"
        assert (await client.pause(3)).name == "Spring promo"
    assert [sent.connection for sent in api.requests] == [1, 2]


@pytest.mark.parametrize("then", [replace(SPRING, unasked=AUTUMN.written), replace(SPRING, then="close")])
async def test_what_comes_while_a_connection_is_idle_is_noticed(then: Raw) -> None:
    async with listening(then) as api:
        link = await Link.open("127.0.0.1", api.port, None, 5)
        await link.ask(httpx2.Request("GET", f"{api.origin}/"))
        assert [part async for part in link.body()]
        assert link.rest()
        await until(lambda: not link.is_quiet)
        link.close()


@pytest.mark.parametrize("unasked", [b"", AUTUMN.written], ids=["the end", "an answer"])
async def test_what_has_come_before_the_event_loop_looked_is_noticed_too(unasked: bytes) -> None:
    """As when an edit follows its read at once, and the API has hung up in between."""
    server = socket.create_server(("127.0.0.1", 0))
    with server:
        port = server.getsockname()[1]
        asked = settings(f"http://127.0.0.1:{port}")

        def serve() -> list[bytes]:
            """In a thread: nothing that it does gives the client's event loop a turn."""
            lines = []
            for number in range(2):
                line, _ = server.accept()
                with line:
                    lines.append(line.recv(65_536).split(b"\r\n")[0])
                    line.sendall(SPRING.written)
                    if number == 0:
                        answered.wait(5)
                        line.sendall(unasked)
                        if not unasked:
                            line.shutdown(socket.SHUT_WR)
                        gone.set()
                        over.wait(5)
            return lines

        answered, gone, over = threading.Event(), threading.Event(), threading.Event()
        async with asking(asked) as client:
            serving = asyncio.create_task(asyncio.to_thread(serve))
            assert (await client.get(3)).name == "Spring promo"
            answered.set()
            assert gone.wait(5)
            assert (await client.pause(3)).name == "Spring promo"
            over.set()
            assert [line.split()[0] for line in await serving] == [b"GET", b"POST"]


async def test_a_pool_that_was_closed_sends_nothing_more() -> None:
    async with listening(SILENCE) as api:
        pool = Pool(trust=None, connections=1, keep_alive=4)
        request = httpx2.Request("POST", f"{api.origin}/", extensions={"timeout": {"connect": 5, "pool": 5}})
        tasks = [asyncio.create_task(pool.handle_async_request(request)) for _ in range(2)]
        await until(lambda: len(api.requests) == 1)
        await pool.aclose()
        ends = await asyncio.gather(*tasks, pool.handle_async_request(request), return_exceptions=True)
        assert [type(end) for end in ends] == [httpx2.RemoteProtocolError, httpx2.ConnectError, httpx2.ConnectError]

        opening = Pool(trust=None, connections=1, keep_alive=4)
        dialing = asyncio.create_task(opening.handle_async_request(request))
        await asyncio.sleep(0)
        await opening.aclose()
        with pytest.raises(httpx2.ConnectError):
            await dialing
    assert len(api.requests) == 1


async def test_a_request_takes_the_connection_that_was_used_last_and_the_others_are_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(way, "KEEP_ALIVE_SECONDS", 0.5)
    async with listening(SPRING) as api, asking(settings(api.origin)) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.get, 3)
        last = api.requests[-1].connection
        with anyio.fail_after(10):
            while api.ended < 2:
                await client.get(3)
                await asyncio.sleep(0.02)
    assert {sent.connection for sent in api.requests[3:]} == {last}
    assert api.connections == 3


async def test_at_most_so_many_requests_are_in_flight_and_one_that_waits_too_long_is_not_sent() -> None:
    async with listening(SILENCE) as api:
        pool = Pool(trust=None, connections=2, keep_alive=4)
        request = httpx2.Request("GET", f"{api.origin}/", extensions={"timeout": {"connect": 5, "pool": 0.05}})
        unanswered = [asyncio.create_task(pool.handle_async_request(request)) for _ in range(2)]
        await until(lambda: len(api.requests) == 2)
        with pytest.raises(httpx2.PoolTimeout):
            await pool.handle_async_request(request)
        await pool.aclose()
        await asyncio.gather(*unanswered, return_exceptions=True)
    assert len(api.requests) == api.connections == 2


async def test_one_that_waits_takes_the_place_of_one_that_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "MAX_CONNECTIONS", 1)
    async with listening(SILENCE, SPRING) as api, asking(settings(api.origin)) as client:
        with anyio.move_on_after(0.05):
            await client.get(3)
        assert (await client.get(3)).name == "Spring promo"
    assert [sent.connection for sent in api.requests] == [1, 2]


async def test_a_server_that_takes_the_connection_and_says_nothing_in_the_handshake_was_not_reached(
    waits: list[float],
) -> None:
    async with listening(SILENCE) as api:
        origin = api.origin.replace("http:", "https:")
        async with asking(settings(origin, 0.6)) as client:
            fault = await failing(lambda: client.pause(3))
    assert fault.text == (
        f"{origin} could not be reached: no connection within 0.2 s. Nothing was sent. Check the network (and ASISSO_PROXY, "
        "if you need one), then call again."
    )
    assert fault.executed is False


async def test_a_reader_that_is_slow_makes_the_api_wait_and_loses_nothing() -> None:
    body = bytes(range(256)) * 40_000
    async with listening(raw(200, body)) as api:
        link = await Link.open("127.0.0.1", api.port, None, 5)
        answer = await link.ask(httpx2.Request("GET", f"{api.origin}/"))
        assert answer.status_code == 200
        await asyncio.sleep(0.1)  # the API writes all this time
        held = len(link._received)
        received = b"".join([part async for part in link.body()])
        assert link.rest()
        link.close()
    assert received == body
    assert held < 1024 * 1024 < len(body)


@pytest.mark.parametrize(("bound", "named"), [("127.0.0.1", "localhost"), ("::1", "[::1]")])
async def test_an_origin_may_be_a_name_or_an_address_of_either_kind(bound: str, named: str) -> None:
    async with listening(SPRING, host=bound) as api, asking(settings(f"http://{named}:{api.port}")) as client:
        assert (await client.get(3)).name == "Spring promo"
    assert api.requests[0].header("host") == [f"{named}:{api.port}"]


async def test_a_pool_that_is_closed_ends_what_is_in_use_too() -> None:
    async with listening(SPRING, SILENCE) as api:
        pool = Pool(trust=None, connections=2, keep_alive=4)
        request = httpx2.Request("GET", f"{api.origin}/", extensions={"timeout": {"connect": 5, "pool": 5}})
        await (await pool.handle_async_request(request)).aread()
        unanswered = asyncio.create_task(pool.handle_async_request(request))
        await until(lambda: len(api.requests) == 2)
        await pool.aclose()
        with pytest.raises(httpx2.RemoteProtocolError):
            await unanswered
    assert api.connections == 1


async def test_each_request_is_one_line_of_the_log_without_headers_or_bodies(
    caplog: pytest.LogCaptureFixture, waits: list[float]
) -> None:
    caplog.set_level(logging.DEBUG)
    huge = Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n", "close")
    async with (
        listening(SPRING, Raw(then="close"), huge, SILENCE) as api,
        asking(settings(api.origin)) as client,
    ):
        await client.get(3)
        await failing(lambda: client.pause(3))
        await failing(lambda: client.patch(3, PatchBody(name="x")))
        with anyio.move_on_after(0.05):
            await client.get(4)
    assert [" ".join(line.split()[:-2]) for line in caplog.messages if "campaign" in line] == [
        "GET /campaign/3: 200 after",
        "POST /campaign/3/pause: RemoteProtocolError after",
        "PATCH /campaign/3: 200 after",
        "GET /campaign/4: given up after",
    ]


@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
async def test_an_answer_may_come_in_pieces_of_any_size(pieces: int) -> None:
    framed = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n3;x=y\r\nefg\r\n0\r\n\r\n"
    async with listening(SILENCE) as api:
        for at in range(0, len(framed), pieces):
            link = await Link.open("127.0.0.1", api.port, None, 5)
            asked = asyncio.create_task(link.ask(httpx2.Request("GET", f"{api.origin}/")))
            for piece in (framed[:at], framed[at : at + pieces], framed[at + pieces :]):
                await asyncio.sleep(0)
                if piece:
                    link.data_received(piece)
            assert (await asked).status_code == 200
            assert b"".join([part async for part in link.body()]) == b"abcdefg"
            assert link.rest()
            assert link.is_quiet
            link.close()


@pytest.mark.parametrize("seed", range(4))
async def test_every_answer_belongs_to_its_request_whatever_was_cancelled_cut_or_closed(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                number = int(head.split(b" ", 2)[1].rpartition(b"/")[2])
                body = json.dumps({**CAMPAIGN, "id": number, "logs": ["x" * chance.choice([1, 70_000])]}).encode()
                answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
                cut = chance.randrange(len(answer))
                for part in (answer[:cut], answer[cut:]):
                    await asyncio.sleep(chance.choice([0, 0, 0.001, 0.003]))
                    writer.write(part)
                    if chance.random() < 0.05:
                        return  # hangs up: in the middle of an answer, or after it without a word
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    answered = most = 0

    async def ask(client: AsissoClient, number: int) -> None:
        nonlocal answered, most
        with anyio.move_on_after(chance.choice([0.001, 0.003, 0.01, 5])):
            try:
                campaign = await client.get(number)
            except AsissoError as fault:
                assert fault.executed is None  # noqa: PT017
            else:
                assert campaign.id == number  # the client itself would refuse another's
                answered += 1
            pool = pool_of(client)
            most = max(most, len(pool._busy) + len(pool._idle))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with asking(settings(origin)) as client:
            async with anyio.create_task_group() as tasks:
                for number in range(1, 400):
                    tasks.start_soon(ask, client, number)
                    if number % 20 == 0:
                        await asyncio.sleep(0.005)
            assert (pool_of(client)._places.value, pool_of(client)._busy) == (way.MAX_CONNECTIONS, set())
    assert answered > 50
    assert 8 < most <= way.MAX_CONNECTIONS


def pool_of(client: AsissoClient) -> Pool:
    pool = client._connection._open
    assert isinstance(pool, Pool)
    return pool
