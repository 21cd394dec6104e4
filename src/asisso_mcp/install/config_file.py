"""Adds, changes and removes the server's block in a client's settings file. Everything else in the file stays as it is.

Each change is read back and compared with what it should be, so that an unforeseen file is refused rather than damaged.
"""

import io
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asisso_mcp.install import files, json_text
from asisso_mcp.install.clients import INPUT_ID, KEY, Client, FileFormat
from asisso_mcp.install.files import InstallError, UnsupportedFile
from asisso_mcp.install.json_text import Step
from asisso_mcp.install.launch_command import LaunchCommand

_DEFAULTS = frozenset({"timeout", "description", "name"})
"""Members of a block that are added where they are missing; a person's own value is never changed."""

_VARIABLES = frozenset({"env", "envs", "environment"})
"""Members of a block that hold environment variables, by client."""

_INPUT: Mapping[str, Any] = {
    "type": "promptString",
    "id": INPUT_ID,
    "description": "Asisso API key",
    "password": True,
}
_INPUT_PATH: tuple[Step, ...] = ("inputs", ("id", INPUT_ID))


@dataclass(frozen=True)
class InstallResult:
    """What was done to a file. backup: the copy of the old file, if one was made. deleted_backups: how many were deleted."""

    file: Path
    changed: bool
    backup: Path | None = None
    deleted_backups: int = 0


def preview(client: Client, launch: LaunchCommand, *, sandbox: bool = False, read_only: bool = False) -> str:
    """The text of a file that holds the block alone, in the client's format and without a key."""
    return _with_block("", client, launch, sandbox=sandbox, read_only=read_only)


def install(
    client: Client,
    file: Path,
    launch: LaunchCommand,
    *,
    sandbox: bool = False,
    read_only: bool = False,
    key: str | None = None,
) -> InstallResult:
    """Put the block into the file. Raises InstallError, with the file as it was.

    A second time changes nothing. What a person added to the block stays: a key, a timeout, other variables.
    key: stored in the file, which only its owner can read from then on.
    """
    before = files.read_text(file)
    with _naming(file):
        after = _with_block(before, client, launch, sandbox=sandbox, read_only=read_only, key=key)
    if after == before:
        return InstallResult(file, changed=False)
    return InstallResult(file, changed=True, backup=files.replace(file, before, after, private=key is not None))


def remove(client: Client, file: Path) -> InstallResult:
    """Take the block out of the file, delete the file when nothing else was in it, and delete its backups.

    Raises InstallError.
    """
    before = files.read_text(file)
    with _naming(file):
        mark, text = _split_mark(before)
        after = remove_value(text, client.format, client.path)
        if client.asks_for_key:
            after = remove_value(after, client.format, _INPUT_PATH)
    if after != text:
        files.replace(file, before, None if _is_empty(after) else mark + after, backup=False)
    return InstallResult(file, changed=after != text, deleted_backups=files.delete_backups(file))


def parse(text: str, file_format: FileFormat) -> dict[str, Any]:
    """The settings that the text holds. Raises UnsupportedFile."""
    match file_format:
        case "toml":
            try:
                value: Any = tomllib.loads(text)
            except tomllib.TOMLDecodeError as error:
                raise UnsupportedFile(f"it is not valid TOML ({error})") from None
        case "yaml":
            value = _parse_yaml(text, safe=True)
        case _:
            value = json_text.parse(text, comments=file_format == "jsonc")
    if not isinstance(value, dict):
        raise UnsupportedFile("it does not hold an object at the top")
    return value


def get_value(text: str, file_format: FileFormat, path: Sequence[Step]) -> Any:
    """The value at the path, or None. Raises UnsupportedFile."""
    value: Any = parse(text, file_format)
    for step in path:
        place = _find(value, step)
        if place is None:
            return None
        value = value[place]
    return value


def remove_value(text: str, file_format: FileFormat, path: Sequence[Step]) -> str:
    """The text without the value at the path, nor what became empty on the way to it. Raises UnsupportedFile."""
    return text if get_value(text, file_format, path) is None else set_value(text, file_format, path, None)


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Convert UnsupportedFile into an InstallError that names the file and says what to do."""
    try:
        yield
    except UnsupportedFile as error:
        raise InstallError(
            f"{file} was left as it is, because {error}. Repair it, or put the block there by hand: add --print to see it."
        ) from None


def _with_block(
    text: str, client: Client, launch: LaunchCommand, *, sandbox: bool, read_only: bool, key: str | None = None
) -> str:
    flags = [*(["--sandbox"] if sandbox else []), *(["--read-only"] if read_only else [])]
    ours = client.block(launch.with_flags(flags), keyless=sandbox and not key, key=key)
    mark, text = _split_mark(text)
    present = get_value(text, client.format, client.path)
    block = _merged(present, ours, key=key)
    if block != present:
        text = set_value(text, client.format, client.path, block)
    asks = client.asks_for_key and _variables(block, "env").get(KEY) == client.key_reference
    if asks and get_value(text, client.format, _INPUT_PATH) is None:
        text = set_value(text, client.format, _INPUT_PATH, _INPUT)
    return mark + text


def _split_mark(text: str) -> tuple[str, str]:
    """The byte order mark that some editors write first, and the rest of the text."""
    return (text[0], text[1:]) if text.startswith("\ufeff") else ("", text)


def _is_empty(text: str) -> bool:
    """Whether the file holds nothing without our block."""
    return text.strip() in ("", "{}")


def _merged(present: Any, ours: Mapping[str, Any], *, key: str | None) -> dict[str, Any]:
    """Our block, with what a person added to the one that is present."""
    if not isinstance(present, dict) or not ({"command", "cmd"} & present.keys()):
        return dict(ours)  # there is none, or it is a server over HTTP
    block = {**present, **{name: each for name, each in ours.items() if name not in _DEFAULTS or name not in present}}
    for name in _VARIABLES & block.keys():
        kept = {each: value for each, value in _variables(present, name).items() if each != KEY or _is_key(value)}
        block[name] = {**ours.get(name, {}), **kept, **({KEY: key} if key else {})}
        if not block[name] and name not in ours:
            del block[name]
    stored = any(_is_key(_variables(block, name).get(KEY)) for name in _VARIABLES)
    for name in {"env_vars", "env_keys"} & block.keys():
        others = [each for each in present.get(name) or [] if each != KEY]
        block[name] = [*others, *([] if stored else ours.get(name, []))]
        if not block[name] and name == "env_vars":
            del block[name]
    return block


def _variables(block: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = block.get(name)
    return found if isinstance(found, dict) else {}


def _is_key(value: Any) -> bool:
    """Whether the value is a key, rather than nothing or a reference to one."""
    return isinstance(value, str) and bool(value.strip()) and not value.strip().startswith(("$", "{env:"))


def set_value(text: str, file_format: FileFormat, path: Sequence[Step], value: Mapping[str, Any] | None) -> str:
    """The text with `value` at the path, or without what is there (None)."""
    wanted = parse(text, file_format)
    _change(wanted, path, value)
    match file_format:
        case "toml":
            changed = _edit_toml(text, path, value)
        case "yaml":
            changed = _edit_yaml(text, path, value)
        case _ if value is None:
            changed = json_text.remove_value(text, path, comments=file_format == "jsonc")
        case _:
            changed = json_text.set_value(text, path, value, comments=file_format == "jsonc")
    if parse(changed, file_format) != wanted:
        raise UnsupportedFile("it is written in a way that cannot be changed safely")
    return changed


def _edit_toml(text: str, path: Sequence[Step], value: Mapping[str, Any] | None) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        if value is not None:
            document.setdefault(str(path[0]), tomlkit.table(is_super_table=True))  # no header of its own
            table = tomlkit.table()
            for name, each in value.items():
                table[name] = each
                if isinstance(each, Mapping):
                    table[name] = inline = tomlkit.inline_table()
                    inline.update(each)
            value = table
        _change(document, path, value)
        return _with_line_ends_of(text, tomlkit.dumps(document))
    except TOMLKitError:
        raise UnsupportedFile("it is written in a way that cannot be changed safely") from None


def _edit_yaml(text: str, path: Sequence[Step], value: Mapping[str, Any] | None) -> str:
    document = _parse_yaml(text, safe=False)
    _change(document, path, value)
    if not document:
        return ""
    editor = _yaml_editor()
    editor.explicit_start = text.startswith("---")
    if re.search(r"^( *)[^\s#-][^\n]*:\r?\n\1 +- ", text, re.MULTILINE):  # lists are indented in this file
        editor.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    editor.dump(document, out)
    return _with_line_ends_of(text, out.getvalue())


def _parse_yaml(text: str, *, safe: bool) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = (YAML(typ="safe", pure=True) if safe else _yaml_editor()).load(text)
    except (YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: {getattr(error, 'problem', '')}" if mark else type(error).__name__
        raise UnsupportedFile(f"it is not valid YAML ({where})") from None
    return {} if value is None else value


def _yaml_editor() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    return yaml


def _with_line_ends_of(text: str, changed: str) -> str:
    return re.sub(r"\r?\n", "\r\n", changed) if "\r\n" in text else changed


def _find(value: Any, step: Step) -> Any:
    """The name or index under which the step's value is, or None."""
    if isinstance(step, str):
        return step if isinstance(value, dict) and step in value else None
    elements = value if isinstance(value, list) else []
    found = (index for index, each in enumerate(elements) if isinstance(each, dict) and each.get(step[0]) == step[1])
    return max(found, default=None)


def _change(value: Any, path: Sequence[Step], new: Mapping[str, Any] | None) -> None:
    """Set what is at the path to `new`, or delete it (None) with what becomes empty on the way to it."""
    step, rest = path[0], path[1:]
    if not _leads_through(step, value):
        belongs = "an object" if isinstance(step, str) else "a list"
        raise UnsupportedFile(f"there is something else where {belongs} belongs")
    place = _find(value, step)
    if rest:  # only the last step of a path leads into a list
        if place is None or value[place] is None:
            value[step] = {} if isinstance(rest[0], str) else []
        _change(value[step], rest, new)
        if new is None and not value[step]:
            del value[step]
    elif new is None:
        del value[place]
    elif place is None and isinstance(value, list):
        value.append(new)
    else:
        value[step if place is None else place] = new


def _leads_through(step: Step, value: Any) -> bool:
    return isinstance(value, dict if isinstance(step, str) else list)
