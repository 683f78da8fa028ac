"""GSM8K: grade-school word problems with worked solutions (Cobbe et al. 2021, MIT).

A row is `{"question": ..., "answer": "step\\nstep\\n#### 72"}`. Steps contain calculator notes such
as `<<48/2=24>>`, which are removed: `48/2 = <<48/2=24>>24` becomes `48/2 = 24`. The answer is the
text after `####`, without thousands separators.
"""

import re
from dataclasses import dataclass

from tutelage.corpora.problem import answer, has, make, text, worked
from tutelage.corpora.row import Record
from tutelage.errors import BadRow
from tutelage.records import Problem

_NOTE = re.compile(r"<<[^<>\n]*>>")
_COMMA = re.compile(r"(?<=\d),(?=\d{3}\b)")


@dataclass(frozen=True, slots=True)
class Gsm8k:
    """Reads GSM8K and other sets whose answers end in `#### N`."""

    name: str = "gsm8k"
    reads: str = "question, answer ending in `#### N`"

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        return has(record, "question", "answer") and "####" in text(record, "answer")

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        steps, final = parts(text(record, "answer"))
        return make(
            source=self.name,
            domain="math",
            licence="MIT",
            statement=text(record, "question"),
            gold=answer(final),
            solution=worked(steps, final),
            split=split,
        )


def parts(solution: str) -> tuple[list[str], str]:
    """Steps and final answer.

    >>> parts("He has 2+1 = <<2+1=3>>3 cats.\\n#### 3")
    (['He has 2+1 = 3 cats.'], '3')

    Raises:
        BadRow: there is no answer.
    """
    steps, mark, final = solution.rpartition("####")
    final = _COMMA.sub("", final.strip())
    if not mark or not final:
        raise BadRow("no-answer", "nothing stands after `####` in `answer`")
    return _NOTE.sub("", steps).splitlines(), final
