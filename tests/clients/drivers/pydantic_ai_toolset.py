"""Pydantic AI: the tools called one by one, or by an agent whose `FunctionModel` reads the messages."""

import asyncio
from typing import Any

import transcript
from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelMessage, ModelResponse, RetryPromptPart, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


async def one_by_one(toolset: Any, steps: list[dict[str, Any]]) -> tuple[list[str], dict[str, Any]]:
    answers = {}
    async with toolset:
        tools = [tool.name for tool in await toolset.list_tools()]
        for step in steps:
            try:
                result = await toolset.direct_call_tool(step["tool"], step["arguments"])
            except ModelRetry as refusal:
                answers[step["name"]] = transcript.answer(refusal.message, error=True)
            else:
                text = result if isinstance(result, str) else None
                answers[step["name"]] = transcript.answer(text, structure=transcript.structure_in(result), error=False)
    return tools, answers


async def by_a_model(toolset: Any, steps: list[dict[str, Any]]) -> tuple[list[str], dict[str, Any]]:
    tools: list[str] = []
    answers: dict[str, Any] = {}
    remaining = iter(steps)

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        tools[:] = [tool.name for tool in info.function_tools]
        for part in messages[-1].parts:
            if isinstance(part, RetryPromptPart):
                answers[part.tool_call_id] = transcript.answer(part.model_response(), error=True)
            elif isinstance(part, ToolReturnPart):
                text = part.content if isinstance(part.content, str) else None
                structure = transcript.structure_in(part.content)
                answers[part.tool_call_id] = transcript.answer(
                    text, structure=structure, error=part.outcome != "success"
                )
        step = next(remaining, None)
        if step is None:
            return ModelResponse([TextPart("Done.")])
        return ModelResponse([ToolCallPart(step["tool"], step["arguments"], tool_call_id=step["name"])])

    agent = Agent(FunctionModel(model), toolsets=[toolset], retries=3)
    async with agent:
        await agent.run("Retry five times.")
    return tools, answers


async def main() -> None:
    job = transcript.job()
    target = job["url"] or StdioTransport(command=job["command"], args=job["args"], env=job["env"])
    toolset: Any = MCPToolset(target)
    tools, answers = await (by_a_model if job["way"] == "model" else one_by_one)(toolset, job["steps"])
    transcript.hand_back(tools, answers, "pydantic-ai-slim", "mcp")


asyncio.run(main())
