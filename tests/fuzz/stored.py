"""What the sandbox has of a campaign at one moment: its row, its newest call, and what it dials from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from asisso_mcp.sandbox import Sandbox
from asisso_mcp.sandbox.simulation import advance
from asisso_mcp.sandbox.telephony import Outbound

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Stored:
    """A campaign as stored, at `at` of the sandbox's clock."""

    row: Mapping[str, Any]
    at: datetime
    outbound: Outbound
    """`blocked`: why its next batch would fail."""
    call_limit: int
    """How many calls its organisation may make at once."""
    numbers: int
    """Active numbers of the configuration that it dials from; 0 for none."""
    settable: int
    """The largest max_concurrency that a PATCH may set."""
    last_run_at: datetime | None = None
    """When its newest call began; None when none ever did."""
    last_run_ended: bool = True

    def a_minute_later(self, row: Mapping[str, Any]) -> str:
        """The state that a row of this campaign comes to within a minute, if nobody does anything."""
        changed, _ = advance(row, self.at + MINUTE, self.outbound)
        return str(changed.get("state", row["state"]))


def stored(sandbox: Sandbox, campaign_id: int) -> Stored:
    """The campaign as it is now. Raises LookupError."""
    row, store = sandbox.campaign(campaign_id), sandbox._store
    pinned, organization = row["telephony_configuration_id"], row["organization_id"]
    limit = store.organization_limit(organization)
    used = store.telephony.in_use(pinned, organization)
    own_numbers = store.telephony.numbers(pinned)
    found = Stored(
        row,
        store.now(),
        store.telephony.outbound(row, limit),
        limit,
        used["phone_number_count"] if used else 0,
        own_numbers if 0 < own_numbers < limit else limit,
    )
    for run in store.runs.page(campaign_id, limit=1):
        found = replace(
            found, last_run_at=datetime.fromisoformat(run["created_at"]), last_run_ended=run["is_completed"]
        )
    return found
