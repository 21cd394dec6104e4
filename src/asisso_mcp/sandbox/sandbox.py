"""A sandbox: a store, its routes and its faults in one object, for tests, demos and the loopback server."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asisso_mcp.sandbox import routes, side_effects
from asisso_mcp.sandbox.fault_injection import FaultInjector
from asisso_mcp.sandbox.fault_responses import App, RecordedRequest
from asisso_mcp.sandbox.faults import Fault, Faults
from asisso_mcp.sandbox.models import effective_breaker
from asisso_mcp.sandbox.seed import fill
from asisso_mcp.sandbox.store import Store

if TYPE_CHECKING:
    import httpx2

_REMEMBERED = 10_000


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """The Asisso API over one store.

    db: ":memory:", or a file that several sandboxes may share. clock: aware instants; campaigns live by it.
    seed: whether a fresh store gets the example campaigns; the tenants and their keys are always there.
    """

    def __init__(
        self,
        *,
        db: str | Path = ":memory:",
        clock: Callable[[], datetime] = _utc_now,
        faults: Iterable[Fault] = (),
        seed: bool = True,
    ) -> None:
        self._store = Store(db, clock)
        fill(self._store, campaigns=seed)
        self.requests: list[RecordedRequest] = []
        """The latest ten thousand requests, newest last."""
        self.faults = Faults(faults, added=lambda fault: side_effects.poison(self._store, fault))
        self._routes = routes.build(self._store)
        self._injector = FaultInjector(self._routes, self._store, self.faults, self._record)
        self.app: App = self._injector

    def transport(self) -> "httpx2.AsyncBaseTransport":
        """A transport for `httpx2.AsyncClient`: in process, with a socket's failures."""
        from asisso_mcp.sandbox.asgi_transport import AsgiTransport

        return AsgiTransport(self.app)

    def campaign(self, campaign_id: int) -> dict[str, Any]:
        """A copy of a stored campaign, with `effective_circuit_breaker`. Raises LookupError."""
        row = self._store.row(campaign_id)
        if row is None:
            raise LookupError(f"there is no campaign {campaign_id}")
        return {**row, "effective_circuit_breaker": effective_breaker(row)}

    def put(self, campaign_id: int, **stored: Any) -> None:
        """Store values of a campaign as they are, unchecked.

        Names are columns, `metadata`, or one of its sections (None removes it); `quota` is the text of a 402.
        Raises LookupError, or TypeError for a name that is not stored.
        """
        self._store.write(campaign_id, stored)

    def add(self, **stored: Any) -> int:
        """Add a campaign with these stored values, otherwise a fresh draft of the main tenant. Returns its id."""
        return self._store.insert(stored)

    def openapi(self) -> dict[str, Any]:
        """The API's own description, as its framework makes it."""
        return self._routes.openapi()

    def close(self) -> None:
        """Close the store, and cancel requests that faults were to execute later."""
        self._injector.close()
        self._store.close()

    def _record(self, request: RecordedRequest) -> None:
        self.requests.append(request)
        del self.requests[:-_REMEMBERED]
