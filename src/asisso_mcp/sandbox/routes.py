"""The Asisso routes on FastAPI, with the real API's order of checks.

FastAPI itself gives the first half of the order: routing and redirects, unreadable bodies, authentication (a dependency
that raises), then validation of path and body. The handlers give the second half.
"""

from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from asisso_mcp.sandbox import models, rules
from asisso_mcp.sandbox.authentication import Organization
from asisso_mcp.sandbox.models import UpdateCampaignRequest
from asisso_mcp.sandbox.organization_routes import add_organization_routes
from asisso_mcp.sandbox.run_routes import add_run_routes
from asisso_mcp.sandbox.store import Store

AFTER_COMMIT = "asisso.after_commit"
"""In the ASGI scope: called between the commit of a write and the re-read that becomes its answer."""

_MISSING = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}


def build(store: Store) -> FastAPI:
    """Build the application over a store. Errors that the real server does not handle are raised, and become its plain 500."""
    app = FastAPI(title="Asisso sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    app.add_exception_handler(RequestValidationError, _invalid)
    add_organization_routes(app, store)
    add_run_routes(app, store)
    _add_reads(app, store)
    _add_writes(app, store)
    return app


async def _invalid(request: Request, invalid: Exception) -> JSONResponse:
    assert isinstance(invalid, RequestValidationError)  # noqa: S101 - registered for this class only
    # A body of `null` is a missing one on the real server, whatever this framework's version makes of it.
    errors = [_MISSING if error["loc"] == ("body",) and error["input"] is None else error for error in invalid.errors()]
    return await request_validation_exception_handler(request, RequestValidationError(errors))


def _add_reads(app: FastAPI, store: Store) -> None:
    @app.get("/api/v1/health")
    async def health(request: Request) -> dict[str, Any]:
        return {
            "status": "ok",
            "version": "1.45.0",
            "backend_api_endpoint": str(request.base_url).rstrip("/"),
            "tunnel_url": None,
            "deployment_mode": "oss",
            "auth_provider": "local",
            "turn_enabled": False,
            "force_turn_relay": False,
            "signup_enabled": True,
            "stack_project_id": None,
            "stack_publishable_client_key": None,
        }

    @app.get("/api/v1/campaign/")
    async def campaigns(organization: Organization) -> models.CampaignsResponse:
        return models.CampaignsResponse(campaigns=[models.to_response(row) for row in store.rows(organization)])

    @app.get("/api/v1/campaign/{campaign_id}")
    async def campaign(campaign_id: int, organization: Organization) -> models.CampaignResponse:
        return models.to_response(rules.found(store, campaign_id, organization))


def _add_writes(app: FastAPI, store: Store) -> None:
    def written(request: Request, campaign_id: int, organization: int) -> models.CampaignResponse:
        request.scope.get(AFTER_COMMIT, lambda: None)()
        return models.to_response(rules.found(store, campaign_id, organization))

    @app.patch("/api/v1/campaign/{campaign_id}")
    async def update(
        request: Request, campaign_id: int, body: UpdateCampaignRequest, organization: Organization
    ) -> models.CampaignResponse:
        with store.transaction():
            row = rules.found(store, campaign_id, organization)
            changes = rules.edited(
                row,
                body,
                org_limit=store.organization_limit(organization),
                active_numbers=store.telephony.numbers(row["telephony_configuration_id"]),
            )
            store.write(campaign_id, changes)
        return written(request, campaign_id, organization)

    @app.post("/api/v1/campaign/{campaign_id}/pause")
    async def pause(request: Request, campaign_id: int, organization: Organization) -> models.CampaignResponse:
        with store.transaction():
            store.write(campaign_id, rules.paused(rules.found(store, campaign_id, organization)))
        return written(request, campaign_id, organization)

    @app.post("/api/v1/campaign/{campaign_id}/resume")
    async def resume(request: Request, campaign_id: int, organization: Organization) -> models.CampaignResponse:
        if not store.telephony.all(organization):
            raise HTTPException(401, rules.NO_TELEPHONY)
        with store.transaction():
            row = rules.found(store, campaign_id, organization)
            if row["quota"] is not None:
                raise HTTPException(402, row["quota"])
            store.write(campaign_id, rules.resumed(row, store.now()))
        return written(request, campaign_id, organization)
