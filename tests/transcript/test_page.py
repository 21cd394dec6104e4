"""The recorded conversation: few calls, little to read, and the same result as with the API alone."""

from itertools import pairwise

from tests.transcript.messages import MESSAGES
from tests.transcript.page import PAGE, play_ours, play_raw, renewed

MOST_CALLS, MOST_CHARACTERS = 22, 16_000


async def test_24_messages_take_at_most_22_calls_and_16000_characters() -> None:
    replies = await play_ours()
    assert len(replies) == 24
    assert sum(len(reply.calls) for reply in replies) <= MOST_CALLS
    assert sum(reply.read for reply in replies) <= MOST_CHARACTERS


async def test_both_ways_leave_every_campaign_in_the_same_state_after_each_message() -> None:
    ours, raw = await play_ours(), await play_raw()
    for message, one, other in zip(MESSAGES, ours, raw, strict=True):
        assert one.state == other.state, message.text


async def test_every_message_that_names_an_edit_changes_something_and_no_other_does() -> None:
    ours = await play_ours()
    changed = [number for number, (one, two) in enumerate(pairwise(ours), 2) if one.state != two.state]
    assert changed == [2, 4, 5, 6, 7, 9, 11, 13, 14, 16, 19, 20, 21, 24]


def test_the_page_is_what_the_script_writes_now() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert renewed(text) == text
