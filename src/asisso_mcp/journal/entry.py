"""An entry of the journal: one write to a campaign, with what was meant, what became of it and what takes it back. Pure."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from asisso_mcp.clean_json import CleanJson

Outcome = Literal[
    "sent",
    "applied",
    "partly applied",
    "not applied",
    "refused",
    "not sent",
    "unknown",
    "waiting",
    "approved",
    "rejected",
    "used",
    "outdated",
]
"""`sent`: its outcome was never recorded, because the process ended before that. `unknown`: it was sent, and neither its reply nor
a reading told what became of it. `refused`: the API said no. `not sent`: it was given up before its first byte.

The last five are of a write that was kept for a person instead of being sent: it waits; they said yes, or no; the yes was used, once,
by a call whose write is an entry of its own; or the campaign changed before it was, so that it counts for nothing."""

ASKED: tuple[Outcome, ...] = ("waiting", "approved", "rejected", "used", "outdated")
"""The outcomes of an entry that is a question to a person: nothing was sent for it."""
Answer = Literal["approved", "rejected"]
"""What a person says to such an entry."""
WAITS_FOR = timedelta(minutes=10)
"""How long such an entry can be answered, and its answer be used."""

_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_ACCOUNT = b"asisso-mcp account\0"


def fingerprint(secret: str) -> str:
    """Tells keys and tokens apart without giving them away: 48 bits of SHA-256 over a constant and the secret.

    It cannot be turned back: keys are random and far longer than 48 bits, so that nobody can try them all, and many would fit.
    """
    return hashlib.sha256(_ACCOUNT + secret.encode()).hexdigest()[:12]


def new_id() -> str:
    """Six letters and digits that people do not confuse: random, so that a mistyped id names no other entry."""
    return "".join(secrets.choice(_LETTERS) for _ in range(6))


@dataclass(frozen=True)
class CallOrigin:
    """Where a tool call comes from: the caller whom HTTP identified, the trace it belongs to, the entry that it undoes."""

    caller: str | None = None
    trace_id: str | None = None
    undo_of: str | None = None


OPERATORS = CallOrigin()
"""A call of the person who started the server, of whom nothing more is known."""


@dataclass(frozen=True)
class CurrentCall:
    """The tool call that is being served, in the words of its client."""

    tool: str
    arguments: Mapping[str, Any]
    origin: CallOrigin = OPERATORS


_current: ContextVar[CurrentCall | None] = ContextVar("current_call", default=None)


@contextmanager
def current_call(call: CurrentCall) -> Iterator[None]:
    """What is written within belongs to this call."""
    token = _current.set(call)
    try:
        yield
    finally:
        _current.reset(token)


def get_current_call() -> CurrentCall | None:
    """The call that is being served; None outside of one."""
    return _current.get()


@dataclass
class Entry:
    """One write. Values are JSON, as the API and the client gave them; no credential is put into it.

    Attributes:
        id: short, for people.
        origin, account: where it was sent to, and the fingerprint of the key it was sent with.
        before: `state` and the settings as read before; None when they could not be read.
        intended: `state` or the settings that should be shown afterwards.
        after: as `before`, afterwards; None while that is not known.
        outcome: what is known of it. In the store it is `sent` from before it is sent until its outcome is recorded.
        detail: why, in words, where it was not applied; the whole question, in lines, where it waits for a person.
        undo_tool, undo: the tool and the exact arguments that take it back; None when nothing does.
        undo_of: the entry that this one takes back.
    """

    tool: str
    arguments: Mapping[str, Any]
    origin: str
    account: str
    campaign_id: int
    before: Mapping[str, Any] | None
    intended: Mapping[str, Any]
    after: Mapping[str, Any] | None = None
    outcome: Outcome = "not sent"
    detail: str | None = None
    undo_tool: str | None = None
    undo: Mapping[str, Any] | None = None
    undo_of: str | None = None
    caller: str | None = None
    trace_id: str | None = None
    id: str = field(default_factory=new_id)
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    is_stored: bool = field(default=False, compare=False)
    """Whether it is in the store, where its outcome is to be completed. Set and read where it is stored, and nowhere else."""
    is_finished: bool = field(default=False, compare=False)
    """Whether its outcome was handed over to be stored."""

    @property
    def expires(self) -> datetime:
        """Until when a person can answer it, and their answer be used."""
        return self.time + WAITS_FOR

    def to_json(self) -> dict[str, Any]:
        """The entry as one JSON object for log engines. Texts of others are on one line, cut, without hidden characters.

        The undo is exact: it is sent again.
        """
        facts = {
            "entry": self.id,
            "time": self.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "tool": self.tool,
            "arguments": self.arguments,
            "campaign_id": self.campaign_id,
            "outcome": self.outcome,
            "detail": self.detail,
            "before": self.before,
            "intended": self.intended,
            "after": self.after,
            "undo_tool": self.undo_tool,
            "undo_of": self.undo_of,
            "origin": self.origin,
            "account": self.account,
            "caller": self.caller,
            "trace_id": self.trace_id,
        }
        return {**{name: CleanJson().clean(value) for name, value in facts.items()}, "undo": self.undo}

    def not_executed(self, why: str) -> None:
        """It surely had no effect: the API refused it, if it was sent at all."""
        self.outcome, self.detail = "refused" if self.outcome == "sent" else "not sent", why
