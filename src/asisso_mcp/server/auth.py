"""Who may call over HTTP? One `Door` for each `--auth`: it lets a `Caller` in, or raises `Refused`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import SecretStr

from asisso_mcp.server.auth_tokens import Tokens
from asisso_mcp.server.http_refusal import Refused
from asisso_mcp.server.policy import OPERATOR, Caller

Headers = Sequence[tuple[bytes, bytes]]

MAX_SECRET = 4096
"""Characters of a key; bearer tokens with many claims may be longer."""
MAX_BEARER = 16384


class Door(Protocol):
    """What decides about a request before its body is read."""

    async def admit(self, scope: dict[str, Any]) -> Caller:
        """Who asks. Raises Refused. May put what it learned into `scope`."""
        ...

    def allow(self, caller: Caller, message: Any) -> None:
        """Whether this caller may send this JSON-RPC message (None: it could not be read). Raises Refused."""
        ...

    def not_ready(self) -> str | None:
        """What the configuration lacks before anyone can be let in; None: nothing."""
        ...


class Open:
    """`none`: everyone who reaches the port, which is on loopback."""

    async def admit(self, scope: dict[str, Any]) -> Caller:  # noqa: ARG002
        return OPERATOR

    def allow(self, caller: Caller, message: Any) -> None: ...

    def not_ready(self) -> str | None:
        return None


class Passthrough:
    """`passthrough`: each request brings its own Asisso key, which the API judges."""

    async def admit(self, scope: dict[str, Any]) -> Caller:
        given = headers_named(scope["headers"], b"x-api-key")
        if len(given) != 1:
            raise self._refused("no key" if not given else "several keys")
        key = given[0].decode("latin-1").strip()
        if not key or len(key) > MAX_SECRET or not key.isascii() or not key.isprintable() or " " in key:
            raise self._refused("not the form of a key")
        return Caller(api_key=SecretStr(key))

    def allow(self, caller: Caller, message: Any) -> None: ...

    def not_ready(self) -> str | None:
        return None

    @staticmethod
    def _refused(why: str) -> Refused:
        return Refused(
            401,
            "Send your Asisso API key in the X-API-Key header of every request.",
            why=why,
            headers={"WWW-Authenticate": 'ApiKey realm="asisso-mcp", header="X-API-Key"'},
        )


class Token:
    """`token`: callers know one of the operator's tokens; the server holds the Asisso key."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def admit(self, scope: dict[str, Any]) -> Caller:
        token = bearer(scope["headers"])
        if token is None:
            raise unauthorized("no token")
        if not self._tokens.know(token):
            raise unauthorized("a token that is not known", {"error": "invalid_token"})
        return OPERATOR

    def allow(self, caller: Caller, message: Any) -> None: ...

    def not_ready(self) -> str | None:
        return None if self._tokens.count() else "there is no usable token"


def headers_named(headers: Headers, name: bytes) -> list[bytes]:
    return [value for given, value in headers if given == name]


def bearer(headers: Headers) -> str | None:
    """The bearer token of a request; None when there is none, or not exactly one."""
    given = headers_named(headers, b"authorization")
    if len(given) != 1 or len(given[0]) > MAX_BEARER:
        return None
    scheme, _, token = given[0].decode("latin-1").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def unauthorized(why: str, challenge: Mapping[str, str] | None = None) -> Refused:
    return Refused(
        401,
        "A valid bearer token is needed.",
        why=why,
        headers={"WWW-Authenticate": challenge_of(challenge or {})},
    )


def challenge_of(parts: Mapping[str, str]) -> str:
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in {"realm": "asisso-mcp", **parts}.items())
