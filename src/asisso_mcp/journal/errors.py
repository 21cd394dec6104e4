"""The errors of the journal."""


class StoreError(Exception):
    """The store cannot be used; the message says why."""


class JournalUnavailable(Exception):
    """The journal that was asked for cannot be written; the message says which, why, and what to do."""
