"""Several processes, one port or one load balancer: every conversation completes wherever each of its requests lands."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
import uvicorn

from asisso_mcp.cli.demo import converse
from asisso_mcp.http.process import listen
from asisso_mcp.http.settings import HttpSettings
from asisso_mcp.sandbox import KEY, RunningServer
from tests.http.served import ERAS, OPTIONS, connected, modern, post
from tests.processes import http_server

pytestmark = pytest.mark.slow

_HOP_BY_HOP = {b"host", b"connection", b"keep-alive", b"transfer-encoding"}


class RoundRobin:
    """A load balancer without stickiness: each request goes to the next backend, whoever sent it."""

    def __init__(self, *backends: str) -> None:
        self._next = itertools.cycle(backends)
        self.sent: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        backend = next(self._next)
        self.sent.append(backend)
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = [(name, value) for name, value in scope["headers"] if name not in _HOP_BY_HOP]
        async with (
            httpx2.AsyncClient(**OPTIONS) as http,
            http.stream(scope["method"], backend, headers=headers, content=body) as answer,
        ):
            shown = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _HOP_BY_HOP]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": shown})
            async for chunk in answer.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


@contextmanager
def balanced(proxy: RoundRobin) -> Iterator[str]:
    listening, settings = listen(HttpSettings.of(port=0, environment={}))
    config = uvicorn.Config(proxy, lifespan="off", log_config=None, access_log=False, ws="none", http="h11")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield settings.url
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


async def test_two_processes_behind_a_round_robin_complete_the_demo_in_both_eras(api: RunningServer) -> None:
    environment = {"ASISSO_BASE_URL": api.url}
    with (
        http_server("--auth", "passthrough", **environment) as one,
        http_server("--auth", "passthrough", **environment) as other,
    ):
        for era in ERAS:
            proxy, said = RoundRobin(one.url, other.url), list[str]()
            with balanced(proxy) as url:
                async with connected(url, era, **{"x-api-key": KEY}) as client:
                    await converse(client, said.append)
            assert said[-1].startswith('  Done: Campaign 3 "Spring promo" is running again; it was paused.')
            assert proxy.sent[:8] == [one.url, other.url] * 4
            assert len(proxy.sent) >= 9


async def test_workers_that_share_a_port_complete_the_demo_in_both_eras(api: RunningServer) -> None:
    environment = {"ASISSO_BASE_URL": api.url, "ASISSO_API_KEY": KEY}
    with http_server("--workers", "2", **environment) as running:
        for era in ERAS:
            said: list[str] = []
            # A new connection for each request, so that both processes take part.
            async with connected(running.url, era, connection="close") as client:
                await converse(client, said.append)
            assert said[-1].startswith('  Done: Campaign 3 "Spring promo" is running again; it was paused.')
        assert post(running.url, modern("tools/list")).status_code == 200
