"""Converts an error of httpx2 or of the system into an error for people.

Only errors that come before a connection stands say that nothing was sent: after that, the request may have been executed.
"""

import os
import ssl

import httpx2

from asisso_mcp.api.errors import (
    AsissoError,
    Misconfigured,
    SecureConnectionFailed,
    TimedOut,
    Unreachable,
    UnreadableReply,
)
from asisso_mcp.sanitize import redact


def to_api_error(
    fault: Exception, *, origin: str, timeout: float, connect_timeout: float, max_connections: int
) -> AsissoError:
    """The error for people. `executed` is False only where no connection stood, else None.

    Args:
        fault: what httpx2 raised, or the system.
        origin: scheme, host and port of the API.
        timeout: seconds for the whole request.
        connect_timeout: seconds for a connection.
        max_connections: requests that may be in flight at once.
    """
    if _is_failed_handshake(fault):
        return SecureConnectionFailed(redact(_chain(fault)[-1], 120))
    match fault:
        case httpx2.ConnectTimeout():
            return Unreachable(
                f"{origin} could not be reached: no connection within {connect_timeout:.3g} s. This request was not sent. "
                "Check the network (and ASISSO_PROXY, if you need one), then call again."
            )
        case httpx2.PoolTimeout():
            return Unreachable(
                f"Too many requests to the API are in progress ({max_connections} at once), so this one was not sent. "
                "Call again in a moment."
            )
        case httpx2.ProxyError():  # raised for a refused CONNECT alone
            return Unreachable(
                "The proxy did not let the request through, so this request did not reach the API. Check ASISSO_PROXY (or HTTPS_PROXY)."
            )
        case httpx2.ConnectError():
            return Unreachable(
                f"{origin} could not be reached ({_reason(fault)}). This request was not sent. "
                "Check the network and ASISSO_BASE_URL, then call again."
            )
        case httpx2.LocalProtocolError() | httpx2.UnsupportedProtocol():
            return request_not_built()
        case httpx2.TimeoutException() | TimeoutError():
            return TimedOut(
                f"The API took longer than {timeout:g} s to answer (ASISSO_TIMEOUT). Look again in a minute.",
                executed=None,
            )
        case httpx2.DecodingError():
            return UnreadableReply(
                "The API's answer could not be decoded: a proxy in between may have changed it. Check ASISSO_BASE_URL and "
                "ASISSO_PROXY.",
                executed=None,
            )
        case _:
            return Unreachable(
                "The connection to the API was lost before its answer was complete. Look again in a moment.",
                executed=None,
            )


def request_not_built() -> Misconfigured:
    """The error for a request that the settings make impossible: an address or a key that HTTP cannot carry."""
    return Misconfigured(
        "The request could not be built from the settings, so nothing was sent. Check ASISSO_BASE_URL and ASISSO_API_KEY."
    )


def _is_failed_handshake(fault: BaseException) -> bool:
    """Whether TLS was refused. Not after the handshake: then the request may have been sent. Hanging up is no verdict on trust."""
    return isinstance(fault, httpx2.ConnectError) and any(
        isinstance(each, ssl.SSLError) and not isinstance(each, ssl.SSLEOFError) for each in _chain(fault)
    )


def _reason(fault: BaseException) -> str:
    innermost = _chain(fault)[-1]
    while isinstance(innermost, BaseExceptionGroup):  # one for each address that was tried
        innermost = innermost.exceptions[0]
    # asyncio's word for the second is a reset that the system knows nothing of.
    if isinstance(innermost, ssl.SSLEOFError) or (isinstance(innermost, ConnectionResetError) and not innermost.errno):
        return "it hung up in the TLS handshake"
    if isinstance(innermost, OSError) and innermost.errno:
        return os.strerror(innermost.errno) if innermost.errno > 0 else redact(innermost.strerror, 80)
    return redact(innermost, 80) or "it hung up"


def _chain(fault: BaseException) -> list[BaseException]:
    """The error and what it was raised from, innermost last."""
    chain: list[BaseException] = []
    current: BaseException | None = fault
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain
