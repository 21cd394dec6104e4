"""Which way do requests go out? Straight to the API, or through the proxy that the settings or the environment name."""

import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from urllib.request import getproxies

import httpx2

from asisso_mcp.api.errors import Misconfigured
from asisso_mcp.api.pool import Pool
from asisso_mcp.api.untrusted import masked
from asisso_mcp.config import Settings

MAX_CONNECTIONS = 16
"""Requests in flight at once, per process."""
KEEP_ALIVE_SECONDS = 4.0
"""The API closes idle connections after 5 s (observed); a reused dying connection makes a write's outcome unknown."""


def way_out(settings: Settings) -> httpx2.AsyncBaseTransport:
    """Raises Misconfigured; httpx2.InvalidURL, ValueError, ImportError or OSError for a proxy or trust that cannot be used."""
    trust: ssl.SSLContext | None = None
    if settings.base_url.startswith("https:"):  # else no TLS is spoken: reading the trust store takes 25 ms
        trust = _trusting(settings.ca_file) if settings.ca_file is not None else httpx2.create_ssl_context()
        trust.set_alpn_protocols(["http/1.1"])
    # Proxies are for the way out: what stays on this machine does not take one.
    if not settings.is_loopback and (settings.proxy is not None or _names_a_proxy()):
        return _Proxied(settings.proxy.get_secret_value() if settings.proxy else None, trust)
    return Pool(trust=trust, connections=MAX_CONNECTIONS, keep_alive=KEEP_ALIVE_SECONDS)


def _names_a_proxy() -> bool:
    """Whether the environment, or the operating system, names any that a request might take; httpx2 knows which do."""
    found = getproxies()
    return any(found.get(scheme) for scheme in ("http", "https", "all"))


class _Proxied(httpx2.AsyncBaseTransport):
    """httpx2's client as a transport. Without a `proxy` it takes those of the environment (HTTPS_PROXY, NO_PROXY …)."""

    def __init__(self, proxy: str | None, trust: ssl.SSLContext | None) -> None:
        self._http = httpx2.AsyncClient(
            proxy=proxy,
            verify=trust or True,
            limits=httpx2.Limits(
                max_connections=MAX_CONNECTIONS,
                max_keepalive_connections=MAX_CONNECTIONS,
                keepalive_expiry=KEEP_ALIVE_SECONDS,
            ),
            follow_redirects=False,
            # Tenants share its connections: a cookie of one must not travel with another's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._http.send(request, stream=True)

    async def aclose(self) -> None:
        await self._http.aclose()


def _trusting(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as problem:
        reason = masked(problem.strerror or problem, 120)
    raise Misconfigured(
        f"ASISSO_CA_FILE cannot be used ({reason}), so nothing was sent. It must be a readable PEM file of CA certificates."
    )
