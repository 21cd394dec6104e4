"""Scanners take characters beyond ASCII in a server's descriptions for hidden ones, so there are none."""

import json

import pytest
from mcp.client import Client

from asisso_mcp.config import Settings
from asisso_mcp.server.app import build_server


@pytest.mark.parametrize("read_only", [False, True])
async def test_everything_that_a_client_lists_is_plain_ascii(read_only: bool) -> None:
    async with Client(build_server(Settings(read_only=read_only))) as client:
        published = {
            "instructions": client.instructions,
            "tools": (await client.list_tools()).model_dump(mode="json")["tools"],
            "prompts": (await client.list_prompts()).model_dump(mode="json")["prompts"],
            "resources": (await client.list_resources()).model_dump(mode="json")["resources"],
            "templates": (await client.list_resource_templates()).model_dump(mode="json")["resource_templates"],
        }
    for kind, texts in published.items():
        assert texts, kind
        assert json.dumps(texts, ensure_ascii=False).isascii(), kind
