"""One pooled HTTP connection to the API: a request goes out, a bounded reply or an error in words comes back."""

import codecs
import logging
import os
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import anyio
import httpx2
from pydantic_core import from_json

from asisso_mcp.api.errors import (
    AsissoError,
    Misconfigured,
    SecureConnectionFailed,
    TimedOut,
    Unreachable,
    UnreadableReply,
)
from asisso_mcp.api.untrusted import masked
from asisso_mcp.api.way import MAX_CONNECTIONS, way_out
from asisso_mcp.config import Settings

logger = logging.getLogger(__name__)

MAX_REPLY_BYTES = 8 * 1024 * 1024
MAX_LIST_BYTES = 32 * 1024 * 1024
"""The list has no paging (observed): ten thousand campaigns are 11 MB of one reply."""
SHORTEST_SECRET = 8
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "asisso-mcp"}


@dataclass(frozen=True)
class Reply:
    """A whole answer: status, headers, and a body of bounded size."""

    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray

    def json(self) -> Any:
        """The decoded body. Raises ValueError, also for NaN and for nesting beyond 200 levels."""
        body = self.body[3:] if self.body.startswith(codecs.BOM_UTF8) else self.body
        return from_json(body, allow_inf_nan=False, cache_strings="keys")


class Connection:
    """The pool of one origin. Built at the first request, shared by everyone who asks that origin."""

    def __init__(self, settings: Settings, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._transport = transport
        self._open: httpx2.AsyncBaseTransport | None = None
        # A third for a free connection, a third for TCP and TLS (behind a proxy, for each): these end first, and then it is
        # sure that nothing was sent.
        self._connect_seconds = min(settings.timeout / 3, 10.0)

    @property
    def origin(self) -> str:
        return self._settings.base_url

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        max_bytes: int = MAX_REPLY_BYTES,
    ) -> Reply:
        """One request, one reply, no redirect, no retry, all of it within the settings' `timeout` seconds.

        Raises AsissoError whose `executed` is False only when the request surely never reached the API.
        """
        way = self._opened()
        began, outcome = time.perf_counter(), "given up"
        try:
            request = httpx2.Request(
                method,
                _url(self.origin, path),
                headers={**_HEADERS, **headers},
                json=body,
                # Reading and writing are bounded as a whole, below.
                extensions={"timeout": {"connect": self._connect_seconds, "pool": self._connect_seconds}},
            )
            with anyio.fail_after(self._settings.timeout):
                response = await way.handle_async_request(request)
                outcome = str(response.status_code)
                try:
                    # A 500 is followed by a silent close (observed): leaving its body unread drops the connection from the pool.
                    content = bytearray() if response.status_code >= 500 else await _bounded(response, max_bytes)
                finally:
                    await response.aclose()
            if response.status_code >= 400:
                content = _without_secrets(content, headers.values())
            return Reply(response.status_code, response.headers, content)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, UnicodeError) as fault:
            outcome = type(fault).__name__
            words = self._in_words(fault)
        finally:
            # The whole of the line: headers and bodies carry keys, names and numbers.
            logger.info("%s %s: %s after %.0f ms", method, path, outcome, (time.perf_counter() - began) * 1000)
        raise words  # not from the fault: some faults quote the headers, and with them the key

    async def close(self) -> None:
        if self._open is not None:
            await self._open.aclose()
            self._open = None

    def _opened(self) -> httpx2.AsyncBaseTransport:
        if self._open is None:
            try:
                self._open = self._transport or way_out(self._settings)
            except (httpx2.InvalidURL, ValueError, ImportError, OSError):
                words = Misconfigured(
                    "The connection to the API cannot be set up, so nothing was sent. Check ASISSO_BASE_URL, ASISSO_PROXY "
                    "(or HTTPS_PROXY and ALL_PROXY: http:// and https:// proxies work) and SSL_CERT_FILE."
                )
            else:
                return self._open
            raise words
        return self._open

    def _in_words(self, fault: Exception) -> AsissoError:
        where, seconds = self.origin, self._settings.timeout
        if _is_tls(fault):
            return SecureConnectionFailed(masked(_innermost(fault), 120))
        match fault:
            case httpx2.ConnectTimeout():
                return Unreachable(
                    f"{where} could not be reached: no connection within {self._connect_seconds:.3g} s. Nothing was sent. "
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
                    f"{where} could not be reached ({_reason(fault)}). Nothing was sent. "
                    "Check the network and ASISSO_BASE_URL, then call again."
                )
            case httpx2.TimeoutException() | TimeoutError():
                return TimedOut(
                    f"The API took longer than {seconds:g} s to answer (ASISSO_TIMEOUT). Look again in a minute.",
                    executed=None,
                )
            case httpx2.DecodingError():
                return UnreadableReply(
                    "The API's answer could not be decoded: a proxy in between may have changed it. Check ASISSO_BASE_URL and "
                    "ASISSO_PROXY.",
                    executed=None,
                )
            case httpx2.UnsupportedProtocol() | httpx2.InvalidURL() | httpx2.LocalProtocolError() | UnicodeError():
                return Misconfigured(
                    "The request could not be built from the settings, so nothing was sent. Check ASISSO_BASE_URL and ASISSO_API_KEY."
                )
            case _:
                return Unreachable(
                    "The connection to the API was lost before its answer was complete. Look again in a moment.",
                    executed=None,
                )


def _without_secrets(content: bytearray, sent: Iterable[str]) -> bytearray:
    """An error's body in which an echoed credential is replaced: its words go on to people and logs."""
    for value in sent:
        secret = value.removeprefix("Bearer ").encode()
        if len(secret) >= SHORTEST_SECRET:
            content = content.replace(secret, b"[key hidden]")
    return content


@lru_cache(maxsize=256)
def _url(origin: str, path: str) -> httpx2.URL:
    """Parsed once for each campaign that is looked at: that is a good part of what a request costs."""
    return httpx2.URL(f"{origin}/api/v1{path}")


async def _bounded(response: httpx2.Response, max_bytes: int) -> bytearray:
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


def _chain(fault: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = fault
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def _innermost(fault: BaseException) -> BaseException:
    return _chain(fault)[-1]


def _reason(fault: BaseException) -> str:
    innermost = _innermost(fault)
    while isinstance(innermost, BaseExceptionGroup):  # one for each address that was tried
        innermost = innermost.exceptions[0]
    # asyncio's word for the second is a reset that the system knows nothing of.
    if isinstance(innermost, ssl.SSLEOFError) or (isinstance(innermost, ConnectionResetError) and not innermost.errno):
        return "it hung up in the TLS handshake"
    if isinstance(innermost, OSError) and innermost.errno:
        return os.strerror(innermost.errno) if innermost.errno > 0 else masked(innermost.strerror, 80)
    return masked(innermost, 80) or "it hung up"


def _is_tls(fault: BaseException) -> bool:
    """Only a failed handshake: a TLS error after it may have followed the request. To hang up is no verdict on trust."""
    return isinstance(fault, httpx2.ConnectError) and any(
        isinstance(link, ssl.SSLError) and not isinstance(link, ssl.SSLEOFError) for link in _chain(fault)
    )
