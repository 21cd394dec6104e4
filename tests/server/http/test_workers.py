"""`--workers`: the connections are shared out among the processes, and the port is still this server's alone."""

import sys
from pathlib import Path

import httpx2
import pytest

from asisso_mcp.sandbox import KEY, Running
from asisso_mcp.server.http_process import _shares, listen
from asisso_mcp.server.http_settings import Serving
from tests.server.http.served import Launched, launched, legacy, post

CONNECTIONS = 32


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares connections out among sockets")
def test_connections_are_shared_out_and_a_second_server_is_refused(api: Running) -> None:
    environment = {"ASISSO_BASE_URL": api.url, "ASISSO_API_KEY": KEY}
    with launched("--workers", "2", environment=environment) as running:
        body, headers = legacy("ping")
        clients = [httpx2.Client(trust_env=False, timeout=30) for _ in range(CONNECTIONS)]
        try:
            before = sockets_of_workers(running)
            assert {client.post(running.url, json=body, headers=headers).status_code for client in clients} == {200}
            taken = [now - then for now, then in zip(sockets_of_workers(running), before, strict=True)]
        finally:
            for client in clients:
                client.close()
        port = running.url.removesuffix("/mcp").rpartition(":")[2]
        with launched("--workers", "2", "--port", port, environment=environment) as second:
            assert second.process.wait(20) == 2
    assert sum(taken) == CONNECTIONS
    assert min(taken) >= 2
    assert "Address already in use. Choose another --port or --host.\n" in second.stderr


def sockets_of_workers(running: Launched) -> list[int]:
    """How many sockets each worker has; waits until both serve."""
    for _ in range(20):
        post(running.url, legacy("ping"))
    root = running.process.pid
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    workers = [child for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]
    assert len(workers) == 2
    return [
        sum(str(each.readlink()).startswith("socket:") for each in Path(f"/proc/{worker}/fd").iterdir())
        for worker in workers
    ]


def test_where_sockets_do_not_share_all_workers_have_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asisso_mcp.server.http_process.sys.platform", "darwin")
    first, serving = listen(Serving.of(port=0, workers=3, environment={}))
    first.close()
    one, *others = _shares(serving)
    with one:
        assert len(others) == 2
        assert all(other is one for other in others)
