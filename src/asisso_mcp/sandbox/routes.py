"""The Asisso routes on FastAPI, with the real API's order of checks.

FastAPI itself gives the first half of the order: routing and redirects, unreadable bodies, authentication (a dependency
that raises), then validation of path and body. The handlers give the second half.
"""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from asisso_mcp.sandbox import models, rules, seed
from asisso_mcp.sandbox.models import UpdateCampaignRequest
from asisso_mcp.sandbox.store import Row, Store

AFTER_COMMIT = "asisso.after_commit"
"""In the ASGI scope: called between the commit of a write and the re-read that becomes its answer."""

_KEYS = {seed.KEY: seed.MAIN, seed.OTHER_TENANT_KEY: seed.OTHER, seed.NO_TELEPHONY_KEY: seed.NO_TELEPHONY}
_OWNERS = {seed.OWNERLESS_KEY: "API key has no associated user", seed.ORPHANED_KEY: "API key owner not found"}


async def _organization(
    x_api_key: Annotated[str | None, Header(alias="X-API-Key")] = None,
    authorization: Annotated[str | None, Header()] = None,
) -> int:
    key = (x_api_key or "").strip()
    if key:
        if key in _OWNERS:
            raise HTTPException(401, _OWNERS[key])
        if key not in _KEYS:
            raise HTTPException(401, "Invalid or expired API key")
        return _KEYS[key]
    if not authorization:
        raise HTTPException(401, "Authorization header required")
    if authorization.removeprefix("Bearer ").strip() != seed.TOKEN:
        raise HTTPException(401, "Invalid or expired token")
    return seed.MAIN


_MISSING = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}

_Organization = Annotated[int, Depends(_organization)]


def build(store: Store) -> FastAPI:
    """Build the application over a store. Errors that the real server does not handle are raised, and become its plain 500."""
    app = FastAPI(title="Asisso sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    app.add_exception_handler(RequestValidationError, _invalid)
    _add_reads(app, store)
    _add_writes(app, store)
    return app


async def _invalid(request: Request, invalid: Exception) -> JSONResponse:
    assert isinstance(invalid, RequestValidationError)  # noqa: S101 - registered for this class only
    # A body of `null` is a missing one on the real server, whatever this framework's version makes of it.
    errors = [_MISSING if error["loc"] == ("body",) and error["input"] is None else error for error in invalid.errors()]
    return await request_validation_exception_handler(request, RequestValidationError(errors))


def _found(store: Store, campaign_id: int, organization_id: int) -> Row:
    row = store.row(rules.column_id(campaign_id), organization_id)
    if row is None:
        raise HTTPException(404, rules.NOT_FOUND)
    return row


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

    @app.get("/api/v1/organizations/campaign-defaults")
    async def defaults(organization: _Organization) -> models.CampaignDefaultsResponse:
        rows = store.rows(organization)
        last = None
        if rows:
            sections = {name: rows[0]["metadata"].get(name) for name in ("schedule_config", "circuit_breaker")}
            concurrency = rows[0]["metadata"].get("max_concurrency")
            last = {"retry_config": rows[0]["retry_config"] or None, "max_concurrency": concurrency, **sections}
        return models.CampaignDefaultsResponse.model_validate(
            {
                "concurrent_call_limit": store.organization_limit(organization),
                "from_numbers_count": store.active_numbers(store.default_telephony(organization)),
                "default_retry_config": models.DEFAULT_RETRY,
                "last_campaign_settings": last,
            }
        )

    @app.get("/api/v1/campaign/")
    async def campaigns(organization: _Organization) -> models.CampaignsResponse:
        return models.CampaignsResponse(campaigns=[models.to_response(row) for row in store.rows(organization)])

    @app.get("/api/v1/campaign/{campaign_id}")
    async def campaign(campaign_id: int, organization: _Organization) -> models.CampaignResponse:
        return models.to_response(_found(store, campaign_id, organization))


def _add_writes(app: FastAPI, store: Store) -> None:
    def written(request: Request, campaign_id: int, organization: int) -> models.CampaignResponse:
        request.scope.get(AFTER_COMMIT, lambda: None)()
        return models.to_response(_found(store, campaign_id, organization))

    @app.patch("/api/v1/campaign/{campaign_id}")
    async def update(
        request: Request, campaign_id: int, body: UpdateCampaignRequest, organization: _Organization
    ) -> models.CampaignResponse:
        with store.transaction():
            row = _found(store, campaign_id, organization)
            changes = rules.edited(
                row,
                body,
                org_limit=store.organization_limit(organization),
                active_numbers=store.active_numbers(row["telephony_configuration_id"]),
            )
            store.write(campaign_id, changes)
        return written(request, campaign_id, organization)

    @app.post("/api/v1/campaign/{campaign_id}/pause")
    async def pause(request: Request, campaign_id: int, organization: _Organization) -> models.CampaignResponse:
        with store.transaction():
            store.write(campaign_id, rules.paused(_found(store, campaign_id, organization)))
        return written(request, campaign_id, organization)

    @app.post("/api/v1/campaign/{campaign_id}/resume")
    async def resume(request: Request, campaign_id: int, organization: _Organization) -> models.CampaignResponse:
        if store.default_telephony(organization) is None:
            raise HTTPException(401, rules.NO_TELEPHONY)
        with store.transaction():
            row = _found(store, campaign_id, organization)
            if row["quota"] is not None:
                raise HTTPException(402, row["quota"])
            store.write(campaign_id, rules.resumed(row, store.now()))
        return written(request, campaign_id, organization)
