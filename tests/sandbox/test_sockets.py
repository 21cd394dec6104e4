"""Does the sandbox behave on a real socket as the real server does, when it answers 500 and when it hangs up?"""

import json
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import httpx2
import pytest

from asisso_mcp.sandbox import KEY, Fault, RunningServer, Sandbox, serve


def exchange(api: RunningServer, method: str, path: str, body: Any = None) -> tuple[bytes, bool]:
    """What came back on a kept connection, and whether the server closed it within a moment."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} /api/v1{path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Type: application/json\r\n"
    received = b""
    with socket.create_connection(("127.0.0.1", api.port), timeout=0.3) as connection:
        connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        try:
            while chunk := connection.recv(1_000_000):
                received += chunk
        except TimeoutError:
            return received, False
    return received, True


def test_a_success_keeps_the_connection_and_has_the_recorded_headers(api: RunningServer) -> None:
    received, closed = exchange(api, "GET", "/campaign/3")
    head = received.split(b"\r\n\r\n")[0].decode().lower().split("\r\n")
    assert head[0] == "http/1.1 200 ok"
    assert sorted(line.split(":")[0] for line in head[1:]) == [
        "content-length", "content-type", "date", "server", "vary",
    ]  # fmt: skip
    assert "server: uvicorn" in head
    assert not closed


@pytest.mark.parametrize("kind", [None, "error-after"])
def test_a_500_is_plain_and_closes_without_saying_so(api: RunningServer, sandbox: Sandbox, kind: str | None) -> None:
    if kind:
        sandbox.faults.add(Fault(kind))
    received, closed = exchange(api, "GET", "/campaign/3" if kind else "/campaign/2147483648")
    head, _, body = received.partition(b"\r\n\r\n")
    assert (closed, body) == (True, b"Internal Server Error")
    assert b"content-type: text/plain; charset=utf-8" in head.lower()
    assert b"connection:" not in head.lower()
    assert b"vary" not in head.lower()


@pytest.mark.parametrize(("kind", "name"), [("drop-before", "Berlin appointment reminders"), ("drop-after", "New")])
def test_a_drop_closes_without_a_byte(api: RunningServer, sandbox: Sandbox, kind: str, name: str) -> None:
    sandbox.faults.add(Fault(kind))
    assert exchange(api, "PATCH", "/campaign/4", {"name": "New"}) == (b"", True)
    assert sandbox.campaign(4)["name"] == name


def test_a_reset_is_a_reset(api: RunningServer, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("drop-after", how="reset"))
    with pytest.raises(ConnectionResetError):
        exchange(api, "POST", "/campaign/3/pause")
    assert sandbox.campaign(3)["state"] == "paused"


def test_a_cut_body_is_shorter_than_announced(api: RunningServer, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("cut-body"))
    received, closed = exchange(api, "GET", "/campaign/4")
    head, _, body = received.partition(b"\r\n\r\n")
    announced = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    assert closed
    assert 0 < len(body) == announced // 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("drop-before"), httpx2.RemoteProtocolError),
        (Fault("drop-after"), httpx2.RemoteProtocolError),
        (Fault("drop-after", how="reset"), httpx2.ReadError),
        (Fault("cut-body"), httpx2.RemoteProtocolError),
        (Fault("delay", seconds=0.3), httpx2.ReadTimeout),
    ],
)
async def test_a_client_sees_the_same_in_process_and_on_a_socket(
    api: RunningServer, sandbox: Sandbox, fault: Fault, error: type[Exception]
) -> None:
    sandbox.faults.add(fault)
    for base, transport in ((api.url, None), ("http://sandbox", sandbox.transport())):
        async with httpx2.AsyncClient(base_url=base, transport=transport, timeout=0.1, trust_env=False) as client:
            with pytest.raises(error):
                await client.get("/api/v1/campaign/4", headers={"X-API-Key": KEY})
    assert fault.fired == 2


def test_a_write_is_executed_late_although_its_connection_is_long_closed(api: RunningServer, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("drop-before", executed_after=0.2))
    assert exchange(api, "POST", "/campaign/3/pause") == (b"", True)
    assert sandbox.campaign(3)["state"] == "running"
    deadline = time.monotonic() + 5
    while sandbox.campaign(3)["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sandbox.campaign(3)["state"] == "paused"


def test_a_sandbox_may_come_back_on_the_port_where_it_was(sandbox: Sandbox) -> None:
    with RunningServer(sandbox) as first:
        assert not exchange(first, "GET", "/campaign/3")[1]
    with pytest.raises(ConnectionRefusedError):
        exchange(first, "GET", "/campaign/3")
    with RunningServer(sandbox, port=first.port) as second:
        assert exchange(second, "GET", "/campaign/3")[0].startswith(b"HTTP/1.1 200")
        assert second.url == first.url


async def test_a_huge_body_and_the_list_arrive_whole(api: RunningServer, sandbox: Sandbox) -> None:
    async with httpx2.AsyncClient(base_url=api.url, trust_env=False, headers={"X-API-Key": KEY}) as client:
        assert len((await client.get("/api/v1/campaign/")).json()["campaigns"]) == 14
        sandbox.faults.add(Fault("huge-body"))
        assert len((await client.get("/api/v1/campaign/3")).content) > 9_000_000


def test_it_is_served_on_loopback_only(sandbox: Sandbox) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "example.com", ""):  # noqa: S104 - that is what is refused
        with pytest.raises(ValueError, match="on loopback only"):
            serve(sandbox, host=host)


@pytest.mark.skipif(sys.platform == "win32", reason="signals end a process there")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_serving_and_serve_returns(sent: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = (
        "from asisso_mcp.sandbox import Sandbox, serve\n"
        f"box = Sandbox()\nserve(box, port={port})\nbox.close()\nprint('ended')"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=-1, stderr=-1, text=True) as process:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except ConnectionRefusedError:
                process.poll()
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(0.05)
        process.send_signal(sent)
        assert process.communicate(timeout=10) == ("ended\n", "")
        assert process.returncode == 0


def test_a_port_in_use_is_an_error(api: RunningServer, sandbox: Sandbox) -> None:
    with pytest.raises(OSError, match=r"in use|normally permitted"):
        serve(sandbox, port=api.port)
