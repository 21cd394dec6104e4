"""The official SDK's low-level server, whose tools return the API's JSON as text. The others are compared with it."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from campaign_api import Settings, ask, client
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, TextContent, Tool

_ID = {"campaign_id": {"type": "integer"}}
_ONE: dict[str, Any] = {"type": "object", "properties": _ID, "required": ["campaign_id"]}
_EDIT = Settings.model_json_schema()
_EDIT = {**_EDIT, "properties": {**_ID, **_EDIT["properties"]}, "required": ["campaign_id"]}

TOOLS = [
    Tool(name="list_campaigns", description="List all campaigns.", input_schema={"type": "object"}),
    Tool(name="get_campaign", description="Get one campaign by its id.", input_schema=_ONE),
    Tool(name="update_campaign", description="Update the settings of a campaign.", input_schema=_EDIT),
    Tool(name="pause_campaign", description="Pause a running campaign.", input_schema=_ONE),
    Tool(name="resume_campaign", description="Resume a paused campaign.", input_schema=_ONE),
]


@asynccontextmanager
async def lifespan(_: Server[httpx2.AsyncClient]) -> AsyncIterator[httpx2.AsyncClient]:
    """One client of the API for as long as the server runs."""
    async with client() as http:
        yield http


async def list_tools(_: ServerRequestContext[httpx2.AsyncClient], __: PaginatedRequestParams | None) -> ListToolsResult:
    """The five tools."""
    return ListToolsResult(tools=TOOLS)


async def call_tool(context: ServerRequestContext[httpx2.AsyncClient], params: CallToolRequestParams) -> CallToolResult:
    """Send the call's request to the API and return its JSON as text."""
    http, arguments = context.lifespan_context, dict(params.arguments or {})
    path = f"/campaign/{arguments.pop('campaign_id', '')}"
    match params.name:
        case "list_campaigns" | "get_campaign":
            answer = await ask(http, "GET", path)
        case "update_campaign":
            answer = await ask(http, "PATCH", path, arguments)
        case "pause_campaign" | "resume_campaign":
            answer = await ask(http, "POST", f"{path}/{params.name.partition('_')[0]}")
        case _:
            raise ValueError(params.name)
    return CallToolResult(content=[TextContent(type="text", text=json.dumps(answer))])


server = Server("bare", lifespan=lifespan, on_list_tools=list_tools, on_call_tool=call_tool)


async def serve() -> None:
    """Serve on stdio."""
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--http"]:
        import uvicorn

        uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
    else:
        anyio.run(serve)
