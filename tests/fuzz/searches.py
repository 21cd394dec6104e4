"""How long the searches of this folder take: a multiple of what the profile gives a property.

`quick` is the default, with the same examples in each run; `--hypothesis-profile=thorough` looks ten times as long, and at
other examples each time. A failure prints the `@reproduce_failure` line that brings the same example back.
"""

from hypothesis import HealthCheck, settings


def search(times: float = 1) -> settings:
    """The settings of a property that gets so many times the profile's examples."""
    return settings(
        max_examples=int(settings.default.max_examples * times),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
