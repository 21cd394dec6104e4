"""FastMCP's client."""

import asyncio

import transcript
from fastmcp import Client
from fastmcp.client.transports import StdioTransport


async def main() -> None:
    job = transcript.job()
    target = job["url"] or StdioTransport(command=job["command"], args=job["args"], env=job["env"])
    answers = {}
    async with Client(target) as client:
        tools = [tool.name for tool in await client.list_tools()]
        for step in job["steps"]:
            result = await client.call_tool(step["tool"], step["arguments"], raise_on_error=False)
            answers[step["name"]] = transcript.answer(
                transcript.text_in(result.content), structure=transcript.structure_in(result), error=result.is_error
            )
        protocol = client.protocol_version
    transcript.hand_back(tools, answers, "fastmcp", protocol=protocol)


asyncio.run(main())
