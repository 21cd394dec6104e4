"""Does the official conformance suite pass over HTTP? `python -m tests.conformance`, both revisions, against the sandbox.

Node 22 and the suite come from npm, in versions that are pinned here; results are kept in `.conformance/`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
NODE = "node@22"
REVISIONS = ("2026-07-28", "2025-11-25")
HERE = Path(__file__).parent
RESULTS = HERE.parent.parent / ".conformance"

MUST_PASS = {
    "2026-07-28": (
        "tools-list", "resources-list", "prompts-list", "completion-complete", "sep-2164-resource-not-found", "caching",
        "dns-rebinding-protection", "server-sse-multiple-streams", "http-header-validation", "server-stateless",
        "input-required-result-unsupported-methods", "input-required-result-validate-input",
    ),
    "2025-11-25": (
        "server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "completion-complete",
        "dns-rebinding-protection",
    ),
}  # fmt: skip
"""What applies to this server. It must have run, and nothing in it may fail but what `fixtures-….yml` names.

Of 2025-11-25, server-session-lifecycle and server-sse-multiple-streams test sessions, which this server does not have.
"""


def main() -> int:
    server = subprocess.Popen(
        [sys.executable, "-m", "asisso_mcp", "serve", "--transport", "http", "--port", "0", "--sandbox"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        url = server.stderr.readline().split()[2]
        return max(conforms(url, revision) for revision in sys.argv[1:] or REVISIONS)
    finally:
        server.terminate()
        server.communicate(timeout=40)


def conforms(url: str, revision: str) -> int:
    """Run what the revision requires; print a line; 0 when everything is as expected."""
    folder = RESULTS / revision
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir(parents=True)
    expected = HERE / f"fixtures-{revision}.yml"
    command = ["npx", "-y", "-p", NODE, "-p", SUITE, "--", "conformance", "server", "--url", url]
    command += ["--requirements", revision, "--expected-failures", str(expected), "-o", str(folder)]
    environment = {**os.environ, "NO_COLOR": "1", "npm_config_update_notifier": "false"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    excused = {line.split()[1] for line in expected.read_text().splitlines() if line.startswith("  - ")}
    passed, problems = 0, []
    for scenario in MUST_PASS[revision]:
        found = sorted(folder.glob(f"server-{scenario}-*/checks.json"))
        checks = json.loads(found[0].read_text()) if len(found) == 1 else None
        if checks is None:
            problems.append(f"{scenario} did not run")
            continue
        failed = {check["id"] for check in checks if check["status"] == "FAILURE"}
        passed += sum(check["status"] == "SUCCESS" for check in checks)
        problems += [f"{scenario}: {check}" for check in sorted(failed) if f"{scenario}:{check}" not in excused]
    if done.returncode:
        problems.append(f"the suite ended with {done.returncode}; see {folder / 'output.txt'}")
    told = "; ".join(problems) if problems else "all that applies passes"
    print(f"{revision}: {len(MUST_PASS[revision])} scenarios that apply, {passed} checks passed: {told}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
