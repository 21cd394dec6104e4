"""The faults that can be injected (what goes wrong, on which requests, how often), and their text form.

The text form is `kind[:key=value,key=value…]`, for example `drop-after:method=PATCH,times=1` or
`foreign-edit:fields={"name":"New"},when=overwrite`. A value that starts as JSON is read as JSON.
"""

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

SELECTORS = ("method", "path", "campaign", "times", "after", "rate", "seed")
KINDS: dict[str, tuple[str, ...]] = {
    "delay": ("seconds", "when"),
    "status": ("code", "retry_after", "body", "executed_after", "fields"),
    "drop-before": ("how", "executed_after"),
    "drop-after": ("how",),
    "error-after": (),
    "broken-json": (),
    "cut-body": (),
    "huge-body": ("bytes",),
    "stale-body": (),
    "minimal-body": (),
    "redirect": ("location",),
    "trip": ("when",),
    "foreign-edit": ("fields", "when"),
    "import-ends": ("seconds",),
    "poison": (),
}
"""Each kind with the parameters it takes beside the selectors."""

WHEN = {
    "delay": ("before", "after"),
    "trip": ("before", "after"),
    "foreign-edit": ("before", "after", "overwrite", "lost"),
}
HOW = ("close", "reset")
# The methods that are meant where the fault names none.
_WRITES = ("PATCH", "POST")
_IMPLIED = {
    "trip": _WRITES,
    "foreign-edit": ("PATCH",),
    "import-ends": ("POST",),
    "stale-body": _WRITES,
    "minimal-body": _WRITES,
}
_CAMPAIGN = re.compile(r"/campaign/(\d+)(?:/|$)")


@dataclass(kw_only=True, eq=False)
class Fault:
    """One fault: its kind, the requests that it acts on, and its parameters. `fired` counts how often it acted.

    kind: `delay` (`seconds`, `when` before or after execution) · `status` (`code`, `retry_after` seconds or HTTP date,
    `body`; not executed, or `executed_after` so many seconds all the same; with `fields`, another user's PATCH of them
    lands before the caller can ask again) · `drop-before` and `drop-after` (no reply, not executed or executed; `how`
    close or reset; `drop-before` may be `executed_after` seconds too) ·
    `error-after` (executed, then a plain 500) · `broken-json`, `cut-body`, `huge-body` (`bytes`; executed) ·
    `stale-body` (executed, and a success that shows the campaign as it was before) · `minimal-body` (executed, and a
    success with id, name and state alone) · `redirect` (`location`; not executed) · `trip` (the breaker trips `when`
    before or after a write to a running campaign) · `foreign-edit` (another user's PATCH of `fields` lands `when` before
    or after ours; `overwrite` puts their stale metadata back after our answer was made, `lost` before it was) · `import-ends`
    (a pause is undone after the next read, or after `seconds` of the clock) · `poison` (`campaign` stores a partial
    retry_config, at once).

    Raises ValueError, in a sentence, for what is not among these.
    """

    kind: str = field(kw_only=False)
    method: str | None = None
    path: str | None = None
    """A part of the request's path."""
    campaign: int | None = None
    times: int | None = None
    """How often it fires; None is always."""
    after: int = 0
    """How many matching requests pass first."""
    rate: float = 1.0
    seed: int = 0
    when: str = "before"
    how: Literal["close", "reset"] = "close"
    seconds: float | None = None
    executed_after: float | None = None
    code: int = 503
    retry_after: int | str | None = None
    body: str | None = None
    location: str | None = None
    fields: dict[str, Any] | None = None
    bytes: int = 9_000_000
    fired: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False, repr=False)
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind!r}. The kinds are: {', '.join(KINDS)}.")
        allowed = WHEN.get(self.kind, ("before",))
        if self.when not in allowed:
            raise ValueError(f"A {self.kind} fault has no when={self.when!r}. It may be: {', '.join(allowed)}.")
        if self.how not in HOW:
            raise ValueError(f"A connection is dropped with how=close or how=reset, not {self.how!r}.")
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate is a share of the requests from 0 to 1, not {self.rate}.")
        if not 100 <= self.code <= 599:
            raise ValueError(f"code is an HTTP status from 100 to 599, not {self.code}.")
        if self.executed_after is not None and self.executed_after < 0:
            raise ValueError(f"executed_after is a number of seconds from 0, not {self.executed_after}.")
        if self.kind == "poison" and self.campaign is None:
            raise ValueError("A poison fault needs a campaign, as in poison:campaign=13.")
        self.method = self.method.upper() if self.method else None
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable, not secret

    def matches(self, method: str, path: str) -> bool:
        """Whether the selectors fit the request. Counts nothing."""
        methods = (self.method,) if self.method else _IMPLIED.get(self.kind)
        return (
            self.kind != "poison"
            and (methods is None or method in methods)
            and (self.kind != "import-ends" or path.endswith("/pause"))
            and (self.path is None or self.path in path)
            and (self.campaign is None or self.campaign == campaign_of(path))
        )

    def fires(self) -> bool:
        """Whether the fault acts on this matching request. Counts it."""
        if self.times is not None and self.fired >= self.times:
            return False
        self._seen += 1
        if self._seen <= self.after or (self.rate < 1 and self._random.random() >= self.rate):
            return False
        self.fired += 1
        return True


class Faults(list[Fault]):
    """The faults of a sandbox, in the order in which they act; may be changed while it serves."""

    def __init__(self, faults: Iterable[Fault] = (), *, added: Callable[[Fault], None] = lambda _: None) -> None:
        super().__init__()
        self._added = added
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> Fault:
        """Add a fault at the end; returns it. A `poison` acts at once."""
        self._added(fault)
        self.append(fault)
        return fault


def campaign_of(path: str) -> int | None:
    """The campaign's id in a path; None where there is none."""
    found = _CAMPAIGN.search(path)
    return int(found[1]) if found else None


_NUMBERS: dict[str, Callable[[str], int | float]] = {
    "campaign": int,
    "times": int,
    "after": int,
    "rate": float,
    "seed": int,
    "seconds": float,
    "executed_after": float,
    "code": int,
    "bytes": int,
}
_NAME = re.compile(r"([a-z_]+)=")
_PLAIN = re.compile(r".*?(?=,[a-z_]+=|$)", re.DOTALL)


def parse_fault(text: str) -> Fault:
    """The fault that `text` describes. Raises ValueError with a sentence that names what is allowed."""
    kind, _, rest = text.strip().partition(":")
    if kind not in KINDS:
        raise ValueError(f"There is no fault {kind!r}. The kinds are: {', '.join(KINDS)}.")
    allowed = (*KINDS[kind], *SELECTORS)
    values: dict[str, Any] = {}
    for name, value in _pairs(rest, f"A {kind} fault takes key=value pairs, with these keys: {', '.join(allowed)}."):
        if name not in allowed:
            raise ValueError(f"A {kind} fault has no {name!r}. Its keys are: {', '.join(allowed)}.")
        values[name] = _value(name, value)
    return Fault(kind=kind, **values)


def _pairs(rest: str, form: str) -> Iterator[tuple[str, Any]]:
    position = 0
    while position < len(rest):
        name = _NAME.match(rest, position)
        if name is None:
            raise ValueError(form)
        position, value = name.end(), None
        if rest[position : position + 1] in ("{", '"'):
            try:
                value, position = json.JSONDecoder().raw_decode(rest, position)
            except json.JSONDecodeError as error:
                raise ValueError(f"The value of {name[1]} is not JSON: {error.msg}.") from None
        else:
            plain = _PLAIN.match(rest, position)
            assert plain is not None  # noqa: S101 - the pattern matches anything
            value, position = plain[0], plain.end()
        if rest[position : position + 1] not in ("", ","):
            raise ValueError(form)
        position += 1
        yield name[1], value


def _value(name: str, value: Any) -> Any:
    if name == "fields":
        if not isinstance(value, dict):
            raise ValueError('fields is a JSON object, as in fields={"name":"New"}.')
        return value
    if name == "body" and not isinstance(value, str):
        return json.dumps(value)
    if name == "retry_after" and isinstance(value, str) and value.isdecimal():
        return int(value)
    if name in _NUMBERS:
        try:
            return _NUMBERS[name](value)
        except (TypeError, ValueError):
            raise ValueError(f"{name} is a number, not {value!r}.") from None
    return str(value)
