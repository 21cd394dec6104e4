"""LangChain's MCP adapters: the tools called one by one, or by an agent whose scripted model reads the messages."""

import asyncio
from typing import Any

import transcript
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools


class ScriptedModel(FakeMessagesListChatModel):
    """LangChain's fake chat model; being bound to tools changes nothing for it."""

    def bind_tools(self, tools: Any, **_: Any) -> "ScriptedModel":  # noqa: ARG002
        return self


def shown(message: ToolMessage) -> dict[str, Any]:
    return transcript.answer(transcript.text_in(message.content), error=message.status == "error")


async def one_by_one(tools: list[Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    by_name = {tool.name: tool for tool in tools}
    answers = {}
    for step in steps:
        call = {"type": "tool_call", "id": step["name"], "name": step["tool"], "args": step["arguments"]}
        message = await by_name[step["tool"]].ainvoke(call)
        answers[step["name"]] = {**shown(message), "structure": transcript.structure_in(message)}
    return answers


async def by_a_model(tools: list[Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    script = [
        AIMessage("", tool_calls=[{"id": step["name"], "name": step["tool"], "args": step["arguments"]}])
        for step in steps
    ]
    agent = create_agent(ScriptedModel(responses=[*script, AIMessage("Done.")]), tools)
    state = await agent.ainvoke({"messages": [("user", "Retry five times.")]}, {"recursion_limit": 50})
    messages = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    # A model reads a message's content; the artifact stays with the program.
    return {
        message.tool_call_id: {**shown(message), "structure": transcript.structure_in(message.content)}
        for message in messages
    }


async def main() -> None:
    job = transcript.job()
    connection = (
        {"transport": "streamable_http", "url": job["url"]}
        if job["url"]
        else {"transport": "stdio", "command": job["command"], "args": job["args"], "env": job["env"]}
    )
    client = MultiServerMCPClient({"asisso": connection})
    async with client.session("asisso") as session:
        tools = await load_mcp_tools(session)
        answers = await (by_a_model if job["way"] == "model" else one_by_one)(tools, job["steps"])
    transcript.hand_back([tool.name for tool in tools], answers, "langchain-mcp-adapters", "langchain", "mcp")


asyncio.run(main())
