"""The OpenAI Agents SDK: the tools called one by one, or by an agent whose scripted model reads the outputs."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import transcript
from agents import Agent, Model, ModelResponse, Runner, Usage, set_tracing_disabled
from agents.mcp import MCPServer, MCPServerStdio, MCPServerStreamableHttp
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

set_tracing_disabled(True)


class ScriptedModel(Model):
    """Calls the steps' tools in turn, and keeps what it was given to read."""

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        self.steps = iter(steps)
        self.read: list[Any] = []
        self.tools: list[str] = []

    async def get_response(
        self,
        system_instructions: Any,  # noqa: ARG002
        input: Any,  # noqa: A002
        model_settings: Any,  # noqa: ARG002
        tools: Any,
        *_: Any,
        **__: Any,
    ) -> ModelResponse:
        self.read = list(input)
        self.tools = [tool.name for tool in tools]
        step = next(self.steps, None)
        output: Any
        if step is None:
            text = ResponseOutputText(type="output_text", text="Done.", annotations=[])
            output = ResponseOutputMessage(
                id="end", type="message", role="assistant", status="completed", content=[text]
            )
        else:
            output = ResponseFunctionToolCall(
                type="function_call", call_id=step["name"], name=step["tool"], arguments=json.dumps(step["arguments"])
            )
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


async def one_by_one(server: MCPServer, steps: list[dict[str, Any]]) -> tuple[list[str], dict[str, Any]]:
    answers = {}
    for step in steps:
        result = await server.call_tool(step["tool"], step["arguments"])
        answers[step["name"]] = transcript.answer(
            transcript.text_in(result.content), structure=transcript.structure_in(result), error=bool(result.is_error)
        )
    return [tool.name for tool in await server.list_tools()], answers


async def by_a_model(server: MCPServer, steps: list[dict[str, Any]]) -> tuple[list[str], dict[str, Any]]:
    model = ScriptedModel(steps)
    await Runner.run(Agent(name="caller", model=model, mcp_servers=[server]), "Retry five times.", max_turns=20)
    answers = {}
    for item in model.read:
        if item.get("type") == "function_call_output":
            output = item["output"]
            answers[item["call_id"]] = transcript.answer(
                transcript.text_in(output), structure=transcript.structure_in(output)
            )
    return model.tools, answers


async def main() -> None:
    job = transcript.job()
    server: MCPServer = (
        MCPServerStreamableHttp({"url": job["url"]})
        if job["url"]
        else MCPServerStdio({"command": job["command"], "args": job["args"], "env": job["env"]})
    )
    async with server:
        tools, answers = await (by_a_model if job["way"] == "model" else one_by_one)(server, job["steps"])
    transcript.hand_back(tools, answers, "openai-agents", "mcp")


asyncio.run(main())
