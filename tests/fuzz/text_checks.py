"""Checks of one answer by itself: lines of ours, bounded and clean; a structure as the schema promises."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from mcp_types import JSONRPCResponse

from asisso_mcp.tools.registry import Tool, ToolResult
from tests.fuzz.shapes import MARK

LONGEST = 6000
"""Characters of a text: about 1,500 tokens."""
LARGEST = 1_000_000
"""Characters of a structure in ASCII: a few fields of 40,000 characters, each of up to twelve in JSON."""

_OURS = re.compile(
    r"""
      Campaign[ ]\d+[ ]" | Calling[ ]hours:[ ] | Retries:[ ] | Concurrency:[ ] | Circuit[ ]breaker:[ ] | Progress:[ ]
    | (?:Workflow|Telephony)[ ]" | (?:Created|Started|Completed)[ ](?:\d{4}-|at[ ]an) | Log,[ ]the[ ]newest[ ]\d+[ ]of[ ]\d+:$
    | The[ ]API[ ]warns:[ ]" | Revision[ ][0-9a-f]{12}\.
    | \d+[ ]campaigns?\b | \d+[ ]of[ ]\d+[ ]campaigns[ ]match | There[ ]are[ ]no[ ]campaigns[ ]that[ ]this[ ]server[ ]may[ ]touch\.$ | No[ ]campaign[ ]matches[ ]\(
    | \d+[ ]more[ ]are[ ]not[ ]shown:
    | (?:Preview|Done|Partly[ ]applied|Not[ ]applied|Not[ ]paused|Not[ ]running):[ ]Campaign[ ]\d+[ ]"
    | Someone[ ]else[ ]changed[ ]at[ ]the[ ]same[ ]time,[ ]not[ ]this[ ]edit:$ | In[ ]place:$ | Note:[ ] | What[ ]follows:[ ]
    | Its[ ]settings[ ]can[ ]be[ ]changed | Call[ ]`pause_campaign`[ ]again\.$ | Undo:[ ]`(?:update|pause|resume)_campaign`[ ]with[ ]
    | Not[ ]dialing | Dialing:[ ] | Its[ ](?:state[ ]"|hours[ ]are[ ]open,[ ]but[ ]) | Every[ ]queued[ ]call[ ]was[ ]made | No[ ]call[ ]is[ ]queued
    | Seen[ ]\d+[ ]s[ ]later:[ ] | It[ ]could[ ]not[ ]be[ ]looked[ ]at[ ]again | It[ ]did[ ]not[ ]stay[ ]so:[ ]Campaign[ ]\d+[ ]"
    | Calls[ ]at[ ]once:[ ] | Stored[ ]outside[ ]what[ ]an[ ]edit[ ]may[ ]set:[ ]
    | Each[ ]night[ ]is[ ]stored[ ]as[ ]two[ ]slots,[ ]as[ ] | It[ ]was[ ]paused[ ]for[ ]the[ ]edit\b
    | -[ ]\d+[ ]" | -[ ](?:\d{4}-\d\d-\d\d[ ]|at[ ]an[ ]unknown[ ]time[ ]|") | -[ ]and[ ]\d+[ ]more$
    | -[ ](?:name|retry_config|max_concurrency|schedule_config|circuit_breaker)\b
    """,
    re.VERBOSE,
)
_COMPLAINTS = re.compile(r"Nothing was sent, because \d+ arguments of \w+ do not fit:$")
HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
DRAWN_AS_NOTHING = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u2d7f\u3164\uffa0\U0001107f\U00016fe4\U0001d159"
) | {chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))}
"""Letters, marks and symbols by their category."""


def is_harmless(text: str) -> bool:
    """Whether nothing in a line is hidden, and nothing breaks it."""
    return not any(unicodedata.category(each) in HIDDEN_CATEGORIES or each in DRAWN_AS_NOTHING for each in set(text))


def strings_of(value: Any) -> Iterator[str]:
    """Every text and key in a JSON value; a text of ours in its lines."""
    if isinstance(value, str):
        yield from value.split("\n")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key)
            yield from strings_of(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings_of(each)


def check_text(text: str, *, error: bool) -> None:
    """Raises AssertionError for a text that a person or a model should not be shown."""
    assert text.strip()
    assert len(text) <= LONGEST, (len(text), text[:500])
    hidden = {f"U+{ord(each):04X}" for each in text if each != "\n" and not is_harmless(each)}
    assert not hidden, (hidden, text)
    assert "Traceback" not in text
    assert "Something unexpected went wrong" not in text, text
    first, *rest = text.split("\n")
    if error:
        assert not rest or (_COMPLAINTS.match(first) and all(line.startswith("- ") for line in rest)), text
        return
    for line in (first, *rest):
        assert _OURS.match(line), f"not a line of ours: {line!r}\n{text}"
        assert not re.match(rf"[- ]*{MARK}", line), text


@cache
def _validator(tool: str, schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))


def check(tool: Tool, answer: ToolResult) -> dict[str, Any]:
    """The answer as it goes over the wire. Raises AssertionError when anything about it is not as promised."""
    check_text(answer.text, error=answer.is_error)
    if answer.structure is not None:
        schema = _validator(tool.name, json.dumps(tool.output_schema))
        assert not [error.message for error in schema.iter_errors(answer.structure)]
        assert answer.structure["summary"] == answer.text
        hidden = [text for text in strings_of(answer.structure) if not is_harmless(text)]
        assert not hidden, hidden
        assert len(json.dumps(answer.structure)) <= LARGEST
    result = answer.as_result()
    line = JSONRPCResponse(jsonrpc="2.0", id=1, result=result).model_dump_json(by_alias=True, exclude_unset=True)
    line.encode()
    assert "\n" not in line
    back: Mapping[str, Any] = json.loads(line)["result"]
    assert back["content"][0]["text"] == answer.text
    return result
