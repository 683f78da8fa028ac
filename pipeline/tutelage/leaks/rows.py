"""The rule for golds of several items: sets, lists, tuples, intervals, ratios.

Each item alone may be public; the row is a leak where all items stand one after another, in the
order of the gold where order matters, and did not so in what was public.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from tutelage.leaks.assertions import asserted
from tutelage.leaks.case import CLEAN, Case, squeezed
from tutelage.leaks.contexts import Place, named_as_answer, place
from tutelage.leaks.golds import Answer
from tutelage.leaks.lexicon import phrase
from tutelage.leaks.mention import outermost
from tutelage.leaks.quantities import mentions
from tutelage.records import Leak

_GAP = 40
"""Characters at most between two items of a row."""
_BROKEN = re.compile(r"\d|[.?!]\s|\n\n")
_INDEXED = re.compile(r"\b[a-zA-Z]_?\{?\d\}?\s*=")
_SET_TO = re.compile(r"\b[a-zA-Z](?:_?\{?\d\}?)?\s*=\s*$")
_NUMBERED = re.compile(r"\b(?:lines?|steps?|problems?|questions?|pages?|parts?|tests?)\s*$")
_OPERATED = re.compile(r"[\w)]\s*[-+*/^]\s*\d")


def _places(text: str, answer: Answer) -> list[tuple[int, int, int]]:
    """Where the items of the answer stand in `text`: (start, end, which of them)."""
    found: list[tuple[int, int, int]] = []
    for which, item in enumerate(answer.items):
        named = [m.value for m in mentions(item) if m.end - m.start == len(item)]
        if named:
            found += [
                (m.start, m.end, which)
                for m in outermost(m for m in mentions(text) if m.value == named[-1])
                if m.form != "spaced"
            ]
        elif re.search(r"\w", item):
            found += [(*hit.span(), which) for hit in outermost(phrase(item).finditer(text))]
    return sorted(found)


def rows(text: str, answer: Answer, ordered: bool) -> Iterator[tuple[int, int]]:
    """Where all items stand one after another, in any order or in that of the gold."""
    places, size = _places(text, answer), len(answer.items)
    for first in range(len(places) - size + 1):
        window = places[first : first + size]
        items = [answer.items[which] for _, _, which in window]
        if items != list(answer.items) if ordered else len({w for _, _, w in window}) < size:
            continue
        gaps = [_INDEXED.sub("", text[a[1] : b[0]]) for a, b in pairwise(window)]
        if all(len(gap) <= _GAP and not _BROKEN.search(gap) for gap in gaps):
            yield window[0][0], window[-1][1]


def items(case: Case) -> Leak:
    """All items of the gold in a row, or the gold as it is written."""
    answer = case.answer
    if not answer.items:
        return CLEAN
    spans = _bounds(case) if len(answer.items) == 1 else _new_rows(case)
    for start, end in spans:
        return case.leak("set", start, end)
    told = len(answer.items) > 1 and _all_set(case, case.text)
    if told and not any(
        _all_set(case, said) or any(rows(said, answer, False)) for said in case.public
    ):
        return Leak("set", evidence=answer.text)
    literal = squeezed(answer.text)
    written = len(literal) >= 4 and literal in squeezed(case.text)
    if written and not any(literal in squeezed(said) for said in case.public):
        return Leak("string", evidence=answer.text)
    return CLEAN


def _all_set(case: Case, text: str) -> bool:
    """Whether a letter is set to every item, however far apart: `check x = 2 ... and x = 3 ...`."""
    return len(
        {
            which
            for start, end, which in _places(text, case.answer)
            if _SET_TO.search(text[max(0, start - 12) : start])
            and not re.match(r"\s*[-+*/^]\s*\w", text[end : end + 4])
        }
    ) == len(case.answer.items)


def _new_rows(case: Case) -> Iterator[tuple[int, int]]:
    """Rows of the message that say more than what was public."""
    answer, text = case.answer, case.text
    exact = set(rows(text, answer, ordered=True))
    found = exact if answer.ordered else set(rows(text, answer, ordered=False))
    for start, end in sorted(found):
        at = place(text, start, end)
        if _NUMBERED.search(at.before):
            continue
        # Where the items were public in another order, only the right order says anything.
        public = _listed(case, ordered=(start, end) in exact)
        if named_as_answer(at) or not (public or _work_to_do(case, at)):
            yield start, end


def _listed(case: Case, ordered: bool) -> bool:
    """Whether all items stand in a row in what is public, other than as parts of an expression."""
    return any(
        not _OPERATED.search(said[start:end])
        for said in case.public
        for start, end in rows(said, case.answer, ordered)
    )


def _work_to_do(case: Case, at: Place) -> bool:
    """Whether the row is an expression to be worked out; `2 * 3 * 5` alone lists the factors."""
    return bool(_OPERATED.search(at.said)) and not (
        at.alone or asserted(at, case.answer.question, case.answer.sought)
    )


_BOUND = re.compile(
    r"(?:[<>]=?|\b(?:at\s+least|at\s+most|than|up\s+to|above|below|from|or\s+equal\s+to))\s*$"
)


def _bounds(case: Case) -> Iterator[tuple[int, int]]:
    """For an interval with one bound: `x >= 4`, `at least 4`, unless the same was public."""
    shown = {
        _comparison(said, *span) for said in case.public for span in rows(said, case.answer, True)
    }
    for start, end in rows(case.text, case.answer, ordered=True):
        told = _comparison(case.text, start, end)
        if told and told not in shown:
            yield start, end


def _comparison(text: str, start: int, end: int) -> str:
    """The words that compare with a bound, empty where there are none."""
    at = place(text, start, end)
    if re.search(r"[(\[]\s*$", at.before) and re.match(r"\s*,\s*\+?inf", at.after):
        return "("
    found = _BOUND.search(at.before)
    return found[0].strip() if found else ""
