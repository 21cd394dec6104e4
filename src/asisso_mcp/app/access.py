"""Who may use the dashboard: the browser of the person who started it, and no other page or machine."""

import secrets
from collections.abc import Mapping
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie


class Access:
    """The secret in the address, which works once, and the cookie that a browser gets for it.

    Args:
        port: of this server; browsers share cookies between ports, so that it is part of the cookie's name.
    """

    def __init__(self, port: int) -> None:
        self.hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._cookie_name = f"asisso_dashboard_{port}"
        self._cookie = secrets.token_urlsafe(32)
        self._address_secret = secrets.token_urlsafe(32)
        self.address = f"http://127.0.0.1:{port}/?key={self._address_secret}"
        """Where to go with a browser that has no cookie yet."""

    def exchange(self, key: str) -> str | None:
        """The `Set-Cookie` header for the secret of the address, which then is another; None for a wrong one."""
        if not compare_digest(key.encode(), self._address_secret.encode()):
            return None
        spent, self._address_secret = self._address_secret, secrets.token_urlsafe(32)
        self.address = self.address.replace(spent, self._address_secret)
        return f"{self._cookie_name}={self._cookie}; Path=/; HttpOnly; SameSite=Strict"

    def problem(self, method: str, headers: Mapping[str, str]) -> str | None:
        """Why a request with these headers is refused; None when it is not. The cookie is asked for apart from it."""
        host = headers.get("host", "")
        if host not in self.hosts:
            return "This address is not the one of the dashboard."
        if method not in ("GET", "HEAD") and headers.get("origin") != f"http://{host}":
            return "The request does not come from the dashboard's own page."
        return None

    def has_cookie(self, header: str) -> bool:
        """Whether a `Cookie` header has the cookie of this process."""
        try:
            found = SimpleCookie(header).get(self._cookie_name)
        except CookieError:
            return False
        return found is not None and compare_digest(found.value.encode(), self._cookie.encode())
