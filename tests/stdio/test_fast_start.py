"""The fast start says what the real server says, hands over without a seam, and stays away where it does not fit."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Timer
from types import SimpleNamespace
from typing import Any

import pytest

from asisso_mcp.config import SETTINGS, Settings
from asisso_mcp.stdio import fast_start
from scripts import cached_replies
from tests.processes import WITHOUT_JOURNAL

HELLO = cached_replies.handshake("2025-11-25")
CALL = {
    "jsonrpc": "2.0",
    "id": 9,
    "method": "tools/call",
    "params": {"name": "get_campaign", "arguments": {"campaign_id": 3}},
}
WITH = "from asisso_mcp.__main__ import main; main()"
WITHOUT = "from asisso_mcp.cli import main; main()"


def talk(program: str, frames: list[Any], *flags: str, **environment: str) -> dict[Any, str]:
    """Id → the whole line that answered it."""
    lines = "".join((frame if isinstance(frame, str) else json.dumps(frame)) + "\n" for frame in frames)
    told = subprocess.run(
        [sys.executable, "-c", program, "serve", *flags],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], **WITHOUT_JOURNAL, **environment},
    )
    assert told.stderr == ""
    return {json.loads(line).get("id"): line for line in told.stdout.splitlines()}


@pytest.mark.slow
def test_the_cached_replies_are_what_the_real_server_says_now() -> None:
    assert Path(fast_start.CACHED_REPLIES).read_text(encoding="utf-8") == cached_replies.render()


@pytest.mark.parametrize(
    "frames",
    [
        HELLO,
        cached_replies.handshake("2024-11-05"),
        [*HELLO, {"jsonrpc": "2.0", "id": "p-1", "method": "ping"}],
        [*HELLO, {"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {"_meta": {"progressToken": 1}}}],
        [{**HELLO[0], "params": {**HELLO[0]["params"], "protocolVersion": "1999-01-01"}}, *HELLO[1:]],
        [{**HELLO[0], "id": 'a"\u00e9'}, *HELLO[1:]],
        [*HELLO, {"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {"cursor": "x"}}],
        [*HELLO, {"jsonrpc": "2.0", "id": 3, "method": "no/such"}],
        [*HELLO, {"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": cached_replies.envelope("2026-07-28")}],
        [*HELLO, {**HELLO[0], "id": 7}],
        [HELLO[2]],
        [*HELLO, CALL],
        [HELLO[0], CALL],
        cached_replies.modern("2026-07-28"),
        [
            *cached_replies.modern("2026-07-28"),
            {**CALL, "params": {**CALL["params"], **cached_replies.envelope("2026-07-28")}},
        ],
        [{"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": cached_replies.envelope("2099-01-01")}],
        [{"jsonrpc": "2.0", "id": 1, "method": "server/discover"}],
        [
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/list",
                "params": {"_meta": {"io.modelcontextprotocol/protocolVersion": 3}},
            }
        ],
    ],
    ids=str,
)
@pytest.mark.slow
def test_every_conversation_reads_the_same_with_and_without_the_fast_start(frames: list[Any]) -> None:
    now = {"ASISSO_API_KEY": "as_x", "ASISSO_BASE_URL": "http://127.0.0.1:9"}
    assert talk(WITH, frames, **now) == talk(WITHOUT, frames, **now)


@pytest.mark.slow
def test_the_list_of_tools_is_the_same_bytes_on_every_start() -> None:
    one, other = (talk(WITHOUT, HELLO, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert one == other == talk(WITH, HELLO)


def test_a_client_that_asks_discover_and_then_says_initialize_is_served() -> None:
    (discover, *_) = cached_replies.modern("2026-07-28")
    told = talk(WITH, [{**discover, "id": 50}, *HELLO, CALL], "--sandbox")
    assert set(told) == {50, 1, 2, 9}
    assert json.loads(told[9])["result"]["isError"] is False


@pytest.mark.slow
@pytest.mark.parametrize("line", ["[" * 100_000, '{"a":' * 100_000, "{", "null", "\x00"])
@pytest.mark.parametrize("before", [[], HELLO[:2]])
def test_a_line_that_is_no_message_is_left_to_the_real_server(before: list[Any], line: str) -> None:
    told = talk(WITH, [*before, line, *HELLO[len(before) :], CALL], "--sandbox")
    assert json.loads(told[9])["result"]["isError"] is False


def test_a_read_only_server_opens_with_the_tools_that_read() -> None:
    for told in (talk(WITH, HELLO, "--read-only"), talk(WITH, HELLO, ASISSO_READ_ONLY="1")):
        assert [tool["name"] for tool in json.loads(told[2])["result"]["tools"]] == ["list_campaigns", "get_campaign"]


def test_the_fast_start_needs_neither_the_sdk_nor_pydantic() -> None:
    program = (
        "import sys; sys.argv = ['asisso-mcp']; from asisso_mcp import __main__; from asisso_mcp.stdio import fast_start; "
        "fast_start.FastStart._start_import = lambda self: None; "
        "fast_start.os._exit = lambda code: (print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr), "
        "sys.exit(code)); __main__.main()"
    )
    told = subprocess.run(
        [sys.executable, "-S", "-c", program],
        input="".join(json.dumps(frame) + "\n" for frame in HELLO),
        capture_output=True,
        text=True,
        check=True,
        env={
            "PATH": os.environ["PATH"],
            **WITHOUT_JOURNAL,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
    )
    assert len(told.stdout.splitlines()) == 2
    assert not {"mcp", "mcp_types", "pydantic", "anyio", "httpx2", "asyncio", "typing", "pathlib"} & set(
        ast.literal_eval(told.stderr)
    )


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["serve", "--transport", "http"], {}),
        (["demo"], {}),
        (["--version"], {}),
        ([], {"ASISSO_READ_ONLY": "yes"}),
        ([], {"ASISSO_CAMPAIGNS": "3"}),
        ([], {"ASISSO_MAX_CONCURRENCY": "5"}),
        ([], {"ASISSO_MAX_RETRIES": "0"}),
        ([], {"ASISSO_CALLING_HOURS": "08:00-21:00"}),
        ([], {"ASISSO_CALLING_HOURS": ""}),
        ([], {"ASISSO_REQUIRE_BREAKER": "1"}),
        ([], {"ASISSO_CONFIRM": "risky"}),
        ([], {"ASISSO_CONFIRM": "always"}),
        ([], {"ASISSO_READ_ONLY": ""}),
        ([], {"ASISSO_READ_ONLY": "${input:ro}"}),
        ([], {"ASISSO_READONLY": "1"}),
        ([], {"asisso_read_only": "1"}),
        ([], {"ASISSO_TOOLS": "get_campaign"}),
        ([], {"ASISSO-READ-ONLY": "1"}),
        ([], {"ASISSO_MCP_SERVICE_HOST": "10.0.0.1"}),
    ],
)
def test_where_the_cached_replies_may_not_fit_they_are_not_used(
    arguments: list[str], environment: dict[str, str]
) -> None:
    assert fast_start._cached_replies(arguments, environment) is None


def test_the_cached_replies_are_used_with_settings_that_change_nothing_of_them() -> None:
    assert {setting.name for setting in SETTINGS if not setting.is_limit} == fast_start._WITHOUT_EFFECT
    assert {setting.name for setting in SETTINGS if setting.is_limit} == fast_start._WITHOUT_LIMIT.keys()
    everything = fast_start._cached_replies([], {})
    assert everything is not None
    assert (
        fast_start._cached_replies(
            [], {**dict.fromkeys(fast_start._WITHOUT_EFFECT, "x"), "ASISSO_READ_ONLY": "0", "PATH": "/"}
        )
        == everything
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in fast_start._WITHOUT_LIMIT.items() for value in values],
)
def test_the_cached_replies_are_used_with_a_limit_that_limits_nothing_and_with_reading_alone(
    name: str, value: str
) -> None:
    replies = fast_start._cached_replies([], {name: value})
    settings = Settings.from_environment({name: value})
    assert replies == fast_start._cached_replies(["--read-only"] if settings.read_only else [], {})
    assert settings == Settings(read_only=settings.read_only)


def test_cached_replies_of_another_version_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fast_start._cached_replies([], {}) is not None
    content = json.loads(Path(fast_start.CACHED_REPLIES).read_text(encoding="utf-8"))
    for other in ({"package": "0.0.0"}, {"sdk": "2.2"}):
        (tmp_path / "cached_replies.json").write_text(json.dumps({**content, **other}))
        monkeypatch.setattr(fast_start, "CACHED_REPLIES", str(tmp_path / "cached_replies.json"))
        assert fast_start._cached_replies([], {}) is None
    (tmp_path / "cached_replies.json").write_text("{")
    assert fast_start._cached_replies([], {}) is None


def test_prints_at_import_time_do_not_reach_the_client() -> None:
    program = "import sys, types; " + WITH.replace("main()", "")
    program += "import asisso_mcp.cli.serve as command; real = command.load_settings; "
    program += "command.load_settings = lambda options: (print('a stray line'), real(options))[1]; main()"
    lines = "".join(json.dumps(frame) + "\n" for frame in [*HELLO, CALL])
    told = subprocess.run(
        [sys.executable, "-c", program, "serve", "--sandbox"], input=lines, capture_output=True, text=True, check=True
    )
    assert [json.loads(line)["id"] for line in told.stdout.splitlines()] == [1, 2, 9]
    assert told.stderr == "a stray line\n"


def test_a_setting_that_does_not_fit_ends_the_server_although_it_has_been_greeted() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WITH],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **WITHOUT_JOURNAL, "ASISSO_SANDBOX": "maybe"},
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(json.dumps(HELLO[0]).encode() + b"\n")
        process.stdin.flush()
        assert process.wait(timeout=20) == 2
        assert process.stderr.read().decode() == "asisso-mcp: ASISSO_SANDBOX must be 1 or 0.\n"


def test_the_real_server_takes_over_when_the_import_in_the_thread_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that import modules of one circle may each find the other's half made."""
    began, ended = Event(), []

    def import_server() -> None:
        Timer(0.05, began.set).start()
        ended.append(began.wait(10))

    monkeypatch.setattr(fast_start, "_import_server", import_server)
    lines = iter([json.dumps(HELLO[0]).encode(), json.dumps({**CALL, "params": {}}).encode()])
    pipe = SimpleNamespace(next_line=lambda _: next(lines), write=lambda _: None, replay=[], ended=False)
    replies = fast_start._cached_replies(["serve"], {})
    assert replies is not None
    fast_start.FastStart(pipe, *replies).run()  # type: ignore[arg-type]
    assert ended == [True]
    assert len(pipe.replay) == 2
