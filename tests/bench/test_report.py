"""Does a run read as it should?"""

from bench.figures import Figures
from bench.report import document, table, tables, targets_table
from bench.servers import FLOOR, NPM, OURS
from bench.targets import Target, judged


def measured() -> Figures:
    run = Figures()
    for ours, floor in ((0.030, 0.600), (0.031, 0.620), (0.033, 0.600)):
        run.add(OURS, "start.listed", ours)
        run.add(FLOOR, "start.listed", floor)
    run.fail(NPM, "start.", "it ended: no such module")
    return run


def test_columns_line_up() -> None:
    assert table(["", "ms"], [["ours", "1.25"], ["a peer", "7"]]) == (
        "|        | ms   |\n| ------ | ---- |\n| ours   | 1.25 |\n| a peer | 7    |"
    )


def test_a_table_has_the_median_the_ratio_with_its_quartiles_and_why_a_server_is_missing() -> None:
    lines = [" ".join(line.split()) for line in tables(measured()).splitlines() if "---" not in line]
    assert lines == [
        "## Start and memory (stdio)",
        "",
        "| | `initialize` + `tools/list`, ms | × | first result, ms | × | peak memory, MB | × | shared out (PSS), MB |",
        "| asisso-mcp | 31 | 0.05 (0.05–0.0525) | – | – | – | – | – |",
        "| bare SDK server | 600 | 1 | – | – | – | – | – |",
        "| npm SDK | – | – | – | – | – | – | – |",
        "",
        "npm SDK: it ended: no such module",
    ]


def test_a_target_shows_its_bound_its_noise_and_the_verdict() -> None:
    targets = [
        Target("Start", (OURS, "start.listed"), (FLOOR, "start.listed"), 0.04, 0.1),
        Target("Calls", (OURS, "start.listed"), (NPM, "start.listed"), 1, 0.2, at_least=True),
    ]
    lines = [" ".join(line.split()) for line in targets_table(judged(measured(), targets)).splitlines()]
    assert lines[2:] == [
        "| Start | 0.05 (0.05–0.0525) | ≤ 0.04 | 10% | missed |",
        "| Calls | npm SDK: it ended: no such module | ≥ 1 | 20% | not measured |",
    ]


def test_the_page_tells_the_machine_the_versions_and_how_to_repeat_it() -> None:
    page = document(measured(), [], {"Python": "3.13.1", "mcp": "2.3.0"}, "2 cores")
    assert "from one run on one machine: 2 cores." in page
    assert "`make bench`" in page
    assert "Versions of this\nrun: Python 3.13.1, mcp 2.3.0." in page
