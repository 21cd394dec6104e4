"""What each tool takes and answers: the published input and output schemas are these models.

`summary` is the whole text of an answer: some hosts show a model the structure alone, others the text alone.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from asisso_mcp.campaigns.edit_models import CampaignEdit, NotNull, StrictBool, WholeNumber

CampaignId = Annotated[int, Field(ge=1, le=2_147_483_647, description="Id from list_campaigns."), WholeNumber]
Phase = Annotated[
    Literal["draft", "syncing", "running", "paused", "completed", "failed"],
    BeforeValidator(lambda state: "draft" if state == "created" else state),
]
"""A state in the words of the reference; the API's own word for a draft is understood."""


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ListArguments(_Arguments):
    """Arguments of list_campaigns."""

    query: NotNull[
        Annotated[str, StringConstraints(max_length=255), Field(description="Part of a name, any case.")]
    ] = None
    state: NotNull[Annotated[Phase, Field(description="Only this state.")]] = None
    limit: NotNull[Annotated[int, Field(ge=1, le=100, description="How many; default 20."), WholeNumber]] = None


class CampaignArguments(_Arguments):
    """Arguments of pause_campaign and resume_campaign."""

    campaign_id: CampaignId


class GetArguments(CampaignArguments):
    """Arguments of get_campaign."""

    log_entries: NotNull[
        Annotated[int, Field(ge=0, le=50, description="How many of the newest; default 5."), WholeNumber]
    ] = None


class UpdateArguments(CampaignEdit, CampaignArguments):
    """Arguments of update_campaign."""

    if_running: NotNull[
        Annotated[
            Literal["refuse", "pause_and_resume"],
            Field(description="pause_and_resume edits a running campaign in one call; default refuse."),
        ]
    ] = None
    dry_run: NotNull[Annotated[StrictBool, Field(description="true: preview, sends nothing.")]] = None
    expected_revision: NotNull[
        Annotated[
            str,
            StringConstraints(max_length=64),
            Field(description="From get_campaign; refuses the edit if settings changed since."),
        ]
    ] = None


class _Result(BaseModel):
    model_config = ConfigDict(extra="forbid")

    summary: str

    def structure(self) -> dict[str, Any]:
        """As sent: what is not known is left out."""
        return self.model_dump(mode="json", exclude_none=True)


class CampaignRow(BaseModel):
    """One campaign of a list."""

    campaign_id: int
    name: str
    state: str
    dialing: bool | None = None


class CampaignsResult(_Result):
    """Answer of list_campaigns."""

    total: int
    matching: int
    campaigns: list[CampaignRow]


class CampaignResult(_Result):
    """Answer of get_campaign."""

    campaign_id: int
    dialing: bool | None = None
    last_call_at: datetime | None = None
    revision: str
    # The published response model, in its order. What the API gives as null is left out.
    id: int
    name: str
    workflow_id: int | None = None
    workflow_name: str | None = None
    state: str
    source_type: str | None = None
    source_id: str | None = None
    total_rows: int | None = None
    processed_rows: int | None = None
    failed_rows: int | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    retry_config: dict[str, Any] | None = None
    max_concurrency: int | None = None
    schedule_config: dict[str, Any] | None = None
    circuit_breaker: dict[str, Any] | None = None
    executed_count: int | None = None
    total_queued_count: int | None = None
    parent_campaign_id: int | None = None
    redialed_campaign_id: int | None = None
    telephony_configuration_id: int | None = None
    telephony_configuration_name: str | None = None
    logs: list[dict[str, Any]]
    other_fields: dict[str, Any] | None = None
    """What newer platforms send beside it, under its own names; apart, so that none is taken for one of ours."""


def _without_values(schema: dict[str, Any]) -> None:
    """`before` and `after` are of any type, and some clients refuse a schema that has none: they are sent, not declared."""
    for name in ("before", "after"):
        schema["properties"].pop(name)
        schema["required"].remove(name)


class FieldChange(BaseModel):
    """One changed leaf, as `section.leaf`."""

    model_config = ConfigDict(json_schema_extra=_without_values)

    field: str
    before: Any
    after: Any


class WriteResult(_Result):
    """Answer of the tools that write."""

    campaign_id: int
    state: str
    applied: bool
    changes: list[FieldChange]
    revision: str
    undo_tool: str | None = None
    undo: dict[str, Any] | None = Field(default=None, description="Arguments of undo_tool that put it back.")
    warnings: list[str]

    def structure(self) -> dict[str, Any]:
        """Null stays in `changes`: there it means that a field was not set."""
        absent = {name for name in ("undo", "undo_tool") if getattr(self, name) is None}
        return self.model_dump(mode="json", exclude=absent)
