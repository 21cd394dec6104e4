"""Resources that a person can attach to a conversation: the list of campaigns, and each campaign, as text and as JSON.

Both entries of an answer have the URI that was asked for and differ in their type: the text first, then the same facts as
JSON without the text. Attaching reads; nothing is changed by it.

The view for hosts that render MCP Apps is read here too. It is not listed: those hosts find it by the tools, and to others it is
of no use.
"""

import logging
import re
import traceback
from collections.abc import Callable
from typing import Any

from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from asisso_mcp.api.client import MAX_CAMPAIGN_ID
from asisso_mcp.api.errors import AsissoError, NotFound
from asisso_mcp.campaigns.models import NotAllowed
from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.sanitize import quoted, safe_json, visible
from asisso_mcp.server.view import VIEW_META, VIEW_TYPE, VIEW_URI, view_html
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.models import GetArguments, ListArguments
from asisso_mcp.tools.output_filter import filter_error
from asisso_mcp.tools.registry import ToolContext, ToolResult

logger = logging.getLogger(__name__)

LIST = "asisso://campaigns"
TEMPLATE = "asisso://campaigns/{campaign_id}"

_LIST_TOOL, _GET_TOOL = TOOLS[:2]
_TEXT = "text/plain"
_JSON = "application/json"
_CAMPAIGN_URI = re.compile(r"asisso://campaigns/([1-9][0-9]{0,9})", re.ASCII)

RESOURCES = [
    Resource(
        uri=LIST,
        name="campaigns",
        title="All calling campaigns",
        description="The newest 100 campaigns with their ids, states and progress, as text and as JSON.",
        mime_type=_TEXT,
    )
]
TEMPLATES = [
    ResourceTemplate(
        uri_template=TEMPLATE,
        name="campaign",
        title="One calling campaign",
        description="Is it dialing and if not why, its settings, progress and newest log entries, as text and as JSON. "
        "campaign_id is completed from ids and from parts of names.",
        mime_type=_TEXT,
    )
]


class Resources:
    """The handlers of the protocol's three requests about resources.

    Args:
        call_for: the campaigns and limits of the caller of a request.
        policy_for: those limits alone.
    """

    def __init__(
        self,
        call_for: Callable[[ServerRequestContext[Any]], ToolContext],
        policy_for: Callable[[ServerRequestContext[Any]], Policy],
    ) -> None:
        self._call_for = call_for
        self._policy_for = policy_for

    async def list(self, context: ServerRequestContext[Any], _: PaginatedRequestParams | None) -> ListResourcesResult:
        """The list of campaigns, the one resource without a variable, where its tool is offered."""
        return ListResourcesResult(resources=RESOURCES if self._policy_for(context).offers(_LIST_TOOL.name) else [])

    async def templates(
        self, context: ServerRequestContext[Any], _: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """The template of the URI of a campaign, where its tool is offered."""
        offered = self._policy_for(context).offers(_GET_TOOL.name)
        return ListResourceTemplatesResult(resource_templates=TEMPLATES if offered else [])

    async def read(self, context: ServerRequestContext[Any], params: ReadResourceRequestParams) -> ReadResourceResult:
        """A resource as text and as JSON.

        Raises MCPError with the URI in its data: -32602 when there is no such resource, -32603 when the API failed.
        """
        if params.uri == VIEW_URI:
            view = TextResourceContents(uri=VIEW_URI, mime_type=VIEW_TYPE, text=view_html(), _meta=VIEW_META)
            return ReadResourceResult(contents=[view])
        campaign_id = _parse_uri(params.uri)
        call = self._call_for(context)
        try:
            result = await _read(call, campaign_id)
        except (NotFound, NotAllowed) as refusal:
            raise _refused(INVALID_PARAMS, filter_error(visible(refusal.text), call.secrets), params.uri) from None
        except AsissoError as failure:
            raise _refused(INTERNAL_ERROR, filter_error(visible(failure.text), call.secrets), params.uri) from None
        except Exception as fault:
            logger.error("Reading a resource failed with %s", type(fault).__name__)
            # Where, not what: the words of an exception may quote a header, and with it a key.
            logger.debug("It failed here:\n%s", "".join(traceback.format_tb(fault.__traceback__)).rstrip())
            text = f"Something unexpected went wrong inside asisso-mcp ({type(fault).__name__}). Nothing was changed."
            raise _refused(INTERNAL_ERROR, text, params.uri) from None
        structure = dict(result.structure or {})
        summary = structure.pop("summary")
        return ReadResourceResult(
            contents=[
                TextResourceContents(uri=params.uri, mime_type=_TEXT, text=summary),
                TextResourceContents(uri=params.uri, mime_type=_JSON, text=safe_json(structure)),
            ]
        )


async def _read(call: ToolContext, campaign_id: int | None) -> ToolResult:
    if campaign_id is None:
        return await _LIST_TOOL.run(ListArguments(limit=100), call)
    return await _GET_TOOL.run(GetArguments(campaign_id=campaign_id), call)


def _parse_uri(uri: str) -> int | None:
    """The id in a URI; None for the list. Raises MCPError for any other URI."""
    if uri == LIST:
        return None
    found = _CAMPAIGN_URI.fullmatch(uri)
    if found is None or int(found[1]) > MAX_CAMPAIGN_ID:
        raise _refused(
            INVALID_PARAMS,
            f"Unknown resource: {quoted(uri, 120)}. This server has {LIST} and {TEMPLATE}, where campaign_id is a whole "
            f"number from 1 to {MAX_CAMPAIGN_ID}, such as {LIST}/3.",
            uri,
        )
    return int(found[1])


def _refused(code: int, text: str, uri: str) -> MCPError:
    return MCPError(code, text, {"uri": uri})
