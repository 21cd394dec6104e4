"""A value goes into a JSON text and out again, and every other byte stays."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asisso_mcp.install import config_file, json_text
from asisso_mcp.install.files import UnsupportedFile

KEYS = st.text(st.sampled_from('ab"\\/*{}[],:é\n'), max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.sampled_from([None, 1, 2, "\t"]), st.booleans(), st.booleans())
def test_any_json_file_gets_the_block_and_is_itself_again_afterwards(
    document: dict[str, Any], indent: int | str | None, servers: bool, comments: bool
) -> None:
    if servers:
        document = {**document, "mcpServers": {"other": {"command": "x"}}}
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    changed = json_text.set_value(text, ("mcpServers", "asisso"), {"command": "y"}, comments=comments)
    wanted = {**document, "mcpServers": {**document.get("mcpServers", {}), "asisso": {"command": "y"}}}
    assert json.loads(changed) == wanted
    assert json_text.remove_value(changed, ("mcpServers", "asisso"), comments=comments) == text


def test_an_edit_that_would_say_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "set_value", lambda *_, **__: "{}")
    with pytest.raises(UnsupportedFile, match="it is written in a way that cannot be changed safely"):
        config_file.set_value('{"a": 1}', "json", ("mcpServers", "asisso"), {"command": "y"})


@st.composite
def commented(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A text as people write it: comments at line ends and between lines, trailing commas; and what it says."""
    document = draw(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
    if draw(st.booleans()):
        document["mcpServers"] = {"other": {"command": "//x"}}
    lines = json.dumps(document, indent=draw(st.sampled_from([2, 4])), ensure_ascii=False).split("\n")
    trailing = draw(st.booleans())
    written = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        ends_a_list = following.strip()[:1] in ("}", "]") and line.rstrip()[-1:] not in ("{", "[", ",")
        comment = draw(st.sampled_from(["", "", ' // "n, }', " /* , ] */", "\n// alone\n"]))
        written.append(line + ("," if trailing and ends_a_list else "") + comment)
    return "\n".join(written), document


@given(commented())
def test_comments_and_trailing_commas_stay_where_they_are(case: tuple[str, dict[str, Any]]) -> None:
    text, document = case
    assert json_text.parse(text, comments=True) == document
    changed = json_text.set_value(text, ("mcpServers", "asisso"), {"command": "y"}, comments=True)
    wanted = {**document, "mcpServers": {**document.get("mcpServers", {}), "asisso": {"command": "y"}}}
    assert json_text.parse(changed, comments=True) == wanted
    rest = iter(changed.splitlines())
    for line in text.splitlines():
        assert any(line.replace(",", "") == each.replace(",", "") for each in rest), f"{line!r} is gone"
    assert json_text.remove_value(changed, ("mcpServers", "asisso"), comments=True) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"asisso": 1, "b": 2}', '{"b": 2}'),
        ('{"a": 1, "asisso": 1}', '{"a": 1}'),
        ('{\n  "asisso": 1,\n  "b": 2\n}', '{\n  "b": 2\n}'),
        ('{\n  // of asisso\n  "asisso": 1, "b": 2\n}', '{\n  // of asisso\n  "b": 2\n}'),
        ('{\n  "a": 1, // of a\n  "asisso": 1\n}', '{\n  "a": 1 // of a\n}'),
        ('{\n  // only a comment\n  "asisso": 1\n}', "{\n  // only a comment\n}"),
        ('{"asisso": 1, "asisso": 2}', '{"asisso": 1}'),
    ],
)
def test_only_the_value_its_comma_and_its_line_go(text: str, left: str) -> None:
    assert json_text.remove_value(text, ("asisso",), comments=True) == left
    json_text.parse(left, comments=True)


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": 1,}', "{'a': 1}", '{"a": 1} x', "{/* c", "[" * 100_000])
def test_what_strict_json_does_not_have_is_named(text: str) -> None:
    with pytest.raises(UnsupportedFile, match=r"^it is not valid JSON"):
        json_text.parse(text, comments=False)
