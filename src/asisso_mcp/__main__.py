"""The entry point of `asisso-mcp`, of `python -m asisso_mcp`, and of hosts that run this file itself."""

import os
import sys

if not __package__:  # run as a file: this folder's http would hide the standard library's
    sys.path[:] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__))), *sys.path[1:]]

from asisso_mcp.stdio import fast_start

TYPE_CHECKING = False  # `typing` costs more than the fast start
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> "NoReturn":
    """Answer a client's first requests at once where that can be done, then run the command line."""
    # A person, or their shell for completions: not a client.
    is_terminal = "_ARGCOMPLETE" in os.environ or (sys.stdin is not None and sys.stdin.isatty())
    pipe = None if is_terminal else fast_start.serve_first_requests(sys.argv[1:], os.environ)
    from asisso_mcp.cli import main as run_command_line

    run_command_line(sys.argv[1:], pipe=pipe)


if __name__ == "__main__":
    main()
