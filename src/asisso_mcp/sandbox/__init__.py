"""A stand-in for the Asisso API: the same routes, rules and oddities, in process or on loopback HTTP.

It is written from what the API does, not from how the client of this package sees it, and shares no code with that
client: where the two disagree, a test fails. Nothing heavy is loaded until a `Sandbox` is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from asisso_mcp.sandbox.keys import KEY, NO_TELEPHONY_KEY, OTHER_TENANT_KEY, TOKEN

if TYPE_CHECKING:
    from asisso_mcp.sandbox.box import Sandbox
    from asisso_mcp.sandbox.faults import Fault, Faults, parse_fault
    from asisso_mcp.sandbox.loopback import Running, serve
    from asisso_mcp.sandbox.wire import Recorded

__all__ = [
    "KEY",
    "NO_TELEPHONY_KEY",
    "OTHER_TENANT_KEY",
    "TOKEN",
    "Fault",
    "Faults",
    "Recorded",
    "Running",
    "Sandbox",
    "parse_fault",
    "serve",
]

_HOME = {
    "Sandbox": "box",
    "Recorded": "wire",
    "Fault": "faults",
    "Faults": "faults",
    "parse_fault": "faults",
    "Running": "loopback",
    "serve": "loopback",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
