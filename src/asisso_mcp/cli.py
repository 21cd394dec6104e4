"""The front door: a command line in, one of the parts of this package out."""

import argparse
import io
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from asisso_mcp import __version__
from asisso_mcp.config import HTTP_SETTINGS, SETTINGS, Settings, SettingsError, UnreadableLimit
from asisso_mcp.stdio.pipe import StdioPipe

_HTTP_OPTIONS = {
    "host": "host",
    "port": "port",
    "auth": "auth",
    "allow_hosts": "allow-host",
    "allow_origins": "allow-origin",
    "workers": "workers",
}
_DESCRIPTION = "MCP server for outbound calling campaigns on Asisso: read, pause, edit, resume."


def main(arguments: Sequence[str] | None = None, *, pipe: StdioPipe | None = None) -> NoReturn:
    """Run a command; the exit code is 0, 1 (it failed and said why), or 2 (the command line or a setting is wrong).

    pipe: stdio, where the fast start has already claimed it and answered on it.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    options.pipe = pipe
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks "→" shows "?" instead of failing
            stream.reconfigure(errors="replace")
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        code = command(options)
    except SettingsError as problem:
        print(f"asisso-mcp: {problem}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    raise SystemExit(code)


def _serve(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name, None) for name in _HTTP_OPTIONS}
    if getattr(options, "transport", "stdio") == "http":
        return _serve_http(_settings(options), {name: value for name, value in given.items() if value is not None})
    for name, value in given.items():
        if value is not None:
            raise SettingsError(f"--{_HTTP_OPTIONS[name]} goes with --transport http: add that, or leave it out.")
    refusal = None
    try:
        settings = _settings(options)
    except UnreadableLimit as unreadable:  # hosts hide stderr: whoever calls is told, by a server that has no key
        refusal = str(unreadable)
        print(f"asisso-mcp: {refusal}", file=sys.stderr)
        settings = Settings(read_only=options.read_only)
    pipe = options.pipe or StdioPipe.claim()  # before anything is imported that could print

    from asisso_mcp.stdio.server import serve

    serve(settings, pipe, refusal=refusal)
    return 0


def _serve_http(settings: Settings, given: dict[str, Any]) -> int:
    from asisso_mcp.http.settings import HttpSettings

    http_settings = HttpSettings.of(**given, sandbox=settings.sandbox)
    from asisso_mcp.http.process import serve_http

    return serve_http(settings, http_settings)


def _demo(_: argparse.Namespace) -> int:
    import anyio

    from asisso_mcp.demo import DemoFailed, run

    code = 0
    try:
        anyio.run(run)
    except* DemoFailed as failures:
        print(f"asisso-mcp: {failures.exceptions[0]}", file=sys.stderr)
        code = 1
    return code


def _call(options: argparse.Namespace) -> int:
    settings = _settings(options)
    import asyncio

    import anyio

    from asisso_mcp.campaigns.policy import Policy
    from asisso_mcp.tools.campaigns import TOOLS
    from asisso_mcp.tools.registry import Registry
    from asisso_mcp.tools.services import TenantServices

    registry = Registry(TOOLS, Policy.of(settings))
    tool = registry.get(options.tool)
    if tool is None:
        print(f"asisso-mcp: {registry.unavailable_reason(options.tool)}", file=sys.stderr)
        return 2
    arguments: dict[str, Any] = {}
    for pair in options.arguments:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            print(f"asisso-mcp: {pair!r} is not of the form key=value.", file=sys.stderr)
            return 2
        if name in arguments:
            print(f"asisso-mcp: {name} was given twice; which one is meant?", file=sys.stderr)
            return 2
        is_text = tool.input_schema["properties"].get(name, {}).get("type") == "string"
        if is_text and value.strip() == "null":
            print(
                f"asisso-mcp: {name}=null names nothing: leave {name} out, or write {name}='\"null\"' for that text.",
                file=sys.stderr,
            )
            return 2
        try:  # a text is itself, unless it stands in JSON's quotes
            arguments[name] = value if is_text and not value.startswith('"') else _json_or_text(value)
        except _TwiceNamed as twice:
            print(f"asisso-mcp: {twice} was given twice within {name}; which one is meant?", file=sys.stderr)
            return 2

    async def once() -> int:
        outcomes: list[str] = []
        services = TenantServices(settings, tell=outcomes.append)
        if sys.platform != "win32" and (task := asyncio.current_task()) is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            answer = await tool.call(arguments, services.call())
        except asyncio.CancelledError:
            await services.close()
            for outcome in outcomes:
                print(f"asisso-mcp: {outcome}", file=sys.stderr)
            if not outcomes and not services.in_flight():
                print("asisso-mcp: interrupted; nothing was changed.", file=sys.stderr)
            raise
        await services.close()
        if options.json and answer.structure is not None:
            print(json.dumps(answer.structure, indent=2))
        else:
            print(answer.text)
        return int(answer.is_error)

    try:
        return anyio.run(once)
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM


class _TwiceNamed(Exception):
    """A key that stands twice in one JSON object."""


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value, object_pairs_hook=_named_once)
    except (ValueError, RecursionError):
        return value


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _TwiceNamed(name)
        found[name] = value
    return found


def _sandbox(options: argparse.Namespace) -> int:
    from asisso_mcp.sandbox import KEY, Sandbox, parse_fault, serve

    try:
        faults = [parse_fault(text) for text in options.fault]
    except ValueError as problem:
        print(f"asisso-mcp: {problem}", file=sys.stderr)
        return 2
    print(
        f"The Asisso sandbox listens on http://{options.host}:{options.port} with key {KEY}\n"
        f"To use it: ASISSO_BASE_URL=http://{options.host}:{options.port} ASISSO_API_KEY={KEY} asisso-mcp doctor",
        file=sys.stderr,
    )
    try:
        serve(Sandbox(db=options.db, faults=faults), host=options.host, port=options.port)
    except ValueError as problem:
        print(f"asisso-mcp: {problem}", file=sys.stderr)
        return 2
    except (OSError, OverflowError) as problem:
        print(
            f"asisso-mcp: cannot listen on {options.host} port {options.port}: {problem}. Choose another --port.",
            file=sys.stderr,
        )
        return 2
    return 0


def _schemas(options: argparse.Namespace) -> int:
    from asisso_mcp import schemas

    if options.check:
        differing = schemas.outdated_files(options.folder, options.format)
        if differing:
            print(
                f"{options.folder} differs from the models: {', '.join(differing)}. Run `asisso-mcp schemas`.",
                file=sys.stderr,
            )
        return int(bool(differing))
    try:
        written = schemas.write(options.folder, options.format)
    except schemas.ForeignFile as foreign:
        print(f"asisso-mcp: {foreign}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(
            f"asisso-mcp: {options.folder} cannot be written: {problem.strerror}. Choose another --folder.",
            file=sys.stderr,
        )
        return 1
    for path in written:
        print(path)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    import anyio

    from asisso_mcp.doctor import run_checks

    return anyio.run(run_checks, _settings(options), print)


def _settings(options: argparse.Namespace) -> Settings:
    settings = Settings.from_environment(sandbox=options.sandbox or None, read_only=options.read_only or None)
    levels = ("warning", "info", "debug")
    level = levels[min(options.verbose, 2)] if options.verbose else settings.log_level
    logging.basicConfig(level=level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    if options.run is not _doctor:  # which says it among its findings
        for warning in settings.warnings:
            print(f"asisso-mcp: {warning}", file=sys.stderr)
    for noisy in ("httpcore2", "httpx2", "asyncio"):  # these would print requests with their headers; ours is one line
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return settings


def _parser() -> argparse.ArgumentParser:
    settings = "\n".join(
        f"  {each.name:<20} {each.meaning}" + (f" (default {each.default})" if each.default else "")
        for each in SETTINGS
    )
    parser = argparse.ArgumentParser(
        prog="asisso-mcp",
        description=_DESCRIPTION + " Without a command it serves MCP on stdio, which is what a host launches.",
        epilog=f"settings (environment):\n{settings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"asisso-mcp {__version__}")
    _common(parser)
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=words, description=words, allow_abbrev=False)
        added.set_defaults(run=run)
        return added

    serve = command("serve", _serve, "serve MCP on stdio, or over HTTP")
    _common(serve)
    _http(serve)
    command("demo", _demo, "a real MCP client talks to the server over the sandbox; prints the conversation")
    call = command("call", _call, "one tool call from the terminal; exit code 1 when the tool answers an error")
    call.add_argument("tool", metavar="TOOL", help="such as get_campaign")
    call.add_argument("arguments", metavar="key=value", nargs="*", help="JSON values are understood: campaign_id=3")
    call.add_argument("--json", action="store_true", help="print the structured result instead of the text")
    _common(call)
    sandbox = command("sandbox", _sandbox, "the built-in API alone, on loopback HTTP")
    sandbox.add_argument("--host", default="127.0.0.1", help="a loopback address (default 127.0.0.1)")
    sandbox.add_argument("--port", type=int, default=8765, help="default 8765")
    sandbox.add_argument(
        "--db", metavar="FILE", default=":memory:", help="SQLite file, so that processes share the state"
    )
    sandbox.add_argument(
        "--fault", metavar="KIND[:key=value,…]", action="append", default=[], help="inject a fault; repeatable"
    )
    from asisso_mcp.exports import FORMATS

    schemas = command("schemas", _schemas, "write tool_schemas/ from the models")
    schemas.add_argument(
        "--check", action="store_true", help="write nothing; fail when the files differ from the models"
    )
    schemas.add_argument(
        "--format",
        choices=FORMATS,
        help="only this provider's tools, in FOLDER/FORMAT/tools.json; without it, everything is written",
    )
    schemas.add_argument("--folder", type=Path, default=Path("tool_schemas"), help="default tool_schemas")
    _common(command("doctor", _doctor, "what is configured, whether the API answers, what to do"))
    from asisso_mcp.install import command as installing

    install = command("install", installing.run, installing.WORDS)
    installing.add_arguments(install)
    _common(install)
    return parser


def _http(parser: argparse.ArgumentParser) -> None:
    from asisso_mcp.http.settings import AUTH

    parser.add_argument("--transport", choices=("stdio", "http"), default="stdio", help="default stdio")
    http = parser.add_argument_group("with --transport http")
    http.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    http.add_argument("--port", type=int, help="default 8000; 0 is any free one")
    http.add_argument(
        "--auth",
        choices=AUTH,
        help="who may call: none (loopback only), passthrough (each request brings X-API-Key), token, oauth",
    )
    http.add_argument(
        "--allow-host",
        dest="allow_hosts",
        metavar="HOST",
        action="append",
        help="a Host by which clients reach it; repeatable",
    )
    http.add_argument(
        "--allow-origin",
        dest="allow_origins",
        metavar="ORIGIN",
        action="append",
        help="a web page that may call; repeatable",
    )
    http.add_argument("--workers", type=int, help="processes that share the port (default 1)")
    listed = "\n".join(
        f"  {each.name:<26} {each.meaning}" + (f" (default {each.default})" if each.default else "")
        for each in HTTP_SETTINGS
    )
    parser.epilog = f"settings of --transport http (environment):\n{listed}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sandbox", action="store_true", default=argparse.SUPPRESS, help="use the built-in API: no key, no network"
    )
    parser.add_argument(
        "--read-only", action="store_true", default=argparse.SUPPRESS, help="offer only the tools that read"
    )
    parser.add_argument(
        "-v", "--verbose", action="count", default=argparse.SUPPRESS, help="more on stderr; -vv for all"
    )
    if parser.prog == "asisso-mcp":
        parser.set_defaults(sandbox=False, read_only=False, verbose=0)
