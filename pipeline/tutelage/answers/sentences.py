"""What a sentence of a message does: states, asks, checks, doubts, takes back, or takes its
leave."""

import re

from tutelage.answers.tables import Table

SPLIT = re.compile(r"(?<=[.!?…])(?<!\b[ie]\.[eg]\.)(?<!\b[ap]\.m\.)(?<!\bRs\.)[\"')]*\s+|\n+")
"""Between sentences."""
_SURELY = "(?:_(?:all|clearly|actually|definitely|obviously|also|still|just|probably|quite))*"
CHECKS = Table(
    "checks",
    r"""^\W*(?:(?:now|so|and|ok(?:ay)?|to|just)[\s,]+)*(?:let(?:'s|\sme|\sus)\s+)?
    (?:(?:quickly|just)\s+)?{}""",
    r"""double[-_]?check check(?:ing)?(?:_this|_that|_it|_my_\w+|_the_\w+\
|_by\b|_with\b|:|(?=\W*$)|(?=_\d))
    verif(?:y|ying|ication)\b sanity make_sure confirm\b plug(?:ging)?\b (?:as_a_|quick_)check\b
    substitut\w+_back proof\b to_be_sure (?:re|cross-)check""",
)
"""Checks: no verdict rests on what it says."""
TAKES_BACK = Table(
    "takes back",
    r"{}",
    rf"""\b(?:that|this|it|which|answer|result){_SURELY}(?:'s|_is|_was|_seems|_looks){_SURELY}_(?:wrong|incorrect|false|off|not_(?:right|correct|it|possible)|a_mistake|impossible)\b(?!_to\b|_that\b)
    \b(?:that|this|it|which|answer|result)_?(?:(?:is|was)n't|can't_be|cannot_be|can_not_be|is_not|was_not){_SURELY}_(?:right|correct|it\b|possible|so\b|true|the_answer|(?=-?[\d$]))
    \b(?:answer|result)_(?:is|was)_not\b
    \bI(?:'ve|_have)?_?(?:just_)?(?:made|make|see|found|spotted|noticed?)_(?:a|an|my|the|some)_(?:\w+_){{0,2}}?(?:mistakes?|errors?|slip)\b
    \bI(?:_was|'m|_am)_(?:wrong|mistaken)\b \bmy_(?:bad|mistake|error)\b
    \b(?:scratch|strike|disregard|ignore)_that\b \bon_second_thoughts?\b
    \b(?:that|this|it)_(?:doesn't|does_not)_(?:look|seem|sound)_(?:right|correct) \bhold_on\b
    \bI_(?:meant|misread|miscounted|miscalculated|miscomputed|forgot|overlooked|missed)\b
    \b(?:correction|erratum|edit|update)\s*: \bshould_be(?=_-?[\d$])
    \blet_me_(?:redo|correct|fix|recalculate|recompute|reconsider|rethink|try_again|start_over|revise)\b
    \b(?:it|that|this|answer|which)_should_(?:be|have_been)\b(?!_(?:noted|mentioned|clear|added))""",
)
RECONSIDERS = Table(
    "reconsiders",
    r"(?:^|[.!?…;,:(\n-])[\s*]*{}",
    r"""(?:(?:and_|but_|oh,?_|hmm+,?_)*(?:no(?=\s*[,.!;:-]|_(?:wait|actually|it))|wait|actually|sorry|oops|hmm+|hm|rather|instead|correction)\b[\s,.!:;-]*)+
    (?:\w+_)?(?:is|it's|was)_actually\b""",
)
HEDGES = Table(
    "hedges",
    r"(?:^|[.!?…;:,(\n-])[\s*]*{}\b[\s,:]*",
    "or(?:_maybe|_else|_perhaps)? alternatively perhaps maybe possibly",
)
EARLIER = Table(
    "earlier",
    r"\b{}\b",
    r"""earlier previous(?:ly)? before last_time first_(?:attempt|try) initial(?:ly)?
    apolog\w+ confusion""",
)
"""Of an attempt before this one: no regret for it takes anything back."""
CLOSES = Table(
    "closes",
    r"^\W*{}\b",
    """let_me_know feel_free i_hope hope_(?:this|that) if_you_(?:have|need|want) thanks? please
    good_luck""",
)
DENIES = Table("denies", r"(?:\b{}\b|n't\b)", "if whether unless not never suppose assume wrong")
"""Before an answer: it is not given."""
DOUBTS = Table(
    "doubts",
    r"{}",
    r"""\b(?:not|n't)_(?:think|believe|know|sure)\b n't_(?:think|believe|know)\b \bdoubt\b \bunlikely\b
    \b(?:could|might|may)_(?:also_)?be\b""",
)
ASIDE = re.compile(
    r"(?<=\S)\s*\((?:that is|i\.?e\b|since|because|as|which|not|from|where|with|given|namely|=|rounded"
    r"|about|approximately|roughly|≈|~)"
    r"[^()]*(?:\([^()]*\)[^()]*)*\)",
    re.I,
)
"""A parenthesis that explains."""
CONTRAST = re.compile(
    r"(?<=[\w%)}])(?:\s*(?:[,;(-]|,?\s*\band\b)\s*not|\s*,?\s*(?:rather than|instead of|as opposed to))"
    r"\s+(?:the |just |only |merely |simply )?(?=[-$€£]?\.?\d|[a-z]+\b)"
    r"(?![^.;]{0,200}\bbut\b)[^.;,]*(?:[.,]\d[^.;,]*)*",
    re.I,
)
"""What an answer is said not to be: `18, not 17`."""
EXPLAINS = re.compile(
    r"(?<=\w)(?:[\s,]*;|[\s,]+\()|(?<=\S)[\s,]+(?:because|since|as|so|for|which|if|where|when)\b",
    re.I,
)


def asks(sentence: str) -> bool:
    """Whether a sentence is a question."""
    return sentence.rstrip(" *_\"')").endswith("?")


def doubt(after: str) -> tuple[str, str] | None:
    """How what stands after an answer turns on it, and what it says from there on.

    `takes back`, `reconsiders` or `hedges`; None where it does not turn.
    """
    for table, kind in (
        (TAKES_BACK, "takes back"),
        (RECONSIDERS, "reconsiders"),
        (HEDGES, "hedges"),
    ):
        for m in table.finditer(after):
            line = after[after.rfind("\n", 0, m.start()) + 1 : m.end() + 80].split("\n")[0]
            if not EARLIER.search(line):
                return kind, after[m.start() if table is TAKES_BACK else m.end() :]
    return None
