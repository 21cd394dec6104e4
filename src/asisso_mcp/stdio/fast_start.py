"""Answers a client's first requests on stdio before the MCP SDK is imported.

Importing the SDK takes over half a second, and `initialize` or `server/discover` and then `tools/list` need nothing of it: for
given settings these replies never change. They are answered from `cached_replies.json`, which `scripts/cached_replies.py` gets from
the real server, while the SDK is imported in a thread. The first request that is anything else is handed over, with the handshake
before it, to the real server on the same pipe. A client that asks `server/discover` and then says `initialize` is served as well,
which the SDK alone refuses. Standard library only.

The cached replies hold for this version of the package, for one minor series of the SDK, and for settings that do not change
them; otherwise the real server answers from the first request.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys

from asisso_mcp import __version__
from asisso_mcp.stdio.pipe import StdioPipe

TYPE_CHECKING = False  # `typing` and `pathlib` cost more than all that is done here
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from threading import Thread
    from typing import Any

CACHED_REPLIES = os.path.join(os.path.dirname(__file__), "cached_replies.json")
REPLAY_ID = "asisso-mcp-fast-start"
"""The id under which an `initialize` that was answered here is replayed to the real server."""

PATIENCE_SECONDS = 60.0
"""How long a client may be silent before the real server takes over."""

_VERSION = "io.modelcontextprotocol/protocolVersion"
_INFO = "io.modelcontextprotocol/clientInfo"
_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
_FLAGS = {"--sandbox", "--read-only", "-v", "-vv", "--verbose"}
_WITHOUT_EFFECT = {
    "ASISSO_API_KEY",
    "ASISSO_ACCESS_TOKEN",
    "ASISSO_BASE_URL",
    "ASISSO_TIMEOUT",
    "ASISSO_PROXY",
    "ASISSO_CA_FILE",
    "ASISSO_SANDBOX",
    "ASISSO_STATE_KEYS",
    "ASISSO_ADVICE",
    "ASISSO_JOURNAL",
    "ASISSO_JOURNAL_DAYS",
    "ASISSO_LOG_LEVEL",
}
"""Settings that change nothing of the cached replies, whatever their value."""
_OFF = ("0", "false")
_ON = ("1", "true")
_WITHOUT_LIMIT = {
    "ASISSO_CAMPAIGNS": ("all",),
    "ASISSO_TOOLS": ("all",),
    "ASISSO_MAX_CONCURRENCY": ("none",),
    "ASISSO_MAX_RETRIES": ("none",),
    "ASISSO_CALLING_HOURS": ("any",),
    "ASISSO_REQUIRE_BREAKER": _OFF,
    "ASISSO_CONFIRM": ("never",),
    "ASISSO_READ_ONLY": (*_OFF, *_ON),
}
"""Limits, and the values with which the cached replies hold. With any other value, and with any other name, the real server answers."""


def serve_first_requests(arguments: Sequence[str], environment: Mapping[str, str]) -> StdioPipe | None:
    """Answer the first requests. Returns the pipe for the real server, or None where the cached replies do not apply.

    With None, nothing was read. Does not return when the client leaves after its first requests.
    """
    replies = _cached_replies(arguments, environment)
    if replies is None:
        return None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os._exit(128 + number))
    pipe = StdioPipe.claim()
    FastStart(pipe, *replies).run()
    return pipe


class FastStart:
    """Answers the handshake and lists from cached replies, up to the first request that needs the real server."""

    def __init__(self, pipe: StdioPipe, replies: Mapping[str, Any], texts: Sequence[str]) -> None:
        self._pipe = pipe
        self._handshake: Mapping[str, Mapping[str, int]] = replies["handshake"]
        self._modern: Mapping[str, Mapping[str, int]] = replies["modern"]
        self._texts = texts
        self._initialize: dict[str, Any] | None = None
        self._initialized: bytes | None = None
        self._import_thread: Thread | None = None

    def run(self) -> None:
        """Answer until a request needs the real server, which finds it in the pipe's `replay`."""
        answered = False
        while (line := self._pipe.next_line(PATIENCE_SECONDS)) is not None:
            if not self._try_answer(line):
                self._fall_through(line)
                return
            answered = True
            self._start_import()
        if not self._pipe.ended:  # the real server looks after the host while it is silent
            self._fall_through()
        elif answered:  # the client asked, was answered, and left: nothing is left to do
            os._exit(0)

    def _try_answer(self, line: bytes) -> bool:
        """Answer a line where that can be done here; whether it was."""
        try:
            frame = json.loads(line)
        except (ValueError, RecursionError):
            return False
        if not isinstance(frame, dict) or frame.get("jsonrpc") != "2.0" or frame.keys() - _KEYS:
            return False
        params = frame.get("params", {})
        if not isinstance(params, dict):
            return False
        if "id" not in frame:
            return self._accept_notification(frame, line, params)
        if not _is_plain_id(frame["id"]):
            return False
        result = self._find_reply(frame, params)
        if result is None:
            return False
        self._pipe.write(b'{"jsonrpc":"2.0","id":%s,"result":%s}' % (json.dumps(frame["id"]).encode(), result.encode()))
        return True

    def _accept_notification(self, frame: Mapping[str, Any], line: bytes, params: Mapping[str, Any]) -> bool:
        if frame.get("method") != "notifications/initialized" or params or self._initialize is None:
            return False
        self._initialized = line
        return True

    def _find_reply(self, frame: dict[str, Any], params: Mapping[str, Any]) -> str | None:
        method, opened = frame.get("method"), self._initialize
        if method == "initialize":
            return self._answer_initialize(frame, params) if opened is None else None
        if opened is not None:
            bare = params.keys() <= {"_meta"} and isinstance(params.get("_meta", {}), dict)
            if not bare or _VERSION in params.get("_meta", {}):
                return None
            if method == "ping":
                return "{}"
            return self._text(self._handshake[opened["params"]["protocolVersion"]], method)
        meta = params.get("_meta")
        if params.keys() != {"_meta"} or not isinstance(meta, dict) or not _is_envelope(meta):
            return None
        return self._text(self._modern.get(meta[_VERSION], {}), method)

    def _text(self, results: Mapping[str, int], method: object) -> str | None:
        number = results.get(str(method))
        return None if number is None else self._texts[number]

    def _answer_initialize(self, frame: dict[str, Any], params: Mapping[str, Any]) -> str | None:
        version, who = params.get("protocolVersion"), params.get("clientInfo")
        is_simple = (
            isinstance(version, str)
            and version in self._handshake
            and params.keys() == {"protocolVersion", "capabilities", "clientInfo"}
            and _are_capabilities(params["capabilities"])
            and _is_client(who)
        )
        if not is_simple:
            return None
        self._initialize = frame
        return self._text(self._handshake[str(version)], "initialize")

    def _fall_through(self, line: bytes | None = None) -> None:
        """Leave this line, and what follows, to the real server, behind the handshake that was answered here."""
        if (
            self._import_thread is not None
        ):  # two threads that import modules of one circle may each find the other's half made
            self._import_thread.join()
        if self._initialize is not None:
            self._pipe.replay.append(json.dumps({**self._initialize, "id": REPLAY_ID}).encode())
            self._pipe.suppressed_id = REPLAY_ID
        if self._initialized is not None:
            self._pipe.replay.append(self._initialized)
        if line is not None:
            self._pipe.replay.append(line)

    def _start_import(self) -> None:
        """Import the real server in a thread, once."""
        if self._import_thread is None:
            from threading import Thread

            self._import_thread = Thread(target=_import_server, daemon=True)
            self._import_thread.start()


_KEYS = {"jsonrpc", "id", "method", "params"}


def _import_server() -> None:
    gc.disable()  # nothing of an import is garbage
    try:
        _check_settings()
        import asisso_mcp.stdio.server  # noqa: F401
    except Exception:  # noqa: S110 - the same import fails again, with its message, where it is used
        pass
    finally:
        gc.enable()


def _check_settings() -> None:
    """End the process with a message when a setting is wrong, before the first call."""
    from asisso_mcp.config import Settings, SettingsError, UnreadableLimit

    try:
        Settings.from_environment()
    except UnreadableLimit:  # the real server says it in answer to each call
        return
    except SettingsError as problem:
        sys.stderr.write(f"asisso-mcp: {problem}\n")
        sys.stderr.flush()
        os._exit(2)


def _is_plain_id(number: object) -> bool:
    if isinstance(number, str):
        return number.isascii() and number.isprintable() and not {'"', "\\"} & set(number)
    return isinstance(number, int) and not isinstance(number, bool)


def _is_client(who: object) -> bool:
    return isinstance(who, dict) and isinstance(who.get("name"), str) and isinstance(who.get("version"), str)


def _are_capabilities(what: object) -> bool:
    return isinstance(what, dict) and all(isinstance(each, dict) for each in what.values())


def _is_envelope(meta: Mapping[str, Any]) -> bool:
    return (
        isinstance(meta.get(_VERSION), str)
        and _are_capabilities(meta.get(_CAPABILITIES))
        and _is_client(meta.get(_INFO))
    )


def _cached_replies(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[Mapping[str, Any], Sequence[str]] | None:
    """The replies for this start, and the texts that they refer to; None where none apply."""
    flags = arguments[1:] if arguments[:1] == ["serve"] else arguments
    ours = {name for name in environment if name.upper().startswith("ASISSO")} - _WITHOUT_EFFECT
    if not _FLAGS.issuperset(flags) or any(environment[name] not in _WITHOUT_LIMIT.get(name, ()) for name in ours):
        return None
    try:
        with open(CACHED_REPLIES, "rb") as file:
            cached = json.load(file)
    except (OSError, ValueError):
        return None
    if cached["package"] != __version__ or not _is_installed_sdk(cached["sdk"]):
        return None
    is_read_only = "--read-only" in flags or environment.get("ASISSO_READ_ONLY") in _ON
    variant = "read-only" if is_read_only else "all"
    return cached["replies"][variant], cached["texts"]


def _is_installed_sdk(series: str) -> bool:
    """Whether the installed SDK is of this minor series, such as "2.3". Its own version would mean importing it."""
    for folder in sys.path:
        if os.path.isdir(os.path.join(folder, "mcp")):
            return any(name.startswith(f"mcp-{series}.") and name.endswith(".dist-info") for name in os.listdir(folder))
    return False
