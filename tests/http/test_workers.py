"""`--workers`: the connections are shared out among the processes, and the port is still this server's alone."""

import os
import signal
import socket
import sys
from pathlib import Path

import httpx2
import pytest

from asisso_mcp.http.process import listen, worker_sockets
from asisso_mcp.http.settings import HttpSettings
from asisso_mcp.http.supervisor import MAX_EARLY_ENDS, Supervisor
from asisso_mcp.sandbox import KEY, RunningServer
from tests.http.served import OPTIONS, legacy, post
from tests.processes import HttpServer, http_server

CONNECTIONS = 32


@pytest.fixture
def environment(api: RunningServer) -> dict[str, str]:
    return {"ASISSO_BASE_URL": api.url, "ASISSO_API_KEY": KEY}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares connections out among sockets")
def test_connections_are_shared_out_and_a_second_server_is_refused(environment: dict[str, str]) -> None:
    with http_server("--workers", "2", **environment) as running:
        taken = connections_taken(running)
        with http_server("--workers", "2", "--port", port_of(running), **environment) as second:
            assert second.process.wait(20) == 2
    assert sum(taken) == CONNECTIONS
    assert min(taken) >= 2
    assert "Address already in use. Choose another --port or --host.\n" in second.said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for the workers in /proc")
def test_a_worker_that_dies_is_replaced_and_no_new_connection_fails_meanwhile(environment: dict[str, str]) -> None:
    with http_server("--workers", "2", **environment) as running:
        assert post(running.url, legacy("ping")).status_code == 200
        died, stayed = workers_of(running)
        os.kill(died, signal.SIGKILL)
        taken = connections_taken(running)
        assert stayed in workers_of(running)
        assert died not in workers_of(running)
        running.terminate()
        assert running.process.wait(20) == 0
        with pytest.raises(httpx2.ConnectError):
            post(running.url, legacy("ping"))
    assert sum(taken) == CONNECTIONS
    assert min(taken) >= 2
    assert running.said.endswith(
        "asisso-mcp: a worker process ended by itself (signal 9), and another one takes its place.\n"
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for the workers in /proc")
def test_a_worker_that_cannot_start_again_says_why_and_ends_the_server(
    environment: dict[str, str], tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-the-team-0001\n")
    environment |= {"ASISSO_MCP_TOKENS_FILE": str(tokens)}
    with http_server("--workers", "2", "--auth", "token", **environment) as running:
        connections_taken(running, status=401)  # both have read the tokens
        tokens.unlink()
        os.kill(workers_of(running)[0], signal.SIGKILL)
        assert running.process.wait(60) == 1
        with pytest.raises(httpx2.ConnectError):
            post(running.url, legacy("ping"))
    why = "asisso-mcp: ASISSO_MCP_TOKENS_FILE cannot be read (No such file or directory).\n"
    assert running.said.count(why) == MAX_EARLY_ENDS - 1
    assert "Traceback" not in running.said
    assert running.said.endswith(
        "asisso-mcp: a worker process ended by itself (exit code 1). 5 have now ended soon after their start, so the others "
        "end as well.\n"
    )


def test_workers_that_end_at_once_are_started_five_times_and_no_more(capfd: pytest.CaptureFixture[str]) -> None:
    announced: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        supervisor = Supervisor(socket.socket.close, (), [listening], end_seconds=10)
        assert supervisor.run(lambda: announced.append(True)) == 1
    assert announced == [True]
    assert capfd.readouterr().err == (
        "asisso-mcp: a worker process ended by itself (exit code 0), and another one takes its place.\n"
        * 4
        + "asisso-mcp: a worker process ended by itself (exit code 0). 5 have now ended soon after their start, so the "
        "others end as well.\n"
    )


def test_workers_that_end_after_a_while_are_replaced_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asisso_mcp.http.supervisor.EARLY_SECONDS", 0.0)
    replaced: list[str] = []

    def say(message: str) -> None:
        replaced.append(message)
        if len(replaced) == 6:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("asisso_mcp.http.supervisor._say", say)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert Supervisor(socket.socket.close, (), [listening], end_seconds=10).run(lambda: None) == 0
    assert set(replaced) == {"a worker process ended by itself (exit code 0), and another one takes its place."}


def port_of(running: HttpServer) -> str:
    return running.url.removesuffix("/mcp").rpartition(":")[2]


def connections_taken(running: HttpServer, *, status: int = 200) -> list[int]:
    """How many of `CONNECTIONS` that are made and used at once each worker has."""
    body, headers = legacy("ping")
    clients = [httpx2.Client(**OPTIONS) for _ in range(CONNECTIONS)]
    try:
        assert {client.post(running.url, json=body, headers=headers).status_code for client in clients} == {status}
        return connections_of_workers(running)
    finally:
        for client in clients:
            client.close()


def workers_of(running: HttpServer) -> list[int]:
    root = running.process.pid
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    workers = [int(child) for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]
    assert len(workers) == 2
    return workers


def connections_of_workers(running: HttpServer) -> list[int]:
    """How many established connections to the port each worker has."""
    port = int(port_of(running))
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established = {f"socket:[{row[9]}]" for row in table if row[1].endswith(f":{port:04X}") and row[3] == "01"}
    return [
        sum(str(each.readlink()) in established for each in Path(f"/proc/{worker}/fd").iterdir())
        for worker in workers_of(running)
    ]


def test_where_sockets_do_not_share_all_workers_have_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asisso_mcp.http.process.sys.platform", "darwin")
    first, settings = listen(HttpSettings.of(port=0, workers=3, environment={}))
    first.close()
    one, *others = worker_sockets(settings)
    with one:
        assert len(others) == 2
        assert all(other is one for other in others)
