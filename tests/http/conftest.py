"""A server that many tests can share."""

import logging
from collections.abc import Callable, Iterator

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


@pytest.fixture
def own(api: RunningServer) -> Iterator[Served]:
    """A server of this test's own, over its sandbox."""
    with Served(settings_for(api.url)) as served:
        yield served


@pytest.fixture
def refusals(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The warnings in the log."""
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
