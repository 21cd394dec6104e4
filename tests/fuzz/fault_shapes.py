"""Strategies for the faults that a sequence of calls meets."""

from hypothesis import strategies as st

from asisso_mcp.sandbox import Fault

foreign = st.sampled_from(
    [None, {"name": "Theirs"}, {"max_concurrency": 4}, {"retry_config": {"max_retries": 9}}, {"circuit_breaker": {}}]
)
methods = st.sampled_from(["GET", "PATCH", "POST", None])
times = st.sampled_from([1, 1, 1, 2, 6])
faults = st.one_of(
    st.builds(
        lambda kind, method, times, how, after: Fault(kind, method=method, times=times, how=how, after=after),
        st.sampled_from(["drop-before", "drop-after"]),
        methods,
        times,
        st.sampled_from(["close", "reset"]),
        st.sampled_from([0, 0, 1]),
    ),
    st.builds(
        lambda kind, method, times: Fault(kind, method=method, times=times, bytes=8_400_000),
        st.sampled_from(["error-after", "broken-json", "cut-body", "huge-body", "redirect"]),
        methods,
        times,
    ),
    st.builds(
        lambda kind, method, times: Fault(kind, method=method, times=times),
        st.sampled_from(["stale-body", "minimal-body"]),
        st.sampled_from(["PATCH", "POST", None]),
        times,
    ),
    st.builds(
        lambda code, wait, method, times: Fault("status", code=code, retry_after=wait, method=method, times=times),
        st.sampled_from([400, 401, 404, 422, 429, 500, 502, 503, 504]),
        st.sampled_from([None, 0, 3]),
        methods,
        times,
    ),
    st.builds(
        lambda code, fields, times: Fault(
            "status", code=code, retry_after=0, fields=fields, method="PATCH", times=times
        ),
        st.sampled_from([429, 503]),
        foreign,
        times,
    ),
    st.builds(
        lambda kind, code, method, after: Fault(kind, code=code, executed_after=after, method=method, times=1),
        st.sampled_from(["status", "drop-before"]),
        st.sampled_from([500, 502, 504]),
        st.sampled_from(["PATCH", "POST"]),
        st.sampled_from([0.0, 0.01]),
    ),
    st.builds(
        lambda when, fields, times: Fault("foreign-edit", when=when, fields=fields, times=times),
        st.sampled_from(["before", "after", "overwrite", "lost"]),
        foreign,
        times,
    ),
    st.builds(lambda when, times: Fault("trip", when=when, times=times), st.sampled_from(["before", "after"]), times),
    st.builds(lambda seconds: Fault("import-ends", seconds=seconds, times=1), st.sampled_from([None, 0.0, 60.0])),
)


def lost(method: str | None) -> st.SearchStrategy[Fault]:
    """What happens to the next write, or to the look at what became of it."""
    after = 1 if method == "GET" else 0
    return st.one_of(
        st.builds(
            lambda kind, how, times: Fault(kind, method=method, how=how, times=times, after=after),
            st.sampled_from(["drop-before", "drop-after"]),
            st.sampled_from(["close", "reset"]),
            st.sampled_from([1, 1, 2]),
        ),
        st.builds(
            lambda kind: Fault(kind, method=method, times=1, after=after),
            st.sampled_from(
                ["error-after", "broken-json", *([] if method == "GET" else ["stale-body", "minimal-body"])]
            ),
        ),
        st.builds(
            lambda code, times: Fault("status", code=code, method=method, times=times, after=after),
            st.sampled_from([400, 429, 500, 502, 503, 504]),
            st.sampled_from([1, 2]),
        ),
        st.builds(
            lambda code, after: Fault("status", code=code, executed_after=after, method=method, times=1),
            st.sampled_from([500, 502, 504]),
            st.sampled_from([0.0, 0.01]),
        ),
    )


meddling = st.one_of(
    st.builds(
        lambda when, fields: Fault("foreign-edit", when=when, fields=fields, times=1),
        st.sampled_from(["before", "lost", "lost", "after"]),
        foreign,
    ),
    st.builds(lambda when: Fault("trip", when=when, times=1), st.sampled_from(["before", "after"])),
    st.just(Fault("import-ends", times=1)),
)


def fire(method: str) -> st.SearchStrategy[list[Fault]]:
    """One to three things that go wrong with one write."""
    looks = st.lists(lost("GET"), max_size=1)
    return st.builds(
        lambda write, look, others: [*write, *look, *others],
        st.lists(lost(method), max_size=1),
        st.one_of(st.just([]), looks),
        st.lists(meddling, max_size=1),
    ).filter(bool)
