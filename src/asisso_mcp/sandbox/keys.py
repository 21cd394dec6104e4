"""Who may call: the keys the sandbox knows. They open nothing anywhere else."""

KEY = "as_sandbox_key"
"""The main tenant, which owns the seeded campaigns."""

OTHER_TENANT_KEY = "as_sandbox_other"
"""Another tenant: its campaigns do not exist for the main one."""

NO_TELEPHONY_KEY = "as_sandbox_no_telephony"
"""A tenant without telephony: start and resume answer 401."""

REVOKED_KEY = "as_sandbox_revoked"
OWNERLESS_KEY = "as_sandbox_ownerless"
"""A key whose creator is null."""
ORPHANED_KEY = "as_sandbox_orphaned"
"""A key whose creator was deleted."""

TOKEN = "sandbox.login.token"  # noqa: S105 - opens the sandbox only
"""A login token of the main tenant, for `Authorization: Bearer`."""
