"""The authenticators of the HTTP server, one for each value of `--auth` but `oauth`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from asisso_mcp.campaigns.policy import OPERATOR, Caller
from asisso_mcp.http.auth.tokens import Tokens
from asisso_mcp.http.errors import HttpError, Scope
from asisso_mcp.journal.entry import fingerprint

if TYPE_CHECKING:
    from starlette.routing import Route

Headers = Sequence[tuple[bytes, bytes]]

MAX_KEY = 4096
"""Characters of an API key."""
API_KEY_CHALLENGE = 'ApiKey realm="asisso-mcp", header="X-API-Key"'
"""The `WWW-Authenticate` header of passthrough."""
MAX_BEARER = 16384
"""Bytes of an Authorization header: tokens with many claims are longer than keys."""


class Authenticator(ABC):
    """Identifies the caller of a request, before its body is read."""

    uses_caller_keys = False
    """Whether every caller brings an Asisso key of their own, and the server's is never used."""
    lists_differ = False
    """Whether callers may see different tools, so that no cache may share their lists."""
    routes: "Sequence[Route]" = ()
    """Routes that are served beside `/mcp`."""

    @abstractmethod
    async def authenticate(self, scope: Scope) -> Caller:
        """The caller of this request. Raises HttpError. May add what it learned to `scope`."""

    def authorize(self, caller: Caller, message: Any) -> None:  # noqa: B027 - most have nothing to add
        """Check that this caller may send this JSON-RPC message (None: it could not be read). Raises HttpError."""

    def readiness_problem(self) -> str | None:
        """What is missing before anyone can be authenticated; None when nothing is."""
        return None


class NoAuth(Authenticator):
    """`--auth none`: everyone who reaches the port, which is on loopback, is the operator."""

    async def authenticate(self, scope: Scope) -> Caller:  # noqa: ARG002
        """The operator."""
        return OPERATOR


class PassthroughAuth(Authenticator):
    """`--auth passthrough`: each request carries the caller's own Asisso key, which the API accepts or not."""

    uses_caller_keys = True

    async def authenticate(self, scope: Scope) -> Caller:
        """A caller with the key of the X-API-Key header. Raises HttpError (401) for what cannot be a key."""
        given = headers_named(scope["headers"], b"x-api-key")
        if len(given) != 1:
            raise self._refused("no key" if not given else "several keys")
        key = given[0].decode("latin-1").strip()
        if not key or len(key) > MAX_KEY or not key.isascii() or not key.isprintable() or " " in key:
            raise self._refused("not the form of a key")
        return Caller(api_key=SecretStr(key), name=f"key {fingerprint(key)}")

    @staticmethod
    def _refused(log_reason: str) -> HttpError:
        return HttpError(
            401,
            "Send your Asisso API key in the X-API-Key header of every request.",
            log_reason=log_reason,
            headers={"WWW-Authenticate": API_KEY_CHALLENGE},
        )


class TokenAuth(Authenticator):
    """`--auth token`: callers send one of the operator's tokens; the server holds the Asisso key."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def authenticate(self, scope: Scope) -> Caller:
        """Whoever has the token: as the operator. Raises HttpError (401) without an accepted token."""
        token = bearer_token(scope["headers"])
        if token is None:
            raise unauthorized("no token")
        if not self._tokens.accepts(token):
            raise unauthorized("a token that is not known", {"error": "invalid_token"})
        return Caller(name=f"token {fingerprint(token)}")

    def readiness_problem(self) -> str | None:
        """Says so when no token is left: the file may have changed."""
        return None if self._tokens.count() else "there is no usable token"


def headers_named(headers: Headers, name: bytes) -> list[bytes]:
    """The values of every header with that name, which is in lower case as ASGI has it."""
    return [value for given, value in headers if given == name]


def bearer_token(headers: Headers) -> str | None:
    """The bearer token of a request; None when there is none, or not exactly one."""
    given = headers_named(headers, b"authorization")
    if len(given) != 1 or len(given[0]) > MAX_BEARER:
        return None
    scheme, _, token = given[0].decode("latin-1").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def unauthorized(log_reason: str, challenge: Mapping[str, str] | None = None) -> HttpError:
    """The 401 response of bearer token authentication, with these parts in its challenge."""
    return HttpError(
        401,
        "A valid bearer token is needed.",
        log_reason=log_reason,
        headers={"WWW-Authenticate": www_authenticate(challenge or {})},
    )


def www_authenticate(parts: Mapping[str, str]) -> str:
    """A `WWW-Authenticate` header for bearer tokens (RFC 6750)."""
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in {"realm": "asisso-mcp", **parts}.items())
