"""Which states allow an edit, a pause or a resume, and what to do where they do not. Pure."""

from asisso_mcp.api.models import FINAL, Campaign
from asisso_mcp.campaigns.models import PAUSE_AND_RESUME, NotAllowed
from asisso_mcp.sanitize import quoted


def require_pausable(campaign: Campaign) -> None:
    """Raises NotAllowed for a campaign that cannot be paused because it does not run."""
    who = f"Campaign {campaign.id} {quoted(campaign.name)}"
    if campaign.phase == "draft":
        raise NotAllowed(
            f"{who} is a draft: it was never started, so there is nothing to pause. It can be edited as it is with "
            "`update_campaign`."
        )
    if campaign.phase in FINAL:
        raise NotAllowed(f"{who} is {campaign.phase}, which is final: it does not dial, and there is nothing to pause.")


def require_resumable(campaign: Campaign) -> None:
    """Raises NotAllowed for a campaign that cannot be resumed."""
    who = f"Campaign {campaign.id} {quoted(campaign.name)}"
    if campaign.phase == "draft":
        raise NotAllowed(
            f"{who} is a draft that was never started. A first start is done in Asisso itself; this server only resumes paused "
            "campaigns."
        )
    if campaign.phase in FINAL:
        raise NotAllowed(f"{who} is {campaign.phase}, which is final: it cannot be resumed.")


def require_paused(campaign: Campaign, but: str = "") -> None:
    """Raises NotAllowed unless settings may be changed (published reference: in draft or paused only). Unknown states: the API decides.

    `but`: what stands in the way of resuming it afterwards.
    """
    if campaign.phase in ("running", "syncing"):
        by_hand = f"`pause_campaign` with campaign_id={campaign.id}, then this edit again, then `resume_campaign`"
        at_once = f'this edit again with if_running="{PAUSE_AND_RESUME}", which pauses it, edits and resumes it; or '
        raise NotAllowed(
            f"Campaign {campaign.id} {quoted(campaign.name)} is {campaign.phase}; settings can only be changed while a campaign is paused or a draft, so nothing was changed. "
            f"Next: {at_once if campaign.phase == 'running' else ''}{by_hand}.{but}"
        )


def require_not_final(campaign: Campaign) -> None:
    """Raises NotAllowed for a campaign that has ended."""
    if campaign.phase in FINAL:
        raise NotAllowed(
            f"Campaign {campaign.id} {quoted(campaign.name)} is {campaign.phase}, which is final: its settings can no longer be changed, so nothing was changed. "
            "Settings can be changed on campaigns that are paused or drafts."
        )
