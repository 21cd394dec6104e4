"""A server that refuses every call, for stdio when a limit cannot be read: hosts hide stderr from people."""

from typing import Any

from mcp.server import Server, ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, CallToolRequestParams

from asisso_mcp.tools.registry import ToolResult
from asisso_mcp.tools.services import TenantServices

_NEVER_ASK_THE_API = frozenset(
    {
        "ping",
        "server/discover",
        "tools/list",
        "resources/list",
        "resources/templates/list",
        "prompts/list",
        "prompts/get",
        "logging/setLevel",
    }
)


def refuse_calls(server: Server[TenantServices], reason: str) -> None:
    """Make `server` answer each tool call, and whatever else might reach the API, with `reason`.

    Any request is refused that is not known to stay within this process, so that one that is added later is refused too.
    """
    text = f"Nothing was sent, because of how this server was started: {reason}"

    async def call_tool(_: ServerRequestContext[TenantServices], __: CallToolRequestParams) -> dict[str, Any]:
        return ToolResult(text).as_result()

    async def refuse(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        is_served = server.get_request_handler(ctx.method) is not None
        if is_served and ctx.method != "tools/call" and ctx.method not in _NEVER_ASK_THE_API:
            raise MCPError(INTERNAL_ERROR, text)
        return await call_next(ctx)

    server.add_request_handler("tools/call", CallToolRequestParams, call_tool)
    server.middleware.append(refuse)
