"""The layers of the package, read from the imports of every file: one way down, no way up, no circle.

import-linter could hold the same rule. It would take as many lines of configuration as this file has, a development dependency
with a compiled part, and give its own sentences in place of these.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import asisso_mcp

ROOT = Path(asisso_mcp.__file__).parent
FILES = {
    ".".join(("asisso_mcp", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}
"""Every module of the package by its full name."""

LAYERS = (
    {"__main__"},
    {"cli"},
    {"stdio", "http", "app"},
    {"server", "toolbox"},
    {"schemas"},
    {"tools"},
    {"campaigns"},
    {"journal", "api", "sandbox", "install"},
    {"config"},
    {"sanitize"},
)
"""Top to bottom: a package imports from itself and from the layers below its own. The root's `__init__` is the public face."""

PART_OF = {"setting_names": "config", "setting_values": "config", "clean_json": "sanitize"}
"""Modules beside the package that they belong to."""

MAY_IMPORT_MCP = {"cli", "stdio", "http", "server"}


def imports_of(path: Path) -> Iterator[str]:
    """The full name of each module that a file imports, also in functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            for each in node.names:
                full = f"{node.module}.{each.name}"
                yield full if full in FILES else str(node.module)


GRAPH = {name: set(imports_of(path)) for name, path in FILES.items()}


def package_of(module: str) -> str:
    top = module.split(".")[1]
    return PART_OF.get(top, top)


def layer_of(module: str) -> int:
    found = [number for number, layer in enumerate(LAYERS) if package_of(module) in layer]
    assert found, f"{module} is in no layer: add its package to LAYERS"
    return found[0]


def test_every_import_leads_down_or_stays_within_its_package() -> None:
    wrong = {
        (module, imported)
        for module, all_imported in GRAPH.items()
        for imported in all_imported & FILES.keys()
        if "asisso_mcp" not in (module, imported)
        and package_of(module) != package_of(imported)
        and layer_of(module) >= layer_of(imported)
    }
    assert wrong == set()


def test_the_sdk_is_imported_by_the_server_and_what_stands_above_it_alone() -> None:
    importing = {
        module
        for module, all_imported in GRAPH.items()
        for imported in all_imported
        if imported.split(".")[0] in ("mcp", "mcp_types")
    }
    assert {module for module in importing if package_of(module) not in MAY_IMPORT_MCP} == set()
    assert "asisso_mcp.server.app" in importing


def test_no_two_files_need_each_other() -> None:
    circle: list[str] = []
    try:
        TopologicalSorter({module: all_imported & FILES.keys() for module, all_imported in GRAPH.items()}).prepare()
    except CycleError as problem:
        circle = problem.args[1]
    assert circle == []
