"""Reads any rows with a statement and an answer, by a field mapping or by their plain names.

`--map statement=question,answer=final.value` maps our fields to the row's. A dot enters nested
objects and JSON text; a number selects from a list. Without a mapping, the row must have
`statement` and `answer`. `choices` are the options of a question: they are appended to the
statement, and the answer (an index from 0, a letter or an option's text) becomes a letter. A column
`domain` without one of our domains is ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast, get_args

from tutelage.corpora import code_tests
from tutelage.corpora.fields import (
    as_answer,
    as_text,
    letter_of,
    options_in,
    value_at,
    with_options,
)
from tutelage.corpora.problem import answer, has, make, worked
from tutelage.corpora.row import Record
from tutelage.errors import BadRow, CorpusError
from tutelage.plugins import nearest
from tutelage.records import Domain, Problem

KEYS = (
    "statement", "answer", "solution", "id", "domain", "source", "licence", "tests", "setup",
    "entry_point", "choices",
)  # fmt: skip
"""Keys of a mapping."""


def parse_mapping(words: str) -> dict[str, str]:
    """Parses a mapping such as `statement=question,answer=final.value`.

    Raises:
        CorpusError: a part has no `=`.
    """
    fields: dict[str, str] = {}
    for piece in filter(None, (piece.strip() for piece in words.split(","))):
        key, equals, path = (part.strip() for part in piece.partition("="))
        if not (key and equals and path):
            raise CorpusError(f"the mapping {words!r} is not KEY=FIELD,...: see {piece!r}")
        fields[key] = path
    return fields


@dataclass(frozen=True, slots=True)
class Generic:
    """Reads rows by field names; rows with `tests` are code problems.

    Raises:
        CorpusError: the mapping has an unknown key.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    """Key of `KEYS` -> dotted path in the row; a missing key is its own path."""
    name: str = "generic"
    """Also the source of rows without one: the file's stem."""
    reads: str = "statement, answer or tests, and more by --map"

    def __post_init__(self) -> None:
        for key in self.fields:
            if key not in KEYS:
                raise CorpusError(
                    f"the mapping has an unknown key {key!r}{nearest(key, KEYS)}; "
                    f"known are {', '.join(KEYS)}"
                )

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        if self.fields:
            return self._value(record, "statement") is not None
        return has(record, "statement", "answer") or has(record, "statement", "tests")

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        tests = self._value(record, "tests")
        domain = self._domain(record) or ("code" if tests else "math")
        if domain == "code" and not tests:
            raise BadRow("bad-tests", "a code problem without tests")
        statement, gold_text = self._text(record, "statement"), ""
        options, labels = options_in(self._value(record, "choices"))
        if options:
            gold_text = letter_of(self._value(record, "answer"), options, labels)
            statement = with_options(statement, options)
        elif not tests or self._value(record, "answer") is not None:
            path = self.fields.get("answer", "answer")
            gold_text = as_answer(self._value(record, "answer"), path)
        gold = answer(gold_text)
        if tests:
            setup, entry = self._text(record, "setup"), self._text(record, "entry_point")
            gold = code_tests.gold(tests, reference=gold_text, setup=setup, entry=entry)
        solution = self._text(record, "solution").strip()
        if solution and not tests and gold_text not in solution.splitlines()[-1]:
            solution = worked([solution], gold_text)
        return make(
            source=self._text(record, "source") or self.name,
            domain=cast(Domain, domain),
            licence=self._text(record, "licence") or self._text(record, "license") or "unknown",
            statement=statement,
            gold=gold,
            solution=solution,
            split=split,
            given_id=self._text(record, "id"),
        )

    def _domain(self, record: Record) -> str:
        """The row's domain; empty if its column of that name means something else."""
        value = self._value(record, "domain")
        word = value.strip().lower() if isinstance(value, str) else ""
        if word in get_args(Domain):
            return word
        if "domain" in self.fields:
            known = ", ".join(get_args(Domain))
            raise BadRow("bad-domain", f"the domain is {value!r}, wanted one of {known}")
        return ""

    def _value(self, record: Record, key: str) -> object:
        return value_at(record, self.fields.get(key, key))

    def _text(self, record: Record, key: str) -> str:
        return as_text(self._value(record, key), self.fields.get(key, key))
