"""A tenant works while strangers and another tenant do their worst, against a whole server over loopback."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import anyio
import httpx2
import pytest

from asisso_mcp.sandbox import KEY, OTHER_TENANT_KEY, Fault, RunningServer, Sandbox
from tests.http.served import OPTIONS, modern
from tests.http.test_strangers import begin_body, connect
from tests.processes import HttpServer, http_server

CAMPAIGNS = modern("tools/call", name="list_campaigns", arguments={})
READ = modern("tools/call", name="get_campaign", arguments={"campaign_id": 3})
PAUSE = modern("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
SLOW = modern("tools/call", name="get_campaign", arguments={"campaign_id": 101})


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """This process may open as many as the test needs."""
    if sys.platform == "win32":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Watch:
    """One who works: how long each request took, and that it succeeded."""

    def __init__(self, running: HttpServer) -> None:
        self._url = running.url
        self.seconds: list[float] = []

    async def ask(self, path: str, request: tuple[object, dict[str, str]] | None = None, key: str = KEY) -> str:
        began = time.monotonic()
        async with httpx2.AsyncClient(**OPTIONS) as http:
            url = self._url.removesuffix("/mcp") + path
            answer = (
                await http.get(url)
                if request is None
                else await http.post(url, json=request[0], headers={**request[1], "x-api-key": key})
            )
        self.seconds.append(time.monotonic() - began)
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_whatever_others_do_a_tenant_reads_and_pauses_within_two_seconds(
    api: RunningServer, sandbox: Sandbox, workers: str
) -> None:
    slow = Fault("delay", path="/campaign/101", seconds=8)
    with (
        http_server("--auth", "passthrough", "--workers", workers, ASISSO_BASE_URL=api.url) as running,
        ExitStack() as stack,
    ):
        watch, port = Watch(running), httpx2.URL(running.url).port or 0
        for _ in range(8):  # each process comes to know both keys
            await watch.ask("/mcp", CAMPAIGNS)
            await watch.ask("/mcp", CAMPAIGNS, OTHER_TENANT_KEY)
        sandbox.faults.add(slow)
        for _ in range(1000):
            stack.enter_context(connect(port))
        for number in range(128):
            stack.enter_context(connect(port)).sendall(begin_body(port, f"invented-{number}"))
        async with (
            httpx2.AsyncClient(limits=httpx2.Limits(max_connections=64), **OPTIONS) as http,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(64):
                headers = {**SLOW[1], "x-api-key": OTHER_TENANT_KEY}
                tasks.start_soon(lambda headers=headers: http.post(running.url, json=SLOW[0], headers=headers))
            with anyio.fail_after(10):
                while slow.fired < 8:  # noqa: ASYNC110 - a fault has no event
                    await anyio.sleep(0.01)
            watch.seconds.clear()
            for _ in range(5):
                assert await watch.ask("/healthz") == '{"status":"ok"}'
                assert "Spring promo" in await watch.ask("/mcp", READ)
            assert 'Done: Campaign 3 \\"Spring promo\\" is paused' in await watch.ask("/mcp", PAUSE)
            tasks.cancel_scope.cancel()
    assert max(watch.seconds) < 2
    assert sandbox.campaign(3)["state"] == "paused"
