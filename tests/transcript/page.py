"""docs/conversation.md: `python -m tests.transcript.page` plays the messages and writes it, `--check` fails when it differs."""

import json
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2

from asisso_mcp.api.client import AsissoClient
from asisso_mcp.api.transport import ApiTransport
from asisso_mcp.campaigns.service import CampaignService
from asisso_mcp.sandbox import KEY, Sandbox
from asisso_mcp.sanitize import safe_json
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import ToolContext
from tests.conftest import MONDAY, SETTINGS, no_wait
from tests.docs import write_or_check
from tests.transcript.messages import MESSAGES, UNDO, Message

PAGE = Path(__file__).parents[2] / "docs" / "conversation.md"
BY_NAME = {tool.name: tool for tool in TOOLS}
CAMPAIGNS = range(1, 15)
STORED = ("name", "state", "retry_config", "metadata")


@dataclass
class Reply:
    """What one message came to: a line for each call, what was read, and how every campaign is stored then."""

    calls: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    state: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """Characters that a model reads."""
        return sum(map(len, self.texts))


def stored(sandbox: Sandbox) -> dict[int, dict[str, Any]]:
    return {each: {name: sandbox.campaign(each)[name] for name in STORED} for each in CAMPAIGNS}


async def play_ours() -> list[Reply]:
    """The messages, answered with our tools."""
    sandbox = Sandbox(clock=lambda: MONDAY)
    transport = ApiTransport(SETTINGS, transport=sandbox.transport())
    service = CampaignService(AsissoClient(transport, SETTINGS), clock=lambda: MONDAY, sleep=no_wait)
    last: dict[str, Any] = {}

    async def answer(message: Message, reply: Reply) -> None:
        nonlocal last
        for name, arguments in message.ours:
            if name == UNDO:
                name, arguments = last["undo_tool"], last["undo"]  # noqa: PLW2901 - what the placeholder stands for
            result = await BY_NAME[name].call(arguments, ToolContext(service))
            last = result.structure or {}
            reply.calls.append(f"{name} {safe_json(arguments)}")
            reply.texts.append(result.text)

    return await _play(sandbox, answer)


async def play_raw() -> list[Reply]:
    """The messages, answered with a proxy that passes requests and answers on."""
    sandbox = Sandbox(clock=lambda: MONDAY)
    headers = {"X-API-Key": KEY}
    async with httpx2.AsyncClient(
        transport=sandbox.transport(), base_url="https://app.asisso.com/api/v1", headers=headers
    ) as api:

        async def answer(message: Message, reply: Reply) -> None:
            for method, path, body in message.raw:
                response = await api.request(method, path, json=body)
                reply.calls.append(f"{method} {path}{f' {json.dumps(body)}' if body else ''} → {response.status_code}")
                reply.texts.append(response.text)

        return await _play(sandbox, answer)


async def _play(sandbox: Sandbox, answer: Callable[[Message, Reply], Awaitable[None]]) -> list[Reply]:
    replies = []
    for message in MESSAGES:
        reply = Reply()
        await answer(message, reply)
        reply.state = stored(sandbox)
        replies.append(reply)
    sandbox.close()
    return replies


def figures(ours: list[Reply], raw: list[Reply]) -> str:
    """The table: calls and characters of each message."""
    rows = [
        "| | message | calls | characters | calls, raw | characters, raw |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for number, (message, one, other) in enumerate(zip(MESSAGES, ours, raw, strict=True), 1):
        rows.append(
            f"| {number} | {message.text} | {len(one.calls)} | {one.read:,} | {len(other.calls)} | {other.read:,} |"
        )
    total = [(sum(len(each.calls) for each in replies), sum(each.read for each in replies)) for replies in (ours, raw)]
    cells = " | ".join(f"**{calls}** | **{read:,}**" for calls, read in total)
    return "\n".join([*rows, f"| | **all {len(MESSAGES)}** | {cells} |"])


def transcript(ours: list[Reply], raw: list[Reply]) -> str:
    """Every message with our calls and answers whole, and the proxy's requests."""
    parts = []
    for number, (message, one, other) in enumerate(zip(MESSAGES, ours, raw, strict=True), 1):
        lines = [f"### {number}. {message.text}", ""]
        if one.calls:
            said = "\n\n".join(f"> {call}\n{text}" for call, text in zip(one.calls, one.texts, strict=True))
            lines += ["```text", said, "```", ""]
        else:
            lines += [f"No call: {message.without_calls}.", ""]
        if other.calls:
            lines += ["Raw:", "", *(f"* `{call}`" for call in other.calls), ""]
        parts.append("\n".join(lines))
    return "\n".join(parts).rstrip("\n")


def renewed(text: str) -> str:
    """`text` with its two generated parts as they should be. Raises ValueError when it has no place for them."""

    async def play() -> tuple[list[Reply], list[Reply]]:
        return await play_ours(), await play_raw()

    replies = anyio.run(play)
    for name, part in (("figures", figures(*replies)), ("transcript", transcript(*replies))):
        text, count = re.subn(
            rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)",
            lambda found, part=part: f"{found[1]}{part}\n{found[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(f"{PAGE.name} has no place for its {name}.")
    return text


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, renewed))
