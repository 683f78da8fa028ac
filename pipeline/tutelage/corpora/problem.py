"""Makes every Problem of a corpus, and converts record values to text.

Checks the required fields and assigns the id. Knows no format.
"""

import json
import math
import re
from collections.abc import Iterable
from functools import lru_cache

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
    """A problem whose id is a digest of its question and gold.

    An exact repetition gets the same id anywhere. `given_id` is the source's own id; it precedes
    the digest, so that people can find the row.

    Raises:
        BadRow: the statement or the gold is empty, or a text cannot be encoded.
    """
    statement, solution = tidy(statement), tidy(solution)
    shards = tuple(tidy(shard) for shard in hint_shards)
    for part in (statement, solution, gold.value, gold.tests_json, source, licence, *shards):
        _check(part)
    if not statement:
        raise BadRow("no-statement", "the statement is empty")
    if not gold.value.strip() and not gold.tests_json:
        raise BadRow("no-answer", "the answer is empty")
    suffix = seeds.digest(domain, statement, gold.kind, gold.value, gold.tests_json, size=12)
    return Problem(
        problem_id="-".join(filter(None, (_slug(source), _slug(given_id), suffix))),
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

    `cases` are pieces of Python. Each runs separately after `setup` and the student's code; an
    exception fails it. `stdin` are (input, expected output) pairs for whole programs; the key is
    omitted if there are none.

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
    """A worked solution: one step per line, and the answer on a line of its own at the end.

    >>> worked(["Mia has 12 + 5 = 17 shells."], "17")
    'Mia has 12 + 5 = 17 shells.\\nThe answer is 17.'
    """
    kept = [step.strip() for step in steps if step.strip()]
    return "\n".join([*kept, f"The answer is {final}."])


def text(record: Record, key: str, default: str = "") -> str:
    """The value at `key` as text; `default` if it is missing, empty if it is null.

    >>> text({"a": 145.0}, "a"), text({"a": None}, "a"), text({}, "a", "x")
    ('145', '', 'x')
    """
    return plain(record.get(key, default))


def plain(value: object) -> str:
    """A scalar in plain notation; lists and objects as JSON.

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


@lru_cache(maxsize=256)
def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-")


def tidy(words: str) -> str:
    """Text with normalised newlines, stripped."""
    return words.replace("\r\n", "\n").replace("\r", "\n").strip()
