"""A sandbox on a socket, for servers in other threads and processes."""

from collections.abc import Iterator

import pytest

from asisso_mcp.sandbox import Running, Sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Running]:
    with Running(sandbox) as running:
        yield running
