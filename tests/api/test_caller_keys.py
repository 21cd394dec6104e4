"""What is remembered of the keys that callers bring."""

import logging

import pytest

from asisso_mcp.api import caller_keys
from asisso_mcp.api.caller_keys import CallerKeys
from asisso_mcp.api.slots import UNPROVEN

KEY = "as_0123456789abcdef"


@pytest.mark.parametrize("status", [200, 400, 402, 404, 422])
def test_a_key_is_known_after_an_answer_that_only_an_accepted_one_gets(status: int) -> None:
    keys = CallerKeys()
    keys.note(KEY, status)
    assert keys.tenant_of(KEY) != UNPROVEN
    assert not keys.is_refused(KEY)


@pytest.mark.parametrize("status", [307, 403, 429, 500, 502, 503, 504])
def test_an_answer_that_every_key_may_get_tells_nothing(status: int) -> None:
    keys = CallerKeys()
    keys.note(KEY, status)
    assert keys.tenant_of(KEY) == UNPROVEN
    assert not keys.is_refused(KEY)


def test_a_refused_key_is_refused_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(caller_keys.time, "monotonic", lambda: now)
    keys = CallerKeys()
    keys.note(KEY, 401)
    now += 59
    assert keys.is_refused(KEY)
    now += 1
    assert not keys.is_refused(KEY)


def test_a_key_that_was_accepted_may_ask_once_more_because_the_api_may_be_mistaken() -> None:
    keys = CallerKeys()
    keys.note(KEY, 200)
    keys.note(KEY, 401)
    assert not keys.is_refused(KEY)
    assert keys.tenant_of(KEY) == UNPROVEN
    keys.note(KEY, 401)
    assert keys.is_refused(KEY)


def test_only_so_many_are_kept_and_only_as_digests(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(caller_keys, "KEPT_KEYS", 3)
    keys = CallerKeys()
    with caplog.at_level(logging.WARNING):
        for number in range(10):
            keys.note(f"{KEY}-{number}", 401)
            keys.note(f"{KEY}-{number}-accepted", 200)
    assert [len(kept) for kept in vars(keys).values()] == [3, 3]
    assert keys.is_refused(f"{KEY}-9")
    assert not keys.is_refused(f"{KEY}-0")
    assert KEY not in repr(vars(keys))
    assert KEY not in caplog.text
