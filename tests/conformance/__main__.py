"""Runs the official conformance suite over HTTP: `python -m tests.conformance`, both revisions, against the sandbox.

First the product as it is, for all that applies to it. Then the same server with the suite's fixtures registered in it, for
all that the suite asks of anyone: over our own HTTP, and once more in sessions, which our HTTP does not have.
"""

import subprocess
import sys

from tests.conformance.lists import APPLIES, REVISIONS, SCORED
from tests.conformance.suite import Run, conforms
from tests.processes import HttpServer, closing

_FIXTURE_SERVER = ("tests.conformance.fixture_server",)
_HEADERS = ("http-header-validation", "http-custom-header-server-validation")

SERVERS = {
    "product": ("asisso_mcp", "serve", "--transport", "http", "--port", "0", "--sandbox"),
    "with fixtures": _FIXTURE_SERVER,
    "with fixtures and sessions": (*_FIXTURE_SERVER, "--sessions"),
}
"""Modules and their arguments. Each says on stderr, in its first line, where it serves."""

RUNS = (
    *(Run("product", each, APPLIES[each], f"without-fixtures-{each}.yml", may_skip=True) for each in REVISIONS),
    Run("with fixtures", "2026-07-28", (*SCORED["2026-07-28"], "json-schema-2020-12", *_HEADERS)),
    Run(
        "with fixtures", "2025-11-25", (*SCORED["2025-11-25"], "json-schema-2020-12"), "without-sessions-2025-11-25.yml"
    ),
    Run(
        "with fixtures and sessions",
        "2025-11-25",
        (*SCORED["2025-11-25"], "json-schema-2020-12", "server-session-lifecycle"),
    ),
)
"""Together they see each scored scenario pass."""


def main() -> int:
    revisions = sys.argv[1:] or REVISIONS
    conform = []
    for name, command in SERVERS.items():
        runs = [run for run in RUNS if run.server == name and run.revision in revisions]
        if runs:
            server = subprocess.Popen([sys.executable, "-m", *command], stdin=-1, stdout=-1, stderr=-1)
            with closing(server):
                url = HttpServer(server).url
                conform += [conforms(run, url) for run in runs]
    return int(not conform or not all(conform))


if __name__ == "__main__":
    sys.exit(main())
