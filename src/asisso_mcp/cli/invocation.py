"""How a person in this terminal starts the running program, for commands that work as printed."""

import shlex
import shutil
import sys
from pathlib import Path

from asisso_mcp.install.launch_command import PROGRAM, clone_folder, is_temporary, launch_command, script


def invocation() -> str:
    """`asisso-mcp` where PATH leads to the running one; else its path, as short as it works from here; else `uvx …`."""
    program = script()
    found = shutil.which(PROGRAM)
    if found is not None and program.exists() and Path(found).samefile(program):
        return PROGRAM
    if is_temporary(sys.prefix):
        return shlex.join(("uvx", *launch_command(clone=clone_folder()).arguments))
    if not program.exists():
        return shlex.join((sys.executable, "-m", "asisso_mcp"))
    here = Path.cwd()
    return shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))
