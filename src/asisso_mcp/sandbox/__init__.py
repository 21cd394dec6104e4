"""A stand-in for the Asisso API: the same routes, rules and oddities, in process or on loopback HTTP.

It is written from what the API does, not from how the client of this package sees it, and shares no code with that
client: where the two disagree, a test fails. Nothing is loaded until it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asisso_mcp.sandbox.fault_responses import RecordedRequest
    from asisso_mcp.sandbox.faults import Fault, Faults, parse_fault
    from asisso_mcp.sandbox.sandbox import Sandbox
    from asisso_mcp.sandbox.seed import KEY, NO_TELEPHONY_KEY, OTHER_TENANT_KEY, TOKEN
    from asisso_mcp.sandbox.server import RunningServer, serve

__all__ = [
    "KEY",
    "NO_TELEPHONY_KEY",
    "OTHER_TENANT_KEY",
    "TOKEN",
    "Fault",
    "Faults",
    "RecordedRequest",
    "RunningServer",
    "Sandbox",
    "parse_fault",
    "serve",
]

_MODULES = {
    "KEY": "seed",
    "NO_TELEPHONY_KEY": "seed",
    "OTHER_TENANT_KEY": "seed",
    "TOKEN": "seed",
    "Fault": "faults",
    "Faults": "faults",
    "RecordedRequest": "fault_responses",
    "RunningServer": "server",
    "Sandbox": "sandbox",
    "parse_fault": "faults",
    "serve": "server",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module. Raises AttributeError for any other."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
