"""docs/safety.md says what is so: its tests exist, and its table of calling rules is the one that advice goes by."""

import ast
import re
from pathlib import Path

from asisso_mcp.campaigns.advice import RULES
from asisso_mcp.campaigns.schedule import Window
from asisso_mcp.config import SETTINGS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")


def test_every_promise_names_tests_that_exist() -> None:
    rows = re.findall(r"^\| (.+?) \| (`tests/.+`) \|$", PAGE, re.MULTILINE)
    assert len(rows) > 10
    assert all(re.fullmatch(r"`tests/\S+\.py::\w+`(, `tests/\S+\.py::\w+`)*", tests) for _, tests in rows)
    for file, name in re.findall(r"`(tests/\S+\.py)::(\w+)`", PAGE):
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in functions, f"{file} has no {name}"


def test_every_limit_is_on_the_page() -> None:
    assert {each.name for each in SETTINGS if each.is_limit} <= set(re.findall(r"`(ASISSO_[A-Z_]+)`", PAGE))


def test_the_calling_rules_of_the_page_are_those_of_the_advice_each_with_its_source() -> None:
    rows = re.findall(r"^\| `(\w+)`(?: \(default\))? \| (\S+) \| (\S+) \| (\S+) \| (.{20,}) \|$", PAGE, re.MULTILINE)
    assert {country: hours for country, *hours, _ in rows} == {
        country: [shown(rule.weekdays), shown(rule.saturday), shown(rule.sunday)] for country, rule in RULES.items()
    }


def shown(window: Window | None) -> str:
    return "-".join(f"{at // 60:02d}:{at % 60:02d}" for at in window) if window else "none"
