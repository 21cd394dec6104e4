"""Which way a request takes: a proxy only outward, and settings that cannot work are told before anything is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from asisso_mcp.api.errors import Misconfigured
from asisso_mcp.config import Settings
from tests.api.conftest import Resolving
from tests.api.scripted import CAMPAIGN, KEY, Scripted, answer, asking, failing, listening, raw, serving, settings
from tests.api.test_tls import certificate

ABOUT_THE_BODY = {"content-length", "content-type", "connection"}

CANNOT_BE_SET_UP = (
    "The connection to the API cannot be set up, so nothing was sent. Check ASISSO_BASE_URL, ASISSO_PROXY (or HTTPS_PROXY and "
    "ALL_PROXY: http:// and https:// proxies work) and SSL_CERT_FILE."
)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "ftp://127.0.0.1", "http://user:pass@proxy:port"])
async def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking(settings(proxy=SecretStr(proxy))) as client:
        fault = await failing(lambda: client.pause(3))
    assert (type(fault), fault.text) == (Misconfigured, CANNOT_BE_SET_UP)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with asking(settings()) as client:
        fault = await failing(lambda: client.pause(3))
    assert (type(fault), fault.text, fault.executed) == (Misconfigured, CANNOT_BE_SET_UP, False)


async def test_no_proxy_is_asked_for_what_stays_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(raw(200, {**CAMPAIGN, "name": "of the proxy"})) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        async with listening(raw(200, CAMPAIGN)) as api:
            for asked in (settings(api.origin), settings(api.origin, proxy=SecretStr(proxy.origin))):
                async with asking(asked) as client:
                    assert (await client.get(3)).name == "Spring promo"
        # A transport of one's own takes no proxy either, not even a chosen one.
        inside = Scripted(answer(200, CAMPAIGN), settings=settings(proxy=SecretStr(proxy.origin)))
        assert (await inside.client.get(3)).name == "Spring promo"
        assert proxy.connections == 0


async def test_a_proxy_that_refuses_is_told_and_learns_the_hosts_name_but_not_the_key(waits: list[float]) -> None:
    async with listening(raw(407, b"no")) as proxy:
        outward = settings("https://app.asisso.com", proxy=SecretStr(proxy.origin.replace("//", "//me:pw@")))
        async with asking(outward) as client:
            fault = await failing(lambda: client.pause(3))
    assert fault.text == (
        "The proxy did not let the request through, so this request did not reach the API. Check ASISSO_PROXY (or HTTPS_PROXY)."
    )
    assert fault.executed is False
    assert {sent.line for sent in proxy.requests} == {"CONNECT app.asisso.com:443 HTTP/1.1"}
    assert {*proxy.requests[0].header("proxy-authorization")} == {"Basic bWU6cHc="}
    assert all(sent.header("x-api-key") == [] for sent in proxy.requests)


@pytest.mark.parametrize("named_by", ["setting", "environment"])
async def test_through_a_proxy_requests_arrive_as_they_do_without_one(
    named_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = certificate(tmp_path, "api.example")
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    counted = raw(200, CAMPAIGN, headers="set-cookie: mine=1\r\n")
    async with listening(counted, tls=signed.server) as api, tunnelling(api.port) as (proxy, asked_for):
        outward = settings("https://api.example", timeout=30, ca_file=signed.pem)
        if named_by == "setting":
            outward = replace(outward, proxy=SecretStr(proxy))
        else:
            monkeypatch.setenv("HTTPS_PROXY", proxy)
        async with asking(outward) as client:
            for _ in range(2):
                assert (await client.get(3)).name == "Spring promo"
            assert (await client.patch(3, {"name": "x"})).name == "Spring promo"
    assert asked_for == ["CONNECT api.example:443 HTTP/1.1"]
    assert [(sent.connection, sent.line, sent.body) for sent in api.requests] == [
        (1, "GET /api/v1/campaign/3 HTTP/1.1", b""),
        (1, "GET /api/v1/campaign/3 HTTP/1.1", b""),
        (1, "PATCH /api/v1/campaign/3 HTTP/1.1", b'{"name":"x"}'),
    ]
    for sent in api.requests:
        assert {name.lower(): value for name, value in sent.headers if name.lower() not in ABOUT_THE_BODY} == {
            "host": "api.example",
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": "asisso-mcp",
            "x-api-key": KEY,
        }


async def test_a_host_that_the_environment_excepts_is_asked_without_the_proxy(
    monkeypatch: pytest.MonkeyPatch, resolving: Resolving
) -> None:
    async with listening(raw(407, b"no")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        monkeypatch.setenv("NO_PROXY", "api.example")
        resolving()
        async with asking(settings("https://api.example")) as client:
            fault = await failing(lambda: client.pause(3))
    assert fault.text.startswith("https://api.example could not be reached (Name or service not known)")
    assert proxy.connections == 0


@asynccontextmanager
async def tunnelling(port: int) -> AsyncIterator[tuple[str, list[str]]]:
    """A proxy whose every tunnel leads to `port` on this machine; its origin, and the first line of what it was asked."""
    asked_for: list[str] = []

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while piece := await source.read(65_536):
            target.write(piece)
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked_for.append((await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")[0])
        onward, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(copy(reader, back), copy(onward, writer), return_exceptions=True)
        finally:
            back.close()

    async with serving(serve) as proxy:
        yield f"http://127.0.0.1:{proxy}", asked_for


async def test_a_ca_file_that_is_gone_or_is_no_certificate_is_told_as_that(tmp_path: Path) -> None:
    garbage = tmp_path / "ca.pem"
    garbage.write_text("not a certificate")
    reasons = {tmp_path / "gone.pem": "No such file or directory", garbage: "[X509"}
    for file, reason in reasons.items():
        asked = Settings(api_key=SecretStr("as_x"), ca_file=file)
        async with asking(asked) as client:
            fault = await failing(partial(client.pause, 3))
        assert type(fault) is Misconfigured
        assert fault.text.startswith(f"ASISSO_CA_FILE cannot be used ({reason}")
        assert fault.text.endswith("), so nothing was sent. It must be a readable PEM file of CA certificates.")
        assert fault.executed is False
