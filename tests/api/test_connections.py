"""Which connection a request takes, how many there are, and that no response is taken for that of another request."""

import asyncio
import gc
import json
import random
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import pytest

from asisso_mcp.api import transport as api_transport
from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.errors import AsissoError, ServerFault, Unreachable
from asisso_mcp.api.transport import MAX_CONNECTIONS, ApiTransport
from tests.api.conftest import Resolving
from tests.api.scripted import CAMPAIGN, SILENCE, asking, failing, listening, raw, serving, settings, until
from tests.api.test_tls import certificate

SPRING = raw(200, CAMPAIGN)
AUTUMN = raw(200, {**CAMPAIGN, "name": "Autumn promo"})
TLS_RECORD = 16_384
LOST = "The connection to the API was lost before its answer was complete. Look again in a moment."


@pytest.mark.parametrize("then", ["keep", "close"])
async def test_after_a_500_the_next_request_takes_a_new_connection(then: str) -> None:
    broken = raw(500, b"Internal Server Error", then=then)
    async with listening(broken, SPRING) as api, asking(settings(api.origin)) as client:
        assert type(await failing(lambda: client.pause(3))) is ServerFault
        assert (await client.pause(3)).id == 3
    assert [sent.connection for sent in api.requests] == [1, 2]


async def test_a_refusal_keeps_the_connection() -> None:
    refused = raw(400, {"detail": "no"})
    async with listening(refused, SPRING) as api, asking(settings(api.origin)) as client:
        await failing(lambda: client.pause(3))
        await client.pause(3)
    assert [sent.connection for sent in api.requests] == [1, 1]


@pytest.mark.parametrize("unasked", [b"", AUTUMN.written], ids=["the end", "a response"])
async def test_a_connection_on_which_something_came_since_is_not_used_for_the_next_request(unasked: bytes) -> None:
    """As when an edit follows its read at once, and the API has hung up in between."""
    answered, gone = threading.Event(), threading.Event()

    def serve() -> list[bytes]:
        """In a thread: nothing that it does gives the client's event loop a turn."""
        with server.accept()[0] as first:
            lines = [first.recv(65_536)]
            first.sendall(SPRING.written)
            answered.wait(5)
            if unasked:
                first.sendall(unasked)
            else:
                first.shutdown(socket.SHUT_WR)
            gone.set()
            with server.accept()[0] as second:
                lines.append(second.recv(65_536))
                second.sendall(SPRING.written)
        return [line.split()[0] for line in lines]

    with socket.create_server(("127.0.0.1", 0)) as server:
        async with asking(settings(f"http://127.0.0.1:{server.getsockname()[1]}")) as client:
            methods = asyncio.create_task(asyncio.to_thread(serve))
            assert (await client.get(3)).name == "Spring promo"
            answered.set()
            assert gone.wait(5)
            assert (await client.pause(3)).name == "Spring promo"
            assert await methods == [b"GET", b"POST"]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_response_that_came_with_the_last_one_is_not_taken_for_the_next_requests(
    scheme: str, tmp_path: Path
) -> None:
    signed = certificate(tmp_path)
    # The first ends with a record of TLS, so that the second is not decrypted with it.
    spring = raw(
        200, json.dumps(CAMPAIGN).encode().ljust(TLS_RECORD - len("HTTP/1.1 200 x\r\ncontent-length: 16xxx\r\n\r\n"))
    )
    assert len(spring.written) == TLS_RECORD
    twice = replace(spring, written=spring.written + AUTUMN.written)
    async with (
        listening(twice, tls=signed.server if scheme == "https" else None) as api,
        asking(settings(api.origin, ca_file=signed.pem)) as client,
    ):
        assert (await client.get(3)).name == "Spring promo"
        fault = await failing(lambda: client.pause(3))
        assert (type(fault), fault.text, fault.executed) == (Unreachable, LOST, None)
        assert (await client.get(3)).name == "Spring promo"
    assert [sent.connection for sent in api.requests] == [1, 1, 2]


async def test_an_idle_connection_is_given_up_before_the_api_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert api_transport.KEEP_ALIVE_SECONDS < 5
    monkeypatch.setattr(api_transport, "KEEP_ALIVE_SECONDS", 0.0)
    async with listening(SPRING) as api, asking(settings(api.origin)) as client:
        await client.get(3)
        await client.get(3)
    assert [sent.connection for sent in api.requests] == [1, 2]


async def test_requests_that_follow_one_another_take_one_connection_and_the_others_are_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_transport, "KEEP_ALIVE_SECONDS", 0.5)
    async with listening(SPRING) as api, asking(settings(api.origin)) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.get, 3)
        with anyio.fail_after(10):
            while api.ended < 2:
                await client.get(3)
                await asyncio.sleep(0.02)
    assert len({sent.connection for sent in api.requests[3:]}) == 1
    assert api.connections == 3


async def test_requests_of_one_process_wait_for_each_other_beyond_sixteen_at_once() -> None:
    async with listening(SPRING) as api, asking(settings(api.origin)) as client:
        async with anyio.create_task_group() as many:
            for _ in range(60):
                many.start_soon(client.get, 3)
        assert len(api.requests) == 60
        assert api.connections == 16 == MAX_CONNECTIONS


async def test_one_that_waits_takes_the_place_of_one_that_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_transport, "MAX_CONNECTIONS", 1)
    async with listening(SILENCE, SPRING) as api, asking(settings(api.origin)) as client:
        first = asyncio.create_task(client.get(3))
        await until(lambda: len(api.requests) == 1)
        second = asyncio.create_task(client.get(3))
        first.cancel()
        assert (await second).name == "Spring promo"
    assert [sent.connection for sent in api.requests] == [1, 2]


async def test_a_cancelled_request_leaves_no_half_read_connection_behind() -> None:
    async with listening(SILENCE, SPRING) as api, asking(settings(api.origin)) as client:
        given_up = asyncio.create_task(client.get(3))
        await until(lambda: len(api.requests) == 1)
        given_up.cancel()
        assert (await client.get(3)).id == 3
    assert [sent.connection for sent in api.requests] == [1, 2]


async def test_nothing_is_opened_before_the_first_request_and_a_closed_transport_opens_again() -> None:
    async with listening(SPRING) as api:
        asked = settings(api.origin)
        transport = ApiTransport(asked)
        await transport.aclose()
        assert api.connections == 0
        await AsissoClient(transport, asked).get(3)
        await transport.aclose()
        await AsissoClient(transport, asked).get(3)
        await transport.aclose()
    assert api.connections == 2


async def test_closing_ends_what_is_in_flight_and_what_was_not_sent_yet_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_transport, "MAX_CONNECTIONS", 1)
    async with listening(SPRING, SILENCE) as api, asking(settings(api.origin)) as client:
        await client.get(3)
        writes = [asyncio.create_task(client.pause(3)) for _ in range(3)]
        await until(lambda: len(api.requests) == 2)
        await client._transport.aclose()
        faults = await asyncio.gather(*writes, return_exceptions=True)
        assert [(type(fault), str(fault), fault.executed) for fault in faults] == [(Unreachable, LOST, None)] * 3
    assert len(api.requests) == 2
    assert api.connections == 1


@dataclass
class Listener:
    """A server that only reads."""

    opened: int = 0
    closed: int = 0
    received: bytes = b""

    async def serve(self, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        self.opened += 1
        with suppress(ConnectionError):
            while piece := await reader.read(65_536):
                self.received += piece
        self.closed += 1


@pytest.mark.parametrize("turns", range(1, 8))
async def test_a_connection_that_is_being_made_when_the_transport_is_closed_carries_nothing(turns: int) -> None:
    listener = Listener()
    async with serving(listener.serve) as port, asking(settings(f"http://127.0.0.1:{port}")) as client:
        write = asyncio.create_task(client.pause(3))
        await turning(turns)
        await client._transport.aclose()
        fault = await failing(lambda: write)
        assert (fault.text, fault.executed) == (LOST, None)
        await turning(10)
        assert listener.closed == listener.opened
    assert listener.received == b""


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_given_up_at_any_moment_no_socket_is_left_open(scheme: str, turns: int) -> None:
    """pytest makes an error of a socket that is collected unclosed."""
    listener = Listener()
    async with serving(listener.serve) as port, asking(settings(f"{scheme}://127.0.0.1:{port}")) as client:
        write = asyncio.create_task(client.pause(3))
        await turning(turns)
        write.cancel()
        await asyncio.gather(write, return_exceptions=True)
        await turning(10)
        assert listener.closed == listener.opened
        del write
        gc.collect()


async def turning(turns: int) -> None:
    """Let the event loop turn so many times."""
    for _ in range(turns):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("bound", "named"), [("127.0.0.1", "localhost"), ("::1", "[::1]")])
async def test_an_origin_may_be_a_name_or_an_address_of_either_kind(bound: str, named: str) -> None:
    async with listening(SPRING, host=bound) as api, asking(settings(f"http://{named}:{api.port}")) as client:
        assert (await client.get(3)).name == "Spring promo"
    assert api.requests[0].header("host") == [f"{named}:{api.port}"]


@pytest.mark.parametrize("silent", ["", "::1"], ids=["refuses", "is silent"])
async def test_an_address_that_refuses_or_is_silent_is_followed_by_the_next(silent: str, resolving: Resolving) -> None:
    async with listening(SPRING) as api:
        resolving("::1", "127.0.0.1", silent=silent)
        async with asking(settings(f"http://api.example:{api.port}")) as client:
            assert (await client.get(3)).name == "Spring promo"


@pytest.mark.parametrize("seed", range(4))
async def test_every_answer_belongs_to_its_request_whatever_was_cancelled_cut_or_closed(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    answered = connected = most = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected, most
        connected += 1
        most = max(most, connected)
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
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            connected -= 1

    async def ask(client: AsissoClient, number: int) -> None:
        nonlocal answered
        with anyio.move_on_after(chance.choice([0.001, 0.003, 0.01, 5])):
            try:
                campaign = await client.get(number)
            except AsissoError as fault:
                assert fault.executed is None  # noqa: PT017
            else:
                assert campaign.id == number  # the client itself would refuse another's
                answered += 1

    async with serving(serve) as port, asking(settings(f"http://127.0.0.1:{port}")) as client:
        async with anyio.create_task_group() as tasks:
            for number in range(1, 400):
                tasks.start_soon(ask, client, number)
                if number % 20 == 0:
                    await asyncio.sleep(0.005)
        assert client._transport._slots.taken == 0
        assert client._transport._in_flight == set()
    assert answered > 50
    assert most > 8
