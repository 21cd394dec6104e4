"""Which command starts the server on this machine."""

import os
from pathlib import Path

import pytest

from asisso_mcp.install.launch_command import UVX, LaunchCommand, clone_folder, launch_command, shared_launch_command


def environment(prefix: Path) -> str:
    program = prefix / ("Scripts/asisso-mcp.exe" if os.name == "nt" else "bin/asisso-mcp")
    program.parent.mkdir(parents=True)
    program.touch()
    (prefix / "CACHEDIR.TAG").touch()  # as in every environment that uv makes
    return str(program)


def test_a_lasting_installation_is_started_by_its_full_path(tmp_path: Path) -> None:
    program = environment(tmp_path / "venv")
    assert launch_command(str(tmp_path / "venv")) == LaunchCommand(program)


@pytest.mark.parametrize("cache", [".cache/uv/archive-v0/abc", ".cache/pipx/def", "tagged/environments/ghi"])
def test_an_installation_in_a_cache_is_fetched_by_uvx_instead(tmp_path: Path, cache: str) -> None:
    environment(tmp_path / cache)
    if cache.startswith("tagged"):
        (tmp_path / "tagged" / "CACHEDIR.TAG").touch()
    uvx = tmp_path / ("uvx.exe" if os.name == "nt" else "uvx")
    uvx.touch(mode=0o755)
    assert launch_command(str(tmp_path / cache), path=str(tmp_path)) == LaunchCommand(str(uvx), ("asisso-mcp",))
    assert launch_command(str(tmp_path / cache), path="") == UVX


def test_a_clone_that_uvx_runs_is_what_uvx_is_told_to_run(tmp_path: Path) -> None:
    clone = Path("/src/asisso-mcp")
    environment(tmp_path / ".cache" / "uv" / "abc")
    expected = LaunchCommand("uvx", ("--from", "/src/asisso-mcp", "asisso-mcp"))
    assert launch_command(str(tmp_path / ".cache" / "uv" / "abc"), path="", clone=clone) == expected


def test_a_file_for_several_machines_has_no_path_of_this_one_unless_a_clone_is_all_there_is() -> None:
    assert shared_launch_command(None) == UVX
    assert shared_launch_command(Path("/src/asisso-mcp")) == launch_command()


def test_the_clone_that_these_tests_run_from_is_found() -> None:
    assert clone_folder() == Path(__file__).parents[2]
