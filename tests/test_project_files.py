"""The files by which an open project is run agree with the Makefile."""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def read(name: str) -> Any:
    return YAML(typ="safe").load((ROOT / name).read_text(encoding="utf-8"))


def test_every_check_of_the_makefile_is_a_hook_and_no_hook_needs_a_foreign_repository() -> None:
    recipe = re.search(r"^check: .*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert recipe is not None
    checks = {line.strip().removeprefix("@$(BIN)/").removesuffix(" .") for line in recipe[1].splitlines()}
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    hooks = {hook["entry"].removeprefix(".venv/bin/").removesuffix(" --force-exclude") for hook in repository["hooks"]}
    assert hooks == checks


def test_the_workflow_calls_only_targets_that_the_makefile_has() -> None:
    jobs = read(".github/workflows/ci.yml")["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    called = {word for each in commands if each.startswith("make ") for word in each.split()[1:] if "=" not in word}
    assert called == {"all", "test", "check", "demo"}
    assert called <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_every_system_has_a_job() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert {"ubuntu-latest", "macos-latest", "windows-latest"} <= set(re.findall(r"\b\w+-latest\b", text))
