"""`--workers`: the connections are shared out among the processes, and the port is still this server's alone."""

import sys
from pathlib import Path

import httpx2
import pytest

from asisso_mcp.sandbox import KEY, Running
from asisso_mcp.server.http_process import _shares, listen
from asisso_mcp.server.http_settings import Serving
from tests.server.http.served import Launched, launched, legacy

CONNECTIONS = 32


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares connections out among sockets")
def test_connections_are_shared_out_and_a_second_server_is_refused(api: Running) -> None:
    environment = {"ASISSO_BASE_URL": api.url, "ASISSO_API_KEY": KEY}
    with launched("--workers", "2", environment=environment) as running:
        port = running.url.removesuffix("/mcp").rpartition(":")[2]
        body, headers = legacy("ping")
        clients = [httpx2.Client(trust_env=False, timeout=30) for _ in range(CONNECTIONS)]
        try:
            assert {client.post(running.url, json=body, headers=headers).status_code for client in clients} == {200}
            taken = connections_of_workers(running, port)
        finally:
            for client in clients:
                client.close()
        with launched("--workers", "2", "--port", port, environment=environment) as second:
            assert second.process.wait(20) == 2
    assert sum(taken) == CONNECTIONS
    assert min(taken) >= 2
    assert "Address already in use. Choose another --port or --host.\n" in second.stderr


def connections_of_workers(running: Launched, port: str) -> list[int]:
    """How many established connections to the port each worker has."""
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established = {f"socket:[{row[9]}]" for row in table if row[1].endswith(f":{int(port):04X}") and row[3] == "01"}
    root = running.process.pid
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    workers = [child for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]
    assert len(workers) == 2
    return [
        sum(str(each.readlink()) in established for each in Path(f"/proc/{worker}/fd").iterdir()) for worker in workers
    ]


def test_where_sockets_do_not_share_all_workers_have_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asisso_mcp.server.http_process.sys.platform", "darwin")
    first, serving = listen(Serving.of(port=0, workers=3, environment={}))
    first.close()
    one, *others = _shares(serving)
    with one:
        assert len(others) == 2
        assert all(other is one for other in others)
