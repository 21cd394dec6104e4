"""Where the journal is: the file that `ASISSO_JOURNAL` names, OpenTelemetry, or the user's state folder."""

import logging
from collections.abc import Callable
from pathlib import Path

from asisso_mcp.config import Settings, SettingsError
from asisso_mcp.journal.errors import JournalUnavailable
from asisso_mcp.journal.journal import Journal, Store

logger = logging.getLogger(__name__)


def journal_file(settings: Settings) -> Path | None:
    """The file of the journal on stdio and on the command line; None when it is none (`otel`, `off`).

    What is not named is in the user's state folder; the sandbox has a file of its own there.
    """
    if isinstance(settings.journal, Path):
        return settings.journal
    if settings.journal is not None:
        return None
    from platformdirs import user_state_path

    folder = user_state_path("asisso-mcp", appauthor=False)
    return folder / ("sandbox-journal.sqlite3" if settings.sandbox else "journal.sqlite3")


def open_journal(
    settings: Settings, *, by_default: bool = False, warn: Callable[[str], None] = logger.warning
) -> Journal | None:
    """The journal that these settings ask for; None when they ask for none. Nothing is opened before the first entry.

    by_default: keep one also where none is named; it may fail, and `warn` gets that. One that is named may not: see `Journal`.
    """
    is_named = settings.journal is not None
    if settings.journal == "otel":
        return Journal(_otel_store, "in OpenTelemetry logs (otel)", is_required=True)
    path = journal_file(settings) if is_named or by_default else None
    if path is None:
        return None

    def store() -> Store:
        from asisso_mcp.journal.store import SqliteStore

        return SqliteStore(path, days=settings.journal_days)

    return Journal(store, str(path), is_required=is_named, warn=warn, file=path, days=settings.journal_days)


def check_journal(settings: Settings) -> None:
    """Raises SettingsError when the journal that these settings name cannot be written: the start is refused then."""
    journal = open_journal(settings)
    if journal is None:
        return
    try:
        journal.check()
    except JournalUnavailable as problem:
        raise SettingsError(str(problem)) from None
    finally:
        journal.close()


def _otel_store() -> Store:
    from asisso_mcp.journal.otel import OtelStore

    return OtelStore()
