"""The public Python API: the tools without MCP, with the same checks and answers.

async with Toolbox.from_environment(sandbox=True) as toolbox:
    tools = toolbox.definitions("openai")
    answer = await toolbox.call("get_campaign", {"campaign_id": 3})
    print(answer.text)
"""

import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from asisso_mcp.campaigns.policy import Policy
from asisso_mcp.config import Settings
from asisso_mcp.sanitize import single_line
from asisso_mcp.schemas import FORMATS, ProviderFormat, to_provider_format
from asisso_mcp.tools.campaigns import TOOLS
from asisso_mcp.tools.confirmation import asking
from asisso_mcp.tools.registry import Registry, ToolResult
from asisso_mcp.tools.services import TenantServices, utc_now

if TYPE_CHECKING:
    import httpx2

__all__ = ["ProviderFormat", "ToolResult", "Toolbox"]

logger = logging.getLogger(__name__)


class Toolbox:
    """The tools within the limits of these settings. Calls may run at the same time; edits of one campaign are serialised.

    `confirm` asks a person where `ASISSO_CONFIRM` wants one: it gets the question, and returns whether they said yes. Without it such
    calls are refused, or wait in the journal where one is named. `transport` and `clock` replace the network and the time, for tests.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        confirm: Callable[[str], Awaitable[bool]] | None = None,
        transport: "httpx2.AsyncBaseTransport | None" = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._open: Callable[[], TenantServices] = partial(TenantServices, settings, transport=transport, clock=clock)
        self._ask = asking(confirm) if confirm is not None else None
        self._tools = Registry(TOOLS, Policy.of(settings))
        self._services: TenantServices | None = None

    @classmethod
    def from_environment(
        cls,
        *,
        sandbox: bool | None = None,
        read_only: bool | None = None,
        campaigns: Iterable[int] | None = None,
        confirm: Callable[[str], Awaitable[bool]] | None = None,
    ) -> "Toolbox":
        """A Toolbox with the `ASISSO_*` settings of the server, over which the arguments take precedence.

        sandbox: the built-in API, no key, no network. read_only: only the tools that read. campaigns: the only ids that may be
        touched; no argument of a call widens that. confirm: as for the class. Raises SettingsError, also for a limit in the environment that is not understood.
        """
        settings = Settings.from_environment(sandbox=sandbox, read_only=read_only)
        for warning in settings.warnings:
            logger.warning(warning)
        limited = settings if campaigns is None else replace(settings, campaigns=frozenset(campaigns))
        return cls(limited, confirm=confirm)

    def definitions(self, format: ProviderFormat) -> list[dict[str, Any]]:  # noqa: A002 - the word that people look for
        """The value of `tools` in a request to that provider. Raises ValueError for a format that does not exist."""
        if format not in FORMATS:
            raise ValueError(f"{single_line(format, 40)!r} is not a format; there are {', '.join(FORMATS)}.")
        return to_provider_format([tool.definition() for tool in self._tools], format)

    async def call(self, name: str, arguments: Mapping[str, Any] | str) -> ToolResult:
        """Run one tool call of a model. Refusals and failures are results with `is_error`, and do not raise.

        arguments: an object, or its JSON text as some APIs hand it over; null means "not named". Raises RuntimeError outside
        of `async with`.
        """
        if self._services is None:
            raise RuntimeError("A Toolbox is used inside `async with`, so that its connection is closed afterwards.")
        tool = self._tools.get(name)
        if tool is None:
            known = ", ".join(each.name for each in self._tools)
            return ToolResult(f"Unknown tool: {single_line(name, 64)}. This server has {known}.")
        given = _object(arguments)
        if given is None:
            return ToolResult(
                f"Nothing was sent, because the arguments of {single_line(name, 64)} are not a JSON object."
            )
        return await tool.call(given, self._services.call(ask=self._ask))

    async def __aenter__(self) -> Self:
        self._services = self._services or self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        services, self._services = self._services, None
        if services is not None:
            await services.close()


def _object(arguments: Mapping[str, Any] | str) -> dict[str, Any] | None:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            return None
    return dict(arguments) if isinstance(arguments, Mapping) else None
