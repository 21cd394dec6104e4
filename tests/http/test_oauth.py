"""`--auth oauth`: tokens of a real issuer on loopback, and scopes that decide what is listed and callable."""

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from asisso_mcp.http.auth import jwks
from asisso_mcp.sandbox import RunningServer
from tests.http.issuer import Issuer
from tests.http.served import ERAS, OPTIONS, Served, connected, legacy, modern, post, settings_for

RESOURCE = "https://mcp.example.com/mcp"
METADATA = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
LIST = modern("tools/list")
READ = modern("tools/call", name="get_campaign", arguments={"campaign_id": 3})
WRITE = {era: make("tools/call", name="pause_campaign", arguments={"campaign_id": 3})
         for era, make in (("2026", modern), ("2025", legacy))}  # fmt: skip


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


def serving(api: RunningServer, issuer: Issuer, **more: str) -> Served:
    environment = {"ASISSO_MCP_OAUTH_ISSUER": issuer.url, "ASISSO_MCP_RESOURCE_URL": RESOURCE, **more}
    return Served(settings_for(api.url), auth="oauth", environment=environment)


@pytest.fixture
def served(api: RunningServer, issuer: Issuer) -> Iterator[Served]:
    with serving(api, issuer) as served:
        yield served


def status(served: Served, token: str, request: Any = LIST) -> int:
    return post(served.url, request, authorization=f"Bearer {token}").status_code


@pytest.mark.parametrize("era", ERAS)
async def test_scopes_decide_which_tools_are_listed_and_callable(served: Served, issuer: Issuer, era: str) -> None:
    both, reading = issuer.token(RESOURCE), issuer.token(RESOURCE, scope="campaigns:read")
    async with connected(served.url, era, authorization=f"Bearer {both}") as client:
        all_tools = [tool.name for tool in (await client.list_tools()).tools]
        assert not (await client.call_tool("pause_campaign", {"campaign_id": 3})).is_error
    async with connected(served.url, era, authorization=f"Bearer {reading}") as client:
        listed = await client.list_tools()
        assert not (await client.call_tool("get_campaign", {"campaign_id": 3})).is_error
    assert all_tools == ["list_campaigns", "get_campaign", "update_campaign", "pause_campaign", "resume_campaign"]
    assert [tool.name for tool in listed.tools] == ["list_campaigns", "get_campaign"]
    if era == "auto":
        assert listed.cache_scope == "private"  # another caller may see more


@pytest.mark.parametrize("era", WRITE)
def test_a_write_without_its_scope_is_answered_with_403(
    served: Served, issuer: Issuer, era: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = issuer.token(RESOURCE, scope="campaigns:read")
    answer = post(served.url, WRITE[era], authorization=f"Bearer {token}")
    assert (answer.status_code, answer.json()) == (403, {"error": "The token does not allow this."})
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="asisso-mcp", error="insufficient_scope", scope="campaigns:read campaigns:write", '
        f'resource_metadata="{METADATA}"'
    )
    served.end()
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ["refused 403 POST /mcp from 127.0.0.1: the token lacks the scope campaigns:write"]
    assert token not in caplog.text


def test_a_token_without_any_of_our_scopes_is_answered_with_403(served: Served, issuer: Issuer) -> None:
    for scope in ("", "campaigns", "campaigns:write", "openid campaigns:reader"):
        assert status(served, issuer.token(RESOURCE, scope=scope)) == 403


def test_scopes_may_be_a_list_as_some_issuers_write_them(served: Served, issuer: Issuer) -> None:
    token = issuer.token(RESOURCE, scope=None, scp=["campaigns:read"])
    assert (status(served, token), status(served, token, WRITE["2026"])) == (200, 403)


def test_without_a_token_the_answer_says_where_to_get_one(served: Served, issuer: Issuer) -> None:
    answer = post(served.url, LIST)
    metadata = httpx2.get(f"{served.origin}/.well-known/oauth-protected-resource/mcp", **OPTIONS).json()
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == (
        f'Bearer realm="asisso-mcp", scope="campaigns:read campaigns:write", resource_metadata="{METADATA}"'
    )
    assert metadata == {
        "resource": RESOURCE,
        "authorization_servers": [issuer.url],
        "scopes_supported": ["campaigns:read", "campaigns:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "asisso-mcp",
    }


def test_no_other_token_is_believed(api: RunningServer, issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    now = int(time.time())
    with Issuer() as stranger, serving(api, issuer) as served:
        good = issuer.token(RESOURCE)
        header, claims, signature = good.split(".")
        raised = json.loads(base64.urlsafe_b64decode(claims + "=="))
        changed = base64.urlsafe_b64encode(json.dumps({**raised, "sub": "someone-else"}).encode()).decode().rstrip("=")
        public = issuer.keys["first"].public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        forged_head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"first","typ":"JWT"}').decode().rstrip("=")
        mac = hmac.new(pem, f"{forged_head}.{claims}".encode(), hashlib.sha256).digest()
        confused = f"{forged_head}.{claims}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        refused = {
            "expired": issuer.token(RESOURCE, exp=now - 60),
            "without an end": issuer.token(RESOURCE, exp=None),
            "not valid yet": issuer.token(RESOURCE, nbf=now + 120),
            "for another audience": issuer.token("https://other.example.com/mcp"),
            "for no audience": issuer.token(RESOURCE, aud=None),
            "of another issuer": issuer.token(RESOURCE, iss="https://login.example.com"),
            "signed by a stranger": stranger.token(RESOURCE, iss=issuer.url),
            "changed on the way": f"{header}.{changed}.{signature}",
            "without a signature": jwt.encode({**raised}, None, algorithm="none", headers={"kid": "first"}),
            "signed with the public key as a secret": confused,
            "of an unknown key": jwt.encode(raised, issuer.keys["first"], algorithm="ES256", headers={"kid": "third"}),
            "no JWT": "a-token-that-is-none",
            "nothing": ".",
        }
        assert status(served, good) == 200
        assert {why: status(served, token) for why, token in refused.items()} == dict.fromkeys(refused, 401)
        answer = post(served.url, LIST, authorization=f"Bearer {refused['expired']}")
    assert answer.headers["www-authenticate"] == (
        f'Bearer realm="asisso-mcp", error="invalid_token", resource_metadata="{METADATA}"'
    )
    assert all(token not in caplog.text for token in (good, *refused.values()) if len(token) > 1)


def test_a_key_that_names_no_algorithm_signs_with_each_of_its_kind(served: Served, issuer: Issuer) -> None:
    issuer.rotate(keep=True)
    algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
    tokens = [issuer.token(RESOURCE, key="second", algorithm=algorithm) for algorithm in algorithms]
    assert [status(served, token) for token in tokens] == [200] * 6
    assert status(served, issuer.token(RESOURCE)) == 200


def test_a_key_that_names_its_algorithm_signs_with_no_other(served: Served, issuer: Issuer) -> None:
    issuer.rotate(keep=False)
    issuer.declares = "PS256"
    named, other = (issuer.token(RESOURCE, key="second", algorithm=algorithm) for algorithm in ("PS256", "RS256"))
    assert (status(served, named), status(served, other)) == (200, 401)


def test_an_audience_of_its_own_may_be_set(api: RunningServer, issuer: Issuer) -> None:
    with serving(api, issuer, ASISSO_MCP_OAUTH_AUDIENCE="api://asisso") as served:
        assert (status(served, issuer.token("api://asisso")), status(served, issuer.token(RESOURCE))) == (200, 401)
        assert status(served, issuer.token("api://asisso", aud=["other", "api://asisso"])) == 200


def test_the_keys_are_asked_for_once_and_again_when_they_rotate(
    served: Served, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = issuer.token(RESOURCE)
    assert [status(served, old) for _ in range(5)] == [200] * 5
    assert issuer.asked == ["/.well-known/oauth-authorization-server", "/keys"]
    issuer.rotate(keep=True)
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0)
    assert status(served, issuer.token(RESOURCE, key="second")) == 200
    assert status(served, old) == 200
    assert issuer.asked[2:] == ["/keys"]


def test_unknown_keys_do_not_turn_into_requests_to_the_issuer(served: Served, issuer: Issuer) -> None:
    assert status(served, issuer.token(RESOURCE)) == 200
    for number in range(20):
        claims = {"iss": issuer.url, "aud": RESOURCE, "exp": int(time.time()) + 60}
        token = jwt.encode(claims, issuer.keys["first"], algorithm="ES256", headers={"kid": f"made-up-{number}"})
        assert status(served, token) == 401
    assert issuer.asked == ["/.well-known/oauth-authorization-server", "/keys"]


def test_a_withdrawn_key_is_refused_once_the_keys_are_asked_for_again(
    served: Served, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = issuer.token(RESOURCE)
    assert status(served, old) == 200
    issuer.rotate(keep=False)
    assert status(served, old) == 200
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(jwks, "FRESH_SECONDS", 0)
    assert status(served, old) == 401


def test_an_issuer_that_is_down_is_not_the_callers_fault(
    served: Served, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0)
    issuer.up = False
    token = issuer.token(RESOURCE)
    answer = post(served.url, LIST, authorization=f"Bearer {token}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert answer.json() == {"error": "Tokens cannot be checked at the moment. Try again shortly."}
    issuer.up = True
    assert status(served, token) == 200
    issuer.up = False
    monkeypatch.setattr(jwks, "FRESH_SECONDS", 0)
    assert status(served, token) == 200  # known keys outlive an outage


def test_a_login_does_not_wait_for_an_issuer_that_sends_a_byte_at_a_time(
    api: RunningServer, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 0.5)
    issuer.drips = True
    with serving(api, issuer) as served:
        answers = [post(served.url, LIST, authorization=f"Bearer {issuer.token(RESOURCE)}") for _ in range(3)]
    issuer.drips = False
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(503, "10")] * 3
    assert issuer.asked == ["/.well-known/oauth-authorization-server"]
    assert "The OAuth issuer's keys could not be read: it did not answer in time" in caplog.text


def test_metadata_of_another_issuer_is_not_followed(served: Served, issuer: Issuer) -> None:
    issuer.claims_to_be = "https://login.example.com"
    assert status(served, issuer.token(RESOURCE)) == 503
    assert "/keys" not in issuer.asked


@pytest.mark.parametrize("metadata", ["oauth-authorization-server", "openid-configuration"])
def test_an_issuer_with_a_path_is_found_in_both_ways(api: RunningServer, metadata: str) -> None:
    with Issuer(path="/realms/team", metadata=metadata) as issuer, serving(api, issuer) as served:
        assert status(served, issuer.token(RESOURCE)) == 200


def test_the_place_of_the_keys_may_be_set(api: RunningServer, issuer: Issuer) -> None:
    with serving(api, issuer, ASISSO_MCP_OAUTH_JWKS_URL=f"{issuer.origin}/keys") as served:
        assert status(served, issuer.token(RESOURCE)) == 200
    assert issuer.asked == ["/keys"]
