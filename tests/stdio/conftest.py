"""A sandbox on a socket, for servers in processes of their own."""

import os
from collections.abc import Iterator

import pytest

from asisso_mcp.sandbox import KEY, RunningServer, Sandbox
from tests.processes import WITHOUT_JOURNAL


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[dict[str, str]]:
    """The environment of a process that talks to the sandbox."""
    with RunningServer(sandbox) as running:
        yield {"PATH": os.environ["PATH"], **WITHOUT_JOURNAL, "ASISSO_BASE_URL": running.url, "ASISSO_API_KEY": KEY}
