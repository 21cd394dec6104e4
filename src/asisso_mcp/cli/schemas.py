"""`asisso-mcp schemas`: the tools' definitions as files."""

import argparse
from pathlib import Path

from asisso_mcp import schemas
from asisso_mcp.cli.terminal import fail


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `schemas`."""
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when files are missing, or differ from the models"
    )
    parser.add_argument(
        "--format",
        choices=schemas.FORMATS,
        help="only this provider's tools, in FOLDER/FORMAT/tools.json; without it, everything is written",
    )
    parser.add_argument("--folder", type=Path, default=Path("tool_schemas"), help="default tool_schemas")


def run(options: argparse.Namespace) -> int:
    """Write the files and print their names, or check them."""
    if options.check:
        missing, different = schemas.outdated_files(options.folder, options.format)
        found = [
            f"{words}: {', '.join(names)}"
            for words, names in (("not there", missing), ("different from the models", different))
            if names
        ]
        return fail(f"{options.folder}: {'; '.join(found)}. Run `asisso-mcp schemas`.") if found else 0
    try:
        written = schemas.write(options.folder, options.format)
    except schemas.ForeignFile as foreign:
        return fail(foreign)
    except OSError as problem:
        return fail(f"{options.folder} cannot be written: {problem.strerror}. Choose another --folder.")
    for path in written:
        print(path)
    return 0
