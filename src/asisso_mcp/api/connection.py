"""One pooled HTTP connection to the API: a request goes out, a bounded reply or an error in words comes back."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from asisso_mcp.api.errors import (
    AsissoError,
    Misconfigured,
    SecureConnectionFailed,
    TimedOut,
    Unreachable,
    UnreadableReply,
)
from asisso_mcp.api.untrusted import masked
from asisso_mcp.config import Settings

MAX_REPLY_BYTES = 8 * 1024 * 1024
MAX_CONNECTIONS = 16
"""Requests in flight at once, per process."""
KEEP_ALIVE_SECONDS = 4.0
"""The API closes idle connections after 5 s (observed); a reused dying connection makes a write's outcome unknown."""


@dataclass(frozen=True)
class Reply:
    """A whole answer: status, headers, and at most `MAX_REPLY_BYTES` of body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The decoded body. Raises ValueError, also for numbers and nesting that JSON readers choke on."""
        try:
            return json.loads(self.body, parse_constant=_no_constant)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class Connection:
    """The pool of one origin. Built at the first request, shared by everyone who asks that origin."""

    def __init__(self, settings: Settings, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._transport = transport
        self._http: httpx2.AsyncClient | None = None

    @property
    def origin(self) -> str:
        return self._settings.base_url

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Reply:
        """One request, one reply, no redirect, no retry.

        Raises AsissoError whose `executed` is False only when the request surely never reached the API.
        """
        try:
            http = self._client()
            async with http.stream(method, f"/api/v1{path}", headers=dict(headers), json=body) as response:
                # A 500 is followed by a silent close (observed): leaving its body unread drops the connection from the pool.
                content = b"" if response.status_code >= 500 else await _bounded(response)
                return Reply(response.status_code, response.headers, content)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ssl.SSLError, OSError) as fault:
            raise self._in_words(fault) from fault

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            settings = self._settings
            # The environment's proxy is for the way out; what stays on this machine does not take it.
            trust_env = not settings.is_loopback
            verify: ssl.SSLContext | bool = True
            if settings.ca_file is not None:
                verify = ssl.create_default_context(cafile=str(settings.ca_file))
            elif settings.base_url.startswith("http:") or self._transport is not None:
                verify = False  # no TLS is spoken: reading the trust store would cost 25 ms for nothing
            self._http = httpx2.AsyncClient(
                base_url=settings.base_url,
                headers={"accept": "application/json", "accept-encoding": "identity", "user-agent": "asisso-mcp"},
                timeout=httpx2.Timeout(settings.timeout, connect=min(settings.timeout, 10.0)),
                limits=httpx2.Limits(
                    max_connections=MAX_CONNECTIONS,
                    max_keepalive_connections=MAX_CONNECTIONS,
                    keepalive_expiry=KEEP_ALIVE_SECONDS,
                ),
                follow_redirects=False,
                verify=verify,
                proxy=settings.proxy.get_secret_value() if settings.proxy else None,
                transport=self._transport,
                trust_env=trust_env,
            )
        return self._http

    def _in_words(self, fault: Exception) -> AsissoError:
        where, seconds = self.origin, self._settings.timeout
        if _is_tls(fault):
            return SecureConnectionFailed(masked(_innermost(fault), 120))
        match fault:
            case httpx2.ConnectTimeout():
                return Unreachable(
                    f"{where} could not be reached: no connection within {min(seconds, 10.0):g} s. Nothing was sent. "
                    "Check the network (and ASISSO_PROXY, if you need one), then call again."
                )
            case httpx2.PoolTimeout():
                return Unreachable(
                    f"Too many requests to the API are in progress ({MAX_CONNECTIONS} at once), so this one was not sent. "
                    "Call again in a moment."
                )
            case httpx2.ProxyError():
                return Unreachable(
                    "The proxy did not let the request through, so nothing reached the API. Check ASISSO_PROXY (or HTTPS_PROXY)."
                )
            case httpx2.ConnectError():
                return Unreachable(
                    f"{where} could not be reached ({masked(_innermost(fault), 80)}). Nothing was sent. "
                    "Check the network and ASISSO_BASE_URL, then call again."
                )
            case httpx2.TimeoutException():
                return TimedOut(f"The API took longer than {seconds:g} s to answer (ASISSO_TIMEOUT).", executed=None)
            case httpx2.DecodingError():
                return UnreadableReply("The API's answer could not be decoded.", executed=None)
            case httpx2.UnsupportedProtocol() | httpx2.InvalidURL() | httpx2.LocalProtocolError():
                return Misconfigured(
                    "The request could not be built from the settings, so nothing was sent. Check ASISSO_BASE_URL and ASISSO_API_KEY."
                )
            case _:
                return Unreachable("The connection to the API was lost before its answer was complete.", executed=None)


async def _bounded(response: httpx2.Response) -> bytes:
    """The body, refused while reading when it is larger than `MAX_REPLY_BYTES`."""
    too_large = UnreadableReply(
        f"The API's answer is larger than {MAX_REPLY_BYTES // (1024 * 1024)} MB, so it was not read. If this was a list, read "
        "single campaigns with `get_campaign`.",
        executed=None,
    )
    declared = response.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:18]) > MAX_REPLY_BYTES:
        raise too_large
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_REPLY_BYTES:
            raise too_large
    return bytes(content)


def _chain(fault: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = fault
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def _innermost(fault: BaseException) -> BaseException:
    return _chain(fault)[-1]


def _is_tls(fault: BaseException) -> bool:
    """Only a failed handshake: a TLS error after it may have followed the request."""
    return isinstance(fault, httpx2.ConnectError | ssl.SSLError) and any(
        isinstance(link, ssl.SSLError) for link in _chain(fault)
    )
