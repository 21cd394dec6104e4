"""Which requests are sent again, how often, and after which wait. Time is played, not passed."""

from types import SimpleNamespace

import anyio
import httpx2
import pytest

from asisso_mcp.api import retries
from asisso_mcp.api.errors import AsissoError, Busy, ServerFault, Unreachable
from asisso_mcp.api.retries import NotExecuted
from tests.api.scripted import CALLS, CAMPAIGN, InProcess, Scripted, answer

GOOD = answer(200, {**CAMPAIGN, "campaigns": []})


class Clock:
    """The waits of retries, and the time that they and the requests would have taken."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(anyio, "sleep", clock.sleep)
    monkeypatch.setattr(retries, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


READS, WRITES = ("get", "list"), ("patch", "pause", "resume")

REFUSED = httpx2.ConnectError("refused")
NEVER_RAN = [
    REFUSED,
    httpx2.ConnectTimeout("x"),
    httpx2.PoolTimeout("x"),
    httpx2.ProxyError("x"),
    answer(429),
    answer(503, b"", retry_after="1"),
]
MAY_HAVE_RUN = [
    httpx2.ReadError("dropped"),
    httpx2.RemoteProtocolError("dropped"),
    httpx2.WriteError("dropped"),
    httpx2.ReadTimeout("slow"),
    answer(502, b""),
    answer(503, b""),
    answer(503, b"", retry_after="soon"),
    answer(504, b"", retry_after="1"),
    answer(500, b"Internal Server Error"),
]
FINAL = [
    answer(status, {"detail": "no"}, **headers)
    for status, headers in (
        (400, {}), (401, {}), (402, {}), (403, {}), (404, {}), (405, {}), (422, {}), (307, {"retry_after": "1"}),
    )
] + [answer(200, b"no json"), answer(200, {**CAMPAIGN, "id": 4}), httpx2.LocalProtocolError("x")]  # fmt: skip


def named(fault: object) -> str:
    if isinstance(fault, httpx2.Response):
        return f"{fault.status_code} {fault.headers.get('retry-after', '')} {fault.text[:8]}"
    return type(fault).__name__


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize("fault", NEVER_RAN + MAY_HAVE_RUN, ids=named)
async def test_a_read_is_sent_again_after_one_fault(fault: InProcess, call: str) -> None:
    api = Scripted(fault, GOOD)
    await CALLS[call](api.client)
    assert len(api.requests) == 2
    assert api.asked[0] == api.asked[1]


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize(
    ("fault", "executed"),
    [*((fault, False) for fault in NEVER_RAN), *((fault, None) for fault in MAY_HAVE_RUN)],
    ids=named,
)
async def test_the_client_sends_a_write_once_and_says_whether_it_surely_was_not_executed(
    fault: InProcess, executed: bool | None, call: str, clock: Clock
) -> None:
    api = Scripted(fault, GOOD)
    with pytest.raises(AsissoError) as caught:
        await CALLS[call](api.client)
    assert caught.value.executed is executed
    assert len(api.requests) == 1
    assert clock.waits == []


class Attempts:
    """Attempts at a write that end, one after the other, with these faults; an attempt without one succeeds."""

    def __init__(self, *faults: AsissoError) -> None:
        self.faults, self.made = list(faults), 0

    async def __call__(self) -> str:
        self.made += 1
        if self.faults:
            fault = self.faults.pop(0)
            raise NotExecuted(fault) if fault.executed is False else fault
        return "done"


SURELY_NOT = Unreachable("refused", executed=False)


async def test_the_whole_attempt_at_a_write_is_made_again_when_it_surely_had_no_effect(clock: Clock) -> None:
    attempts = Attempts(SURELY_NOT, Busy("slow down", executed=False, retry_after=7))
    assert await retries.retry_write(attempts) == "done"
    assert attempts.made == 3
    assert 0 <= clock.waits[0] <= 0.2
    assert 7 <= clock.waits[1] < 7.5


async def test_an_attempt_at_a_write_that_may_have_had_an_effect_is_the_last_one(clock: Clock) -> None:
    attempts = Attempts(SURELY_NOT, Unreachable("lost", executed=None))
    with pytest.raises(Unreachable, match="lost"):
        await retries.retry_write(attempts)
    assert attempts.made == 2


async def test_attempts_at_a_write_end_after_five_or_before_thirty_seconds_with_the_last_fault(clock: Clock) -> None:
    for fault, made in ((SURELY_NOT, 5), (Busy("slow down", executed=False, retry_after=31), 1)):
        attempts = Attempts(*[fault] * 9)
        with pytest.raises(AsissoError) as caught:
            await retries.retry_write(attempts)
        assert (caught.value, attempts.made) == (fault, made)


@pytest.mark.parametrize("call", ["get", "pause"])
@pytest.mark.parametrize("fault", FINAL, ids=named)
async def test_an_answer_that_would_be_the_same_again_is_asked_for_once(
    fault: InProcess, call: str, clock: Clock
) -> None:
    api = Scripted(fault, GOOD)
    with pytest.raises(AsissoError):
        await CALLS[call](api.client)
    assert len(api.requests) == 1
    assert clock.waits == []


@pytest.mark.parametrize(
    ("call", "faults", "requests"),
    [
        ("get", [REFUSED], 5),
        ("get", [answer(502, b"")], 5),
        ("get", [answer(500, b"")], 2),
        ("list", [answer(500, b"")], 2),
        ("get", [answer(503, b""), answer(500, b""), answer(503, b""), answer(500, b"")], 4),
        ("get", [answer(500, b""), REFUSED], 5),
    ],
)
async def test_faults_that_stay_end_after_five_requests_and_a_500_after_its_one_repetition(
    call: str, faults: list[InProcess], requests: int
) -> None:
    api = Scripted(*faults)
    with pytest.raises(AsissoError):
        await CALLS[call](api.client)
    assert len(api.requests) == requests


async def test_a_500_after_another_fault_still_has_its_one_repetition() -> None:
    api = Scripted(answer(503, b""), answer(500, b""), GOOD)
    assert (await api.client.get(3)).id == 3
    assert len(api.requests) == 3


async def test_the_last_fault_is_the_one_that_is_told() -> None:
    cases: list[tuple[list[InProcess], type[AsissoError]]] = [
        ([answer(500, b""), REFUSED], Unreachable),
        ([REFUSED, answer(500, b"")], ServerFault),
    ]
    for faults, error in cases:
        with pytest.raises(AsissoError) as caught:
            await Scripted(*faults).client.get(3)
        assert type(caught.value) is error


async def test_waits_grow_and_are_drawn_at_random_within_their_bound(clock: Clock) -> None:
    for _ in range(40):
        with pytest.raises(Unreachable):
            await Scripted(REFUSED).client.get(3)
    rounds = [clock.waits[start : start + 4] for start in range(0, len(clock.waits), 4)]
    assert len(rounds) == 40
    for position, bound in enumerate((0.2, 0.4, 0.8, 1.6)):
        drawn = [waits[position] for waits in rounds]
        assert all(0 <= wait <= bound for wait in drawn)
        assert len(set(drawn)) > 30
        assert max(drawn) > bound / 2


@pytest.mark.parametrize("call", READS)
async def test_retry_after_is_waited_out_and_a_little_more(call: str, clock: Clock) -> None:
    api = Scripted(answer(429, b"", retry_after="7"), answer(503, b"", retry_after="3"), GOOD)
    await CALLS[call](api.client)
    assert len(api.requests) == 3
    for wait, asked in zip(clock.waits, (7, 3), strict=True):
        assert asked <= wait < asked + 0.5


async def test_a_retry_after_beyond_the_budget_is_told_at_once_instead_of_waited_for(clock: Clock) -> None:
    api = Scripted(answer(429, b"", retry_after="31"))
    with pytest.raises(Busy) as caught:
        await api.client.get(3)
    assert caught.value.retry_after == 31
    assert (len(api.requests), clock.waits) == (1, [])


async def test_no_attempt_begins_later_than_thirty_seconds_after_the_first(clock: Clock) -> None:
    began: list[float] = []

    def slow(_: httpx2.Request) -> httpx2.Response:
        began.append(clock.now - 1000.0)
        clock.now += 8
        return answer(503, b"", retry_after="9")

    with pytest.raises(Busy):
        await Scripted(slow).client.get(3)
    assert len(began) == 2
    assert began[-1] < retries.BUDGET_SECONDS == 30
    assert clock.now - 1000.0 < 40


async def test_only_the_trees_errors_are_repeated() -> None:
    asked = 0

    async def broken() -> None:
        nonlocal asked
        asked += 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await retries.retry_read(broken)
    with pytest.raises(ZeroDivisionError):
        await retries.retry_write(broken)
    assert asked == 2
