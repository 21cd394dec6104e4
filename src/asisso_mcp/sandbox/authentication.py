"""Who asks: a key, or a login token, and the organisation that it belongs to."""

from typing import Annotated

from fastapi import Depends, Header, HTTPException

from asisso_mcp.sandbox import seed

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


Organization = Annotated[int, Depends(_organization)]
"""The id of the organisation of the request's credentials. Answers 401 otherwise."""
