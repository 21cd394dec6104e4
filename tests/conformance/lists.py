"""The scenarios of the suite: what it runs for a revision, by name, and what of it applies to which server.

The suite's lists are frozen with the revisions; a version of it that runs others must be looked at, so it fails the run.
"""

REVISIONS = ("2026-07-28", "2025-11-25")

_BOTH = (
    "completion-complete", "tools-list", "tools-call-simple-text", "tools-call-image", "tools-call-audio",
    "tools-call-embedded-resource", "tools-call-mixed-content", "tools-call-error", "tools-call-with-progress",
    "server-sse-multiple-streams", "resources-list", "resources-read-text", "resources-read-binary",
    "resources-templates-read", "prompts-list", "prompts-get-simple", "prompts-get-with-args",
    "prompts-get-embedded-resource", "prompts-get-with-image", "dns-rebinding-protection",
)  # fmt: skip

SCORED = {
    "2026-07-28": (
        *_BOTH, "server-stateless", "sep-2164-resource-not-found", "caching", "input-required-result-basic-elicitation",
        "input-required-result-basic-sampling", "input-required-result-basic-list-roots",
        "input-required-result-request-state", "input-required-result-multiple-input-requests",
        "input-required-result-multi-round", "input-required-result-missing-input-response",
        "input-required-result-non-tool-request", "input-required-result-result-type",
        "input-required-result-unsupported-methods", "input-required-result-tampered-state",
        "input-required-result-capability-check", "input-required-result-ignore-extra-params",
        "input-required-result-validate-input",
    ),
    "2025-11-25": (
        *_BOTH, "server-initialize", "logging-set-level", "ping", "tools-call-with-logging", "tools-call-sampling",
        "tools-call-elicitation", "elicitation-sep1034-defaults", "elicitation-sep1330-enums", "resources-subscribe",
        "resources-unsubscribe",
    ),
}  # fmt: skip
"""What conformance to a revision requires of a server."""

NOT_SCORED = {
    "2026-07-28": (
        "json-schema-2020-12", "http-header-validation", "http-custom-header-server-validation", "tasks-lifecycle",
        "tasks-capability-negotiation", "tasks-wire-fields", "tasks-request-state-removal", "tasks-mrtr-input",
        "tasks-request-headers", "tasks-dispatch-and-envelope", "tasks-status-notifications", "tasks-required-task-error",
        "tasks-mrtr-composition",
    ),
    "2025-11-25": ("json-schema-2020-12", "server-session-lifecycle", "server-sse-polling"),
}  # fmt: skip
"""What the suite runs beside it: an extension, what came later, and what the suite's own example cannot pass."""

APPLIES = {
    "2026-07-28": (
        "tools-list", "resources-list", "prompts-list", "completion-complete", "sep-2164-resource-not-found", "caching",
        "dns-rebinding-protection", "server-sse-multiple-streams", "http-header-validation", "server-stateless",
        "input-required-result-unsupported-methods", "input-required-result-validate-input",
    ),
    "2025-11-25": (
        "server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "completion-complete",
        "dns-rebinding-protection",
    ),
}  # fmt: skip
"""What asks nothing of a server but what a product has. It passes on the product as it is."""
