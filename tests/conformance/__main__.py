"""Does the official conformance suite pass over HTTP? `python -m tests.conformance`, both revisions, against the sandbox."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conformance.lists import APPLIES, REVISIONS
from tests.conformance.suite import Run, conforms

SERVERS = {
    "product": ("asisso_mcp", "serve", "--transport", "http", "--port", "0", "--sandbox"),
}
"""Modules and their arguments. Each says on stderr, in its first line, where it serves."""

RUNS = tuple(Run("product", each, APPLIES[each], f"without-fixtures-{each}.yml", may_skip=True) for each in REVISIONS)


def main() -> int:
    revisions = sys.argv[1:] or REVISIONS
    conform = []
    for name, command in SERVERS.items():
        runs = [run for run in RUNS if run.server == name and run.revision in revisions]
        if runs:
            with _served(*command) as url:
                conform += [conforms(run, url) for run in runs]
    return int(not conform or not all(conform))


@contextmanager
def _served(*command: str) -> Iterator[str]:
    server = subprocess.Popen([sys.executable, "-m", *command], stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        url = server.stderr.readline().split()[2]
        # What else it says is read, so that it never waits for a reader.
        threading.Thread(target=server.stderr.read, daemon=True).start()
        yield url
    finally:
        server.terminate()
        server.wait(40)


if __name__ == "__main__":
    sys.exit(main())
