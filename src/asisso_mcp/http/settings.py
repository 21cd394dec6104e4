"""Settings of the HTTP server: flags and environment, checked once."""

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from asisso_mcp.config import HTTP_SETTINGS, SettingsError, is_loopback, split_url

AUTH = ("none", "passthrough", "token", "oauth")
"""The values of `--auth`."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]{1,5})?")
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class HttpSettings:
    """Checked settings of the HTTP server."""

    host: str = "127.0.0.1"
    port: int = 8000
    auth: str = "none"
    hosts: frozenset[str] = frozenset()
    """What the Host header may say."""
    origins: frozenset[str] = frozenset()
    """What the Origin header may say."""
    browsers: tuple[str, ...] = ()
    """Origins that get CORS headers: those named with --allow-origin."""
    workers: int = 1
    max_calls: int = 128
    """Calls that one process serves at once."""
    tokens: tuple[SecretStr, ...] = ()
    tokens_file: Path | None = None
    issuer: str = ""
    resource: str = ""
    audience: str = ""
    jwks_url: str | None = None

    @classmethod
    def of(
        cls,
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        auth: str = "none",
        allow_hosts: Iterable[str] = (),
        allow_origins: Iterable[str] = (),
        workers: int = 1,
        sandbox: bool = False,
        environment: Mapping[str, str] = os.environ,
    ) -> "HttpSettings":
        """Settings from command line options and environment. Raises SettingsError: what is refused, and what to do."""
        found = {setting.name: environment.get(setting.name, "").strip() for setting in HTTP_SETTINGS}
        named, browsers = tuple(allow_hosts), tuple(_browser_origin(origin) for origin in allow_origins)
        if auth not in AUTH:
            raise SettingsError(f"--auth must be one of {', '.join(AUTH)}.")
        if auth == "none" and not is_loopback(host):
            raise SettingsError(
                f"Listening on {host} without --auth would let everyone who reaches this port edit campaigns. Choose --auth "
                "passthrough, token or oauth, or listen on 127.0.0.1."
            )
        if not 0 <= port <= 65535:
            raise SettingsError("--port is a number from 0 (any free one) to 65535.")
        if not 1 <= workers <= 64:
            raise SettingsError("--workers is a number of processes from 1 to 64.")
        if workers > 1 and sandbox:
            raise SettingsError(
                "The built-in sandbox lives in one process. Serve it with one worker, or start `asisso-mcp sandbox --db FILE` "
                "and point ASISSO_BASE_URL at it."
            )
        if _is_any(host) and not named:
            raise SettingsError(
                f"Listening on {host} needs the names by which clients reach this server: --allow-host mcp.example.com "
                "(repeat it for more). Requests for another Host are refused."
            )
        issuer, resource = found["ASISSO_MCP_OAUTH_ISSUER"], found["ASISSO_MCP_RESOURCE_URL"]
        if auth == "oauth":
            _require_url("ASISSO_MCP_OAUTH_ISSUER", issuer, "https://login.example.com")
            _require_url("ASISSO_MCP_RESOURCE_URL", resource, "https://mcp.example.com/mcp")
            if found["ASISSO_MCP_OAUTH_JWKS_URL"]:
                _require_url("ASISSO_MCP_OAUTH_JWKS_URL", found["ASISSO_MCP_OAUTH_JWKS_URL"], "https://…/jwks.json")
        hosts = _hosts(host, port, named)
        tokens_file = found["ASISSO_MCP_TOKENS_FILE"]
        return cls(
            host=host,
            port=port,
            auth=auth,
            hosts=hosts,
            origins=frozenset((*browsers, *(f"http://{name}" for name in hosts if _is_own(name)))),
            browsers=browsers,
            workers=workers,
            max_calls=_calls(found["ASISSO_MCP_MAX_CALLS"]),
            tokens=tuple(SecretStr(each.strip()) for each in found["ASISSO_MCP_TOKENS"].split(",") if each.strip()),
            tokens_file=Path(tokens_file).expanduser() if tokens_file else None,
            issuer=issuer,
            resource=resource,
            audience=found["ASISSO_MCP_OAUTH_AUDIENCE"] or resource,
            jwks_url=found["ASISSO_MCP_OAUTH_JWKS_URL"] or None,
        )

    def with_port(self, port: int) -> "HttpSettings":
        """The same with the real port, known once port 0 is bound; the allowed hosts and origins carry it."""
        if self.port == port:
            return self

        def real(names: frozenset[str]) -> frozenset[str]:
            return frozenset(f"{name[:-2]}:{port}" if name.endswith(":0") else name for name in names)

        return replace(self, port=port, hosts=real(self.hosts), origins=real(self.origins))

    @property
    def url(self) -> str:
        """The URL of the endpoint on the address that is listened on."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/mcp"


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host


def _is_own(name: str) -> bool:
    """Whether pages of this host are of the same origin: those on loopback; all others must be named."""
    return is_loopback(name.rpartition(":")[0] if not name.endswith("]") and ":" in name else name)


def _hosts(host: str, port: int, named: Iterable[str]) -> frozenset[str]:
    """The allowed Host headers: this address and the loopback names with the port, and the names that were given.

    A name without a port is allowed with this server's port as well: proxies differ in what they pass on.
    """
    own = [f"[{host}]" if ":" in host else host] if not _is_any(host) else []
    allowed = {f"{name}:{port}" for name in (*own, *_LOOPBACK_NAMES)}
    if port == 80:
        allowed |= {*own, *_LOOPBACK_NAMES}
    for given in named:
        name = given.strip().lower()
        if not _HOST.fullmatch(name):
            raise SettingsError(
                f"--allow-host takes a host as it stands in a URL, such as mcp.example.com or mcp.example.com:8443, not {given!r}."
            )
        allowed.add(name)
        if not re.search(r":[0-9]+$", name.rpartition("]")[2]):
            allowed.add(f"{name}:{port}")
    return frozenset(each.lower() for each in allowed)


def _browser_origin(given: str) -> str:
    origin = given.strip().lower().rstrip("/")
    parts = split_url(origin)
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.path
        or parts.query
        or "@" in origin
    ):
        raise SettingsError(
            f"--allow-origin takes the origin of a page, such as https://chat.example.com, not {given!r}. Each is named in full."
        )
    return origin


def _require_url(name: str, given: str, example: str) -> None:
    parts = split_url(given)
    host = (parts and parts.hostname) or ""
    schemes = ("https", "http") if is_loopback(host) else ("https",)
    if not parts or not host or parts.scheme not in schemes or parts.query or parts.fragment or parts.username:
        raise SettingsError(f"--auth oauth needs {name}: an https URL such as {example} (http on loopback only).")


def _calls(given: str) -> int:
    if not given:
        return 128
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:9]) <= 10_000:
        raise SettingsError("ASISSO_MCP_MAX_CALLS is a number of calls from 1 to 10000.")
    return int(given)
