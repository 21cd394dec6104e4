"""Which failures of a write say that nothing was sent: those where no connection stood. All others leave the outcome unknown.

Each is brought about with a real socket: what httpx2 makes of it is the question.
"""

import asyncio

import anyio
import pytest
from pydantic import SecretStr

from asisso_mcp.api import transport as api_transport
from asisso_mcp.api.errors import ApiRefused, AsissoError, Busy, SecureConnectionFailed, TimedOut, Unreachable
from asisso_mcp.api.responses import parse_campaign
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.config import Settings
from tests.api.conftest import Resolving
from tests.api.scripted import DROP, KEY, RESET, SILENCE, Raw, failing, listening, raw, reset, serving, settings, until

NOT_SENT, UNKNOWN = False, None
TUNNEL = Raw(b"HTTP/1.1 200 Connection established\r\n\r\n")
NOT_TLS = Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n", "close")
NOT_HTTP = Raw(b"SSH-2.0-OpenSSH_9.6\r\n", "close")

Answers = tuple[Raw, ...]

TO_THE_API: list[tuple[str, Answers, type[AsissoError], bool | None]] = [
    ("http", (), Unreachable, NOT_SENT),
    ("http", (DROP,), Unreachable, UNKNOWN),
    ("http", (RESET,), Unreachable, UNKNOWN),
    ("http", (NOT_HTTP,), Unreachable, UNKNOWN),
    ("http", (SILENCE,), TimedOut, UNKNOWN),
    ("https", (), Unreachable, NOT_SENT),
    ("https", (DROP,), Unreachable, NOT_SENT),
    ("https", (RESET,), Unreachable, NOT_SENT),
    ("https", (NOT_TLS,), SecureConnectionFailed, NOT_SENT),
    ("https", (SILENCE,), Unreachable, NOT_SENT),
]
TO_A_PROXY: list[tuple[str, Answers, type[AsissoError], bool | None]] = [
    # CONNECT, and TLS through the tunnel.
    ("https", (), Unreachable, NOT_SENT),
    ("https", (raw(407),), Unreachable, NOT_SENT),
    ("https", (raw(502),), Unreachable, NOT_SENT),
    ("https", (TUNNEL, DROP), Unreachable, NOT_SENT),
    ("https", (TUNNEL, RESET), Unreachable, NOT_SENT),
    ("https", (TUNNEL, NOT_TLS), SecureConnectionFailed, NOT_SENT),
    ("https", (TUNNEL, SILENCE), Unreachable, NOT_SENT),
    ("https", (DROP,), Unreachable, UNKNOWN),
    ("https", (RESET,), Unreachable, UNKNOWN),
    ("https", (NOT_HTTP,), Unreachable, UNKNOWN),
    ("https", (SILENCE,), TimedOut, UNKNOWN),
    # Plain HTTP: the proxy has the whole request, and may have passed it on.
    ("http", (), Unreachable, NOT_SENT),
    ("http", (raw(407),), ApiRefused, NOT_SENT),
    ("http", (raw(502),), Busy, UNKNOWN),
    ("http", (DROP,), Unreachable, UNKNOWN),
    ("http", (RESET,), Unreachable, UNKNOWN),
    ("http", (NOT_HTTP,), Unreachable, UNKNOWN),
    ("http", (SILENCE,), TimedOut, UNKNOWN),
]


async def write(asked: Settings, body: dict[str, str] | None = None) -> AsissoError:
    """The error of one attempt to pause."""
    transport = ApiTransport(asked)

    async def attempt() -> None:
        parse_campaign(await transport.send("POST", "/campaign/3/pause", headers={"X-API-Key": KEY}, body=body), 3)

    try:
        return await failing(attempt)
    finally:
        await transport.aclose()


@pytest.mark.parametrize(
    ("proxied", "scheme", "answers", "error", "executed"),
    [*((False, *case) for case in TO_THE_API), *((True, *case) for case in TO_A_PROXY)],
)
async def test_a_write_was_not_sent_only_if_no_connection_to_the_api_stood(
    proxied: bool, scheme: str, answers: Answers, error: type[AsissoError], executed: bool | None
) -> None:
    async with listening(*answers or (DROP,)) as peer:
        direct = settings(f"{scheme}://127.0.0.1:{peer.port}", 0.6)
        asked = settings(f"{scheme}://api.example", 0.6, proxy=SecretStr(peer.origin)) if proxied else direct
        if answers:
            fault = await write(asked)
    if not answers:  # nobody listens any more
        fault = await write(asked)
    assert (type(fault), fault.executed) == (error, executed)


async def test_an_address_that_is_silent_or_not_to_be_found_got_nothing(resolving: Resolving) -> None:
    resolving("127.0.0.1", silent="127.0.0.1")
    fault = await write(settings("https://api.example", 0.6))
    assert (type(fault), fault.executed) == (Unreachable, NOT_SENT)
    assert fault.text == (
        "https://api.example could not be reached: no connection within 0.2 s. This request was not sent. Check the network (and "
        "ASISSO_PROXY, if you need one), then call again."
    )
    resolving()
    fault = await write(settings("https://api.example"))
    assert (type(fault), fault.executed) == (Unreachable, NOT_SENT)
    assert fault.text == (
        "https://api.example could not be reached (Name or service not known). This request was not sent. Check the network and "
        "ASISSO_BASE_URL, then call again."
    )


async def test_when_no_address_answers_the_first_reason_is_told(resolving: Resolving) -> None:
    async with listening(DROP) as gone:
        pass
    resolving("::1", "127.0.0.1")
    fault = await write(settings(f"http://api.example:{gone.port}"))
    assert (type(fault), fault.executed) == (Unreachable, NOT_SENT)
    assert fault.text == (
        f"http://api.example:{gone.port} could not be reached (Connection refused). This request was not sent. Check the network and "
        "ASISSO_BASE_URL, then call again."
    )


@pytest.mark.parametrize(("crashes", "error"), [(True, Unreachable), (False, TimedOut)])
async def test_a_write_that_was_cut_short_has_an_unknown_outcome(crashes: bool, error: type[AsissoError]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1000)
        if crashes:
            reset(writer)
        else:
            await asyncio.Event().wait()  # and reads no more

    async with serving(serve) as port:
        fault = await write(settings(f"http://127.0.0.1:{port}", 1.0), body={"name": "x" * 20_000_000})
    assert (type(fault), fault.executed) == (error, UNKNOWN)


async def test_a_write_that_found_no_place_among_the_requests_in_flight_was_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_transport, "MAX_CONNECTIONS", 2)
    async with listening(SILENCE) as api:
        transport = ApiTransport(settings(api.origin, 0.6))
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(failing, lambda: transport.send("GET", "/campaign/3", headers={}))
            await until(lambda: len(api.requests) == 2)
            fault = await failing(lambda: transport.send("POST", "/campaign/3/pause", headers={}))
        await transport.aclose()
    assert (type(fault), fault.executed) == (Unreachable, NOT_SENT)
    assert fault.text == (
        "Too many requests to the API are in progress (2 at once), so this one was not sent. Call again in a moment."
    )
    assert len(api.requests) == api.connections == 2


async def test_tunnels_that_failed_do_not_take_the_place_of_others() -> None:
    """httpx2 counts a tunnel whose TLS handshake failed as a connection in use (pydantic/httpx2#1226)."""
    async with listening(*[TUNNEL, NOT_TLS] * 17) as proxy:
        transport = ApiTransport(settings("https://api.example", proxy=SecretStr(proxy.origin)))
        for _ in range(17):
            fault = await failing(lambda: transport.send("POST", "/campaign/3/pause", headers={}))
            assert type(fault) is SecureConnectionFailed
        await transport.aclose()
