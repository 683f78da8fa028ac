"""Any rows with a statement and an answer, by a mapping of fields or by their plain names.

`--map statement=question,answer=final.value` says which field of the row is what; dots go into
nested objects, and a number picks from a list. Without a mapping, `statement` and `answer` must
stand in the row under these names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast, get_args

from tutelage.corpora.problem import answer, has, make, plain, suite, worked
from tutelage.corpora.row import Record
from tutelage.errors import BadRow, CorpusError
from tutelage.plugins import nearest
from tutelage.records import Domain, Gold, Problem

KEYS = (
    "statement", "answer", "solution", "id", "domain", "source", "licence", "tests", "setup",
    "entry_point",
)  # fmt: skip
"""What a mapping can name."""


def parse_mapping(words: str) -> dict[str, str]:
    """The mapping that a person wrote as `statement=question,answer=final.value`.

    Raises:
        CorpusError: a piece without `=`.
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
    """Reads rows by field names; with `tests` they are code problems.

    Raises:
        CorpusError: the mapping names something unknown, or has no statement.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    """Key of `KEYS` to dotted path in the row; a key that is missing stands under its own name."""
    name: str = "generic"
    """Also the source, where the row has none: the file's stem."""
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
        found = self._text(record, "answer").strip()
        domain = self._text(record, "domain").strip().lower()
        gold = self._tests(record, found)
        domain = domain or ("code" if gold else "math")
        if domain not in get_args(Domain):
            known = ", ".join(get_args(Domain))
            raise BadRow("bad-domain", f"the domain is {domain!r}, wanted one of {known}")
        if domain == "code" and not gold:
            raise BadRow("bad-tests", "a code problem without tests")
        solution = self._text(record, "solution").strip()
        if solution and not gold and found not in solution.splitlines()[-1]:
            solution = worked([solution], found)
        return make(
            source=self._text(record, "source") or self.name,
            domain=cast(Domain, domain),
            licence=self._text(record, "licence") or "unknown",
            statement=self._text(record, "statement"),
            gold=gold or answer(found),
            solution=solution,
            split=split,
            given_id=self._text(record, "id"),
        )

    def _tests(self, record: Record, reference: str) -> Gold | None:
        value = self._value(record, "tests")
        if value is None or value == "":
            return None
        cases = [plain(case) for case in value] if isinstance(value, list) else [plain(value)]
        setup, entry = self._text(record, "setup"), self._text(record, "entry_point")
        return suite(reference, cases, setup=setup, entry_point=entry)

    def _value(self, record: Record, key: str) -> object:
        path = self.fields.get(key, key)
        if path in record:
            return record[path]
        value: object = record
        for step in path.split("."):
            if isinstance(value, Mapping):
                value = value.get(step)
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                return None
        return value

    def _text(self, record: Record, key: str) -> str:
        return plain(self._value(record, key))
