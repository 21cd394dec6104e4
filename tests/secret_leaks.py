"""A pytest plugin: a test that printed or logged a key fails, whatever it was about."""

from collections.abc import Iterator

import pytest

from asisso_mcp.sandbox import KEY, TOKEN

KEYS = (KEY, TOKEN, "as_0123456789abcdef", "RECOGNISABLE")
"""The sandbox's, and those that tests of the client and of secrets use."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Looks through the captured output and log of a test that passed. (One that failed shows its own values.)"""
    report: pytest.TestReport = yield  # type: ignore[misc]
    leaks = [
        f"{name}: {key}" for name, text in report.sections if name.endswith(report.when) for key in KEYS if key in text
    ]
    if report.passed and leaks:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} printed or logged a key ({'; '.join(leaks)})"
    return report  # type: ignore[return-value]
