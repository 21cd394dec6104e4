"""What most tests share: a moment, a sandbox, a service over it."""

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import hypothesis
import pytest
import uvicorn.server
from pydantic import SecretStr

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.config import Settings
from asisso_mcp.sandbox import KEY, Fault, RunningServer, Sandbox
from tests.secret_leaks import pytest_runtest_makereport  # noqa: F401 - a hook: no test may print or log a key

# How long one example takes says nothing about the code: the machines that run this are shared.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=30, stateful_step_count=12, derandomize=True)
hypothesis.settings.register_profile(
    "thorough", deadline=None, max_examples=300, stateful_step_count=40, print_blob=True
)
hypothesis.settings.load_profile("quick")  # `--hypothesis-profile=thorough` comes later, and wins

os.environ["ASISSO_JOURNAL"] = (
    "off"  # no test writes to the developer's own journal, also not through a process that it starts
)
MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
"""Monday, 10:00 in New York, 16:00 in Berlin."""

SETTINGS = Settings(api_key=SecretStr(KEY))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def servers_end_at_once() -> Iterator[None]:
    """uvicorn looks ten times a second whether it is to end, and these tests end hundreds of servers."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.server, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
        yield


@pytest.fixture(autouse=True)
def a_second_look_comes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resume is looked at again 3 s later; no test has to wait for that, unless it says how time passes."""
    defaults = {**CampaignService.__init__.__kwdefaults__, "sleep": no_wait}
    monkeypatch.setattr(CampaignService.__init__, "__kwdefaults__", defaults)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    box = Sandbox(clock=lambda: MONDAY)
    yield box
    box.close()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[RunningServer]:
    """The sandbox on a socket."""
    with RunningServer(sandbox) as running:
        yield running


def until_fired(fault: Fault) -> None:
    """Wait until a request has met the fault."""
    for _ in range(3000):
        if fault.fired:
            return
        time.sleep(0.01)
    raise AssertionError("no request met the fault")


async def no_wait(_: float) -> None:
    """Time that passes at once."""


@pytest.fixture
def service(sandbox: Sandbox) -> CampaignService:
    client = AsissoClient(ApiTransport(SETTINGS, transport=sandbox.transport()), SETTINGS)
    return CampaignService(client, clock=lambda: MONDAY, sleep=no_wait)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests measured is printed, also when they ran in other processes."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            if name == "measured":
                terminalreporter.write_line(f"measured: {value}")
