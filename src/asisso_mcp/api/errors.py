"""The errors of the API client, each with a message for people that names the next step.

AsissoError
├── Misconfigured            the person who started the server has to act
│   ├── KeyMissing             no key and no token
│   ├── KeyRejected            401, 403
│   ├── WrongAddress           404 "Not Found", 405, a redirect, a page that is not the API
│   └── SecureConnectionFailed TLS
├── NotFound                 404 "Campaign not found"
├── ApiRefused               the API understood and said no; nothing was changed
│   ├── StateConflict          400 about the campaign's state
│   ├── LimitExceeded          400 about max_concurrency
│   ├── InvalidValues          422
│   ├── TelephonyMissing       401 on resume
│   └── QuotaExceeded          402 on resume
├── Unreachable              no answer: refused, dropped, proxy
│   └── TimedOut               none within the time allowed
├── Busy                     429, 502, 503, 504
├── ServerFault              500
└── UnreadableReply          an answer that is not the API's: no JSON, other shape, too large

`executed` says what is known of the request: False: surely not executed; None: unknown. Only a read can tell then.
"""

from typing import Literal, Self

Executed = Literal[False] | None


class AsissoError(Exception):
    """Base of all errors: its text says what happened, why, and what to do next.

    Attributes:
        text: the message for people.
        reason: why alone, as a clause: for a message about several requests, of which this one failed.
        executed: False when the request surely had no effect, None when that is unknown.
    """

    def __init__(self, text: str, *, executed: Executed = False, reason: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.reason = text.rstrip(".") if reason is None else reason
        self.executed: Executed = executed

    def add(self, sentence: str) -> Self:
        """The same error, with another sentence in its text."""
        self.text = f"{self.text} {sentence}"
        return self


class Misconfigured(AsissoError):
    """The server's settings do not fit; the person who started it has to act."""


class KeyMissing(Misconfigured):
    """Neither a key nor a token is set."""

    def __init__(self) -> None:
        super().__init__(
            "No Asisso API key is set, so nothing was sent. Set ASISSO_API_KEY where this server is configured (the host's "
            '"env" block) and restart it. To try everything without an account, start the server with --sandbox '
            "(or ASISSO_SANDBOX=1)."
        )


class KeyRejected(Misconfigured):
    """401 or 403: the API does not accept the credentials."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"The Asisso API did not accept the credentials ({detail}). Check ASISSO_API_KEY (or ASISSO_ACCESS_TOKEN): it may "
            "be mistyped, revoked or expired, or belong to another address (ASISSO_BASE_URL). `asisso-mcp doctor` shows what "
            "is configured."
        )


class WrongAddress(Misconfigured):
    """404 "Not Found", 405 or a redirect: what answers is not the API."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} ASISSO_BASE_URL should be the origin alone, such as https://app.asisso.com, without a path. "
            "`asisso-mcp doctor` checks it."
        )


class SecureConnectionFailed(Misconfigured):
    """The TLS handshake failed: mostly, the certificate is not trusted."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"No secure connection to the Asisso API could be made ({reason}), so this request was not sent. If your network "
            "inspects TLS, point ASISSO_CA_FILE to your organisation's CA certificates (PEM)."
        )


class NotFound(AsissoError):
    """404 "Campaign not found": it does not exist, or belongs to another organisation."""

    def __init__(self, campaign_id: int) -> None:
        super().__init__(
            f"There is no campaign {campaign_id} that this key can see. `list_campaigns` shows the campaigns with their ids; "
            "a campaign of another organisation answers the same."
        )


class ApiRefused(AsissoError):
    """The API understood the request and said no: nothing was changed."""


class StateConflict(ApiRefused):
    """400: the campaign's state does not allow it (it may have changed since it was read)."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"The Asisso API refused: {detail}. Nothing was changed. The campaign's state may have changed a moment ago: "
            "look with `get_campaign`.",
            reason=f"the API refused ({detail})",
        )


class LimitExceeded(ApiRefused):
    """400: `max_concurrency` is above the organisation's limit or the number of its phone numbers."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"The Asisso API refused max_concurrency: {detail}. Nothing was changed, also no other field of this edit. "
            "Choose a number within that limit, or have the limit raised in Asisso (phone numbers of the telephony "
            "configuration, or the organisation's limit).",
            reason=f"the API refused max_concurrency ({detail})",
        )


class InvalidValues(ApiRefused):
    """422: values that the API does not take, one entry in `problems` for each."""

    def __init__(self, problems: list[str]) -> None:
        listed = "; ".join(problems)
        super().__init__(
            f"The Asisso API refused the values, so nothing was changed: {listed}. Correct them and call again.",
            reason=f"the API refused the values ({listed})",
        )


class TelephonyMissing(ApiRefused):
    """401 on resume: the organisation has no telephony configuration."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"The campaign was not resumed: the organisation has no telephony configuration ({detail}). The key is fine. "
            "Set up telephony in Asisso, then call `resume_campaign` again."
        )


class QuotaExceeded(ApiRefused):
    """402 on resume: credits, model keys or the workflow do not allow calls."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"The campaign was not resumed: {detail}. This concerns the account's credits, its model keys or the campaign's "
            "workflow: settle it in Asisso, then call `resume_campaign` again."
        )


class Unreachable(AsissoError):
    """No answer came: refused connection, timeout, dropped connection, proxy."""


class TimedOut(Unreachable):
    """No answer within the time allowed. A write may still be executed later."""


class Busy(AsissoError):
    """429, 502, 503, 504. `retry_after` is what the API asks us to wait, in seconds, where it says so."""

    def __init__(
        self, text: str, *, executed: Executed, retry_after: float | None = None, reason: str | None = None
    ) -> None:
        super().__init__(text, executed=executed, reason=reason)
        self.retry_after = retry_after


class ServerFault(AsissoError):
    """500: an error inside the platform. A write may have been committed before it (observed)."""


class UnreadableReply(AsissoError):
    """The answer is not one of the API's: no JSON, another shape, or too large."""
