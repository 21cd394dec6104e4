"""Every block of README and docs runs as it stands, or can be read by what it is for."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from ruamel.yaml import YAML

from asisso_mcp.install.launch_command import script
from tests.docs import PARTS

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="the blocks are for a POSIX shell")]

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")))
ELSEWHERE = {"docker": "Dockerfile", "kubectl": "kubernetes.yaml"}
"""Programs that are not everywhere, and the file with which `deploy/check.py` checks what their lines start."""
PUBLISHED = {"uv tool install asisso-mcp", "uvx asisso-mcp doctor"}
"""Lines for the day on which the package is in the index; until then there is nothing that they could fetch."""


class Block(NamedTuple):
    page: str
    language: str
    text: str

    @property
    def is_generated(self) -> bool:
        """Whether `make docs` writes it, and another test compares it."""
        parts = re.findall(r"<!-- generated: (\S+) -->\n(.*?)<!-- end -->", read(self.page), re.DOTALL)
        return any(name in PARTS and self.text in part for name, part in parts)


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(*languages: str) -> list[Block]:
    """The blocks of these languages, of all languages when none is named."""
    found = [
        Block(page, *block)
        for page in PAGES
        for block in re.findall(r"^```(\w*)\n(.*?)^```$", read(page), re.MULTILINE | re.DOTALL)
    ]
    return [block for block in found if not languages or block.language in languages]


def lines(text: str) -> list[str]:
    """Commands of a shell block, each on one line and without its comment."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [re.sub(r"\s+# .*", "", line) for line in joined.splitlines()]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Shell:
    """A person's terminal in a folder of their own; a server that they start runs until the next one or the page's end."""

    def __init__(self, home: Path) -> None:
        self.home = home
        path = f"{script().parent}{os.pathsep}{os.environ['PATH']}"
        kept = {name: each for name, each in os.environ.items() if not name.startswith(("ASISSO_", "XDG_"))}
        self.environment = {**kept, "HOME": str(home), "PATH": path}
        self.server: subprocess.Popen[str] | None = None
        self.port = 0

    def run(self, line: str) -> None:
        """Run a line as the page has it. Only what differs from machine to machine is put in its place."""
        line = line.replace(".venv/bin/asisso-mcp", "asisso-mcp").replace("=…", "=a-key-of-mine")
        if "ENTRY" in line:
            line = line.replace("ENTRY", self.newest_entry())
        if line.startswith("export "):
            self.environment.update([line.removeprefix("export ").split("=", 1)])
        elif " sandbox" in line or " serve " in line:
            self.serve(line)
        else:
            self.command(re.sub(r"(?<=127\.0\.0\.1:)\d+", str(self.port), line))

    def command(self, line: str) -> None:
        code = 0
        if line.startswith("make "):  # with the environment that runs these tests, already installed
            line = f"make -C {ROOT} VENV={sys.prefix} -o {sys.prefix}/.installed {line.removeprefix('make ')}"
        if line == "asisso-mcp install --sandbox":  # it asks in a terminal; here there is none
            code = 2
            (self.home / ".cursor").mkdir()
        done = subprocess.run(
            ["bash", "-ec", line],
            cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
        if code == 2:
            assert "  Cursor          asisso-mcp install --client cursor --sandbox\n" in done.stdout
        if line.startswith("curl "):
            assert '"isError":false' in done.stdout

    def serve(self, line: str) -> None:
        self.close()
        self.port = free_port()
        line = re.sub(r" --port \d+", "", line) + f" --port {self.port}"
        self.server = subprocess.Popen(
            ["bash", "-c", f"exec env {line}"],
            cwd=self.home, env=self.environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.server.stderr is not None
        said = self.server.stderr.readline()
        assert f"127.0.0.1:{self.port}" in said, said + self.server.stderr.read()

    def newest_entry(self) -> str:
        told = subprocess.run(
            ["asisso-mcp", "journal", "--sandbox", "--json"],
            env=self.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return str(json.loads(told.stdout.splitlines()[-1])["entry"])

    def close(self) -> None:
        if self.server is not None and self.server.stderr is not None:
            self.server.terminate()
            self.server.wait(30)
            self.server.stderr.close()


@contextmanager
def shell(home: Path) -> Iterator[Shell]:
    terminal = Shell(home)
    try:
        yield terminal
    finally:
        terminal.close()


def test_every_block_has_a_language_that_a_test_here_knows() -> None:
    assert {block.language for block in blocks()} == {"sh", "python", "json", "toml", "yaml", "text"}


@pytest.mark.parametrize("page", [page for page in PAGES if any(block.page == page for block in blocks("sh"))])
def test_every_line_of_a_shell_block_runs(page: str, tmp_path: Path) -> None:
    checked_elsewhere = read("deploy/check.py")
    with shell(tmp_path) as terminal:
        for block in blocks("sh"):
            for line in lines(block.text) if block.page == page else ():
                program = shlex.split(line)[0]
                if program in ELSEWHERE:
                    assert ELSEWHERE[program] in checked_elsewhere
                elif line.startswith("asisso-mcp install --client"):
                    terminal.command(f"{line} --print")  # what it writes is the block below it, which a test compares
                elif line not in PUBLISHED:
                    terminal.run(line)


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.page)
def test_every_python_block_runs_and_prints_what_stands_below_it(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "test_block.py"
    file.write_text(block.text, encoding="utf-8")
    command = (
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        if "\ndef test_" in block.text
        else [sys.executable]
    )
    done = subprocess.run([*command, str(file)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    below = re.search(re.escape(block.text) + r"```\n\nIt prints:\n\n```text\n(.*?)```", read(block.page), re.DOTALL)
    if below is not None:
        assert done.stdout == below[1]


@pytest.mark.parametrize("block", blocks("json", "toml", "yaml"), ids=lambda block: block.page)
def test_every_block_of_settings_can_be_read(block: Block) -> None:
    parse = {"json": json.loads, "toml": tomllib.loads, "yaml": YAML(typ="safe").load}[block.language]
    assert isinstance(parse(block.text), dict)


def test_every_text_block_is_what_a_program_said() -> None:
    for block in blocks("text"):
        is_output = f"It prints:\n\n```text\n{block.text}```" in read(block.page)
        has_a_test = block.page in (
            "docs/first-minute.md",
            "docs/conversation.md",
        )  # test_first_minute.py, tests/transcript
        assert is_output or has_a_test or block.is_generated, block
