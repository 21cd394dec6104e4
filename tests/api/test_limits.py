"""An answer is bounded in size and time, whatever the server does."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import httpx2
import pytest

from asisso_mcp.api.errors import TimedOut, UnreadableReply
from asisso_mcp.api.transport import MAX_LIST_BYTES, MAX_RESPONSE_BYTES
from tests.api.scripted import (
    CAMPAIGN,
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

TOO_LARGE = "The API's answer is larger than 8 MB, so it was not read. If this was a list, read single campaigns with `get_campaign`."


@pytest.mark.parametrize(
    "answered",
    [
        Raw(f"HTTP/1.1 200 OK\r\ncontent-length: {MAX_RESPONSE_BYTES + 1}\r\n\r\n".encode(), "hang"),
        Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999999999999\r\n\r\n", "hang"),
        Raw(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (MAX_RESPONSE_BYTES + 1), "hang"),
        Raw(
            b"HTTP/1.1 422 x\r\ntransfer-encoding: chunked\r\n\r\n"
            + b"%x\r\n" % (MAX_RESPONSE_BYTES + 1)
            + b" " * (MAX_RESPONSE_BYTES + 1),
            "hang",
        ),
    ],
    ids=["declared", "declared absurdly", "without a length", "chunked"],
)
async def test_an_answer_beyond_8_mb_is_refused_while_it_is_read(answered: Raw) -> None:
    # The server hangs afterwards: whoever waited for the end would run into the time limit.
    fault, requests = await write_against(answered)
    assert type(fault) is UnreadableReply
    assert (fault.text, fault.executed, requests) == (TOO_LARGE, None, 1)


async def test_an_answer_of_exactly_8_mb_is_read() -> None:
    body = json.dumps(CAMPAIGN).encode().ljust(MAX_RESPONSE_BYTES)
    async with listening(raw(200, body)) as api, asking(settings(api.origin)) as client:
        assert (await client.get(3)).id == 3


async def test_a_list_may_be_larger_because_it_has_no_pages_and_is_bounded_too() -> None:
    row = {**CAMPAIGN, "name": "x" * 200, "padding": "y" * 800}
    body = json.dumps({"campaigns": [row] * 10_000}).encode()
    assert MAX_RESPONSE_BYTES < len(body) < MAX_LIST_BYTES
    async with listening(raw(200, body)) as api, asking(settings(api.origin, timeout=20)) as client:
        assert len(await client.list_campaigns()) == 10_000
    async with (
        listening(Raw(f"HTTP/1.1 200 OK\r\ncontent-length: {MAX_LIST_BYTES + 1}\r\n\r\n".encode(), "hang")) as api,
        asking(settings(api.origin)) as client,
    ):
        fault = await failing(client.list_campaigns)
    assert fault.text == TOO_LARGE.replace("8 MB", "32 MB")


async def test_an_endless_answer_costs_no_more_memory_than_the_limit() -> None:
    pieces = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal pieces
        while True:
            pieces += 1
            yield b" " * 65_536

    api = Scripted(lambda _: httpx2.Response(200, content=endless()))
    tracemalloc.start()
    try:
        fault = await failing(lambda: api.client.get(3))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert fault.text == TOO_LARGE
    assert pieces == MAX_RESPONSE_BYTES // 65_536 + 1
    assert peak < 3 * MAX_RESPONSE_BYTES


async def test_an_answer_that_was_compressed_unasked_is_read_and_bounded_after_decompression() -> None:
    small, bomb = gzip.compress(json.dumps(CAMPAIGN).encode()), gzip.compress(b" " * 50_000_000)
    encoded = "content-encoding: gzip\r\n"
    async with listening(raw(200, small, headers=encoded)) as api, asking(settings(api.origin)) as client:
        assert (await client.get(3)).id == 3
    fault, _ = await write_against(raw(200, bomb, headers=encoded))
    assert fault.text == TOO_LARGE
    fault, _ = await write_against(raw(200, zlib.compress(b"{}")[:-6] + b"broken", headers=encoded))
    assert type(fault) is UnreadableReply
    assert fault.text == (
        "The API's answer could not be decoded: a proxy in between may have changed it. Check ASISSO_BASE_URL and ASISSO_PROXY."
    )


async def test_silence_ends_at_the_timeout_with_an_unknown_outcome() -> None:
    fault, requests = await write_against(SILENCE, seconds=0.15)
    assert type(fault) is TimedOut
    assert fault.text == "The API took longer than 0.15 s to answer (ASISSO_TIMEOUT). Look again in a minute."
    assert (fault.executed, requests) == (None, 1)


async def test_an_answer_that_never_ends_is_given_up_at_the_timeout_although_every_piece_is_in_time() -> None:
    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await anyio.lowlevel.checkpoint()

    api = Scripted(lambda _: httpx2.Response(200, content=dripping()), settings=settings(timeout=0.15))
    fault = await failing(lambda: api.client.pause(3))
    assert type(fault) is TimedOut
    assert (fault.executed, len(api.requests)) == (None, 1)
