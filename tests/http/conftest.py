"""A server that many tests can share."""

from collections.abc import Iterator

import pytest

from asisso_mcp.sandbox import RunningServer, Sandbox
from tests.http.served import Served, settings_for


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """With the settings that it has by itself, for tests that leave it as they found it and do not look at the log."""
    sandbox = Sandbox()
    with RunningServer(sandbox) as api, Served(settings_for(api.url)) as served:
        yield served
    sandbox.close()
