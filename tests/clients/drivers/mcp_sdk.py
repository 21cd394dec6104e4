"""The official Python SDK's client, in the era that the job names."""

import anyio
import transcript
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters


async def main() -> None:
    job = transcript.job()
    target = job["url"] or StdioServerParameters(command=job["command"], args=job["args"], env=job["env"])
    answers = {}
    async with Client(target, mode=job["way"]) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        for step in job["steps"]:
            result = await client.call_tool(step["tool"], step["arguments"])
            answers[step["name"]] = transcript.answer(
                transcript.text_in(result.content), structure=transcript.structure_in(result), error=result.is_error
            )
        protocol = client.protocol_version
    transcript.hand_back(tools, answers, "mcp", protocol=protocol)


anyio.run(main)
