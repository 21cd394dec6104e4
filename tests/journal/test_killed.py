"""kill -9 at every point of a write: what may have been sent is in the journal, never less."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

import asisso_mcp
from asisso_mcp.config import Settings
from asisso_mcp.journal.entry import Entry
from asisso_mcp.sandbox import KEY, RunningServer, Sandbox
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.services import TenantServices
from tests.conftest import MONDAY
from tests.journal.test_writes import entries_in, writes
from tests.processes import IMPORTED

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

PACKAGE = str(Path(asisso_mcp.__file__).parent)
STORE = str(Path(PACKAGE) / "journal" / "store.py")
TOOL = {tool.name: tool for tool in TOOLS}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "edit": ("update_campaign", {"campaign_id": 4, "retry_config": {"max_retries": 7}}),
    "pause": ("pause_campaign", {"campaign_id": 3}),
}


def _call(url: str, file: Path, name: str, kill_at: int, counted: Connection) -> None:
    """In a process of its own: make the call, and be killed at the given step, counted from 1.

    A step is each call of a function of this package, and each call into SQLite, in whatever thread.
    """
    steps = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal steps
        file_name = frame.f_code.co_filename
        if (event == "call" and file_name.startswith(PACKAGE)) or (
            event in ("c_call", "c_return") and file_name == STORE
        ):
            steps += 1
            if steps == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    async def run() -> None:
        services = TenantServices(Settings(base_url=url, api_key=SecretStr(KEY), journal=file))
        await services.service.get(4)  # what is imported and connected once is no part of a write
        threading.setprofile(count)
        sys.setprofile(count)
        tool, arguments = CALLS[name]
        answer = await TOOL[tool].call(arguments, services.call())
        await services.close()
        sys.setprofile(None)
        assert not answer.is_error, answer.text

    anyio.run(run)
    counted.send(steps)


def made(name: str, file: Path, kill_at: int) -> tuple[int | None, list[str], list[Entry], Sandbox]:
    """The call, killed at this step (0: never): how many steps it has, what arrived at the API, and the journal."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    sandbox, (result, counted) = Sandbox(clock=lambda: MONDAY), context.Pipe(duplex=False)
    with RunningServer(sandbox) as api:
        process = context.Process(target=_call, args=(api.url, file, name, kill_at, counted))
        process.start()
        process.join(60)
        counted.close()
        assert process.exitcode == (-signal.SIGKILL if kill_at else 0)
    steps = None if kill_at else result.recv()
    result.close()
    return steps, writes(sandbox), entries_in(file), sandbox


def is_changed(name: str, sandbox: Sandbox) -> bool:
    if name == "pause":
        return bool(sandbox.campaign(3)["state"] == "paused")
    return bool(sandbox.campaign(4)["retry_config"]["max_retries"] == 7)


@pytest.mark.parametrize(
    ("name", "points"),
    [("edit", 6), *(pytest.param(name, 80, marks=pytest.mark.slow) for name in CALLS)],
)
def test_a_process_that_is_killed_at_any_point_of_a_write_leaves_an_entry_of_what_it_may_have_sent(
    name: str, points: int, tmp_path: Path
) -> None:
    steps, *_ = made(name, tmp_path / "whole", 0)
    assert steps is not None
    seen: Counter[str] = Counter()
    for point in range(points):
        kill_at = 1 + point * (steps - 1) // points
        _, sent, entries, sandbox = made(name, tmp_path / str(point), kill_at)
        outcomes = [entry.outcome for entry in entries]
        assert len(sent) <= len(entries) <= 1, (
            f"killed at step {kill_at} of {steps}: {sent} was sent, and {outcomes} is kept"
        )
        if outcomes == ["applied"]:
            assert is_changed(name, sandbox)
        elif is_changed(name, sandbox):
            assert outcomes == ["sent"]
        seen[f"{', '.join(outcomes) or 'no entry'}, {'sent' if sent else 'not sent'}"] += 1
        with_another = made(name, tmp_path / str(point), 0)[2]
        assert with_another[:-1] == entries, "what a killed process left was lost"
    assert seen["no entry, not sent"]
    assert seen["sent, sent"]
    if points > 6:
        assert seen.keys() == {"no entry, not sent", "sent, not sent", "sent, sent", "applied, sent"}
