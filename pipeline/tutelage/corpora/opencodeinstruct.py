"""OpenCodeInstruct: generated instructions, solutions and asserts (NVIDIA 2025, CC-BY-4.0).

A row is `{"id", "input", "output", "unit_tests", "average_test_score", ...}`; `unit_tests` is a
JSON list of asserts, as text. The statement is the instruction and, as for MBPP, the name that the
tests call and the first assert: these are public. A row whose solution fails some of its tests, by
its own score, is refused, because it is unknown which of the two is wrong.
"""

import json
from dataclasses import dataclass

from tutelage.corpora.mbpp import asked, strings
from tutelage.corpora.problem import has, make, suite, text
from tutelage.corpora.row import Record
from tutelage.corpora.source import entry_point, unfenced
from tutelage.errors import BadRow
from tutelage.records import Problem


@dataclass(frozen=True, slots=True)
class OpenCodeInstruct:
    """Reads OpenCodeInstruct."""

    name: str = "opencodeinstruct"
    reads: str = "input, output, unit_tests (JSON), average_test_score"

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        return has(record, "input", "output", "unit_tests")

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        cases = record.get("unit_tests")
        if isinstance(cases, str):
            try:
                cases = json.loads(cases)
            except ValueError as error:
                raise BadRow("bad-tests", f"`unit_tests` is not JSON: {error}") from None
        cases = strings(cases, "unit_tests")
        _passes(text(record, "average_test_score"))
        code = unfenced(text(record, "output"))
        name = entry_point(code, cases)
        return make(
            source=self.name,
            domain="code",
            licence="CC-BY-4.0",
            statement=asked(text(record, "input"), name, cases),
            gold=suite(code, cases, entry_point=name),
            solution=code,
            split=split,
        )


def _passes(score: str) -> None:
    try:
        passed = not score or float(score) >= 1
    except ValueError:
        passed = True
    if not passed:
        raise BadRow("bad-tests", f"the source's solution passes only {score} of its tests")
