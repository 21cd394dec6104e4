"""`asisso-mcp sandbox`: what it refuses before it listens."""

import socket

import pytest

from asisso_mcp.cli import main


def test_a_fault_of_a_campaign_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        main(["sandbox", "--port", str(taken.getsockname()[1]), "--fault", "poison:campaign=999"])
    assert (ended.value.code, capsys.readouterr()) == (2, ("", "asisso-mcp: there is no campaign 999\n"))
