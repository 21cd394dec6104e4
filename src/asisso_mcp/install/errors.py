"""Why a client's file was not changed, in a sentence for the person who asked."""


class NotInstalled(Exception):
    """Nothing was written. The message says why and what to do."""


class Unreadable(NotInstalled):
    """The file is not of its client's format, or not of the expected shape; it was left as it is."""
