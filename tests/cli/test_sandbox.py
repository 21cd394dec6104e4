"""`asisso-mcp sandbox`: what it refuses before it listens, what it says when it does, and what it shows besides the API."""

import json
import re
import signal
import socket
import sys
from pathlib import Path

import httpx2
import pytest

from asisso_mcp.cli import main
from asisso_mcp.cli.invocation import invocation
from asisso_mcp.sandbox import KEY
from tests import processes


def test_a_fault_of_a_campaign_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        main(["sandbox", "--port", str(taken.getsockname()[1]), "--fault", "poison:campaign=999"])
    assert (ended.value.code, capsys.readouterr()) == (2, ("", "asisso-mcp: there is no campaign 999\n"))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to end it with")
@pytest.mark.parametrize("remembers", [False, True])
def test_it_says_that_it_listens_when_it_does_shows_pages_and_logs_each_request_without_its_key(
    tmp_path: Path, remembers: bool
) -> None:
    db = tmp_path / "campaigns.sqlite"
    memory = f"It is kept in {db}." if remembers else "It forgets everything when it ends; --db FILE keeps it."
    with processes.closing(
        processes.start("sandbox", "--port", "0", *(["--db", str(db)] if remembers else []))
    ) as server:
        said = server.stderr.readline().decode()
        origin = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert origin is not None
        assert said == f"The Asisso sandbox listens on {origin[0]} with key {KEY}. {memory} Ctrl-C ends it.\n"
        assert server.stderr.readline().decode() == (
            f"  ASISSO_BASE_URL={origin[0]} ASISSO_API_KEY={KEY} {invocation()} doctor\n"
        )
        with httpx2.Client(base_url=origin[0], headers={"X-API-Key": KEY}) as http:
            assert "A stand-in for the Asisso API" in http.get("/").text
            assert "<code>/api/v1/campaign/{campaign_id}/pause</code>" in http.get("/docs").text
            assert "/api/v1/campaign/{campaign_id}" in json.loads(http.get("/openapi.json").text)["paths"]
            assert http.get("/api/v1/campaign/3?key=secret").json()["id"] == 3
            assert http.post("/api/v1/campaign/99/pause%0A").status_code == 404
        server.send_signal(signal.SIGTERM)
        log = server.stderr.read().decode()
        assert server.wait(20) == 0
    lines = [re.sub(r"^\d\d:\d\d:\d\d  |\d+ ms$", "", line) for line in log.splitlines()]
    assert lines == [
        "GET /  200  ",
        "GET /docs  200  ",
        "GET /openapi.json  200  ",
        "GET /api/v1/campaign/3  200  ",
        "POST /api/v1/campaign/99/pause%0A  404  ",
    ]
