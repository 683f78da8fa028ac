"""The one place where a corpus makes a Problem, and how values of records become text.

It checks what every problem must have and gives it its id. It knows no format.
"""

import json
import math
import re
from collections.abc import Iterable

from tutelage import seeds
from tutelage.corpora.row import Record
from tutelage.errors import BadRow
from tutelage.records import Domain, Gold, Problem


def make(
    *,
    source: str,
    domain: Domain,
    statement: str,
    gold: Gold,
    licence: str = "unknown",
    solution: str = "",
    split: str = "train",
    hint_shards: Iterable[str] = (),
    given_id: str = "",
) -> Problem:
    """A problem whose id is a digest of what it asks and what answers it.

    An exact repeat has the same id, wherever it stands. `given_id` is the source's own id, kept
    in front of the digest for people to find the row by.

    Raises:
        BadRow: there is no statement, or nothing to judge an answer by, or text that is none.
    """
    statement, solution = tidy(statement), tidy(solution)
    shards = tuple(tidy(shard) for shard in hint_shards)
    for part in (statement, solution, gold.value, gold.tests_json, source, licence, *shards):
        _check(part)
    if not statement:
        raise BadRow("no-statement", "the statement is empty")
    if not gold.value.strip() and not gold.tests_json:
        raise BadRow("no-answer", "the answer is empty")
    mark = seeds.digest(domain, statement, gold.kind, gold.value, gold.tests_json, size=12)
    return Problem(
        problem_id="-".join(filter(None, (_slug(source), _slug(given_id), mark))),
        domain=domain,
        source=source,
        licence=licence,
        statement=statement,
        gold=gold,
        solution=solution,
        split=split,
        hint_shards=shards,
    )


def answer(value: str) -> Gold:
    """The gold of a problem that has one final answer."""
    return Gold(kind="answer", value=value.strip())


def suite(
    reference: str,
    cases: Iterable[str],
    *,
    setup: str = "",
    entry_point: str = "",
    stdin: Iterable[tuple[str, str]] = (),
) -> Gold:
    """The gold of a code problem.

    `cases` are pieces of Python, each run on its own after `setup` and the student's code; the
    first exception fails it. `stdin` are (input, expected output) pairs for whole programs, and
    are in the JSON only where there are any.

    Raises:
        BadRow: there is nothing to run.
    """
    body: dict[str, object] = {
        "setup": setup,
        "tests": [case for case in cases if case.strip()],
        "entry_point": entry_point,
    }
    pairs = [list(pair) for pair in stdin]
    if pairs:
        body["stdin"] = pairs
    if not body["tests"] and not pairs:
        raise BadRow("bad-tests", "there are no tests")
    return Gold("tests", reference, json.dumps(body, ensure_ascii=False, sort_keys=True))


def worked(steps: Iterable[str], final: str) -> str:
    """A worked solution: one step a line, and the answer in a line of its own at the end.

    >>> worked(["Mia has 12 + 5 = 17 shells."], "17")
    'Mia has 12 + 5 = 17 shells.\\nThe answer is 17.'
    """
    kept = [step.strip() for step in steps if step.strip()]
    return "\n".join([*kept, f"The answer is {final}."])


def text(record: Record, key: str, default: str = "") -> str:
    """The value at `key` as text; a missing or null one is `default`.

    >>> text({"a": 145.0}, "a"), text({"a": None}, "a"), text({}, "a", "x")
    ('145', '', 'x')
    """
    return plain(record.get(key, default))


def plain(value: object) -> str:
    """A scalar as a person would write it; lists and objects as JSON.

    >>> plain(19.0), plain(0.5), plain(["a"])
    ('19', '0.5', '["a"]')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def has(record: Record, *keys: str) -> bool:
    """Whether the record has all the keys."""
    return all(key in record for key in keys)


def _check(words: str) -> None:
    try:
        words.encode()
    except UnicodeEncodeError:
        raise BadRow(
            "unreadable", "a text has half a surrogate pair, which no file takes"
        ) from None


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-")


def tidy(words: str) -> str:
    """Text with newlines as newlines and no blank edges."""
    return words.replace("\r\n", "\n").replace("\r", "\n").strip()
