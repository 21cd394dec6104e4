"""The five tools: their descriptions, annotations, models and handlers."""

from dataclasses import replace
from itertools import islice

from asisso_mcp.api.models import EDITABLE, FINAL, Campaign
from asisso_mcp.api.slots import urgent
from asisso_mcp.campaigns.advice import advise
from asisso_mcp.campaigns.dialing import dialing_status
from asisso_mcp.campaigns.edits import UNREADABLE
from asisso_mcp.campaigns.formatting import describe_field
from asisso_mcp.campaigns.log_entries import masked, newest_first
from asisso_mcp.campaigns.models import PAUSE_AND_RESUME, EditResult, NotAllowed, StateChange
from asisso_mcp.campaigns.revisions import revision
from asisso_mcp.campaigns.summary import campaign_text, edited_text, list_text, paused_text, resumed_text
from asisso_mcp.sanitize import MAX_TEXT, single_line
from asisso_mcp.tools.models import (
    CampaignArguments,
    CampaignResult,
    CampaignRow,
    CampaignsResult,
    FieldChange,
    GetArguments,
    ListArguments,
    UpdateArguments,
    WriteResult,
)
from asisso_mcp.tools.registry import Tool, ToolAnnotations, ToolContext

RESPONSE_FIELDS = Campaign.model_fields.keys() - {"state", "logs", "warnings"}
"""Of the published response model, what an answer repeats as it came."""


async def list_campaigns(context: ToolContext, arguments: ListArguments) -> CampaignsResult:
    """The handler of the tool of that name, as are those below."""
    at = context.service.clock()
    campaigns = await context.service.list()
    query = single_line(arguments.query or "", MAX_TEXT).casefold()
    matching = [
        campaign
        for campaign in campaigns
        if query in single_line(campaign.name, MAX_TEXT).casefold() and arguments.state in (None, campaign.phase)
    ]
    shown = matching[: arguments.limit or 20]
    return CampaignsResult(
        summary=list_text(shown, len(matching), len(campaigns), at),
        total=len(campaigns),
        matching=len(matching),
        campaigns=[
            CampaignRow(
                campaign_id=campaign.id,
                name=campaign.name,
                state=campaign.phase,
                dialing=dialing_status(campaign, at).dialing,
            )
            for campaign in shown
        ],
    )


async def get_campaign(context: ToolContext, arguments: GetArguments) -> CampaignResult:
    """Reads one campaign."""
    campaign = await context.service.get(arguments.campaign_id)
    last_call = await context.service.last_call(campaign)
    now = dialing_status(campaign, context.service.clock(), last_call)
    entries = 5 if arguments.log_entries is None else arguments.log_entries
    known = revision(campaign.settings())
    newest = list(islice(newest_first(campaign.logs), entries))
    return CampaignResult(
        summary=campaign_text(campaign, now, known, log_entries=entries, may_write=context.service.policy.may_write),
        campaign_id=campaign.id,
        dialing=now.dialing,
        last_call_at=last_call.created_at if last_call else None,
        revision=known,
        state=campaign.phase,
        logs=[masked(entry) for entry in reversed(newest)],
        other_fields=campaign.unknown_fields or None,
        **{name: getattr(campaign, name) for name in RESPONSE_FIELDS},
    )


async def update_campaign(context: ToolContext, arguments: UpdateArguments) -> WriteResult:
    """Changes the settings that are named."""
    named = {field: value for field, value in arguments.named().items() if field in EDITABLE}
    if not named:
        raise NotAllowed(f"Nothing was sent, because no change was named. Name at least one of {', '.join(EDITABLE)}.")
    edited = await context.service.edit(
        arguments.campaign_id,
        named,
        dry_run=arguments.dry_run is True,
        expected_revision=arguments.expected_revision,
        pause_and_resume=arguments.if_running == PAUSE_AND_RESUME,
        consent=context.consent,
    )
    intended = edited.campaign.model_copy(update=edited.plan.after) if edited.preview else edited.campaign
    advice = advise(intended, context.service.policy.advice)
    edited = replace(edited, notes=(*edited.notes, *context.notes, *_kept_paused(context, intended), *advice))
    return _edit_result(edited, edited_text(edited, context.service.clock()))


async def pause_campaign(context: ToolContext, arguments: CampaignArguments) -> WriteResult:
    """Stops new calls."""
    with urgent():
        switched = await context.service.pause(arguments.campaign_id)
    switched = replace(switched, notes=(*switched.notes, *_kept_paused(context, switched.campaign)))
    may_resume = context.service.policy.offers("resume_campaign")
    text = paused_text(switched, context.service.clock(), may_resume=may_resume)
    return _switch_result(switched, text, undo_tool="resume_campaign" if may_resume else None)


async def resume_campaign(context: ToolContext, arguments: CampaignArguments) -> WriteResult:
    """Lets calls go out again."""
    switched = await context.service.resume(arguments.campaign_id, consent=context.consent)
    advice = advise(switched.campaign, context.service.policy.advice)
    switched = replace(switched, notes=(*switched.notes, *advice))
    return _switch_result(switched, resumed_text(switched, context.service.clock()), undo_tool="pause_campaign")


def _kept_paused(context: ToolContext, campaign: Campaign) -> list[str]:
    """Says so when the limits of this server would refuse to resume a paused campaign."""
    problem = context.service.policy.resume_problem(campaign) if campaign.phase == "paused" else None
    return [f"`resume_campaign` would be refused because of this server's limits: {problem}."] if problem else []


def _edit_result(edited: EditResult, summary: str) -> WriteResult:
    undo = edited.plan.undo_arguments(edited.campaign.id) if edited.plan.body and not edited.preview else None
    foreign = [
        f"{describe_field(change.field)} was changed by someone else at the same time"
        for change in edited.comparison.foreign
    ]
    lost = [f"{describe_field(change.field)} is not as sent" for change in edited.comparison.missing]
    return WriteResult(
        summary=summary,
        campaign_id=edited.campaign.id,
        state=edited.campaign.phase,
        applied=edited.applied,
        changes=[
            FieldChange(field=change.field, before=change.before, after=change.after) for change in edited.plan.changes
        ],
        revision=revision(edited.campaign.settings()),
        undo_tool="update_campaign" if undo else None,
        undo=undo,
        warnings=[*lost, *foreign, *edited.notes, *edited.plan.warnings],
    )


def _switch_result(switched: StateChange, summary: str, *, undo_tool: str | None) -> WriteResult:
    before, after = switched.before, switched.campaign
    moved = switched.applied if before is None else before.phase != after.phase
    can_undo = undo_tool is not None and switched.applied and moved and after.phase not in FINAL
    return WriteResult(
        summary=summary,
        campaign_id=after.id,
        state=after.phase,
        applied=switched.applied,
        changes=[_state_change(before, after)] if moved else [],
        revision=revision(after.settings()),
        undo_tool=undo_tool if can_undo else None,
        undo={"campaign_id": after.id} if can_undo else None,
        warnings=list(switched.notes),
    )


def _state_change(before: Campaign | None, after: Campaign) -> FieldChange:
    return FieldChange(field="state", before=UNREADABLE if before is None else before.phase, after=after.phase)


_READ = ToolAnnotations(read_only=True, destructive=False, idempotent=True)
_WRITE = ToolAnnotations(read_only=False, destructive=False, idempotent=True)

TOOLS: tuple[Tool, ...] = (
    Tool(
        name="list_campaigns",
        title="List calling campaigns",
        description="Finds campaigns and their ids, newest first, with state, until when calling hours are open or closed, and progress. Use it for "
        "an overview, or when you know a name and need its id. Not for settings, logs or why one is not dialing: go on with "
        "get_campaign. When several names fit, ask the person which one is meant.",
        arguments=ListArguments,
        result=CampaignsResult,
        hints=_READ,
        handler=list_campaigns,
    ),
    Tool(
        name="get_campaign",
        title="Read a campaign",
        description="Reads one campaign: is it dialing and if not why, calling hours, retries, concurrency, circuit breaker, "
        "progress, newest log entries, revision. Use it to see how a campaign is doing, and before an edit only when the new "
        "value depends on the present one; not to find an id, which list_campaigns does. Then pass the revision to update_campaign as "
        "expected_revision.",
        arguments=GetArguments,
        result=CampaignResult,
        hints=_READ,
        handler=get_campaign,
    ),
    Tool(
        name="update_campaign",
        title="Edit a campaign's settings",
        description="Changes name, retries, concurrency, calling hours or circuit breaker. It reads by itself: no read is needed "
        "before it. Only the fields you name change, also inside objects; `slots` replaces the whole list. A running campaign is refused, "
        "unless if_running is pause_and_resume: then it is paused, edited and resumed in this call. Use dry_run to show the person what "
        "would change. Answers before -> after and the arguments that undo it. Not for starting or stopping calls.",
        arguments=UpdateArguments,
        result=WriteResult,
        hints=ToolAnnotations(
            read_only=False, destructive=True, idempotent=True
        ),  # it overwrites, it does not only add
        handler=update_campaign,
    ),
    Tool(
        name="pause_campaign",
        title="Pause a campaign",
        description="Stops new calls of a running campaign; calls in progress end normally, and about ten claimed contacts may "
        "still be dialed. Already paused is fine, and no read is needed first. Use it when the person wants dialing to stop. Not "
        "needed for drafts. Undo: resume_campaign.",
        arguments=CampaignArguments,
        result=WriteResult,
        hints=_WRITE,
        handler=pause_campaign,
    ),
    Tool(
        name="resume_campaign",
        title="Resume dialing",
        description="Lets a paused campaign dial again: calls begin soon, or when calling hours open; the answer says "
        "what was seen 3 s later. Use it only when the person wants calls to go out, after an edit or a pause. Not for drafts, which are "
        "started in Asisso. Undo: pause_campaign.",
        arguments=CampaignArguments,
        result=WriteResult,
        hints=ToolAnnotations(read_only=False, destructive=True, idempotent=True),
        handler=resume_campaign,
    ),
)
"""In their fixed order."""
