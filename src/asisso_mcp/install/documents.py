"""A client's file as a text: the server's block read from it, put into it, taken out of it; everything else stays.

Each change is read back and held against what it should be, so that an unforeseen file is refused rather than damaged.
"""

import io
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asisso_mcp.install import json_text
from asisso_mcp.install.clients import Format
from asisso_mcp.install.errors import Unreadable
from asisso_mcp.install.json_text import Step


def read(text: str, form: Format) -> dict[str, Any]:
    """What the text says. Raises Unreadable."""
    match form:
        case "toml":
            try:
                value: Any = tomllib.loads(text)
            except tomllib.TOMLDecodeError as problem:
                raise Unreadable(f"it is not valid TOML ({problem})") from None
        case "yaml":
            value = _yaml(text, safe=True)
        case _:
            value = json_text.read(text, comments=form == "jsonc")
    if not isinstance(value, dict):
        raise Unreadable("it does not hold an object at the top")
    return value


def block_in(text: str, form: Format, path: Sequence[Step]) -> Any:
    """The value at the path, or None."""
    value: Any = read(text, form)
    for step in path:
        value = _child(value, step)
    return value


def put(text: str, form: Format, path: Sequence[Step], value: Mapping[str, Any]) -> str:
    """The text with the value at the path. Raises Unreadable."""
    wanted = read(text, form)
    _set(wanted, path, dict(value))
    match form:
        case "toml":
            changed = _by_tomlkit(text, lambda document: _put_table(document, path, value))
        case "yaml":
            changed = _by_ruamel(text, lambda document: _set(document, path, dict(value)))
        case _:
            changed = json_text.put(text, path, value, comments=form == "jsonc")
    return _checked(changed, form, wanted)


def drop(text: str, form: Format, path: Sequence[Step]) -> str:
    """The text without the value at the path, nor what became empty on the way to it. Raises Unreadable."""
    wanted = read(text, form)
    if block_in(text, form, path) is None:
        return text
    _delete(wanted, path)
    match form:
        case "toml":
            changed = _by_tomlkit(text, lambda document: _delete(document, path))
        case "yaml":
            changed = _by_ruamel(text, lambda document: _delete(document, path))
        case _:
            changed = json_text.drop(text, path, comments=form == "jsonc")
    return _checked(changed, form, wanted)


def says_nothing(text: str) -> bool:
    """Whether only the shell of a file is left, as after the removal of all that was ours."""
    return text.strip() in ("", "{}")


def _checked(changed: str, form: Format, wanted: Any) -> str:
    if read(changed, form) != wanted:
        raise Unreadable("it is written in a way that cannot be changed safely")
    return changed


def _child(value: Any, step: Step) -> Any:
    if isinstance(step, str):
        return value.get(step) if isinstance(value, dict) else None
    elements = value if isinstance(value, list) else []
    return next((each for each in elements if isinstance(each, dict) and each.get(step[0]) == step[1]), None)


def _set(value: Any, path: Sequence[Step], new: Any) -> None:
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        if not isinstance(value, dict):
            raise Unreadable("there is something else where an object belongs")
        if not rest:
            value[step] = new
            return
        if value.get(step) is None:
            value[step] = {} if isinstance(rest[0], str) else []
        _set(value[step], rest, new)
        return
    if not isinstance(value, list):
        raise Unreadable("there is something else where a list belongs")
    there = [index for index, each in enumerate(value) if isinstance(each, dict) and each.get(step[0]) == step[1]]
    if there:
        value[there[-1]] = new
    else:
        value.append(new)


def _delete(value: Any, path: Sequence[Step]) -> None:
    step, rest = path[0], path[1:]
    if rest:
        inner = _child(value, step)
        _delete(inner, rest)
        if inner:
            return
    if isinstance(step, str):
        del value[step]
    else:
        value.remove(_child(value, step))


def _put_table(document: Any, path: Sequence[Step], value: Mapping[str, Any]) -> None:
    import tomlkit

    under, name = path
    if under not in document:
        document[under] = tomlkit.table(is_super_table=True)
    if not isinstance(document[under], dict):
        raise Unreadable("there is something else where a table belongs")
    table = tomlkit.table()
    for key, each in value.items():
        inner = tomlkit.inline_table() if isinstance(each, Mapping) else None
        if inner is not None:
            inner.update(each)
        table[key] = each if inner is None else inner
    document[under][name] = table


def _by_tomlkit(text: str, change: Callable[[Any], None]) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        change(document)
        return _with_line_ends_of(text, tomlkit.dumps(document))
    except TOMLKitError:
        raise Unreadable("it is written in a way that cannot be changed safely") from None


def _by_ruamel(text: str, change: Callable[[Any], None]) -> str:
    document = _yaml(text, safe=False)
    change(document)
    if not document:
        return ""
    editor = _editor()
    editor.explicit_start = text.startswith("---")
    if re.search(r"^( *)[^\s#-][^\n]*:\r?\n\1 +- ", text, re.MULTILINE):  # lists are indented in this file
        editor.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    editor.dump(document, out)
    return _with_line_ends_of(text, out.getvalue())


def _yaml(text: str, *, safe: bool) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = (YAML(typ="safe", pure=True) if safe else _editor()).load(text)
    except (YAMLError, ValueError) as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f"line {mark.line + 1}: {getattr(problem, 'problem', '')}" if mark else type(problem).__name__
        raise Unreadable(f"it is not valid YAML ({where})") from None
    return {} if value is None else value


def _editor() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    return yaml


def _with_line_ends_of(text: str, changed: str) -> str:
    return re.sub(r"\r?\n", "\r\n", changed) if "\r\n" in text else changed
