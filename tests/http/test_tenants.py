"""Two tenants at once: nothing of the one is ever in an answer to the other."""

import gc

import pytest
from mcp_types import ResourceTemplateReference
from pydantic import SecretStr

from asisso_mcp.api.errors import KeyMissing
from asisso_mcp.campaigns.policy import Caller
from asisso_mcp.sandbox import KEY, OTHER_TENANT_KEY, RunningServer, Sandbox
from asisso_mcp.tools import services as desks
from asisso_mcp.tools.services import TenantServices
from tests.conftest import SETTINGS
from tests.http.load import measure
from tests.http.served import ERAS, Served, connected, settings_for

ONE, OTHER = Caller(api_key=SecretStr(KEY)), Caller(api_key=SecretStr(OTHER_TENANT_KEY))


@pytest.mark.slow
async def test_thousands_of_interleaved_calls_leak_nothing() -> None:
    outcome = await measure(clients=16, calls=2000)
    assert (outcome.calls, outcome.errors, outcome.leaks) == (2000, [], [])


async def test_tenants_share_connections_and_nothing_else(sandbox: Sandbox) -> None:
    services = TenantServices(SETTINGS, transport=sandbox.transport(), uses_caller_keys=True)
    one, other = services.service_for(ONE), services.service_for(OTHER)
    assert one is not other
    assert one is services.service_for(Caller(api_key=SecretStr(KEY)))
    assert {campaign.id for campaign in await one.list()} == set(range(1, 15))
    assert {campaign.id for campaign in await other.list()} == {101, 102}
    await services.close()


async def test_where_uses_caller_keys_a_call_without_one_fails(sandbox: Sandbox) -> None:
    services = TenantServices(SETTINGS, transport=sandbox.transport(), uses_caller_keys=True)
    with pytest.raises(KeyMissing):
        await services.service.list()
    await services.close()


def test_only_so_many_tenants_are_remembered(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "KEPT_TENANTS", 2)
    services = TenantServices(SETTINGS, transport=sandbox.transport(), uses_caller_keys=True)
    held = services.service_for(ONE)
    services.service_for(OTHER)
    for number in range(5):
        services.service_for(Caller(api_key=SecretStr(f"key-{number}")))
    gc.collect()
    assert len(services._services) == 3  # the one that is in use, and the two that asked last
    assert services.service_for(ONE) is held  # a call in progress and a new one share their locks


def test_no_key_is_kept_as_a_name(sandbox: Sandbox) -> None:
    services = TenantServices(SETTINGS, transport=sandbox.transport(), uses_caller_keys=True)
    services.service_for(ONE)
    assert KEY not in repr(vars(services))


@pytest.mark.parametrize("era", ERAS)
async def test_resources_and_completions_are_the_callers_own(api: RunningServer, era: str) -> None:
    async def seen(key: str) -> str:
        async with connected(served.url, era, **{"x-api-key": key}) as client:
            listed = await client.list_resources()
            read = await client.read_resource("asisso://campaigns")
            reference = ResourceTemplateReference(uri="asisso://campaigns/{campaign_id}")
            completed = await client.complete(reference, {"name": "campaign_id", "value": "1"})
            return f"{listed.resources} {read.contents} {completed.completion.values}"

    with Served(settings_for(api.url, key=None), auth="passthrough") as served:
        one, other = await seen(KEY), await seen(OTHER_TENANT_KEY)
    assert "Spring promo" in one
    assert "Somebody else" not in one
    assert "Somebody else" in other
    assert "Spring promo" not in other
    assert "'101'" in other
    assert "'101'" not in one
