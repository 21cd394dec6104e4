"""Runs the official suite against a server, and judges each scenario by its checks.

Node 22 and the suite come from npm, in versions that are pinned here; results are kept in `.conformance/`.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.lists import NOT_SCORED, SCORED

SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
NODE = "node@22"
HERE = Path(__file__).parent
RESULTS = HERE.parent.parent / ".conformance"

Checks = Sequence[tuple[str, str]]
"""The id and the status of each check of one scenario."""

_ON_ANY_WIRE = "wire-schema-valid"
"""Passes whatever a server answers, an error as well, as long as it has the form of an answer."""
_SCENARIO = re.compile(r"^=== Running scenario: (\S+) ===$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """`required`: the scenarios that must pass. `expected`: the file of what cannot; an entry that passes fails the run.

    `may_skip`: the server need not have what a check looks at.
    """

    server: str
    revision: str
    required: tuple[str, ...]
    expected: str | None = None
    may_skip: bool = False


def conforms(run: Run, url: str) -> bool:
    """Run what the revision requires; print a line; whether everything is as it must be."""
    folder = RESULTS / f"{run.server}-{run.revision}".replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    excused = _entries(HERE / run.expected) if run.expected else set()
    command = ["npx", "-y", "-p", NODE, "-p", SUITE, "--", "conformance", "server", "--url", url]
    command += ["--requirements", run.revision, "-o", str(folder)]
    if run.expected:
        command += ["--expected-failures", str(HERE / run.expected)]
    environment = {**os.environ, "NO_COLOR": "1", "npm_config_update_notifier": "false"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    (folder / "output.txt").write_text(done.stdout + done.stderr)

    required = [scenario for scenario in run.required if scenario not in excused]
    found = {scenario: _checks(folder, scenario) for scenario in required}
    wrong = strangers(_SCENARIO.findall(done.stdout), run.revision)
    for scenario, checks in found.items():
        wrong += problems(scenario, checks, excused, may_skip=run.may_skip)
    if done.returncode:
        wrong.append(f"the suite ended with {done.returncode}; see {folder / 'output.txt'}")
    passed = sum(status == "SUCCESS" for checks in found.values() for _, status in checks or ())
    scored = len(set(required) & set(SCORED[run.revision]))
    of = f"{scored} of {len(SCORED[run.revision])} scored"
    said = f"{run.server}, {run.revision}: {len(required)} scenarios must pass, {of}; {passed} checks passed"
    print(f"{said}: {'; '.join(wrong) or 'all is as it must be'}", flush=True)
    return not wrong


def problems(scenario: str, checks: Checks | None, excused: Collection[str], *, may_skip: bool = False) -> list[str]:
    """Why it does not count as passed; nothing when it does. Pure."""
    if checks is None:
        return [f"{scenario} did not run"]
    fine = {"SUCCESS", "INFO", "SKIPPED"} if may_skip else {"SUCCESS", "INFO"}
    failed = [
        f"{scenario}: {check} {status}"
        for check, status in checks
        if status not in fine and f"{scenario}:{check}" not in excused
    ]
    if not any(status == "SUCCESS" and check != _ON_ANY_WIRE for check, status in checks):
        failed.append(f"{scenario} passed no check of its own")
    return failed


def strangers(ran: Sequence[str], revision: str) -> list[str]:
    """How what ran differs from what `lists` says of the suite. Pure."""
    known = {*SCORED[revision], *NOT_SCORED[revision]}
    return [
        *(f"{scenario} is not in our lists" for scenario in sorted(set(ran) - known)),
        *(f"{scenario} was not run by the suite" for scenario in sorted(known - set(ran))),
    ]


def _checks(folder: Path, scenario: str) -> Checks | None:
    found = list(folder.glob(f"server-{scenario}-2*/checks.json"))  # a time follows the name
    if len(found) != 1:
        return None
    checks: list[Mapping[str, str]] = json.loads(found[0].read_text())
    return [(check["id"], check["status"]) for check in checks]


def _entries(file: Path) -> set[str]:
    return {line.split()[1] for line in file.read_text().splitlines() if line.startswith("  - ")}
