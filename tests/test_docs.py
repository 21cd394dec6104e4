"""The documents show what the program really says."""

import json
import re

from tests.docs import PARTS, README, renewed


def test_every_generated_part_of_the_readme_is_what_the_program_says_now() -> None:
    text = README.read_text(encoding="utf-8")
    assert set(re.findall(r"<!-- generated: ([a-z-]+) -->", text)) == set(PARTS)
    assert renewed(text) == text


def test_the_first_screen_says_what_it_is_shows_the_demo_and_gives_a_block_for_a_host() -> None:
    screen = "\n".join(README.read_text(encoding="utf-8").splitlines()[:40])
    assert re.findall(r"```sh\n(.*?)\n```", screen) == ["make demo", ".venv/bin/asisso-mcp install --sandbox"]
    blocks = re.findall(r"```json\n(.*?)```", screen, re.DOTALL)
    assert json.loads(blocks[0])["mcpServers"]["asisso"]["command"] == "uvx"
    assert "--sandbox" in screen
