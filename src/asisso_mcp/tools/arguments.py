"""What each tool takes. The published input schemas are these models."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from asisso_mcp.campaigns.edit_models import CampaignEdit, NotNull, StrictBool, WholeNumber

CampaignId = Annotated[int, Field(ge=1, le=2_147_483_647, description="Id from list_campaigns."), WholeNumber]
Phase = Literal["draft", "syncing", "running", "paused", "completed", "failed"]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ListArguments(_Arguments):
    query: NotNull[
        Annotated[str, StringConstraints(max_length=255), Field(description="Part of a name, any case.")]
    ] = None
    state: NotNull[Annotated[Phase, Field(description="Only this state.")]] = None
    limit: NotNull[Annotated[int, Field(ge=1, le=100, description="How many; default 20."), WholeNumber]] = None


class CampaignArguments(_Arguments):
    campaign_id: CampaignId


class GetArguments(CampaignArguments):
    log_entries: NotNull[
        Annotated[int, Field(ge=0, le=50, description="How many of the newest; default 5."), WholeNumber]
    ] = None


class UpdateArguments(CampaignEdit, CampaignArguments):
    dry_run: NotNull[Annotated[StrictBool, Field(description="true: preview, sends nothing.")]] = None
    expected_revision: NotNull[
        Annotated[
            str,
            StringConstraints(max_length=64),
            Field(description="From get_campaign; refuses the edit if settings changed since."),
        ]
    ] = None
