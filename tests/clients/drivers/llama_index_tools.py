"""LlamaIndex: the tools called one by one, or by an agent whose mock model reads the messages."""

import ast
import asyncio
import re
from collections.abc import Sequence
from typing import Any

import transcript
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, MessageRole, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec


async def one_by_one(tools: list[Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    by_name = {tool.metadata.name: tool for tool in tools}
    answers = {}
    for step in steps:
        output = await by_name[step["tool"]].acall(**step["arguments"])
        raw = output.raw_output
        answers[step["name"]] = transcript.answer(
            transcript.text_in(raw.content), structure=transcript.structure_in(raw), error=raw.is_error
        )
    return answers


def read_by_a_model(text: str) -> dict[str, Any]:
    """This framework shows a model the whole result as Python writes it: text, structure and the mark of an error."""
    structure = re.search(r"structured_content=(\{.*\}) is_error=", text, re.DOTALL)
    error = re.search(r"is_error=(True|False)", text)
    return transcript.answer(
        text.replace("\\n", "\n").replace("\\'", "'"),
        structure=transcript.structure_in(ast.literal_eval(structure[1])) if structure else None,
        error=error[1] == "True" if error else None,
    )


async def by_a_model(tools: list[Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    remaining = iter(steps)

    def respond(messages: Sequence[ChatMessage], **_: Any) -> ChatMessage:
        for message in messages:
            if message.role == MessageRole.TOOL:
                answers[message.additional_kwargs["tool_call_id"]] = read_by_a_model(message.content or "")
        step = next(remaining, None)
        if step is None:
            return ChatMessage(role=MessageRole.ASSISTANT, content="Done.")
        call = ToolCallBlock(tool_call_id=step["name"], tool_name=step["tool"], tool_kwargs=step["arguments"])
        return ChatMessage(role=MessageRole.ASSISTANT, blocks=[call])

    model = MockFunctionCallingLLM(response_generator=respond, is_chat_model=True)
    await FunctionAgent(tools=tools, llm=model, streaming=False).run("Retry five times.", max_iterations=20)
    return answers


async def main() -> None:
    job = transcript.job()
    client = BasicMCPClient(job["url"] or job["command"], args=job["args"], env=job["env"])
    tools = await McpToolSpec(client=client).to_tool_list_async()
    answers = await (by_a_model if job["way"] == "model" else one_by_one)(tools, job["steps"])
    names = [tool.metadata.name for tool in tools]
    transcript.hand_back(names, answers, "llama-index-tools-mcp", "llama-index-core", "mcp")


asyncio.run(main())
