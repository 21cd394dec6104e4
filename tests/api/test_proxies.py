"""Which way a request takes: a proxy only outward, and settings that cannot work are told before anything is sent."""

from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from asisso_mcp.api.errors import Misconfigured
from asisso_mcp.config import Settings
from tests.api.scripted import CAMPAIGN, Scripted, answer, asking, failing, listening, raw, settings

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
        "The proxy did not let the request through, so nothing reached the API. Check ASISSO_PROXY (or HTTPS_PROXY)."
    )
    assert fault.executed is False
    assert {sent.line for sent in proxy.requests} == {"CONNECT app.asisso.com:443 HTTP/1.1"}
    assert {*proxy.requests[0].header("proxy-authorization")} == {"Basic bWU6cHc="}
    assert all(sent.header("x-api-key") == [] for sent in proxy.requests)


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
