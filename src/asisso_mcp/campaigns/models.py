"""What is planned, done and refused with campaigns: the values that pass between planning, sending and telling. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from asisso_mcp.api.models import SECTIONS, Campaign, LastCall

PAUSE_AND_RESUME = "pause_and_resume"
"""The value of `if_running` by which a running campaign is edited."""

CampaignSettings = Mapping[str, Any]
"""The five editable settings of a campaign, as the API shows them."""


class NotAllowed(Exception):
    """We do not send this; `text` says why, and what to do instead."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
        self.reason = text.rstrip(".")


@dataclass(frozen=True)
class Change:
    """One leaf: `field` as `section.leaf`, its value before and after."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class EditPlan:
    """An edit worked out against what was read.

    `body` is what would be sent (empty: nothing to do), `after` the settings that should then be shown, `undo` the settings
    that put it back, `warnings` what a person should know about it, `asked` the leaves that were named, changed or not.
    `resumes`: the campaign runs, so it is paused before the edit and resumed after it, as one intended write.
    """

    body: dict[str, Any]
    changes: tuple[Change, ...]
    after: dict[str, Any]
    undo: dict[str, Any]
    warnings: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()
    resumes: bool = False

    def undo_arguments(self, campaign_id: int) -> dict[str, Any] | None:
        """The arguments of `update_campaign` that take the edit back; None where nothing does."""
        if not self.undo:
            return None
        return {"campaign_id": campaign_id, **self.undo, **({"if_running": PAUSE_AND_RESUME} if self.resumes else {})}

    def without(self, missing: Sequence[Change]) -> "EditPlan":
        """The part that is in place, when these leaves are not: its changes and its undo."""
        gone = {change.field for change in missing}
        undo: dict[str, Any] = {}
        for name, value in self.undo.items():
            if name in SECTIONS:
                kept = {leaf: each for leaf, each in value.items() if not gone & {name, f"{name}.{leaf}"}}
                undo |= {name: kept} if kept else {}
            elif name not in gone:
                undo[name] = value
        changes = tuple(change for change in self.changes if not gone & {change.field, change.field.partition(".")[0]})
        return replace(self, changes=changes, undo=undo if changes else {})


@dataclass(frozen=True)
class Discrepancies:
    """An answer held against the intent: leaves that are not as sent, and leaves that others changed."""

    missing: tuple[Change, ...] = field(default=())
    foreign: tuple[Change, ...] = field(default=())


def differences(before: CampaignSettings, after: CampaignSettings) -> tuple[Change, ...]:
    """The leaves in which two readings differ."""
    return tuple(
        Change(path, was, now)
        for name in before
        for path, was, now in leaf_pairs(name, before.get(name), after.get(name))
        if not json_equal(was, now)
    )


def json_equal(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 and 1.0 are the same number, 1 and true are not the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(json_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(json_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def leaf_pairs(name: str, one: Any, other: Any) -> list[tuple[str, Any, Any]]:
    """Pairs of values at the same leaf; a list of slots is one leaf."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return [(name, one, other)]
    keys = [*one, *(key for key in other if key not in one)]
    return [(f"{name}.{key}", one.get(key), other.get(key)) for key in keys]


@dataclass(frozen=True)
class EditResult:
    """An edit and what became of it. `campaign` is as last read; `applied` whether this call changed it."""

    campaign: Campaign
    plan: EditPlan
    applied: bool
    preview: bool = False
    comparison: Discrepancies = field(default_factory=Discrepancies)
    notes: tuple[str, ...] = ()
    cap: str | None = None
    """How many calls it can make at once, where that was looked up."""
    around: str | None = None
    """What became of the pause before it and the resume after it, in a sentence; None: there were none."""
    resumed: "StateChange | None" = None
    """The resume that followed the edit of a running campaign, as it was seen some seconds later."""


@dataclass(frozen=True)
class StateChange:
    """A pause or resume. `before` and `campaign`: as read before (None: it could not be) and after; `applied`: whether this call
    changed the state."""

    before: Campaign | None
    campaign: Campaign
    applied: bool
    notes: tuple[str, ...] = ()
    cap: str | None = None
    """How many calls it can make at once, where that was looked up."""
    seen_after: float | None = None
    """Seconds after which it was looked at once more: `campaign` is as it was then. None: it was not."""
    last_call: LastCall | None = None
    """As seen then; None when it was not looked up."""
    sent_at: datetime | None = None
    """When it was about to be sent: calls that began before that are none of its doing."""
