"""The HTTP transport of the API client: one httpx2 client for one origin, responses of bounded size and time."""

import codecs
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import anyio
import httpcore2  # noqa: F401 - httpx2 would import it during the first request; here it is imported in the background
import httpx2
from pydantic_core import from_json

from asisso_mcp.api.caller_keys import CallerKeys
from asisso_mcp.api.errors import Misconfigured, UnreadableReply
from asisso_mcp.api.request_trace import RequestTrace
from asisso_mcp.api.slots import Slot, Slots, is_urgent
from asisso_mcp.api.transport_errors import request_not_built, to_api_error
from asisso_mcp.config import Settings
from asisso_mcp.sanitize import hide_secrets, redact

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 16
"""Requests in flight at once, per process."""
UNPROVEN_CONNECTIONS = 4
"""Of these, for all keys together that the API has not accepted yet."""
RESERVED_CONNECTIONS = 4
"""As many more for pauses, when those are taken."""
GUESS_SECONDS = 1.0
"""How long a request whose key is refused keeps its slot: guesses take as long as that."""
KEEP_ALIVE_SECONDS = 4.0
"""The API closes idle connections after 5 s (observed); a write on a connection that is closing has an unknown outcome."""
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
MAX_LIST_BYTES = 32 * 1024 * 1024
"""The list has no paging (observed): ten thousand campaigns are 11 MB of one response."""
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "asisso-mcp"}


@dataclass(frozen=True)
class ApiResponse:
    """A whole response: status, headers, and a body of bounded size."""

    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray

    def json(self) -> Any:
        """The decoded body. Raises ValueError, also for NaN and for nesting beyond 200 levels."""
        body = self.body[3:] if self.body.startswith(codecs.BOM_UTF8) else self.body
        return from_json(body, allow_inf_nan=False, cache_strings="keys")


class ApiTransport:
    """Sends requests to the API's origin, over connections that all tenants share.

    The httpx2 client is built by the first request. `transport` replaces the network: the sandbox in process, or a test's own.
    `caller_keys`: where every caller brings a key, and shares the slots with the others.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        caller_keys: CallerKeys | None = None,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None
        self._in_flight: set[anyio.CancelScope] = set()
        # httpx2's own limit is not used: a tunnel whose TLS handshake failed keeps its slot forever (pydantic/httpx2#1226).
        self._slots = Slots(MAX_CONNECTIONS, unproven=UNPROVEN_CONNECTIONS, reserved=RESERVED_CONNECTIONS)
        self._caller_keys = caller_keys
        # A third for a slot, a third for TCP, a third for TLS: these end first, and then it is sure that nothing was sent.
        self._connect_seconds = min(settings.timeout / 3, 10.0)

    @property
    def origin(self) -> str:
        """Scheme, host and port of the API."""
        return self._settings.base_url

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        max_bytes: int = MAX_RESPONSE_BYTES,
        before_sending: Callable[[], None] = lambda: None,
    ) -> ApiResponse:
        """Send one request and read its response: no redirect, no retry, all within the settings' `timeout` seconds.

        `before_sending` is called before the first byte goes out, after every wait for a connection; what it raises stops the
        request. Raises AsissoError whose `executed` is False only when the request surely never reached the API.
        """
        client, trace = self._open_client(), RequestTrace(before_sending)
        request = self._build_request(method, path, headers, body, trace)
        key = headers.get("X-API-Key") if self._caller_keys is not None else None
        began, outcome = time.perf_counter(), "given up"
        try:
            async with self._slot(key) as slot:
                if self._transport is not None:  # one in process traces nothing
                    before_sending()
                try:
                    response = await client.send(request, stream=True)
                except BaseException:
                    await trace.close()
                    raise
                outcome = str(response.status_code)
                self._note_key(key, method, response.status_code, slot)
                try:
                    # A 500 is followed by a silent close (observed): leaving its body unread drops the connection.
                    content = bytearray() if response.status_code >= 500 else await _read_limited(response, max_bytes)
                finally:
                    await response.aclose()
            if response.status_code >= 400:
                content = _without_secrets(content, self._settings.secrets, headers.values())
            return ApiResponse(response.status_code, response.headers, content)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, UnicodeError) as fault:
            outcome = type(fault).__name__
            error = to_api_error(
                fault,
                origin=self.origin,
                timeout=self._settings.timeout,
                connect_timeout=self._connect_seconds,
                max_connections=MAX_CONNECTIONS,
            )
        finally:
            # The whole of the line: headers and bodies carry keys, names and numbers.
            logger.info("%s %s: %s after %.0f ms", method, path, outcome, (time.perf_counter() - began) * 1000)
        raise error  # not from the fault: some faults quote the headers, and with them the key

    async def aclose(self) -> None:
        """Close all connections. What is in flight ends with an unknown outcome; what was not sent yet is not sent."""
        client, self._client = self._client, None
        for scope in self._in_flight:
            scope.cancel()
        if client is not None:
            await client.aclose()

    @asynccontextmanager
    async def _slot(self, key: str | None) -> AsyncIterator[Slot]:
        """Hold a slot, within the timeout of the whole request. Raises TimeoutError, PoolTimeout, or ReadError when the transport is closed."""
        with anyio.fail_after(self._settings.timeout) as scope:
            self._in_flight.add(scope)
            try:
                slot = await self._acquire_slot(key)
                try:
                    yield slot
                finally:
                    slot.release()
            finally:
                self._in_flight.remove(scope)
        if scope.cancelled_caught:
            raise httpx2.ReadError("the transport was closed")

    async def _acquire_slot(self, key: str | None) -> Slot:
        tenant = self._caller_keys.tenant_of(key) if self._caller_keys is not None and key is not None else None
        with anyio.move_on_after(self._connect_seconds):
            return await self._slots.acquire(tenant, urgent=is_urgent())
        raise httpx2.PoolTimeout("")

    def _note_key(self, key: str | None, method: str, status: int, slot: Slot) -> None:
        """Remember what the API says of a caller's key. On a resume, 401 may be about telephony; each call begins with a read."""
        if self._caller_keys is None or key is None or (status == 401 and method != "GET"):
            return
        self._caller_keys.note(key, status)
        if self._caller_keys.is_refused(key):
            slot.linger_seconds = GUESS_SECONDS

    def _build_request(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None, trace: RequestTrace
    ) -> httpx2.Request:
        connecting = {"connect": self._connect_seconds}  # reading and writing are bounded as a whole, in `_slot`
        try:
            return httpx2.Request(
                method,
                _url(self.origin, path),
                headers={**_HEADERS, **headers},
                json=body,
                extensions={"timeout": connecting, "trace": trace},
            )
        except (httpx2.InvalidURL, UnicodeError):
            error = request_not_built()
        raise error

    def _open_client(self) -> httpx2.AsyncClient:
        if self._client is None:
            try:
                self._client = _build_client(self._settings, self._transport)
            except (httpx2.InvalidURL, ValueError, ImportError, OSError):
                error = Misconfigured(
                    "The connection to the API cannot be set up, so nothing was sent. Check ASISSO_BASE_URL, ASISSO_PROXY "
                    "(or HTTPS_PROXY and ALL_PROXY: http:// and https:// proxies work) and SSL_CERT_FILE."
                )
            else:
                return self._client
            raise error
        return self._client


def _build_client(settings: Settings, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """The httpx2 client for these settings. Raises Misconfigured; httpx2.InvalidURL, ValueError, ImportError or OSError for a proxy or trust that cannot be used."""
    # A request that stays on this machine takes no proxy: neither to loopback, nor to a transport that was given.
    leaves = transport is None and not settings.is_loopback
    return httpx2.AsyncClient(
        transport=transport,
        verify=_ssl_context(settings) if transport is None else True,
        proxy=settings.proxy.get_secret_value() if settings.proxy is not None and leaves else None,
        trust_env=leaves,  # HTTPS_PROXY, NO_PROXY …
        limits=httpx2.Limits(max_keepalive_connections=MAX_CONNECTIONS, keepalive_expiry=KEEP_ALIVE_SECONDS),
        # Tenants share its connections: a cookie of one must not travel with another's request.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    if not settings.base_url.startswith("https:"):
        return ssl.SSLContext(
            ssl.PROTOCOL_TLS_CLIENT
        )  # trusts nobody, and is not used: the trust store takes 25 ms to read
    if settings.ca_file is None:
        return httpx2.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file))
    except OSError as problem:
        reason = redact(problem.strerror or problem, 120)
    raise Misconfigured(
        f"ASISSO_CA_FILE cannot be used ({reason}), so nothing was sent. It must be a readable PEM file of CA certificates."
    )


@lru_cache(maxsize=256)
def _url(origin: str, path: str) -> httpx2.URL:
    """The URL of a path, cached: parsing is a good part of what a request costs."""
    return httpx2.URL(f"{origin}/api/v1{path}")


async def _read_limited(response: httpx2.Response, max_bytes: int) -> bytearray:
    """The body, refused while reading when it is larger than `max_bytes`."""
    declared = response.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:18]) > max_bytes:
        raise _too_large(max_bytes)
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > max_bytes:
            raise _too_large(max_bytes)
    return content


def _too_large(max_bytes: int) -> UnreadableReply:
    return UnreadableReply(
        f"The API's answer is larger than {max_bytes // (1024 * 1024)} MB, so it was not read. If this was a list, read "
        "single campaigns with `get_campaign`.",
        executed=None,
    )


def _without_secrets(content: bytearray, *secrets: Iterable[str]) -> bytearray:
    """The body of an error with echoed credentials replaced: people and logs see its text."""
    text = content.decode("utf-8", "replace")
    bare = [value.removeprefix("Bearer ") for values in secrets for value in values]
    return bytearray(hide_secrets(text, bare).encode("utf-8", "replace"))
