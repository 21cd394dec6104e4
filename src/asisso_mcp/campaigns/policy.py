"""The limits set by the person who starts the server. No argument of a call widens them."""

from dataclasses import dataclass, replace

from pydantic import SecretStr

from asisso_mcp.campaigns.models import NotAllowed
from asisso_mcp.config import Settings


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
    """`may_write`: offer the tools that change something. `campaigns`: the only ids that may be touched; None is all."""

    may_write: bool = True
    campaigns: frozenset[int] | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Policy":
        """The limits in the server's settings."""
        return cls(may_write=not settings.read_only, campaigns=settings.campaigns)

    def within(self, caller: Caller) -> "Policy":
        """The same limits, and the caller's own: whichever is narrower."""
        return replace(self, may_write=False) if self.may_write and not caller.may_write else self

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


UNLIMITED = Policy()
