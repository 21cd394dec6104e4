"""Plans an edit: what changes, what is sent, and what undoes it. Pure.

The API replaces a nested object as a whole and resets what is left out of it (observed). So the named leaves are laid over
the section as it was read, and the section is sent complete; a section of which nothing was named is not sent.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from asisso_mcp.api.models import SECTIONS, PatchBody, RetryConfig
from asisso_mcp.campaigns import breaker
from asisso_mcp.campaigns.edit_models import CampaignEdit
from asisso_mcp.campaigns.models import (
    CampaignSettings,
    Change,
    Discrepancies,
    EditPlan,
    NotAllowed,
    json_equal,
    leaf_pairs,
)
from asisso_mcp.campaigns.ranges import RANGES, format_range, nearest
from asisso_mcp.campaigns.schedule import load_zone
from asisso_mcp.campaigns.time_slots import slot_warnings
from asisso_mcp.campaigns.timezones import zone_warning
from asisso_mcp.sanitize import quoted, safe_json, single_line

SPARE_SLOT: dict[str, Any] = {"day_of_week": 0, "start_time": "09:00", "end_time": "17:00"}
"""The API wants at least one slot, also in a schedule that is off; this one is then not in force."""


_SMALLEST_LENGTH = 300

UNREADABLE = "unreadable"
"""What `before` says of a leaf of a campaign that could not be read."""


def plan_edit(settings: CampaignSettings, named: Mapping[str, Any], settable: int | None = None) -> EditPlan:
    """Lay `named` (fields and leaves, nested) over `settings`. `settable`: the largest max_concurrency, where it was looked up.

    Raises NotAllowed when a complete section cannot be built from what was read and named.
    """
    body: dict[str, Any] = {}
    undo: dict[str, Any] = {}
    changes: list[Change] = []
    warnings: list[str] = []
    for name, value in named.items():
        if name in SECTIONS:
            shown: Mapping[str, Any] = settings.get(name) or {}
            is_ambiguous = name == "circuit_breaker" and breaker.is_ambiguous(settings)
            base = dict(breaker.DEFAULTS) if is_ambiguous else _current_section(name, shown, value, warnings)
            section = {**base, **value}
            section_changes = (
                breaker.ambiguous_changes(shown, value) if is_ambiguous else _section_changes(name, shown, section)
            )
            if not section_changes:
                continue
            body[name] = section
            changes += section_changes
            if is_ambiguous:
                undo[name] = dict(breaker.DEFAULTS)
                warnings += breaker.ambiguous_warnings(shown, section)
            else:
                undo.update(_section_undo(name, shown, section_changes, warnings))
        elif not json_equal(settings.get(name), value):
            body[name] = value
            changes.append(Change(name, settings.get(name), value))
            if settings.get(name) is None:
                warnings.append(_no_way_back(name))
            else:
                undo[name] = settings[name]
    body = _validated_body(body, named)
    undo = _acceptable(undo, warnings, settable)
    return EditPlan(
        body,
        tuple(changes),
        {**settings, **body},
        undo,
        (*warnings, *_hour_warnings(body, named)),
        _named_leaves(named),
    )


def plan_repair(named: Mapping[str, Any], warning: str) -> EditPlan:
    """An edit of whole sections of a campaign that could not be read: nothing is laid over anything, nothing can be undone."""
    changes = tuple(
        Change(f"{name}.{leaf}", UNREADABLE, value)
        for name, section in named.items()
        for leaf, value in section.items()
    )
    return EditPlan(dict(named), changes, dict(named), {}, (warning,), _named_leaves(named))


def is_repair(named: Mapping[str, Any]) -> bool:
    """Whether an edit replaces all of retry_config, and nothing that would have to be read first."""
    return named.keys() == {"retry_config"} and named["retry_config"].keys() == RetryConfig.model_fields.keys()


def check_response(intended: EditPlan, before: CampaignSettings, answered: CampaignSettings) -> Discrepancies:
    """Hold the answer of a write against what was meant, leaf by leaf."""
    missing: list[Change] = []
    foreign: list[Change] = []
    changed = {change.field for change in intended.changes}
    for name in before:
        wanted, found = intended.after.get(name), answered.get(name)
        for path, want, got in leaf_pairs(name, wanted, found):
            if json_equal(want, got):
                continue
            # What was named and was so already is not sent, and is still part of what was asked for.
            ours = path in intended.asked or path in changed or path == name in intended.body
            (missing if ours else foreign).append(Change(path, want, got))
    return Discrepancies(tuple(missing), tuple(foreign))


def _named_leaves(named: Mapping[str, Any]) -> frozenset[str]:
    """The leaves that were named, as `section.leaf`."""
    return frozenset(
        path
        for name, value in named.items()
        for path in ([f"{name}.{leaf}" for leaf in value] if name in SECTIONS else [name])
    )


def _current_section(
    name: str, shown: Mapping[str, Any], value: Mapping[str, Any], warnings: list[str]
) -> dict[str, Any]:
    """The section that the named leaves are laid over."""
    base = dict(shown)
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


def _validated_body(body: dict[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the PATCH, checked against what the API accepts. Leaves that were kept can be at fault: stored values may be odd.

    Raises NotAllowed.
    """
    _require_known_zone(body, named)
    try:
        return PatchBody.model_validate(body).to_json()
    except ValidationError as problem:
        errors = problem.errors(include_url=False, include_context=False, include_input=False)
    name = str(errors[0]["loc"][0])
    kept = {
        str(error["loc"][1]): "is not set" if error["type"] == "missing" else ""
        for error in errors
        if error["loc"][0] == name and len(error["loc"]) > 1
    }
    raise NotAllowed(_unsendable(name, body[name], kept, named[name]))


def _unsendable(name: str, section: Mapping[str, Any], faults: Mapping[str, str], named: Mapping[str, Any]) -> str:
    """Why a section with these faulty leaves is not sent, with their ranges and the smallest edit that would pass."""
    told, smallest = [], dict(named)
    for leaf, fault in faults.items():
        path = f"{name}.{leaf}"
        allowed = f" (an edit may set {format_range(path)})" if path in RANGES else ""
        told.append(f"{path} {fault or f'is {single_line(safe_json(section.get(leaf)), 40)}'}{allowed}")
        smallest[leaf] = nearest(path, section.get(leaf))
    also = " and ".join(f"{name}.{leaf}" for leaf in faults if leaf not in named) or f"another value for {name}"
    passes = None not in smallest.values() and len(safe_json(smallest)) <= _SMALLEST_LENGTH
    example = f", for example {safe_json({name: smallest})}" if passes else ""
    return (
        f"{', '.join(told)}. The API takes {name} only as a whole and would refuse it (or reset what is missing), so nothing was changed. "
        f"Name {also} in the same edit{example}."
    )


def _require_known_zone(body: Mapping[str, Any], named: Mapping[str, Any]) -> None:
    """A zone that was kept may be one that does not exist; the API would refuse it."""
    zone = body.get("schedule_config", {}).get("timezone")
    if isinstance(zone, str) and "timezone" not in named["schedule_config"] and load_zone(zone) is None:
        raise NotAllowed(
            f"The stored schedule_config.timezone is {quoted(zone, 60)}, and there is no such zone. The API takes schedule_config only as "
            "a whole and would refuse it, so nothing was changed. Name schedule_config.timezone (an IANA name, such as America/New_York) "
            "in the same edit."
        )


def _section_changes(name: str, shown: Mapping[str, Any], section: Mapping[str, Any]) -> list[Change]:
    return [
        Change(f"{name}.{leaf}", shown.get(leaf), value)
        for leaf, value in section.items()
        if not json_equal(shown.get(leaf), value)
    ]


def _section_undo(name: str, shown: Mapping[str, Any], changes: list[Change], warnings: list[str]) -> dict[str, Any]:
    """The leaves that put a section back; what the API cannot put back is said in `warnings`."""
    if not shown or (name == "schedule_config" and not shown.get("slots")):
        if name == "schedule_config":
            warnings.append(
                "There were no calling hours before, and the API cannot remove them: the undo switches them off, which has the "
                "same effect."
            )
            return {name: {"enabled": False}}
        warnings.append(_no_way_back(name))
        return {}
    leaves = {change.field.removeprefix(f"{name}."): change.before for change in changes}
    gone = [leaf for leaf, value in leaves.items() if value is None]
    if gone:
        warnings.append(_no_way_back(", ".join(f"{name}.{leaf}" for leaf in gone)))
    kept = {leaf: value for leaf, value in leaves.items() if value is not None}
    return {name: kept} if kept else {}


def _acceptable(undo: Mapping[str, Any], warnings: list[str], settable: int | None) -> dict[str, Any]:
    """`undo` without the stored values that no edit may set (the platform lets odd ones in, and limits change); each is told."""
    kept: dict[str, Any] = {}
    for name, value in undo.items():
        leaves = (
            {leaf: {name: {leaf: each}} for leaf, each in value.items()} if name in SECTIONS else {"": {name: value}}
        )
        for leaf, edit in leaves.items():
            path = f"{name}.{leaf}" if leaf else name
            former = single_line(safe_json(value[leaf] if leaf else value), 60)
            if name == "max_concurrency" and settable is not None and value > settable:
                warnings.append(
                    f"No undo puts {path} back: its former value {former} is above what may be set now ({settable})."
                )
            elif not _may_be_set(edit):
                warnings.append(f"No undo puts {path} back: its former value {former} is not one that may be set.")
            else:
                kept[name] = {**kept.get(name, {}), **edit[name]} if leaf else value
    return kept


def _may_be_set(edit: Mapping[str, Any]) -> bool:
    try:
        CampaignEdit.model_validate(edit)
    except ValidationError:
        return False
    return True


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
