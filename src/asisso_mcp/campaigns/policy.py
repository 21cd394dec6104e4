"""The limits set by the person who starts the server. No argument of a call widens them.

They bind the leaves that an edit names, and everything that a resume would let run; what was stored before stays as it is.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from asisso_mcp.api.models import SECTIONS, Campaign
from asisso_mcp.campaigns.limits import RULES, Edit, Rule, describe_bound
from asisso_mcp.campaigns.models import EditPlan, NotAllowed
from asisso_mcp.campaigns.schedule import Window
from asisso_mcp.config import Settings
from asisso_mcp.sanitize import quoted
from asisso_mcp.setting_values import READING_TOOLS, TOOL_NAMES

_IDS_SHOWN = 10
_CONFIRMED = {
    "risky": "a person confirms what is risky (resuming, wider hours, more calls or retries, a breaker off or laxer)",
    "always": "a person confirms every change but a pause",
}
_WHO = "The person who runs the server can change that."


@dataclass(frozen=True)
class Caller:
    """Who asks, as the transport established it.

    `api_key`: their own Asisso key, for this request alone; None: the server's. `name`: what the journal calls them, never a
    secret; None where the transport tells callers not apart.
    """

    api_key: SecretStr | None = None
    may_write: bool = True
    name: str | None = None


OPERATOR = Caller()
"""The person who started the server: the only caller there is on stdio."""


@dataclass(frozen=True)
class Policy:
    """An upper bound on what a caller may do.

    Attributes:
        may_write: offer the tools that change something.
        campaigns: the only ids that may be touched; None is all.
        tools: the only tools that are offered; None is all.
        max_concurrency, max_retries: the largest values; None is no bound.
        calling_hours: minutes since midnight on the clock of a campaign's zone, between which its calling hours must lie.
        require_breaker: the circuit breaker must stay on.
        confirm: which edits and resumes a person confirms first: "never", "risky" or "always". Pauses never wait for anyone.
        advice: whose calling rules advice goes by, a key of `advice.RULES`, or "off". It bounds nothing.
    """

    may_write: bool = True
    campaigns: frozenset[int] | None = None
    tools: frozenset[str] | None = None
    max_concurrency: int | None = None
    max_retries: int | None = None
    calling_hours: Window | None = None
    require_breaker: bool = False
    confirm: str = "never"
    advice: str = "common"

    @classmethod
    def of(cls, settings: Settings) -> "Policy":
        """The limits in the server's settings."""
        return cls(
            may_write=not settings.read_only,
            campaigns=settings.campaigns,
            tools=settings.tools,
            max_concurrency=settings.max_concurrency,
            max_retries=settings.max_retries,
            calling_hours=settings.calling_hours,
            require_breaker=settings.require_breaker,
            confirm=settings.confirm,
            advice=settings.advice,
        )

    def within(self, caller: Caller) -> "Policy":
        """The same limits, and the caller's own: whichever is narrower."""
        return replace(self, may_write=False) if self.may_write and not caller.may_write else self

    @property
    def maxima(self) -> dict[str, int]:
        """Leaf of an edit → the largest value, where a limit sets one: for the published schemas."""
        bounds = {"max_concurrency": self.max_concurrency, "retry_config.max_retries": self.max_retries}
        return {leaf: bound for leaf, bound in bounds.items() if bound is not None}

    def describe(self) -> tuple[str, ...]:
        """The limits that are set, but for reading alone, each in a few words of plain ASCII."""
        words = []
        if self.tools is not None:
            words.append(f"only the tools {', '.join(name for name in TOOL_NAMES if name in self.tools)}")
        if self.campaigns is not None:
            ids = [str(each) for each in sorted(self.campaigns)]
            more = [f"{len(ids) - _IDS_SHOWN} more"] if len(ids) > _IDS_SHOWN else []
            words.append(f"only campaigns {', '.join([*ids[:_IDS_SHOWN], *more])}")
        words += [rule.words.format(describe_bound(bound)) for rule, bound in self._rules()]
        return (*words, *([_CONFIRMED[self.confirm]] if self.may_write and self.confirm in _CONFIRMED else []))

    def needs_consent(self, risks: Collection[str]) -> bool:
        """Whether a person confirms a write with these risks before it is sent."""
        return self.confirm == "always" or (self.confirm != "never" and bool(risks))

    def selects(self, tool: str) -> bool:
        """Whether the tool is among those that were chosen; one that writes may be withheld all the same."""
        return self.tools is None or tool in self.tools

    def offers(self, tool: str) -> bool:
        """Whether the tool of that name can be called."""
        return self.selects(tool) and (self.may_write or tool in READING_TOOLS)

    def check_tool(self, tool: str) -> None:
        """Raises NotAllowed for a tool that was not chosen, in whatever way it is reached."""
        if not self.selects(tool):
            raise NotAllowed(f"Nothing was sent: {tool} is not among the tools of this server (ASISSO_TOOLS). {_WHO}")

    def check_writing(self) -> None:
        """Raises NotAllowed where only reading is allowed."""
        if not self.may_write:
            raise NotAllowed(
                "Nothing was changed: this server only reads (--read-only, or a token without the right to write). The person who runs "
                "it can change that."
            )

    def allows(self, campaign_id: int) -> bool:
        """Whether this campaign may be touched."""
        return self.campaigns is None or campaign_id in self.campaigns

    def check_campaign(self, campaign_id: int) -> None:
        """Raises NotAllowed when the campaign is outside the limits."""
        if not self.allows(campaign_id):
            raise NotAllowed(
                f"This server was started for certain campaigns only (ASISSO_CAMPAIGNS), and {campaign_id} is not among them, "
                "so nothing was sent. The person who runs the server can change that; `list_campaigns` shows the ones it may touch."
            )

    def check_edit(self, before: Campaign | None, plan: EditPlan) -> EditPlan:
        """The plan, with no more of its undo than these limits allow. Raises NotAllowed for an edit beyond them.

        before: None when the campaign could not be read.
        """
        after = before.model_copy(update=plan.after) if before else Campaign.model_construct(**plan.after)
        if problems := self._edit_problems(Edit(before, after, plan.asked)):
            raise NotAllowed(f"Nothing was changed, because of this server's limits: {'; '.join(problems)}. {_WHO}")
        undo, warnings = self._permitted(after, plan.undo)
        return plan if undo == plan.undo else replace(plan, undo=undo, warnings=(*plan.warnings, *warnings))

    def check_resume(self, campaign: Campaign) -> None:
        """Raises NotAllowed when the campaign would run beyond these limits, with what to do first."""
        if problem := self.resume_problem(campaign):
            raise NotAllowed(
                f"Campaign {campaign.id} {quoted(campaign.name)} was not resumed, because of this server's limits: {problem}. {_WHO}"
            )

    def resume_problem(self, campaign: Campaign) -> str | None:
        """Why these limits do not let the campaign be resumed as it is, or None."""
        if not self.selects("resume_campaign"):
            return "resume_campaign is not among its tools (ASISSO_TOOLS)"
        return "; ".join(self._problems(lambda rule, bound: rule.of_campaign(bound, campaign))) or None

    def _rules(self) -> list[tuple[Rule, Any]]:
        """The rules that bound something here, and by what."""
        bounds = ((rule, getattr(self, rule.setting.removeprefix("ASISSO_").lower())) for rule in RULES)
        return [(rule, bound) for rule, bound in bounds if bound is not None and bound is not False]

    def _problems(self, judge: Callable[[Rule, Any], str | None]) -> list[str]:
        found = ((rule, judge(rule, bound)) for rule, bound in self._rules())
        return [f"{problem} ({rule.setting})" for rule, problem in found if problem]

    def _edit_problems(self, edit: Edit) -> list[str]:
        return self._problems(lambda rule, bound: rule.of_edit(bound, edit))

    def _permitted(self, after: Campaign, undo: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The leaves of an undo of `after` that are within the limits, and a warning for each of the others."""
        kept: dict[str, Any] = {}
        warnings = []
        for name, value in undo.items():
            leaves = (
                {f"{name}.{leaf}": {leaf: each} for leaf, each in value.items()} if name in SECTIONS else {name: value}
            )
            for path, leaf in leaves.items():
                current = getattr(after, name) or {}
                back = after.model_copy(update={name: {**current, **leaf} if name in SECTIONS else leaf})
                if problems := self._edit_problems(Edit(after, back, frozenset({path}))):
                    warnings.append(f"The undo leaves {path} as it is now: {'; '.join(problems)}.")
                else:
                    kept[name] = {**kept.get(name, {}), **leaf} if name in SECTIONS else leaf
        return kept, warnings


UNLIMITED = Policy()
