"""How long is searched: `quick` with every run of the suite, the same examples each time; `long` with ASISSO_FUZZ=long.

A failure prints the `@reproduce_failure` line that brings the same example back.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

from asisso_mcp.api import retries

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "quick", max_examples=60, stateful_step_count=12, deadline=None, derandomize=True, suppress_health_check=_SLOW
)
settings.register_profile(
    "long",
    max_examples=int(os.environ.get("ASISSO_FUZZ_EXAMPLES", "1000")),
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=_SLOW,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
PROFILE = settings.get_profile("long" if os.environ.get("ASISSO_FUZZ") == "long" else "quick")


@pytest.fixture(autouse=True)
def retries_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_seconds_to_wait", lambda *_: 0)
