"""docs/first-minute.md: what a person sees in a terminal of 80 columns, taken from tmux.

`python -m tests.first_minute` renews the page. What runs is what a clone has after `make demo` was installed; only the moment is
set (a Monday, 10:00 in New York), so that the picture stays the same from day to day.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "first-minute.md"
COLUMNS, LINES = 80, 50
SECONDS = 60
START, END = "<!-- picture -->\n", "<!-- end of picture -->"

STEPS = (
    ("make demo", None, ()),
    (".venv/bin/asisso-mcp call get_campaign campaign_id=3 --sandbox", None, ()),
    (".venv/bin/asisso-mcp call update_campaign campaign_id=4 retry_config.max_retries=50 --sandbox", None, ()),
    (".venv/bin/asisso-mcp tools", None, ()),
    (".venv/bin/asisso-mcp", ".venv/bin/asisso-mcp install", ("C-c",)),
    (".venv/bin/asisso-mcp install --sandbox", "Which number?", ("Enter",)),
)
"""What is typed; what then has to be on the screen before the keys that follow are pressed."""

PROGRAM = """
import sys
from datetime import UTC, datetime

sys.prefix, sys.executable, arguments = {prefix!r}, {python!r}, sys.argv[1:]
sys.argv = [{program!r}, *(arguments[2:] if arguments[:2] == ["-m", "asisso_mcp"] else arguments)]
from asisso_mcp.sandbox import Sandbox
from asisso_mcp.tools.services import TenantServices

for each in (Sandbox, TenantServices):
    each.__init__.__kwdefaults__["clock"] = lambda: datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
from asisso_mcp.__main__ import main

main()
"""


class Terminal:
    """A shell in tmux, 80 columns wide."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._tmux = ("tmux", "-S", str(folder / "socket"), "-f", os.devnull)
        self._environment = environment
        shell = "bash --noprofile --norc"
        self._run("new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), "-c", str(folder / "asisso-mcp"), shell)

    def __enter__(self) -> "Terminal":
        self._ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._run("kill-server")

    def type(self, line: str, awaited: str | None, keys: tuple[str, ...]) -> None:
        """Type a line and wait for the next prompt; before that, wait for a text and press keys."""
        before = self.picture().count(awaited or "")
        self._run("send-keys", "-l", line)
        self._run("send-keys", "Enter")
        if awaited is not None:
            typed = line.count(awaited)
            self._until(lambda shown: shown.count(awaited) > before + typed)
            self._run("send-keys", *keys)
        self._ready()

    def picture(self) -> str:
        """All that was on the screen, without the spaces at the ends of lines."""
        return "\n".join(line.rstrip() for line in self._run("capture-pane", "-p", "-S", "-").splitlines()).strip()

    def _ready(self) -> None:
        self._run("wait-for", "ready")  # signalled just before the prompt is drawn
        self._until(lambda shown: shown.endswith("$"))

    def _until(self, is_there: Callable[[str], bool]) -> None:
        """Wait until the screen shows something: tmux tells nobody when it changes."""
        deadline = time.monotonic() + SECONDS
        while not is_there(self.picture()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"what was awaited did not appear:\n{self.picture()}")
            time.sleep(0.05)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=SECONDS,
        )
        return done.stdout


def picture() -> str:
    """The first minute, typed anew."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work).resolve()
        _make_clone(folder / "asisso-mcp")
        (folder / "home" / ".cursor").mkdir(parents=True)
        tmux = shlex.join(("tmux", "-S", str(folder / "socket"), "wait-for", "-S", "ready"))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
            "PROMPT_COMMAND": f"PS1='$ '; {tmux}",
        }
        with Terminal(folder, environment) as terminal:
            for step in STEPS:
                terminal.type(*step)
            return terminal.picture().removesuffix("$").rstrip()


def _make_clone(clone: Path) -> None:
    """A clone in which `make demo` has been installed: its files, and the programs of its `.venv`."""
    binaries = clone / ".venv" / "bin"
    binaries.mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy2(ROOT / name, clone)
    program, python = binaries / "asisso-mcp", binaries / "python"
    text = PROGRAM.format(prefix=str(clone / ".venv"), program=str(program), python=str(python))
    for file in (program, python):
        file.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
        file.chmod(0o755)
    (clone / ".venv" / ".installed").touch()


def renewed(text: str, shown: str) -> str:
    """The page's text with this picture."""
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    return f"{head}{START}```text\n{shown}\n```\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), picture()), encoding="utf-8")
