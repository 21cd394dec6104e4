"""A sandbox: a store, its routes and its faults in one object, for tests, demos and the loopback server."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asisso_mcp.sandbox import routes, side_effects
from asisso_mcp.sandbox.dialing import Run
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
    seed: whether a fresh store gets the example campaigns; the tenants, their keys and telephony are always there.
    Raises ValueError, in a sentence, for a file that is not ours or cannot be used.
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

    def add_run(
        self,
        campaign_id: int,
        *,
        created_at: datetime,
        ended_at: datetime | None = None,
        disposition: str = "completed",
    ) -> None:
        """Add a call of a campaign. Its run is completed from `ended_at` on, without one never. Raises LookupError.

        disposition: `completed`, `no-answer`, `busy` or `failed`.
        """
        self.campaign(campaign_id)
        self._store.runs.add(campaign_id, [Run(created_at, ended_at, disposition)])

    def add_telephony(self, **stored: Any) -> int:
        """Add a telephony configuration with these stored values, otherwise one of the main tenant with a number.

        Returns its id. The values are `name`, `provider`, `connectivity`, `is_default_outbound`, `inactive`,
        `inactive_since`, `inactive_reason`, `phone_number_count`, `organization_id`, and `outbound_blocked_reason`:
        with one, or without numbers, the configuration is not ready. Raises TypeError for any other name.
        """
        with self._store.transaction():
            self._store.advance_all()
            return self._store.telephony.add(stored)

    def put_telephony(self, configuration_id: int, **stored: Any) -> None:
        """Store values of a telephony configuration as they are, unchecked. Raises LookupError, or TypeError."""
        with self._store.transaction():
            self._store.advance_all()
            self._store.telephony.write(configuration_id, stored)

    def remove_telephony(self, configuration_id: int) -> None:
        """Remove a telephony configuration; campaigns that are pinned to it stay so. Raises LookupError."""
        with self._store.transaction():
            self._store.advance_all()
            self._store.telephony.remove(configuration_id)

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
