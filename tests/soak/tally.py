"""What a soak counts: calls, outcomes, troubles, and a sentence for each thing that was not as promised."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from asisso_mcp.sandbox import Fault
from tests.fuzz.oracle import Kind, Violation
from tests.fuzz.oracle_dialing import STATEMENTS


@dataclass
class Tally:
    """Everything that was counted while it ran."""

    calls: Counter[str] = field(default_factory=Counter)
    """Calls that were begun, by tool."""
    outcomes: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    """What callers, signals, colleagues and the network did, beside the faults."""
    statements: Counter[str] = field(default_factory=Counter)
    """Statements of dialing, telephony and limits that were held against the store."""
    faults: Counter[str] = field(default_factory=Counter)
    """Faults that were arranged for one call, or for an episode."""
    violations: dict[Kind, list[str]] = field(default_factory=lambda: {kind: [] for kind in get_args(Kind)})
    protocol_errors: list[str] = field(default_factory=list)
    looked_later: int = 0
    """Calls whose writes were looked at again some seconds after the answer."""
    slowest: float = 0.0

    @property
    def made(self) -> int:
        return self.calls.total()

    def add(self, told: str, violations: Iterable[Violation]) -> None:
        for each in violations:
            self.violations[each.kind].append(f"{each.sentence}: {told}")

    def count_statements(self, text: str) -> None:
        """Add the statements that an answer makes."""
        self.statements.update(name for name, pattern in STATEMENTS.items() if pattern.search(text))

    def count(self, fault: Fault) -> None:
        """Add what a fault did, when it is taken out."""
        if fault.fired:
            self.faults[fault_name(fault)] += fault.fired


def outcome(result: dict[str, Any]) -> str:
    """What a result of `tools/call` says became of the call."""
    text = result["content"][0]["text"]
    if text.startswith("Unknown outcome."):
        return "unknown outcome"
    if result["isError"]:
        return "refused or failed, nothing changed"
    applied = result["structuredContent"].get("applied")
    if applied is None:
        return "read"
    if applied:
        return "applied, reply lost" if "reply was lost" in text else "applied"
    return "not applied (already so, preview, or undone by a colleague)"


def fault_name(fault: Fault) -> str:
    """The fault as the table names it."""
    late = ", executed late" if fault.executed_after is not None else ""
    match fault.kind:
        case "delay":
            return f"delay beyond the timeout, {fault.when} execution" if (fault.seconds or 0) > 1 else "delay, short"
        case "status":
            waits = " with Retry-After" if fault.retry_after is not None else ""
            edits = ", a colleague edits meanwhile" if fault.fields else ""
            return f"status {fault.code}{waits}{edits}{late}" + (" that echoes the key" if fault.body else "")
        case "drop-before" | "drop-after":
            return f"{fault.kind} ({fault.how}){late}"
        case "trip" | "foreign-edit":
            return f"{fault.kind} ({fault.when})"
        case "poison":
            return "poison (a stored row that cannot be shown)"
    return fault.kind
