"""The key, the token and the proxy's password appear nowhere but in the request's header."""

import logging
import traceback
from dataclasses import replace

import httpx2
import pytest
from pydantic import SecretStr

from asisso_mcp.api.errors import AsissoError
from asisso_mcp.config import Settings
from tests.api.scripted import DROP, InProcess, Raw, Scripted, answer, asking, listening, raw, settings

# Words that the masking of texts would let pass: what hides them has to know them.
KEY, TOKEN, PASSWORD = "correct-horse-battery-staple", "purple-monkey-dishwasher", "trombone-marmalade"

ASKED = settings(
    "https://app.asisso.com",
    api_key=SecretStr(KEY),
    access_token=SecretStr(TOKEN),
    proxy=SecretStr(f"http://me:{PASSWORD}@127.0.0.1:9"),
)
BEARER = replace(ASKED, api_key=None)


def shown(*things: object) -> str:
    """Everything that printing, formatting or logging these could show, tracebacks with their chains included."""
    texts = []
    for thing in things:
        texts += [repr(thing), str(thing), f"{thing}", repr(getattr(thing, "__dict__", ""))]
        if isinstance(thing, BaseException):
            texts += traceback.format_exception(thing)
            texts += [repr(thing.args), repr(thing.__cause__), repr(thing.__context__)]
    return "\n".join(texts)


ECHOED = {"detail": f"Invalid key {KEY}, token {TOKEN}, and what is said beside them"}


@pytest.mark.parametrize("asked", [ASKED, BEARER], ids=["key", "token"])
@pytest.mark.parametrize(
    "fault",
    [
        answer(401, ECHOED),
        answer(400, ECHOED),
        answer(404, ECHOED),
        answer(418, ECHOED),
        answer(422, {"detail": [{"loc": ["header", KEY, TOKEN], "msg": f"{KEY} {TOKEN}"}]}),
        answer(500, f"{KEY} {TOKEN}".encode()),
        answer(429, ECHOED, retry_after=f"{KEY} {TOKEN}"),
        answer(307, b"", location=f"https://{KEY}.example/{TOKEN}"),
        answer(200, f"{KEY} {TOKEN}".encode()),
        httpx2.LocalProtocolError(f"Illegal header value b'{KEY}{TOKEN}'"),
        httpx2.ReadError(f"{KEY} {TOKEN}"),
        httpx2.ProxyError(f"407 {PASSWORD}"),
        httpx2.InvalidURL(f"Invalid proxy {PASSWORD}"),
        UnicodeEncodeError("ascii", KEY, 0, 1, TOKEN),
    ],
)
async def test_no_error_carries_a_secret_not_even_one_that_the_answer_echoes(asked: Settings, fault: InProcess) -> None:
    api = Scripted(fault, settings=asked)
    with pytest.raises(AsissoError) as caught:
        await api.client.get(3)
    text = shown(caught.value)
    assert KEY not in text or asked is BEARER  # which does not know it
    assert TOKEN not in text
    assert PASSWORD not in text
    if isinstance(fault, httpx2.Response) and fault.status_code in (400, 418):
        assert "[key hidden]" in text
        assert "what is said beside them" in text  # that it shows proves that the echo was shown


@pytest.mark.parametrize(
    "answered",
    [
        raw(200, {"id": 3, "name": "x", "state": "paused"}),
        raw(401, ECHOED),
        raw(500),
        DROP,
        Raw(b"garbage\r\n", "close"),
    ],
    ids=["success", "refusal", "fault", "drop", "garbage"],
)
async def test_at_the_most_talkative_level_no_log_shows_the_key(
    answered: Raw, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening(answered) as api, asking(settings(api.origin, api_key=SecretStr(KEY))) as client:
        try:
            await client.get(3)
        except AsissoError as fault:
            logging.getLogger("asisso_mcp").error("failed", exc_info=fault)
    assert api.requests[0].header("x-api-key") == [KEY]
    assert caplog.records
    assert KEY not in caplog.text


async def test_a_short_key_does_not_blank_out_an_errors_words() -> None:
    # Replacing "no" everywhere would hide the message, and so short a key is no secret.
    api = Scripted(answer(400, {"detail": "no, not now"}), settings=settings(api_key=SecretStr("no")))
    with pytest.raises(AsissoError) as caught:
        await api.client.get(3)
    assert "no, not now" in caught.value.text
