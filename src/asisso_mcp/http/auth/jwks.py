"""A cache of the OAuth issuer's signing keys (JWKS), fetched again when keys rotate."""

import json
import logging
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2
from jwt import PyJWK
from jwt.exceptions import PyJWTError

logger = logging.getLogger(__name__)

FRESH_SECONDS = 600.0
"""How long keys are used without asking again: a key that the issuer withdraws is refused after that."""
PAUSE_SECONDS = 10.0
"""Pause between two fetches, whatever tokens arrive: unknown key ids must not turn into a stream of requests to the issuer."""
FETCH_SECONDS = 8.0
"""Bound of a whole fetch, metadata and keys: an issuer that sends a byte now and then must not hold up who logs in."""
STALE_SECONDS = 6 * 3600.0
"""How long known keys outlive an issuer that does not answer."""
MAX_BYTES = 512 * 1024
"""Size of one response of the issuer."""
_PUBLIC = frozenset({"RSA", "EC", "OKP"})


@dataclass(frozen=True)
class SigningKey:
    """A public key of the issuer. `algorithm`: the only one that it is for; None: its `alg` is absent (RFC 7517, 4.4)."""

    public_key: Any
    algorithm: str | None


class JwksUnavailable(Exception):
    """The issuer's keys could not be fetched. The message holds no secret."""


class JwksCache:
    """The signing keys of one issuer, by key id."""

    def __init__(
        self, issuer: str, *, jwks_url: str | None = None, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._issuer = issuer
        self._url = jwks_url
        self._transport = transport
        self._keys: dict[str | None, SigningKey] = {}
        self._fetched = float("-inf")
        self._last_attempt = float("-inf")
        self._lock = anyio.Lock()

    async def find(self, key_id: str | None) -> SigningKey | None:
        """The key with that id; without an id, the only key there is. None: the issuer has no such key.

        Raises JwksUnavailable when the issuer does not answer and nothing usable is known.
        """
        key = self._known(key_id)
        # While someone else fetches, known keys serve: only one caller waits for the issuer.
        limit = STALE_SECONDS if self._lock.locked() else FRESH_SECONDS
        if key is not None and self._age() < limit:
            return key
        async with self._lock:
            key = self._known(key_id)
            if key is None or self._age() >= FRESH_SECONDS:
                await self._refresh()
        return self._known(key_id)

    def _known(self, key_id: str | None) -> SigningKey | None:
        if key_id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    def _age(self) -> float:
        return anyio.current_time() - self._fetched

    async def _refresh(self) -> None:
        if anyio.current_time() - self._last_attempt >= PAUSE_SECONDS:
            try:
                self._keys = await self._fetch()
                self._fetched = anyio.current_time()
            except JwksUnavailable as problem:
                logger.error("The OAuth issuer's keys could not be read: %s", problem)
            finally:  # counted from the end, or whoever waited meanwhile would wait for a fetch of their own
                self._last_attempt = anyio.current_time()
        if self._age() >= STALE_SECONDS:
            self._keys = {}
            raise JwksUnavailable("the issuer has not answered")

    async def _fetch(self) -> dict[str | None, SigningKey]:
        """The issuer's usable keys by their ids. Raises JwksUnavailable, at the latest after `FETCH_SECONDS`."""
        try:
            with anyio.fail_after(FETCH_SECONDS):
                async with httpx2.AsyncClient(timeout=5.0, follow_redirects=False, transport=self._transport) as http:
                    found = await _get_json(http, self._url or await self._discover(http))
        except TimeoutError:
            raise JwksUnavailable("it did not answer in time") from None
        listed = found.get("keys")
        keys = [key for jwk in listed if (key := _usable(jwk)) is not None] if isinstance(listed, list) else []
        if not keys:
            raise JwksUnavailable("its key set holds no usable key")
        return {key.key_id: SigningKey(key.key, jwk.get("alg")) for jwk, key in keys}

    async def _discover(self, http: httpx2.AsyncClient) -> str:
        """The URL of the keys: RFC 8414 first, then OpenID Connect discovery. The metadata must name the very same issuer."""
        problem = JwksUnavailable("it publishes no metadata")
        for url in metadata_urls(self._issuer):
            try:
                metadata = await _get_json(http, url)
            except JwksUnavailable as unavailable:
                problem = unavailable
                continue
            jwks_url = metadata.get("jwks_uri")
            if metadata.get("issuer") != self._issuer or not isinstance(jwks_url, str):
                raise JwksUnavailable("its metadata names another issuer, or no keys")
            if httpx2.URL(jwks_url).scheme != "https" and not self._issuer.startswith("http:"):
                raise JwksUnavailable("its keys are not served over https")
            self._url = jwks_url
            return jwks_url
        raise problem


def _usable(jwk: Any) -> tuple[dict[str, Any], PyJWK] | None:
    """The key of a JWK, beside it; None for one that signs nothing or is not known here."""
    try:
        key = PyJWK.from_dict(jwk)
    except (PyJWTError, KeyError, TypeError, ValueError, AttributeError):
        return None
    is_named = isinstance(key.key_id, str | None)
    return (jwk, key) if is_named and key.key_type in _PUBLIC and key.public_key_use in (None, "sig") else None


def metadata_urls(issuer: str) -> list[str]:
    """The URLs at which an issuer may publish its metadata: RFC 8414, and OpenID Connect Discovery."""
    parts = httpx2.URL(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc.decode()}", parts.path.rstrip("/")
    return [
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{issuer.rstrip('/')}/.well-known/openid-configuration",
    ]


async def _get_json(http: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    try:
        async with http.stream("GET", url, headers={"accept": "application/json"}) as response:
            if response.status_code != 200:
                raise JwksUnavailable(f"it answered {response.status_code}")
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise JwksUnavailable("its answer is too large")
        found = json.loads(bytes(content))
    except (httpx2.HTTPError, httpx2.InvalidURL) as fault:
        raise JwksUnavailable(type(fault).__name__) from None
    except (ValueError, RecursionError):
        raise JwksUnavailable("its answer is not JSON") from None
    if not isinstance(found, dict):
        raise JwksUnavailable("its answer is not an object")
    return found
