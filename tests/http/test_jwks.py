"""The cache of the issuer's keys, while a fetch takes its time."""

import json
from collections.abc import AsyncIterator

import anyio
import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from asisso_mcp.http.auth import jwks
from asisso_mcp.http.auth.jwks import JwksCache, JwksUnavailable

PUBLIC_KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
KEY_SET = {"keys": [{**jwt.algorithms.ECAlgorithm.to_jwk(PUBLIC_KEY, as_dict=True), "kid": "first", "use": "sig"}]}


class SlowIssuer(httpx2.AsyncBaseTransport):
    """Answers with its keys, or, while `hangs`, with a byte now and then and no end."""

    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs
        self.asked = 0
        self.is_asked = anyio.Event()

    async def handle_async_request(self, _: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        self.is_asked.set()
        return httpx2.Response(200, content=self._drip() if self.hangs else json.dumps(KEY_SET).encode())

    async def _drip(self) -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await anyio.sleep(0.001)


async def test_many_who_log_in_at_once_wait_for_one_fetch_even_when_it_outlasts_the_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 0.1)
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0.05)
    issuer = SlowIssuer(hangs=True)
    cache = JwksCache("https://login.example.com", jwks_url="https://login.example.com/keys", transport=issuer)

    async def log_in() -> None:
        with pytest.raises(JwksUnavailable):
            await cache.find("first")

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(log_in)
    assert issuer.asked == 1


async def test_known_keys_serve_while_somebody_fetches_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = SlowIssuer(hangs=False)
    cache = JwksCache("https://login.example.com", jwks_url="https://login.example.com/keys", transport=issuer)
    known = await cache.find("first")
    assert known is not None
    issuer.hangs, issuer.is_asked = True, anyio.Event()
    monkeypatch.setattr(jwks, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cache.find, "first")
        await issuer.is_asked.wait()
        with anyio.fail_after(1):
            assert [await cache.find("first") for _ in range(5)] == [known] * 5
        tasks.cancel_scope.cancel()
    assert issuer.asked == 2


async def test_what_is_no_key_is_passed_over() -> None:
    good = KEY_SET["keys"][0]
    listed = [
        None,
        [],
        {},
        {"kty": "RSA"},
        {**good, "kid": ["a", "list"]},
        {**good, "use": "enc", "kid": "second"},
        good,
    ]
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json={"keys": listed}))
    cache = JwksCache("https://login.example.com", jwks_url="https://login.example.com/keys", transport=transport)
    assert await cache.find("first") is not None
    assert await cache.find("second") is None
