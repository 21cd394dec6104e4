"""docs/reliability.md and docs/sandbox.md say what is so: their tests exist, their faults fire, their snippets run."""

import ast
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from asisso_mcp.sandbox import KEY, Sandbox, parse_fault, seed
from asisso_mcp.sandbox.faults import KINDS
from tests.conftest import MONDAY
from tests.processes import closing, start

ROOT = Path(__file__).parents[1]
SANDBOX = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
RELIABILITY = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")

FAULTS = re.findall(r"^\| `([a-z-]+(?::.*?)?)` \| .*? \| `(GET|PATCH|POST) (\S+)` \|$", SANDBOX, re.MULTILINE)
SNIPPETS = re.findall(r"```python\n(.*?)```", SANDBOX, re.DOTALL)
CAMPAIGNS = re.findall(r"^\| (\d+) \| (\w+)", SANDBOX, re.MULTILINE)
TELEPHONY = re.findall(r"^\| (\w[^|]*) \| (\d) \|", SANDBOX, re.MULTILINE)
TESTS = re.findall(r"`(tests/\S+\.py)::(\w+)`", RELIABILITY)


def test_the_page_shows_every_kind_of_fault() -> None:
    assert {text.partition(":")[0] for text, _, _ in FAULTS} == set(KINDS)


@pytest.mark.parametrize(("text", "method", "path"), FAULTS, ids=lambda value: value)
async def test_a_fault_of_the_page_is_understood_and_fires_where_the_page_says(
    text: str, method: str, path: str
) -> None:
    sandbox = Sandbox(clock=lambda: MONDAY)
    fault = sandbox.faults.add(parse_fault(text))
    async with httpx2.AsyncClient(
        transport=sandbox.transport(), base_url="http://sandbox/api/v1", headers={"X-API-Key": KEY}
    ) as client:
        body = {"json": {"max_concurrency": 2}} if method == "PATCH" else {}
        try:
            answer: Any = await client.request(method, path, **body)
        except httpx2.HTTPError as lost:
            answer = lost
    sandbox.close()
    assert fault.fired == 1
    assert answer is not None


def test_the_two_snippets_of_the_page_are_tests_that_pass(tmp_path: Path) -> None:
    for number, snippet in enumerate(SNIPPETS):
        (tmp_path / f"test_snippet_{number}.py").write_text(snippet, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert ended.returncode == 0, ended.stdout
    assert "2 passed" in ended.stdout


def test_the_campaigns_of_the_page_are_those_of_a_fresh_sandbox() -> None:
    sandbox = Sandbox(clock=lambda: MONDAY)
    seeded = [(str(number), sandbox.campaign(number)["state"]) for number in range(1, 15)]
    assert seeded == CAMPAIGNS
    sandbox.close()


def test_the_telephony_of_the_page_is_that_of_a_fresh_sandbox() -> None:
    assert [(each["name"], str(each["id"])) for each in seed.TELEPHONY] == TELEPHONY


def test_the_keys_of_the_page_are_those_of_the_sandbox() -> None:
    known = {value for name, value in vars(seed).items() if name.endswith(("KEY", "TOKEN"))}
    assert {key for key in known if f"`{key}`" in SANDBOX or f"Bearer {key}`" in SANDBOX} == known


def test_the_command_serves_the_faults_that_it_was_given_and_keeps_its_campaigns_in_a_file(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    database = tmp_path / "campaigns.sqlite"
    command = ("sandbox", "--port", str(port), "--db", str(database), "--fault", "poison:campaign=13")
    refusal = 'status:code=400,body={"detail":"Not today"},method=PATCH,times=1'
    with (
        closing(start(*command, "--fault", refusal)) as process,
        httpx2.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1",
            headers={"X-API-Key": KEY},
            transport=httpx2.HTTPTransport(verify=False, retries=6),  # while it starts
        ) as client,
    ):
        answers = [client.patch("/campaign/4", json={"name": name}) for name in ("One", "Two")]
        assert [(answer.status_code, answer.json().get("detail")) for answer in answers] == [
            (400, "Not today"),
            (200, None),
        ]
        assert client.get("/campaign/13").status_code == 500
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with sqlite3.connect(database) as stored:
        (name,) = stored.execute("SELECT name FROM campaigns WHERE id = 4").fetchone()
    stored.close()
    assert name == "Two"


def test_every_fault_and_every_statement_names_a_test_that_exists() -> None:
    faults, _, statements = RELIABILITY.partition("## What happens when")[2].partition(
        "## What is said, and how it is known"
    )
    rows = [[line for line in part.splitlines() if line.startswith("| ")][1:] for part in (faults, statements)]
    assert len(rows[0]) > 45
    assert len(rows[1]) > 25
    assert len(TESTS) == len(rows[0]) + len(rows[1])
    for file, name in TESTS:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in functions, f"{file} has no {name}"


def test_the_soak_of_the_page_found_nothing_wrong_in_twenty_thousand_calls() -> None:
    table = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", RELIABILITY.partition("<!-- soak -->")[2], re.MULTILINE))
    assert int(table["tool calls made"].replace(",", "")) >= 20_000
    assert int(table["faults injected"].replace(",", "")) > 1000
    for promise in (
        "wrong statements",
        "lost writes",
        "doubled writes",
        "reverted values of colleagues",
        "writes sent after they were given up",
    ):
        assert table[f"**{promise}**"] == "**0**"
    assert table["**leaked secrets** (all of stdout, and stderr at debug level)"] == "**0**"
    injected = {name.split(" ")[0].rstrip(",") for name, count in table.items() if count.replace(",", "").isdigit()}
    for trouble in (
        "cancelled at any moment",
        "cancelled during a Retry-After",
        "cancelled during a write",
        "cancelled while it waits behind another call",
        "a colleague's edit during a Retry-After",
        "a colleague's edit while a call waits behind another",
        "a colleague's edit while connections are refused",
        "a pause while every read fails",
        "drop-before (close), executed late",
        "status 504, executed late",
    ):
        assert int(table[trouble].replace(",", "")) > 10
    ended = sum(int(count) for name, count in table.items() if re.fullmatch(r"SIG\w+ (at|during) .+ era", name))
    assert ended >= 200
    assert int(table["calls whose writes were looked at again 10 s after the answer"].replace(",", "")) > 10_000
    assert set(KINDS) <= injected, json.dumps(sorted(set(KINDS) - injected))
