"""One request over a real socket: on a connection that lives, and told in words when it fails."""

import anyio
import anyio.lowlevel
import httpx2
import pytest
from pydantic import SecretStr

from asisso_mcp.api import way
from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.connection import Connection
from asisso_mcp.api.errors import AsissoError, Misconfigured, ServerFault, TimedOut, Unreachable
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
    settings,
    write_against,
)

LOST = "The connection to the API was lost before its answer was complete. Look again in a moment."


async def test_requests_that_follow_one_another_share_one_connection() -> None:
    async with listening(raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        for _ in range(3):
            await client.get(3)
    assert [sent.connection for sent in api.requests] == [1, 1, 1]


@pytest.mark.parametrize("then", ["keep", "close"])
async def test_after_a_500_the_next_request_takes_a_new_connection(then: str) -> None:
    broken = raw(500, b"Internal Server Error", then=then)
    async with listening(broken, raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        assert type(await failing(lambda: client.pause(3))) is ServerFault
        assert (await client.pause(3)).id == 3
    assert [sent.connection for sent in api.requests] == [1, 2]


async def test_a_refusal_keeps_the_connection() -> None:
    refused = raw(400, {"detail": "no"})
    async with listening(refused, raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        await failing(lambda: client.pause(3))
        await client.pause(3)
    assert [sent.connection for sent in api.requests] == [1, 1]


async def test_a_pooled_connection_that_the_api_closed_meanwhile_is_not_used_for_a_write() -> None:
    ending = raw(200, CAMPAIGN, then="close")
    async with listening(ending, raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        await client.get(3)
        await anyio.wait_all_tasks_blocked()
        await client.pause(3)
    assert [(sent.connection, sent.line.split()[0]) for sent in api.requests] == [(1, "GET"), (2, "POST")]


async def test_an_idle_connection_is_given_up_before_the_api_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert way.KEEP_ALIVE_SECONDS < 5
    monkeypatch.setattr(way, "KEEP_ALIVE_SECONDS", 0.0)
    async with listening(raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        await client.get(3)
        await client.get(3)
    assert [sent.connection for sent in api.requests] == [1, 2]


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
                f"{gone.origin} could not be reached (Connection refused). Nothing was sent. Check the network and "
                "ASISSO_BASE_URL, then call again."
            )
            assert fault.executed is False
    assert len(waits) == 4  # of the read alone: a write is sent again by those who read before it
    assert gone.connections == 0


FAULTS = [
    (
        httpx2.ConnectTimeout("x"),
        Unreachable,
        "https://app.asisso.com could not be reached: no connection within 10 s. Nothing was sent. Check the network (and "
        "ASISSO_PROXY, if you need one), then call again.",
        False,
    ),
    (
        httpx2.PoolTimeout("x"),
        Unreachable,
        "Too many requests to the API are in progress (16 at once), so this one was not sent. Call again in a moment.",
        False,
    ),
    (
        httpx2.ProxyError("407 x"),
        Unreachable,
        "The proxy did not let the request through, so nothing reached the API. Check ASISSO_PROXY (or HTTPS_PROXY).",
        False,
    ),
    (
        httpx2.ConnectError(""),
        Unreachable,
        "https://app.asisso.com could not be reached (it hung up). Nothing was sent. Check the network and ASISSO_BASE_URL, "
        "then call again.",
        False,
    ),
    (
        httpx2.ReadTimeout("x"),
        TimedOut,
        "The API took longer than 30 s to answer (ASISSO_TIMEOUT). Look again in a minute.",
        None,
    ),
    (
        httpx2.WriteTimeout("x"),
        TimedOut,
        "The API took longer than 30 s to answer (ASISSO_TIMEOUT). Look again in a minute.",
        None,
    ),
    (
        httpx2.LocalProtocolError("Illegal header value b'as_0123456789abcdef'"),
        Misconfigured,
        "The request could not be built from the settings, so nothing was sent. Check ASISSO_BASE_URL and ASISSO_API_KEY.",
        False,
    ),
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


async def test_when_several_addresses_were_tried_the_first_reason_is_told() -> None:
    raised = httpx2.ConnectError("All connection attempts failed")
    raised.__cause__ = ExceptionGroup("both", [ConnectionRefusedError(111, "x"), OSError(101, "y")])
    fault = await failing(Scripted(raised).client.list_campaigns)
    assert "could not be reached (Connection refused)." in fault.text


async def test_a_name_that_does_not_resolve_is_told_as_such() -> None:
    async with asking(settings("https://no-such-host.invalid")) as client:
        fault = await failing(lambda: client.pause(3))
    assert fault.text.startswith("https://no-such-host.invalid could not be reached (")
    assert "Errno" not in fault.text
    assert fault.executed is False


@pytest.mark.parametrize("key", ["as_kéy0123456789", "as_0123456789\nx-other: 1"])
async def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown(key: str) -> None:
    async with listening(raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        fault = await failing(lambda: client.for_key(SecretStr(key)).pause(3))
    assert type(fault) is Misconfigured
    assert fault.text == (
        "The request could not be built from the settings, so nothing was sent. Check ASISSO_BASE_URL and ASISSO_API_KEY."
    )
    assert api.requests == []


async def test_nothing_is_opened_before_the_first_request_and_a_closed_connection_opens_again() -> None:
    async with listening(raw(200, CAMPAIGN)) as api:
        asked = settings(api.origin)
        connection = Connection(asked)
        await connection.close()
        assert api.connections == 0
        await AsissoClient(connection, asked).get(3)
        await connection.close()
        await AsissoClient(connection, asked).get(3)
        await connection.close()
    assert api.connections == 2


async def test_a_cancelled_request_leaves_no_half_read_connection_behind() -> None:
    async with listening(SILENCE, raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        with anyio.move_on_after(0.05) as given_up:
            await client.get(3)
        assert given_up.cancelled_caught
        assert (await client.get(3)).id == 3
    assert [sent.connection for sent in api.requests] == [1, 2]
