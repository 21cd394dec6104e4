"""`--auth oauth`: JWT access tokens of an issuer, whose scopes decide what a caller sees and may do."""

import logging
from collections.abc import Sequence
from typing import Any

import jwt
from jwt.exceptions import PyJWTError
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from pydantic import AnyHttpUrl, ConfigDict, TypeAdapter
from starlette.authentication import AuthCredentials
from starlette.routing import Route

from asisso_mcp.campaigns.policy import Caller
from asisso_mcp.http.auth.base import Authenticator, bearer_token, unauthorized, www_authenticate
from asisso_mcp.http.auth.jwks import JwksCache, JwksUnavailable
from asisso_mcp.http.errors import HttpError, Scope
from asisso_mcp.sanitize import single_line
from asisso_mcp.tools.campaigns import TOOLS

logger = logging.getLogger(__name__)

READ = "campaigns:read"
WRITE = "campaigns:write"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Algorithms with a public key only: with a shared secret, whoever can check could also sign."""
LEEWAY_SECONDS = 10
"""Tolerance for clocks that differ."""

_WRITING_TOOLS = frozenset(tool.name for tool in TOOLS if not tool.hints.read_only)


class JwtVerifier(TokenVerifier):
    """Verifies the signature, issuer, audience and times of a JWT access token (RFC 9068)."""

    def __init__(self, *, issuer: str, audience: str, keys: JwksCache) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys

    async def verify_token(self, token: str) -> AccessToken | None:
        """The claims of a valid token; None for any other. Raises JwksUnavailable."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                return None
            key = await self._keys.find(header.get("kid"))
            if key is None or key.algorithm not in (None, header["alg"]):
                return None
            claims = jwt.decode(
                token,
                key.public_key,
                algorithms=[header["alg"]],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"]},
            )
            return AccessToken(
                token=token,
                client_id=str(claims.get("client_id") or claims.get("azp") or claims.get("sub") or "unknown"),
                scopes=scopes_of(claims),
                expires_at=int(claims["exp"]),
                resource=self._audience,
                subject=str(claims["sub"]) if claims.get("sub") is not None else None,
                claims={"iss": self._issuer},
            )
        except (PyJWTError, ValueError, TypeError) as fault:
            logger.debug("A token was not accepted: %s", type(fault).__name__)
            return None


def scopes_of(claims: dict[str, Any]) -> list[str]:
    """The scopes of a token: `scope` (RFC 9068), or `scp` as some issuers call it; one string with spaces, or a list."""
    given = claims.get("scope", claims.get("scp", ""))
    scopes = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
    return [scope for scope in scopes if isinstance(scope, str)]


def _exact(url: str) -> AnyHttpUrl:
    """The URL as given: an issuer is compared letter by letter, so no slash may be added."""
    return TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True)).validate_python(url)


class OAuth(Authenticator):
    """Checks access tokens and scopes, and serves the metadata that tells clients where to get a token (RFC 9728)."""

    lists_differ = True

    def __init__(self, *, issuer: str, resource: str, verifier: TokenVerifier) -> None:
        self._verifier = verifier
        self._metadata_url = str(build_resource_metadata_url(_exact(resource)))
        self.routes: Sequence[Route] = create_protected_resource_routes(
            resource_url=_exact(resource),
            authorization_servers=[_exact(issuer)],
            scopes_supported=[READ, WRITE],
            resource_name="asisso-mcp",
        )

    async def authenticate(self, scope: Scope) -> Caller:
        """A caller who may write when the token says so.

        Raises HttpError: 401 without a valid token, 403 without the scope to read, 503 while tokens cannot be checked.
        """
        token = bearer_token(scope["headers"])
        if token is None:
            raise unauthorized("no token", {"scope": f"{READ} {WRITE}", "resource_metadata": self._metadata_url})
        try:
            access = await self._verifier.verify_token(token)
        except JwksUnavailable:
            raise HttpError(
                503,
                "Tokens cannot be checked at the moment. Try again shortly.",
                log_reason="the issuer's keys cannot be read",
                headers={"Retry-After": "10"},
            ) from None
        if access is None:
            raise unauthorized(
                "a token that is not accepted",
                {"error": "invalid_token", "resource_metadata": self._metadata_url},
            )
        if READ not in access.scopes:
            raise self._insufficient_scope(READ)
        # As the SDK's own middleware has it: what is sealed for a client is bound to who it is.
        scope["user"], scope["auth"] = AuthenticatedUser(access), AuthCredentials(access.scopes)
        return Caller(may_write=WRITE in access.scopes, name=single_line(access.subject or access.client_id))

    def authorize(self, caller: Caller, message: Any) -> None:
        """Raises HttpError (403) for a call that writes, by a caller who may only read."""
        if caller.may_write or not isinstance(message, dict) or message.get("method") != "tools/call":
            return
        params = message.get("params")
        name = params.get("name") if isinstance(params, dict) else None
        if isinstance(name, str) and name in _WRITING_TOOLS:
            raise self._insufficient_scope(f"{READ} {WRITE}")

    def _insufficient_scope(self, scopes: str) -> HttpError:
        challenge = {"error": "insufficient_scope", "scope": scopes, "resource_metadata": self._metadata_url}
        return HttpError(
            403,
            "The token does not allow this.",
            log_reason=f"the token lacks the scope {scopes.rsplit(maxsplit=1)[-1]}",
            headers={"WWW-Authenticate": www_authenticate(challenge)},
        )
