"""The server's block into a client's file, or out of it: what is there already, what a person set, what must change."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asisso_mcp.install import documents, files
from asisso_mcp.install.clients import INPUT, KEY, Client
from asisso_mcp.install.errors import NotInstalled, Unreadable
from asisso_mcp.install.json_text import Step
from asisso_mcp.install.launch import Launch

_DEFAULTS = frozenset({"timeout", "description", "name"})
"""What a person may have set otherwise: it is given where it is missing, and never changed."""

_INPUT: Mapping[str, Any] = {
    "type": "promptString",
    "id": INPUT,
    "description": "Asisso API key",
    "password": True,
}
_INPUT_PATH: tuple[Step, ...] = ("inputs", ("id", INPUT))


@dataclass(frozen=True)
class Done:
    """What was done. backup: the file as it was before, if it was changed."""

    file: Path
    changed: bool
    backup: Path | None


def preview(client: Client, launch: Launch, *, sandbox: bool = False, read_only: bool = False) -> str:
    """The block in a file of its own, as the client wants it; never a key."""
    return _with_block("", client, launch, sandbox=sandbox, read_only=read_only)


def install(
    client: Client,
    file: Path,
    launch: Launch,
    *,
    sandbox: bool = False,
    read_only: bool = False,
    key: str | None = None,
) -> Done:
    """Put the block into the file; a second time changes nothing. Raises NotInstalled, with the file as it was.

    What a person added to the block stays: a key, a timeout, other variables. key: stored in the file.
    """
    before = files.read(file)
    try:
        after = _with_block(before, client, launch, sandbox=sandbox, read_only=read_only, key=key)
    except Unreadable as problem:
        raise _refused(file, problem) from None
    return _written(file, before, after, private=key is not None)


def remove(client: Client, file: Path) -> Done:
    """Take the block out, and the file away when nothing else was in it. Raises NotInstalled, with the file as it was."""
    before = files.read(file)
    try:
        mark, text = _mark(before)
        after = documents.drop(text, client.format, client.path)
        if client.name == "vscode":
            after = documents.drop(after, client.format, _INPUT_PATH)
    except Unreadable as problem:
        raise _refused(file, problem) from None
    if after == text:
        return Done(file, changed=False, backup=None)
    return _written(file, before, None if documents.says_nothing(after) else mark + after)


def _with_block(
    text: str, client: Client, launch: Launch, *, sandbox: bool, read_only: bool, key: str | None = None
) -> str:
    flags = [*(["--sandbox"] if sandbox else []), *(["--read-only"] if read_only else [])]
    ours = client.block(launch.with_flags(flags), keyless=sandbox and not key, key=key)
    mark, text = _mark(text)
    there = documents.block_in(text, client.format, client.path)
    block = _overlaid(there, ours, key=key)
    if block != there:
        text = documents.put(text, client.format, client.path, block)
    asks = client.name == "vscode" and _variables(block, "env").get(KEY) == client.key
    if asks and documents.block_in(text, client.format, _INPUT_PATH) is None:
        text = documents.put(text, client.format, _INPUT_PATH, _INPUT)
    return mark + text


def _mark(text: str) -> tuple[str, str]:
    """The byte order mark that some editors put first, and the rest."""
    return (text[0], text[1:]) if text.startswith("\ufeff") else ("", text)


def _overlaid(there: Any, ours: Mapping[str, Any], *, key: str | None) -> dict[str, Any]:
    """Our block over what is there already."""
    if not isinstance(there, dict) or not ({"command", "cmd"} & there.keys()):
        return dict(ours)  # nothing, or a server reached in another way
    block = {**there, **{name: value for name, value in ours.items() if name not in _DEFAULTS or name not in there}}
    for name in {"env", "envs"} & block.keys():
        kept = {each: value for each, value in _variables(there, name).items() if each != KEY or _is_a_key(value)}
        block[name] = {**ours.get(name, {}), **kept, **({KEY: key} if key else {})}
        if not block[name] and name not in ours:
            del block[name]
    stored = any(_is_a_key(_variables(block, name).get(KEY)) for name in ("env", "envs"))
    for name in {"env_vars", "env_keys"} & block.keys():
        others = [each for each in there.get(name) or [] if each != KEY]
        block[name] = [*others, *([] if stored else ours.get(name, []))]
        if not block[name] and name == "env_vars":
            del block[name]
    return block


def _variables(block: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = block.get(name)
    return found if isinstance(found, dict) else {}


def _is_a_key(value: Any) -> bool:
    """Whether a person put a key there, rather than nothing or a reference to one."""
    return isinstance(value, str) and bool(value.strip()) and not value.strip().startswith("$")


def _refused(file: Path, problem: Unreadable) -> NotInstalled:
    return NotInstalled(
        f"{file} was left as it is, because {problem}. Repair it, or put the block there by hand: add --print to see it."
    )


def _written(file: Path, before: str, after: str | None, *, private: bool = False) -> Done:
    if after == before:
        return Done(file, changed=False, backup=None)
    return Done(file, changed=True, backup=files.replace(file, before, after, private=private))
