"""The HTTP server in a thread of this process, and requests to it. See `tests.processes` for one in a process of its own."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr

from asisso_mcp.config import Settings
from asisso_mcp.http.app import HttpApp, create_app
from asisso_mcp.http.process import create_server, listen
from asisso_mcp.http.settings import HttpSettings
from asisso_mcp.sandbox import KEY
from asisso_mcp.server.telemetry import Telemetry
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.registry import Tool
from tests.processes import META

OPTIONS: dict[str, Any] = {"timeout": 60, "trust_env": False, "verify": False}
"""Of every client: nothing here speaks TLS, and reading the trust store costs more than a request."""
ERAS = ("auto", "legacy")
JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


class Served:
    """A server in a thread of its own, on an ephemeral port, while the `with` block lasts."""

    def __init__(
        self,
        settings: Settings,
        *,
        environment: dict[str, str] | None = None,
        tools: tuple[Tool, ...] = TOOLS,
        telemetry: Telemetry | None = None,
        **options: Any,
    ) -> None:
        http_settings = HttpSettings.of(port=0, environment=environment or {}, **options)
        self._socket, self.settings = listen(http_settings)
        try:
            self.app: HttpApp = create_app(settings, self.settings, tools=tools, telemetry=telemetry)
        except BaseException:
            self._socket.close()
            raise
        self.server = create_server(self.app)
        self.url = self.settings.url
        self.origin = self.url.removesuffix("/mcp")
        self._thread = threading.Thread(target=self.server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> "Served":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Afterwards everything is answered and logged."""
        self.server.should_exit = True
        self._thread.join(30)
        self._socket.close()
        assert not self._thread.is_alive()


def settings_for(url: str, *, key: str | None = KEY, **more: Any) -> Settings:
    return Settings(api_key=SecretStr(key) if key else None, base_url=url, **more)


@asynccontextmanager
async def connected(url: str, era: str, **headers: str) -> AsyncIterator[Client]:
    """The SDK's client, sending these headers with every request."""
    async with (
        httpx2.AsyncClient(headers=headers, **OPTIONS) as http,
        Client(streamable_http_client(url, http_client=http), mode=era) as client,  # type: ignore[arg-type]
    ):
        yield client


def message(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def modern(method: str, **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """A request of the 2026 era: its body and its headers."""
    headers = {**JSON, "mcp-protocol-version": "2026-07-28", "mcp-method": method}
    if "name" in params:
        headers["mcp-name"] = params["name"]
    return message(method, **params, _meta=META), headers


def legacy(method: str, **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """A request of the 2025 era."""
    return message(method, **params), {**JSON, "mcp-protocol-version": "2025-11-25"}


def post(url: str, request: tuple[dict[str, Any], dict[str, str]], **headers: str | bytes) -> httpx2.Response:
    body, own = request
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(url, json=body, headers={**own, **named}, **OPTIONS)


def text(result: Any) -> str:
    return "\n".join(block.text for block in result.content)
