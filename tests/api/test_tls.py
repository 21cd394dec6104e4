"""Whom the client trusts: the system's authorities, or those of ASISSO_CA_FILE; and which TLS faults prove that nothing was sent."""

import asyncio
import datetime
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import anyio
import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from asisso_mcp.api.errors import AsissoError, SecureConnectionFailed, Unreachable
from asisso_mcp.config import Settings
from tests.api.scripted import (
    BOUND_SECONDS,
    CAMPAIGN,
    DROP,
    Raw,
    Scripted,
    answer,
    asking,
    failing,
    listening,
    raw,
    serving,
    settings,
)


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate, its own authority, and a server that shows it."""

    pem: Path
    server: ssl.SSLContext


def certificate(folder: Path, host: str = "127.0.0.1") -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_subject(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / f"{host}.pem", folder / f"{host}.key"
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem, private)
    return Certificate(pem, server)


def _subject(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@pytest.fixture
def signed(tmp_path: Path) -> Certificate:
    return certificate(tmp_path)


async def pausing(asked: Settings) -> AsissoError:
    async with asking(asked) as client:
        with anyio.fail_after(BOUND_SECONDS), pytest.raises(AsissoError) as caught:
            await client.pause(3)
    return caught.value


def insecure(reason: str) -> str:
    return (
        f"No secure connection to the Asisso API could be made ({reason}), so this request was not sent. If your network inspects TLS, "
        "point ASISSO_CA_FILE to your organisation's CA certificates (PEM)."
    )


async def test_a_server_that_the_ca_file_vouches_for_is_asked(signed: Certificate) -> None:
    async with (
        listening(raw(200, CAMPAIGN), tls=signed.server) as api,
        asking(settings(api.origin, ca_file=signed.pem)) as client,
    ):
        assert (await client.get(3)).name == "Spring promo"
        assert (await client.pause(3)).id == 3
    assert api.connections == 1


async def test_a_self_signed_server_gets_no_request_and_the_way_out_is_told(signed: Certificate) -> None:
    async with listening(raw(200, CAMPAIGN), tls=signed.server) as api:
        fault = await pausing(settings(api.origin))
    assert type(fault) is SecureConnectionFailed
    assert fault.text.startswith(insecure("")[: insecure("").index(")")])
    assert "self-signed certificate" in fault.text or "self signed certificate" in fault.text
    assert fault.text.endswith(insecure("")[insecure("").index("), so") :])
    assert fault.executed is False
    assert api.requests == []


async def test_a_certificate_for_another_host_gets_no_request(tmp_path: Path) -> None:
    other = certificate(tmp_path, "127.0.0.2")
    async with listening(raw(200, CAMPAIGN), tls=other.server) as api:
        fault = await pausing(settings(api.origin, ca_file=other.pem))
    assert type(fault) is SecureConnectionFailed
    assert "CERTIFICATE_VERIFY_FAILED" in fault.text
    assert api.requests == []


async def test_a_server_that_hangs_up_in_the_handshake_could_not_be_reached() -> None:
    async with listening(DROP) as api:
        fault = await pausing(settings(api.origin.replace("http:", "https:")))
    assert type(fault) is Unreachable
    assert fault.text == (
        f"{api.origin.replace('http:', 'https:')} could not be reached (it hung up in the TLS handshake). This request was not sent. "
        "Check the network and ASISSO_BASE_URL, then call again."
    )
    assert fault.executed is False


async def test_a_server_that_speaks_no_tls_is_told_as_no_secure_connection_and_is_asked_once() -> None:
    async with listening(Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n", "close")) as api:
        fault = await pausing(settings(api.origin.replace("http:", "https:")))
    assert type(fault) is SecureConnectionFailed
    assert "WRONG_VERSION_NUMBER" in fault.text
    assert fault.executed is False
    assert [sent.line for sent in api.requests] == ["a TLS greeting"]


async def test_a_server_that_refuses_the_client_after_its_handshake_leaves_the_outcome_unknown(
    signed: Certificate,
) -> None:
    # TLS 1.3: the server's refusal of a missing client certificate arrives after the request has been sent.
    signed.server.minimum_version = ssl.TLSVersion.TLSv1_3
    signed.server.verify_mode = ssl.CERT_REQUIRED
    signed.server.load_verify_locations(signed.pem)
    async with listening(raw(200, CAMPAIGN), tls=signed.server) as api:
        fault = await pausing(settings(api.origin, ca_file=signed.pem))
    assert type(fault) is Unreachable
    assert fault.executed is None
    assert api.requests == []


async def test_the_trust_store_is_read_once_by_the_first_request_that_speaks_tls(
    signed: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[ssl.SSLContext] = []
    create = httpcore2.default_ssl_context

    def reading(**options: Any) -> ssl.SSLContext:
        read.append(create(**options))
        return read[-1]

    monkeypatch.setattr(httpcore2, "default_ssl_context", reading)
    await Scripted(answer(200, CAMPAIGN)).client.get(3)  # https, but in process
    async with listening(raw(200, CAMPAIGN)) as api, asking(settings(api.origin)) as client:
        await client.get(3)
    async with listening(raw(200, CAMPAIGN), tls=signed.server) as api, asking(settings(api.origin)) as client:
        assert read == []
        for _ in range(2):
            assert type(await failing(lambda: client.pause(3))) is SecureConnectionFailed
        assert len(read) == 1


async def test_over_tls_http_1_1_is_agreed_on(signed: Certificate) -> None:
    signed.server.set_alpn_protocols(["h2", "http/1.1"])
    agreed: list[str | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        agreed.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        writer.write(raw(200, CAMPAIGN).written)

    async with (
        serving(serve, tls=signed.server) as port,
        asking(settings(f"https://127.0.0.1:{port}", ca_file=signed.pem)) as client,
    ):
        assert (await client.get(3)).name == "Spring promo"
    assert agreed == ["http/1.1"]
