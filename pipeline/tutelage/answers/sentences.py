"""What a sentence of a message does: states, asks, checks, doubts, takes back, or takes its leave."""

import re

from tutelage.answers.tables import Table

SPLIT = re.compile(r"(?<=[.!?…])(?<!\b[ie]\.[eg]\.)(?<!\b[ap]\.m\.)(?<!\bRs\.)[\"')]*\s+|\n+")
"""Between sentences."""
CHECKS = Table(
    "checks", r"^\W*(?:(?:now|so|and|ok(?:ay)?|to|just)[\s,]+)*(?:let(?:'s|\s+me|\s+us)\s+)?(?:quickly\s+|just\s+)?{}\b",
    r"double[-_]?check", r"check(?:ing)?(?:_this|_that|_it|_my_\w+|_the_\w+|_by\b|_with\b|:|(?=\W*$)|(?=\s+\d))",
    r"verif(?:y|ying|ication)", r"sanity", r"make_sure", r"confirm", r"plug(?:ging)?",
    r"(?:as_a_|quick_)?check(?::|(?=\W*$))", r"substitut\w+_back", r"proof\b", r"to_be_sure", r"(?:re|cross-)check",
)
"""Checks: no verdict rests on what it says."""
TAKES_BACK = Table(
    "takes back", r"{}",
    r"\b(?:that|this|it|which|answer|result)(?:_(?:all|clearly|actually|definitely|obviously|also|still|just|probably))*(?:'s|_is|_was|_seems|_looks)(?:_(?:all|clearly|actually|definitely|obviously|also|still|just|probably))*_(?:wrong|incorrect|false|off|not_(?:right|correct|it|possible)|a_mistake|impossible)\b(?!_to\b|_that\b)",
    r"\b(?:that|this|it|which|answer|result)\s*(?:(?:is|was)n't|can't_be|cannot_be|can_not_be|is_not|was_not)(?:_(?:all|actually|quite))*_(?:right|correct|it\b|possible|so\b|true|the_answer|(?=-?[\d$]))",
    r"\b(?:answer|result)_(?:is|was)_not\b",
    r"\bI(?:'ve|_have)?_?(?:just_)?(?:made|make|see|found|spotted|noticed?)_(?:a|an|my|the|some)_(?:\w+_){0,2}?(?:mistakes?|errors?|slip)\b",
    r"\bI(?:_was|'m|_am)_(?:wrong|mistaken)\b", r"\bmy_(?:bad|mistake|error)\b",
    r"\b(?:scratch|strike|disregard|ignore)_that\b",
    r"\bI_(?:meant|misread|miscounted|miscalculated|miscomputed|forgot|overlooked|missed)\b",
    r"\b(?:correction|erratum|edit|update)\s*:", r"\bon_second_thoughts?\b", r"\bhold_on\b",
    r"\blet_me_(?:redo|correct|fix|recalculate|recompute|reconsider|rethink|try_again|start_over|revise)\b",
    r"\b(?:it|that|this|answer|which)_should_(?:be|have_been)\b(?!_(?:noted|mentioned|clear|added))",
    r"\bshould_be(?=_-?[\d$])",
)  # fmt: skip
RECONSIDERS = Table(
    "reconsiders", r"(?:^|[.!?…;,:(\n-])[\s*_]*{}",
    r"(?:(?:and_|but_|oh,?_|hmm+,?_)*(?:no(?=\s*[,.!;:-]|_(?:wait|actually|it))|wait|actually|sorry|oops|hmm+|hm|rather|instead|correction)\b[\s,.!:;-]*)+",
    r"(?:\w+_)?(?:is|it's|was)_actually\b",
)  # fmt: skip
HEDGES = Table(
    "hedges", r"(?:^|[.!?…;:,(\n-])[\s*_]*{}\b[\s,:]*", r"or(?:_maybe|_else|_perhaps)?", r"alternatively",
    r"perhaps", r"maybe", r"possibly",
)  # fmt: skip
EARLIER = Table(
    "earlier", r"\b{}\b", "earlier", "previous(?:ly)?", "before", "last_time", "first_(?:attempt|try)",
    "initial(?:ly)?", r"apolog\w+", "confusion",
)  # fmt: skip
"""Of an attempt before this one: no regret for it takes anything back."""
CLOSES = Table(
    "closes", r"^\W*{}\b", "let_me_know", "feel_free", "i_hope", r"hope_(?:this|that)",
    r"if_you_(?:have|need|want)", "thanks?", "please", "good_luck",
)  # fmt: skip
DENIES = Table(
    "denies", r"{}", r"\b(?:if|whether|unless|not|never|suppose|assume|wrong)\b", r"n't\b",
)  # fmt: skip
"""Before an answer: it is not given."""
DOUBTS = Table(
    "doubts", r"{}", r"\b(?:not|n't)_(?:think|believe|know|sure)\b", r"n't_(?:think|believe|know)\b",
    r"\bdoubt\b", r"\bunlikely\b", r"\b(?:could|might|may)_(?:also_)?be\b", r"\bguess(?:ing)?\b(?=.*\?)",
)  # fmt: skip
ASIDE = re.compile(
    r"(?<=\S)\s*\((?:that is|i\.?e\b|since|because|as|which|not|from|where|with|given|namely|=|rounded)"
    r"[^()]*(?:\([^()]*\)[^()]*)*\)",
    re.I,
)
"""A parenthesis that explains."""
CONTRAST = re.compile(
    r"(?<=[\w%)}])(?:\s*(?:[,;(-]|,?\s*\band\b)\s*not|\s*,?\s*(?:rather than|instead of|as opposed to))"
    r"\s+(?:the |just |only |merely |simply )?(?=[-$€£]?\.?\d|[a-z]+\b)(?![^.;]{0,200}\bbut\b)[^.;,]*(?:[.,]\d[^.;,]*)*",
    re.I,
)
"""What an answer is said not to be: `18, not 17`."""
EXPLAINS = re.compile(
    r"(?<=\w)(?:[\s,]*;|[\s,]+\()|(?<=\S)[\s,]+(?:because|since|as|so|for|which|if|where|when)\b", re.I
)


def asks(sentence: str) -> bool:
    """Whether a sentence is a question."""
    return sentence.rstrip(" *_\"')").endswith("?")


def doubt(after: str) -> tuple[str, str] | None:
    """How what stands after an answer turns on it, and what it says from there on.

    `takes back`, `reconsiders` or `hedges`; None where it does not turn.
    """
    for table, kind in ((TAKES_BACK, "takes back"), (RECONSIDERS, "reconsiders"), (HEDGES, "hedges")):
        for m in table.finditer(after):
            line = after[after.rfind("\n", 0, m.start()) + 1 : m.end() + 80].split("\n")[0]
            if not EARLIER.search(line):
                return kind, after[m.start() if table is TAKES_BACK else m.end() :]
    return None
