"""However many pages are open, the API is asked as for one."""

from collections.abc import Mapping
from typing import Any

from asisso_mcp.app.polled_readings import POLL_SECONDS, PolledReadings
from asisso_mcp.tools.registry import ToolResult


class Reader:
    """Counts the readings; its clock is set by the test."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[str, Mapping[str, Any]]] = []

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        self.calls.append((tool, arguments))
        return ToolResult(f"reading {len(self.calls)}", {})

    def readings(self) -> PolledReadings:
        return PolledReadings(self.call, lambda: self.now)


async def test_fifty_pages_on_fifty_campaigns_make_one_reading_in_five_seconds() -> None:
    reader = Reader()
    readings = reader.readings()
    for second in range(60):
        reader.now = float(second)
        for page in range(50):
            await readings.poll("get_campaign", {"campaign_id": page})
    assert len(reader.calls) == 60 / POLL_SECONDS


async def test_pages_on_the_same_campaign_share_a_reading() -> None:
    reader = Reader()
    readings = reader.readings()
    first = await readings.poll("get_campaign", {"campaign_id": 3})
    reader.now = 4.9
    assert first is not None
    assert await readings.poll("get_campaign", {"campaign_id": 3}) == first
    reader.now = 5.0
    assert await readings.poll("get_campaign", {"campaign_id": 3}) != first


async def test_every_page_gets_its_turn() -> None:
    reader = Reader()
    readings = reader.readings()
    for second in range(100):
        reader.now = float(second)
        for page in range(5):
            await readings.poll("get_campaign", {"campaign_id": page})
    assert {arguments["campaign_id"] for _, arguments in reader.calls} == {0, 1, 2, 3, 4}


async def test_what_a_person_asks_for_is_read_at_once() -> None:
    reader = Reader()
    readings = reader.readings()
    await readings.poll("list_campaigns", {})
    await readings.read("list_campaigns", {})
    await readings.read("get_campaign", {"campaign_id": 3})
    assert len(reader.calls) == 3


async def test_after_a_write_no_page_gets_what_was_read_before_it() -> None:
    reader = Reader()
    readings = reader.readings()
    await readings.poll("get_campaign", {"campaign_id": 3})
    readings.forget()
    assert await readings.poll("get_campaign", {"campaign_id": 3}) is None
