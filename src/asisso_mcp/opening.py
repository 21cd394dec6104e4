"""The first answers on stdio, before the protocol's library is imported: a host starts several servers and waits for each.

Importing the MCP SDK takes over half a second, a client's opening (`initialize` or `server/discover`, then `tools/list`)
needs nothing of it: for given settings these answers never change. So they are prepared (`server/prepared.py` asks the real
server for them), and answered from here while the SDK is imported in a thread. The first frame that is anything else is
handed over, with the handshake before it, to the real server on the same pipe. Standard library only, on purpose.

Prepared answers are used only for the package and the SDK that they were made with, and for settings that they fit; otherwise
the real server answers from the start. A client that asks `server/discover` and then says `initialize` is served as well.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys

from asisso_mcp import __version__
from asisso_mcp.wire import Wire

TYPE_CHECKING = False  # `typing` and `pathlib` cost more than all that is done here
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

PREPARED = os.path.join(os.path.dirname(__file__), "server", "prepared.json")
OWN_ID = "asisso-mcp-opening"
"""The id under which a handshake that was answered here is told to the real server."""

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
    "ASISSO_CAMPAIGNS",
    "ASISSO_LOG_LEVEL",
}
"""Settings that change nothing of what is prepared, whatever their value. With any other name the real server answers."""


def main() -> NoReturn:
    """`asisso-mcp`: the opening where it applies, then the command line as anyone would read it."""
    arguments = sys.argv[1:]
    prepared = _prepared(arguments, os.environ)
    if prepared is None:
        from asisso_mcp.cli import main as command_line

        command_line(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os._exit(128 + number))
    wire = Wire.take()
    Opening(wire, *prepared).run()
    from asisso_mcp.cli import main as command_line

    command_line(arguments, wire=wire)


class Opening:
    """Answers a client's usual first frames; `run` returns at the first that is not usual."""

    def __init__(self, wire: Wire, replies: Mapping[str, Any], texts: Sequence[str]) -> None:
        self._wire = wire
        self._handshake: Mapping[str, Mapping[str, int]] = replies["handshake"]
        self._modern: Mapping[str, Mapping[str, int]] = replies["modern"]
        self._texts = texts
        self._initialize: dict[str, Any] | None = None
        self._initialized: bytes | None = None
        self._importing = False

    def run(self) -> None:
        answered = False
        while (line := self._wire.next_line()) is not None:
            if not self._usual(line):
                self._hand_over(line)
                return
            answered = True
            self._import()
        if answered:  # the client asked, was answered, and left: nothing is left to do
            os._exit(0)

    def _usual(self, line: bytes) -> bool:
        """Whether the frame was one of those that are answered here, and was answered."""
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
            return self._notified(frame, line, params)
        if not _is_plain_id(frame["id"]):
            return False
        result = self._result(frame, params)
        if result is None:
            return False
        self._wire.write(b'{"jsonrpc":"2.0","id":%s,"result":%s}' % (json.dumps(frame["id"]).encode(), result.encode()))
        return True

    def _notified(self, frame: Mapping[str, Any], line: bytes, params: Mapping[str, Any]) -> bool:
        if frame.get("method") != "notifications/initialized" or params or self._initialize is None:
            return False
        self._initialized = line
        return True

    def _result(self, frame: dict[str, Any], params: Mapping[str, Any]) -> str | None:
        method, opened = frame.get("method"), self._initialize
        if method == "initialize":
            return self._hello(frame, params) if opened is None else None
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

    def _hello(self, frame: dict[str, Any], params: Mapping[str, Any]) -> str | None:
        version, who = params.get("protocolVersion"), params.get("clientInfo")
        usual = (
            isinstance(version, str)
            and version in self._handshake
            and params.keys() == {"protocolVersion", "capabilities", "clientInfo"}
            and _are_capabilities(params["capabilities"])
            and _is_client(who)
        )
        if not usual:
            return None
        self._initialize = frame
        return self._text(self._handshake[str(version)], "initialize")

    def _hand_over(self, line: bytes) -> None:
        """The rest belongs to the real server, which first hears of the handshake that was answered here."""
        if self._initialize is not None:
            self._wire.replay.append(json.dumps({**self._initialize, "id": OWN_ID}).encode())
            self._wire.swallow = OWN_ID
        if self._initialized is not None:
            self._wire.replay.append(self._initialized)
        self._wire.replay.append(line)

    def _import(self) -> None:
        """Begin, beside the conversation, what the first call will need."""
        if not self._importing:
            self._importing = True
            from threading import Thread

            Thread(target=_import_the_server, daemon=True).start()


_KEYS = {"jsonrpc", "id", "method", "params"}


def _import_the_server() -> None:
    gc.disable()  # nothing of an import is garbage
    try:
        _require_settings()
        import asisso_mcp.server.stdio  # noqa: F401
    except Exception:  # noqa: S110 - the same import fails again, and is told, where it is used
        pass
    finally:
        gc.enable()


def _require_settings() -> None:
    """What is wrong with the settings is said now, although the first call is yet to come."""
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


def _prepared(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[Mapping[str, Any], Sequence[str]] | None:
    """The prepared answers for this start, or None: then the real server speaks from the first frame."""
    flags = arguments[1:] if arguments[:1] == ["serve"] else arguments
    read_only = environment.get("ASISSO_READ_ONLY", "0")
    ours = {name for name in environment if name.upper().startswith("ASISSO")}
    if (
        not _FLAGS.issuperset(flags)
        or read_only not in ("0", "1")
        or not ours <= _WITHOUT_EFFECT | {"ASISSO_READ_ONLY"}
    ):
        return None
    try:
        with open(PREPARED, "rb") as file:
            prepared = json.load(file)
    except (OSError, ValueError):
        return None
    if prepared["package"] != __version__ or not _sdk_is(prepared["sdk"]):
        return None
    variant = "read-only" if "--read-only" in flags or read_only == "1" else "all"
    return prepared["replies"][variant], prepared["texts"]


def _sdk_is(version: str) -> bool:
    """Whether the SDK that would be imported has this version; asking it would mean importing it."""
    for folder in sys.path:
        if os.path.isdir(os.path.join(folder, "mcp")):
            return os.path.isdir(os.path.join(folder, f"mcp-{version}.dist-info"))
    return False
