"""Second thoughts: what a message says, after its answer, to take that answer back.

    takes back      "that's wrong", "I made a mistake", "correction:", "it should be ..."
    reconsiders     "wait", "no, ...", "actually", "let me recheck": counts if another answer follows
    hedges          "Or 6.", "alternatively 6": two answers are none

A check ("Check: 3 * 6 = 18") is none of these, nor is regret for an earlier attempt.
"""

import re
from typing import Literal, NamedTuple


class Doubt(NamedTuple):
    """A place where a message turns on what it said before."""

    kind: Literal["takes back", "reconsiders", "hedges"]
    rest: str
    """What it says from there on; without the words that turn, where these say no more."""


def doubt(after: str) -> Doubt | None:
    """The first doubt in what stands after an answer; one that takes back wins over the rest."""
    found: Doubt | None = None
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(after):
            line = after[after.rfind("\n", 0, match.start()) + 1 : match.end() + 80].split("\n")[0]
            if not _EARLIER.search(line):
                at = match.start() if kind == "takes back" else match.end()
                found = Doubt(kind, after[at:])
                break
        if found:
            return found
    return None


_START = r"(?:^|[.!?…;,:(\n—–-])[\s*_]*"
_SURELY = r"(?:\s+(?:all|clearly|actually|definitely|obviously|also|still|just|probably))*"
_IT = r"\b(?:that|this|it|which|answer|result)"
_TAKES_BACK = re.compile(
    rf"{_IT}{_SURELY}(?:['’]s|\s+is|\s+was|\s+seems|\s+looks){_SURELY}\s+(?:wrong|incorrect|false|off"
    r"|not (?:right|correct|it|possible)|a mistake|impossible)\b(?!\s+to\b)"
    rf"|{_IT}\s*(?:(?:is|was)n['’]t|can['’]t be|cannot be|can not be|is not|was not){_SURELY}\s+"
    r"(?:right|correct|it|possible|so|true|the answer|(?=-?[\d$\\]))"
    r"|\b(?:answer|result) (?:is|was) not\b"
    r"|\bI(?:['’]ve| have)? ?(?:just )?(?:made|make|see|found|spotted|notice)d? "
    r"(?:a|an|my|the|some) (?:\w+ ){0,2}?(?:mistakes?|errors?|slip)\b"
    r"|\bI(?: was|['’]m| am) (?:wrong|mistaken)\b|\bmy (?:bad|mistake|error)\b"
    r"|\b(?:scratch|strike|disregard|ignore) that\b"
    r"|\bI (?:meant|misread|miscounted|miscalculated|miscomputed|forgot|overlooked|missed)\b"
    r"|\b(?:correction|erratum|edit|update)\s*:|\bon second thoughts?\b|\bhold on\b"
    r"|\blet me (?:redo|correct|fix|recalculate|recompute|reconsider|rethink|try again|start over"
    r"|revise)\b"
    r"|\b(?:it|that|this|answer|which) should (?:be|have been)\b(?! (?:noted|mentioned|clear|added))"
    r"|\bshould be(?= -?[\d$\\])",
    re.I,
)
_RECONSIDERS = re.compile(
    rf"{_START}(?:(?:and |but |oh,? |hmm+,? )*(?:no(?=\s*[,.!;:—-]|\s+(?:wait|actually|it))"
    r"|wait|actually|sorry|oops|hmm+|hm|rather|instead|correction)\b[\s,.!:;—-]*)+"
    r"|\b(?:is|it['’]s|was) actually\b"
    r"|\b(?:recheck|double[- ]check|re-?examine|check again)\b",
    re.I,
)
_HEDGES = re.compile(rf"{_START}(?:or|alternatively|perhaps|maybe|or maybe|or else)\b[\s,:]*", re.I)
_PATTERNS: tuple[tuple[Literal["takes back", "reconsiders", "hedges"], re.Pattern[str]], ...] = (
    ("takes back", _TAKES_BACK),
    ("reconsiders", _RECONSIDERS),
    ("hedges", _HEDGES),
)
_EARLIER = re.compile(
    r"\b(?:earlier|previous(?:ly)?|before|last time|first (?:attempt|try)|initial(?:ly)?|apolog\w+"
    r"|confusion)\b",
    re.I,
)
