"""The routes that tell what an organisation has: its telephony, and the defaults of its campaigns."""

from datetime import datetime
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from asisso_mcp.sandbox.authentication import Organization
from asisso_mcp.sandbox.models import DEFAULT_RETRY, CircuitBreaker, RetryConfig, ScheduleConfig
from asisso_mcp.sandbox.store import Store


class TelephonyConfiguration(BaseModel):
    """A telephony configuration, with its keys in the recorded order. An inactive one may be ready all the same."""

    id: int
    name: str
    provider: str
    connectivity: str
    is_default_outbound: bool
    inactive: bool
    inactive_since: datetime | None
    inactive_reason: str | None
    phone_number_count: int
    is_ready_for_outbound: bool
    outbound_blocked_reason: str | None
    created_at: datetime
    updated_at: datetime


class TelephonyConfigurationsResponse(BaseModel):
    """All telephony configurations of a tenant."""

    configurations: list[TelephonyConfiguration]


class LastCampaignSettings(BaseModel):
    """Settings of the newest campaign, as a form would propose them."""

    retry_config: RetryConfig | None
    max_concurrency: int | None
    schedule_config: ScheduleConfig | None
    circuit_breaker: CircuitBreaker | None


class CampaignDefaultsResponse(BaseModel):
    """The answer to `GET /organizations/campaign-defaults`."""

    concurrent_call_limit: int
    from_numbers_count: int
    default_retry_config: RetryConfig
    last_campaign_settings: LastCampaignSettings | None


def add_organization_routes(app: FastAPI, store: Store) -> None:
    """Add the routes to the application."""

    @app.get("/api/v1/organizations/telephony-configs")
    async def telephony(organization: Organization) -> TelephonyConfigurationsResponse:
        return TelephonyConfigurationsResponse.model_validate({"configurations": store.telephony.all(organization)})

    @app.get("/api/v1/organizations/campaign-defaults")
    async def defaults(organization: Organization) -> CampaignDefaultsResponse:
        default = store.telephony.in_use(None, organization)
        return CampaignDefaultsResponse.model_validate(
            {
                "concurrent_call_limit": store.organization_limit(organization),
                "from_numbers_count": default["phone_number_count"] if default else 0,
                "default_retry_config": DEFAULT_RETRY,
                "last_campaign_settings": _last_settings(store, organization),
            }
        )


def _last_settings(store: Store, organization: int) -> dict[str, Any] | None:
    rows = store.rows(organization)
    if not rows:
        return None
    stored = {"retry_config": rows[0]["retry_config"], **rows[0]["metadata"]}
    return {name: stored.get(name) or None for name in LastCampaignSettings.model_fields}
