"""The official SDK's high-level server, written by hand as its documentation shows."""

import sys
from typing import Any

from campaign_api import CircuitBreaker, RetryConfig, ScheduleConfig, Settings, ask, client
from mcp.server import MCPServer

mcp = MCPServer("campaigns", log_level="WARNING")
http = client()


@mcp.tool()
async def list_campaigns() -> dict[str, Any]:
    """List all campaigns."""
    return await ask(http, "GET", "/campaign/")


@mcp.tool()
async def get_campaign(campaign_id: int) -> dict[str, Any]:
    """Get one campaign by its id."""
    return await ask(http, "GET", f"/campaign/{campaign_id}")


@mcp.tool()
async def update_campaign(
    campaign_id: int,
    name: str | None = None,
    retry_config: RetryConfig | None = None,
    max_concurrency: int | None = None,
    schedule_config: ScheduleConfig | None = None,
    circuit_breaker: CircuitBreaker | None = None,
) -> dict[str, Any]:
    """Update the settings of a campaign. What is left out stays as it is."""
    settings = Settings(
        name=name,
        retry_config=retry_config,
        max_concurrency=max_concurrency,
        schedule_config=schedule_config,
        circuit_breaker=circuit_breaker,
    )
    return await ask(http, "PATCH", f"/campaign/{campaign_id}", settings.model_dump(exclude_none=True))


@mcp.tool()
async def pause_campaign(campaign_id: int) -> dict[str, Any]:
    """Pause a running campaign."""
    return await ask(http, "POST", f"/campaign/{campaign_id}/pause")


@mcp.tool()
async def resume_campaign(campaign_id: int) -> dict[str, Any]:
    """Resume a paused campaign."""
    return await ask(http, "POST", f"/campaign/{campaign_id}/resume")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--http"]:
        mcp.run("streamable-http", port=int(sys.argv[2]))
    else:
        mcp.run()
