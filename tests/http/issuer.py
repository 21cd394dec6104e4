"""An OAuth issuer on loopback: metadata, a key set that can be rotated, and tokens of every kind."""

import json
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def _is_rsa(key: Any) -> bool:
    return isinstance(key, rsa.RSAPrivateKey)


class Loopback:
    """An HTTP server on loopback while the `with` block lasts; `origin` is where."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.origin = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)


class Issuer(Loopback):
    """`url` is the issuer; `asked` the paths that were requested, `keys` what it signs with.

    `up`: whether it answers; `drips`: it answers a byte at a time, without an end; `declares`: the `alg` of each of its keys.
    """

    def __init__(self, *, path: str = "", metadata: str = "oauth-authorization-server") -> None:
        self.keys: dict[str, Any] = {"first": ec.generate_private_key(ec.SECP256R1())}
        self.up = True
        self.drips = False
        self.declares: str | None = None
        self.asked: list[str] = []
        self.claims_to_be: str | None = None
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                found = issuer._pages().get(self.path) if issuer.up else None
                self.send_response(200 if found else 404 if issuer.up else 503)
                self.end_headers()
                with suppress(ConnectionError):  # whoever asked has had enough
                    while issuer.drips:
                        self.wfile.write(b" ")
                        time.sleep(0.005)
                    self.wfile.write(json.dumps(found or {}).encode())

            def log_message(self, *_: object) -> None: ...

        super().__init__(Handler)
        self.url = self.origin + path
        self._where = (
            f"/.well-known/oauth-authorization-server{path}"
            if metadata == "oauth-authorization-server"
            else f"{path}/.well-known/openid-configuration"
        )

    def _pages(self) -> dict[str, Any]:
        public = []
        for name, key in self.keys.items():
            kind = jwt.algorithms.RSAAlgorithm if _is_rsa(key) else jwt.algorithms.ECAlgorithm
            declared = {"alg": self.declares} if self.declares else {}
            public.append({**kind.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig", **declared})
        return {
            self._where: {"issuer": self.claims_to_be or self.url, "jwks_uri": f"{self.origin}/keys"},
            "/keys": {"keys": public},
        }

    def token(self, audience: str, *, key: str = "first", algorithm: str | None = None, **claims: Any) -> str:
        """A token as a well-behaved issuer gives it, with `claims` over it; None takes one out."""
        now = int(time.time())
        all_claims = {
            "iss": self.url,
            "aud": audience,
            "sub": "person-1",
            "client_id": "client-1",
            "iat": now,
            "exp": now + 300,
            "scope": "campaigns:read campaigns:write",
            **claims,
        }
        signer = self.keys[key]
        return jwt.encode(
            {name: value for name, value in all_claims.items() if value is not None},
            signer,
            algorithm=algorithm or ("RS256" if _is_rsa(signer) else "ES256"),
            headers={"kid": key},
        )

    def rotate(self, *, keep: bool) -> None:
        """Sign with a new key; `keep` leaves the old one in the set."""
        new = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys = {**(self.keys if keep else {}), "second": new}
