"""Does the sandbox refuse in the recorded order, with the recorded words? Transport, keys and ids."""

import httpx2
import pytest

from asisso_mcp.sandbox import KEY, NO_TELEPHONY_KEY, OTHER_TENANT_KEY, TOKEN, Sandbox
from asisso_mcp.sandbox.seed import ORPHANED_KEY, OWNERLESS_KEY, REVOKED_KEY

NO_HEADER = {"detail": "Authorization header required"}
WRONG_KEY = {"detail": "Invalid or expired API key"}
WRONG_TOKEN = {"detail": "Invalid or expired token"}
NO_CAMPAIGN = {"detail": "Campaign not found"}
NO_PATH = {"detail": "Not Found"}
NO_TELEPHONY = {"detail": "You must configure telephony first by going to APP_URL/configure-telephony"}
COMPLETED = {"detail": "Cannot update a completed campaign"}
JSON = {"content-type": "application/json"}


@pytest.fixture
async def bare(sandbox: Sandbox) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=sandbox.transport(), base_url="http://sandbox/api/v1")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, NO_HEADER),
        ({"X-API-Key": ""}, NO_HEADER),
        ({"X-API-Key": "as_wrong"}, WRONG_KEY),
        ({"X-API-Key": REVOKED_KEY}, WRONG_KEY),
        ({"X-API-Key": OWNERLESS_KEY}, {"detail": "API key has no associated user"}),
        ({"X-API-Key": ORPHANED_KEY}, {"detail": "API key owner not found"}),
        ({"Authorization": f"Bearer {KEY}"}, WRONG_TOKEN),
        ({"X-API-Key": "as_wrong", "Authorization": f"Bearer {TOKEN}"}, WRONG_KEY),
    ],
)
async def test_a_caller_who_is_not_known_gets_the_recorded_401(
    bare: httpx2.AsyncClient, headers: dict[str, str], body: dict[str, str]
) -> None:
    for path in ("/campaign/3", "/campaign/abc"):
        answer = await bare.get(path, headers=headers)
        assert (answer.status_code, answer.json()) == (401, body)
        assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        [("x-api-key", KEY)],
        [("X-API-KEY", f"  {KEY} ")],
        [("X-API-Key", KEY), ("X-API-Key", "as_wrong")],
        [("Authorization", f"Bearer {TOKEN}")],
    ],
)
async def test_a_known_caller_is_let_in(bare: httpx2.AsyncClient, headers: list[tuple[str, str]]) -> None:
    assert (await bare.get("/campaign/3", headers=headers)).status_code == 200


async def test_a_key_in_the_query_counts_for_nothing(bare: httpx2.AsyncClient) -> None:
    assert (await bare.get("/campaign/3", params={"api_key": KEY})).json() == NO_HEADER


@pytest.mark.parametrize(
    ("key", "path", "content", "status", "answer"),
    [
        (None, "/campaign/3", '{"name":5}', 401, NO_HEADER),
        (None, "/campaign/3", b"\xff", 400, {"detail": "There was an error parsing the body"}),
        (KEY, "/campaign/9999", "{}", 404, NO_CAMPAIGN),
        (KEY, "/campaign/14", '{"max_concurrency":99}', 400, COMPLETED),
        (KEY, "/campaign/14", "{}", 400, COMPLETED),
        (KEY, "/campaign/6", "{}", 400, {"detail": "Cannot update a failed campaign"}),
        (KEY, "/campaign/3", "{}", 400, {"detail": "Cannot update a running campaign"}),
        (KEY, "/campaign/10", "{}", 400, {"detail": "Cannot update a syncing campaign"}),
    ],
)
async def test_the_first_check_that_fails_answers_a_patch(
    bare: httpx2.AsyncClient, key: str | None, path: str, content: str | bytes, status: int, answer: dict[str, str]
) -> None:
    headers = JSON | ({"X-API-Key": key} if key else {})
    got = await bare.patch(path, content=content, headers=headers)
    assert (got.status_code, got.json()) == (status, answer)


@pytest.mark.parametrize(
    ("key", "path", "content", "kinds"),
    [
        (None, "/campaign/3", "{", ["json_invalid"]),
        (KEY, "/campaign/abc", "{", ["json_invalid"]),
        (KEY, "/campaign/9999", '{"name":5}', ["string_type"]),
        (KEY, "/campaign/14", '{"max_concurrency":101}', ["less_than_equal"]),
        (KEY, "/campaign/abc", '{"name":5}', ["int_parsing", "string_type"]),
    ],
)
async def test_malformed_json_comes_before_the_key_and_validation_before_the_campaign(
    bare: httpx2.AsyncClient, key: str | None, path: str, content: str, kinds: list[str]
) -> None:
    got = await bare.patch(path, content=content, headers=JSON | ({"X-API-Key": key} if key else {}))
    assert got.status_code == 422
    assert [error["type"] for error in got.json()["detail"]] == kinds


async def test_a_tenant_without_telephony_is_told_so_for_any_id(bare: httpx2.AsyncClient) -> None:
    headers = {"X-API-Key": NO_TELEPHONY_KEY}
    for campaign in (201, 3, 9999):
        got = await bare.post(f"/campaign/{campaign}/resume", headers=headers)
        assert (got.status_code, got.json()) == (401, NO_TELEPHONY)
    assert (await bare.post("/campaign/9999/pause", headers=headers)).json() == NO_CAMPAIGN


async def test_another_tenants_campaign_does_not_exist(bare: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    other = {"X-API-Key": OTHER_TENANT_KEY}
    for method, path in [("GET", "4"), ("POST", "4/pause"), ("POST", "4/resume")]:
        got = await bare.request(method, f"/campaign/{path}", headers=other)
        assert (got.status_code, got.json()) == (404, NO_CAMPAIGN)
    got = await bare.patch("/campaign/4", json={"name": "Mine"}, headers=other)
    assert (got.status_code, got.json()) == (404, NO_CAMPAIGN)
    listed = (await bare.get("/campaign/", headers=other)).json()["campaigns"]
    assert [campaign["id"] for campaign in listed] == [102, 101]
    assert sandbox.campaign(4)["name"] == "Berlin appointment reminders"


@pytest.mark.parametrize(
    ("method", "path", "location"),
    [
        ("GET", "/campaign", "/campaign/"),
        ("GET", "/campaign/1/", "/campaign/1"),
        ("PATCH", "/campaign/1/", "/campaign/1"),
        ("POST", "/campaign/3/pause/", "/campaign/3/pause"),
    ],
)
async def test_a_slash_too_many_or_too_few_is_redirected_before_authentication(
    bare: httpx2.AsyncClient, method: str, path: str, location: str
) -> None:
    got = await bare.request(method, path)
    assert (got.status_code, got.content) == (307, b"")
    assert got.headers["location"] == f"http://sandbox/api/v1{location}"
    assert "content-type" not in got.headers


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/campaign/1", "GET"),
        ("DELETE", "/campaign/1", "GET"),
        ("OPTIONS", "/campaign/1", "GET"),
        ("GET", "/campaign/3/pause", "POST"),
    ],
)
async def test_a_wrong_method_is_405_with_a_misleading_allow(
    client: httpx2.AsyncClient, method: str, path: str, allow: str
) -> None:
    got = await client.request(method, path)
    assert (got.status_code, got.json(), got.headers["allow"]) == (405, {"detail": "Method Not Allowed"}, allow)
    assert (await client.head("/campaign/1")).status_code == 405


@pytest.mark.parametrize(
    "url", ["/api/v1//campaign/1", "/campaign/1", "/docs", "/openapi.json", "/api/v1/campaign/1/x"]
)
async def test_an_unknown_path_is_not_a_missing_campaign(client: httpx2.AsyncClient, url: str) -> None:
    got = await client.get(f"http://sandbox{url}")
    assert (got.status_code, got.json()) == (404, NO_PATH)


async def test_an_encoded_slash_is_routed_as_a_slash(client: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    assert (await client.post("/campaign/3%2Fpause")).status_code == 200
    assert sandbox.campaign(3)["state"] == "paused"


@pytest.mark.parametrize("written", ["abc", "1.5", "1e2", "true", "１", "%00"])
async def test_an_id_that_is_no_integer_is_422(client: httpx2.AsyncClient, written: str) -> None:
    got = await client.get(f"/campaign/{written}")
    assert got.status_code == 422
    assert got.json() == {
        "detail": [
            {
                "type": "int_parsing",
                "loc": ["path", "campaign_id"],
                "msg": "Input should be a valid integer, unable to parse string as an integer",
                "input": "\x00" if written == "%00" else written,
            }
        ]
    }


@pytest.mark.parametrize("written", ["0", "-1", "2147483647", "-2147483648"])
async def test_an_id_that_nobody_has_is_404(client: httpx2.AsyncClient, written: str) -> None:
    got = await client.get(f"/campaign/{written}")
    assert (got.status_code, got.json()) == (404, NO_CAMPAIGN)


@pytest.mark.parametrize("written", ["2147483648", "9223372036854775808", "100000000000000000000", "-2147483649"])
async def test_an_id_beyond_the_column_is_a_plain_500(client: httpx2.AsyncClient, written: str) -> None:
    for method, path in [("GET", ""), ("PATCH", ""), ("POST", "/pause"), ("POST", "/resume")]:
        got = await client.request(method, f"/campaign/{written}{path}", json={} if method == "PATCH" else None)
        assert (got.status_code, got.text) == (500, "Internal Server Error")
        assert got.headers["content-type"] == "text/plain; charset=utf-8"
        assert "vary" not in got.headers


@pytest.mark.parametrize(("written", "meant"), [("%201", 1), ("+1", 1), ("01", 1), ("1_0", 10), ("1.0", 1)])
async def test_a_lax_id_is_understood(client: httpx2.AsyncClient, written: str, meant: int) -> None:
    assert (await client.get(f"/campaign/{written}")).json()["id"] == meant


async def test_a_success_varies_by_origin_and_health_needs_no_key(bare: httpx2.AsyncClient) -> None:
    got = await bare.get("/health", headers={"Origin": "https://pages.example"})
    assert got.status_code == 200
    assert list(got.json())[:3] == ["status", "version", "backend_api_endpoint"]
    assert (got.headers["vary"], got.headers["access-control-allow-origin"]) == ("Origin", "*")
