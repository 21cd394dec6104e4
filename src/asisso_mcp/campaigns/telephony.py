"""What a campaign dials from, and how many calls it can make at once: what was looked up beside the campaign. Pure.

The platform accepts the resume of a campaign whose telephony cannot dial, and half a minute later the campaign has failed for good
(observed). How many calls go out at once is the smallest of three numbers, two of which the campaign does not show.
"""

from dataclasses import dataclass

from asisso_mcp.api.models import Campaign, TelephonyConfiguration
from asisso_mcp.campaigns.models import NotAllowed
from asisso_mcp.sanitize import quoted, redact

_MEND = "Settle it in Asisso (telephony configurations), then call `resume_campaign` again."


@dataclass(frozen=True)
class Telephony:
    """What an organisation dials from. None: it was not looked up, or could not be.

    configurations: all of them. call_limit: how many calls the organisation may make at once.
    """

    configurations: tuple[TelephonyConfiguration, ...] | None = None
    call_limit: int | None = None

    def obstacle(self, campaign: Campaign) -> str | None:
        """Why the campaign would fail for good soon after a resume; None where that is not known."""
        if not self.configurations:  # with none at all the API refuses by itself
            return None
        used, pinned = self._used_by(campaign), campaign.telephony_configuration_id
        if used is None:
            if pinned is not None and campaign.telephony_configuration_name is not None:
                return None  # the campaign shows it, so the list is not the whole
            if pinned is not None:
                return f"its telephony configuration {pinned} is no longer there"
            if all(_why_not_ready(each) for each in self.configurations):
                return "none of the organisation's telephony configurations can make outbound calls"
            return None
        reason = _why_not_ready(used)
        return f"its telephony configuration {quoted(used.name or used.id, 60)} {reason}" if reason else None

    def settable(self, campaign: Campaign) -> int | None:
        """The largest max_concurrency that the API takes: the organisation's limit, or the numbers of the campaign's own configuration."""
        pinned = self._used_by(campaign) if campaign.telephony_configuration_id is not None else None
        return min(filter(None, (self.call_limit, pinned.phone_number_count if pinned else None)), default=None)

    def describe_cap(self, campaign: Campaign, max_concurrency: int | None) -> str | None:
        """How many calls really go out at once, as far as it was looked up; None where nothing was."""
        used = self._used_by(campaign)
        numbers = used.phone_number_count if used else None
        known = [
            (count, words)
            for count, words in (
                (max_concurrency, "its own limit ({})"),
                (self.call_limit, "the organisation's limit ({})"),
                (numbers, "the numbers that it dials from ({}, shared with other campaigns)"),
            )
            if count
        ]
        if not self.call_limit and not numbers:
            return None
        listed = ", ".join(words.format(count) for count, words in known)
        return f"Calls at once: at most {min(known)[0]}, the smallest of {listed}."

    def _used_by(self, campaign: Campaign) -> TelephonyConfiguration | None:
        """The campaign's own configuration, or else the default; None when it is not among them."""
        if "telephony_configuration_id" not in campaign.model_fields_set:
            return None
        pinned = campaign.telephony_configuration_id
        return next(
            (each for each in self.configurations or () if (each.id == pinned if pinned else each.is_default_outbound)),
            None,
        )


NOT_LOOKED_UP = Telephony()


def require_ready(looked_up: Telephony, campaign: Campaign) -> None:
    """Raises NotAllowed for a campaign that a resume would end for good, as far as that was looked up."""
    if obstacle := looked_up.obstacle(campaign):
        raise NotAllowed(
            f"Campaign {campaign.id} {quoted(campaign.name)} was not resumed, and nothing was sent: {obstacle}. Resumed like this, it "
            f"would fail for good within a minute, without a call. {_MEND}"
        )


def require_settable(max_concurrency: int | None, settable: int | None) -> None:
    """Raises NotAllowed for a max_concurrency that the API would refuse, as far as that was looked up."""
    if max_concurrency is not None and settable is not None and max_concurrency > settable:
        raise NotAllowed(
            f"Nothing was sent, and the API would refuse this edit: max_concurrency {max_concurrency} is above what may be set now "
            f"({settable}: the organisation's limit, or the numbers of the campaign's telephony configuration)."
        )


def warning(obstacle: str) -> str:
    """The same beside an edit that a resume would have to follow."""
    return f"It cannot be resumed at the moment: {obstacle}. {_MEND}"


def _why_not_ready(configuration: TelephonyConfiguration) -> str | None:
    """Both must be right: an inactive one may still be called ready (observed)."""
    if configuration.inactive is True:
        return f"is inactive{_quoted_reason(configuration.inactive_reason)}"
    if configuration.is_ready_for_outbound is False:
        return f"is not ready for outbound calls{_quoted_reason(configuration.outbound_blocked_reason)}"
    return None


def _quoted_reason(reason: str | None) -> str:
    return f" ({quoted(redact(reason), 160)})" if reason else ""
