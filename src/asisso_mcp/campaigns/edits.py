"""What an edit would change, send, and need to be undone: overlay, diff, check, undo, revision. Pure.

The API replaces a nested object as a whole and resets what is left out of it (observed). So the named leaves are laid over
the section as it was read, and the section is sent complete; a section of which nothing was named is not sent.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from asisso_mcp.api.models import SECTIONS, CampaignEdit, PatchBody
from asisso_mcp.campaigns.time_slots import slot_warnings
from asisso_mcp.campaigns.timezones import zone_warning
from asisso_mcp.sanitize import safe_json, single_line

CampaignSettings = Mapping[str, Any]
"""The five editable settings of a campaign, as the API shows them."""

BREAKER_DEFAULTS: dict[str, Any] = {
    "enabled": True,
    "failure_threshold": 0.5,
    "window_seconds": 120,
    "min_calls_in_window": 5,
}
"""What a campaign without a stored breaker does (observed), although the API then shows `enabled: false`."""

SPARE_SLOT: dict[str, Any] = {"day_of_week": 0, "start_time": "09:00", "end_time": "17:00"}
"""The API wants at least one slot, also in a schedule that is off; this one is then not in force."""

BREAKER_SET_ON = (
    "The API showed the circuit breaker as off with its default numbers. A campaign whose breaker was never set looks the same "
    "and is really on, so the edit sets it on; if it had been switched off, that turns it on. To keep it off, name enabled: false."
)
BREAKER_AMBIGUOUS = "off, or unset and on"
"""What `before` says of a breaker whose display is ambiguous."""

UNREADABLE = "unreadable"
"""What `before` says of a leaf of a campaign that could not be read."""

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class NotAllowed(Exception):
    """We do not send this; `text` says why, and what to do instead."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


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
    """

    body: dict[str, Any]
    changes: tuple[Change, ...]
    after: dict[str, Any]
    undo: dict[str, Any]
    warnings: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()

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

    def patch(self) -> PatchBody:
        return PatchBody.model_validate(self.body)


@dataclass(frozen=True)
class Discrepancies:
    """An answer held against the intent: leaves that are not as sent, and leaves that others changed."""

    missing: tuple[Change, ...] = field(default=())
    foreign: tuple[Change, ...] = field(default=())


def is_ambiguous_breaker(settings: CampaignSettings) -> bool:
    """Whether the display cannot tell an unset breaker (on, with defaults) from one that was switched off."""
    shown = settings.get("circuit_breaker")
    return isinstance(shown, dict) and json_equal(shown, {**BREAKER_DEFAULTS, "enabled": False})


def plan_edit(settings: CampaignSettings, named: Mapping[str, Any]) -> EditPlan:
    """Lay `named` (fields and leaves, nested) over `settings`.

    Raises Declined when a complete section cannot be built from what was read and named.
    """
    body: dict[str, Any] = {}
    after: dict[str, Any] = dict(settings)
    undo: dict[str, Any] = {}
    changes: list[Change] = []
    warnings: list[str] = []
    for name, value in named.items():
        if name in SECTIONS:
            base = _current_section(name, settings, value, warnings)
            merged = _validated_section(name, {**base, **value}, value)
            shown = settings.get(name)
            section_changes = [
                _change(name, leaf, shown, merged)
                for leaf in merged
                if not json_equal(_leaf(shown, leaf), merged[leaf])
            ]
            if name == "circuit_breaker" and is_ambiguous_breaker(settings):
                section_changes = _ambiguous_changes(value, section_changes)
            if not section_changes:
                continue
            body[name] = after[name] = merged
            changes += section_changes
            undo.update(_section_undo(name, settings, base, section_changes, warnings))
        elif not json_equal(settings.get(name), value):
            body[name] = after[name] = value
            changes.append(Change(name, settings.get(name), value))
            if settings.get(name) is None:
                warnings.append(_no_way_back(name))
            else:
                undo[name] = settings[name]
    undo = _acceptable(undo, warnings)
    return EditPlan(body, tuple(changes), after, undo, (*warnings, *_hour_warnings(body, named)), _named_leaves(named))


def plan_repair(named: Mapping[str, Any], warning: str) -> EditPlan:
    """An edit of whole sections of a campaign that could not be read: nothing is laid over anything, nothing can be undone."""
    changes = tuple(
        Change(f"{name}.{leaf}", UNREADABLE, value)
        for name, section in named.items()
        for leaf, value in section.items()
    )
    return EditPlan(dict(named), changes, dict(named), {}, (warning,), _named_leaves(named))


def check_response(intended: EditPlan, before: CampaignSettings, answered: CampaignSettings) -> Discrepancies:
    """Hold the answer of a write against what was meant, leaf by leaf."""
    missing: list[Change] = []
    foreign: list[Change] = []
    changed = {change.field for change in intended.changes}
    for name in before:
        wanted, found = intended.after.get(name), answered.get(name)
        for path, want, got in _leaves(name, wanted, found):
            if json_equal(want, got):
                continue
            # What was named and was so already is not sent, and is still part of what was asked for.
            ours = path in intended.asked or path in changed or path == name in intended.body
            (missing if ours else foreign).append(Change(path, want, got))
    return Discrepancies(tuple(missing), tuple(foreign))


def differences(before: CampaignSettings, after: CampaignSettings) -> tuple[Change, ...]:
    """The leaves in which two readings differ."""
    return tuple(
        Change(path, was, now)
        for name in before
        for path, was, now in _leaves(name, before.get(name), after.get(name))
        if not json_equal(was, now)
    )


def revision(settings: CampaignSettings) -> str:
    """A short hash of the five editable settings: the same settings, the same revision."""
    return hashlib.sha256(_CANONICAL.encode(settings).encode()).hexdigest()[:12]


def json_equal(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 and 1.0 are the same number, 1 and true are not the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(json_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(json_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _ambiguous_changes(named: Mapping[str, Any], changes: list[Change]) -> list[Change]:
    """The changes of a breaker whose display is ambiguous: its switch is stated whenever something is sent, and only then."""
    if "enabled" in named:
        others = [change for change in changes if change.field != "circuit_breaker.enabled"]
        return [Change("circuit_breaker.enabled", BREAKER_AMBIGUOUS, named["enabled"]), *others]
    return changes if any(change.field != "circuit_breaker.enabled" for change in changes) else []


def _named_leaves(named: Mapping[str, Any]) -> frozenset[str]:
    """The leaves that were named, as `section.leaf`."""
    return frozenset(
        path
        for name, value in named.items()
        for path in ([f"{name}.{leaf}" for leaf in value] if name in SECTIONS else [name])
    )


def _current_section(
    name: str, settings: CampaignSettings, value: Mapping[str, Any], warnings: list[str]
) -> dict[str, Any]:
    """The section that the named leaves are laid over."""
    shown = settings.get(name)
    base = dict(shown) if isinstance(shown, dict) else {}
    if name == "circuit_breaker" and is_ambiguous_breaker(settings):
        if "enabled" not in value and any(not json_equal(base[leaf], each) for leaf, each in value.items()):
            warnings.append(BREAKER_SET_ON)
        return dict(BREAKER_DEFAULTS)
    if name == "schedule_config" and value.get("enabled") is False:
        base.setdefault("timezone", "UTC")
        if not base.get("slots") and "slots" not in value:
            base["slots"] = [dict(SPARE_SLOT)]
            warnings.append(
                "The API wants at least one slot even while calling hours are off, so Mon 09:00–17:00 was supplied. "
                "It is not in force; set real slots before switching calling hours on."
            )
    if name == "schedule_config" and not base and "slots" in value:
        base["enabled"] = True
    return base


def _validated_section(name: str, merged: dict[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """The section, checked against what the API accepts. Leaves that were kept can be at fault too: stored values may be odd."""
    try:
        checked: dict[str, Any] = SECTIONS[name].model_validate(merged).model_dump(mode="json")
    except ValidationError as problem:
        faults: dict[str, str] = {}
        for error in problem.errors(include_url=False, include_context=False, include_input=False):
            leaf = str(error["loc"][0]) if error["loc"] else name
            faults.setdefault(
                leaf,
                "is not set" if error["type"] == "missing" else f"is {single_line(safe_json(merged.get(leaf)), 40)}",
            )
        told = ", ".join(f"{name}.{leaf} {fault}" for leaf, fault in faults.items())
        also = " and ".join(f"{name}.{leaf}" for leaf in faults if leaf not in named) or f"another value for {name}"
        raise NotAllowed(
            f"{told}. The API takes {name} only as a whole and would refuse it (or reset what is missing), so nothing was changed. "
            f"Name {also} in the same edit."
        ) from None
    return checked


def _section_undo(
    name: str, settings: CampaignSettings, base: Mapping[str, Any], changes: list[Change], warnings: list[str]
) -> dict[str, Any]:
    """The leaves that put a section back; what the API cannot put back is said in `warnings`."""
    shown = settings.get(name)
    if name == "circuit_breaker" and is_ambiguous_breaker(settings):
        warnings.append(
            "The undo sets the breaker on with the platform's default numbers, the safe reading of what was shown; "
            "a breaker that was never set cannot be made unset again."
        )
        return {name: dict(BREAKER_DEFAULTS)}
    if not isinstance(shown, dict) or (name == "schedule_config" and not shown.get("slots")):
        if name == "schedule_config":
            warnings.append(
                "There were no calling hours before, and the API cannot remove them: the undo switches them off, which has the "
                "same effect."
            )
            return {name: {"enabled": False}}
        warnings.append(_no_way_back(name))
        return {}
    leaves = {
        change.field.removeprefix(f"{name}."): base.get(change.field.removeprefix(f"{name}.")) for change in changes
    }
    gone = [leaf for leaf, value in leaves.items() if value is None]
    if gone:
        warnings.append(_no_way_back(", ".join(f"{name}.{leaf}" for leaf in gone)))
    kept = {leaf: value for leaf, value in leaves.items() if value is not None}
    return {name: kept} if kept else {}


def _acceptable(undo: Mapping[str, Any], warnings: list[str]) -> dict[str, Any]:
    """`undo` without the stored values that no edit may set (the platform lets odd ones in); each is told."""
    kept: dict[str, Any] = {}
    for name, value in undo.items():
        leaves = (
            {leaf: {name: {leaf: each}} for leaf, each in value.items()} if name in SECTIONS else {"": {name: value}}
        )
        for leaf, edit in leaves.items():
            try:
                CampaignEdit.model_validate(edit)
            except ValidationError:
                path = f"{name}.{leaf}" if leaf else name
                former = single_line(safe_json(value[leaf] if leaf else value), 60)
                warnings.append(f"No undo puts {path} back: its former value {former} is not one that may be set.")
            else:
                kept[name] = {**kept.get(name, {}), **edit[name]} if leaf else value
    return kept


def _no_way_back(name: str) -> str:
    return f"{name} was not set before, and the API cannot unset it: no undo puts that back."


def _hour_warnings(body: Mapping[str, Any], named: Mapping[str, Any]) -> list[str]:
    schedule = body.get("schedule_config")
    if schedule is None:
        return []
    warnings = slot_warnings(
        [(slot["day_of_week"], slot["start_time"], slot["end_time"]) for slot in schedule["slots"]]
    )
    if note := zone_warning(schedule["timezone"]):
        warnings.append(note)
    if not schedule["enabled"] and "enabled" not in named["schedule_config"]:
        warnings.append(
            "Calling hours are switched off for this campaign, so they do not hold it back: name enabled: true in "
            "schedule_config to put them in force."
        )
    return warnings


def _change(name: str, leaf: str, shown: Any, merged: Mapping[str, Any]) -> Change:
    before = _leaf(shown, leaf)
    if name == "circuit_breaker" and leaf == "enabled" and is_ambiguous_breaker({name: shown}):
        before = BREAKER_AMBIGUOUS
    return Change(f"{name}.{leaf}", before, merged[leaf])


def _leaf(section: Any, leaf: str) -> Any:
    return section.get(leaf) if isinstance(section, dict) else None


def _leaves(name: str, one: Any, other: Any) -> list[tuple[str, Any, Any]]:
    """Pairs of values at the same leaf; a list of slots is one leaf."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return [(name, one, other)]
    keys = [*one, *(key for key in other if key not in one)]
    return [(f"{name}.{key}", one.get(key), other.get(key)) for key in keys]
