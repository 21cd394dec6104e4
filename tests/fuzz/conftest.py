"""Searches take no time over the waits of retries."""

import pytest

from asisso_mcp.api import retries


@pytest.fixture(autouse=True)
def retries_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_seconds_to_wait", lambda *_: 0)
