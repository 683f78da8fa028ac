"""What a sentence of a message does: states, asks, checks, doubts, takes back, or takes its leave."""

import re

from tutelage.answers.tables import TABLES

SPLIT = re.compile(
    r"(?<=[.!?…])(?<!!(?=\)))(?<!\b[ie]\.[eg]\.)(?<!\b[ap]\.m\.)(?<!\bRs\.)(?<!\b[MD]r\.)(?<!\bMrs\.)[\"')]*\s+|\n+"
    r"|(?<![\s(][a-zA-Z])\s->\s(?=\w|[-(\[{])"
)
"""Between sentences, and before what an arrow leads to."""
ASIDE = re.compile(
    r"(?<=\S)\s*\((?:(?:that is|i\.?e|since|because|as|which|not|from|where|with|given|namely|rounded"
    r"|about|approximately|roughly|mod)\b|[=≈~])"
    r"[^()]*(?:\([^()]*\)[^()]*)*\)",
    re.I,
)
"""A parenthesis that explains."""
AFTERTHOUGHT = re.compile(
    r"(?<=\w)(?:,?\s+(?:so that (?:the|it|they|all|both)\b(?=[^=]*$)|and indeed\b|which checks\b"
    r"|where\s+\S+\s+(?:is|denotes)\b(?=[^=]*$)|compared (?:to|with)\b)"
    r"|\s*[;,(]\s*(?:check|indeed)\b).*"
    r"|(?<=\d)\s*\([^()]*=[^()]*\)(?=\W*$)",
    re.I | re.S,
)
"""What follows an answer and only supports it."""
CONTRAST = re.compile(
    r"(?<=[\w%)}])(?:\s*(?:[,;(-]|,?\s*\band\b)\s*not|\s*,?\s*(?:rather than|instead of|as opposed to"
    r"|which (?:is|was) (?:\w+ )?(?:more|less|fewer|greater|larger|smaller|higher|lower) than))"
    r"\s+(?:the |just |only |merely |simply )?(?=[-$€£]?\.?\d|[a-z]+\b)"
    r"(?![^.;]{0,200}\bbut\b)[^.;,]*(?:[.,]\d[^.;,]*)*",
    re.I,
)
"""What an answer is said not to be, or is compared with: `18, not 17`."""
EXPLAINS = re.compile(
    r"(?<=\w)(?:[\s,]*;|[\s,]+\()|(?<=\S)[\s,]+(?:because|since|as|so|for|which|if|where|when)\b",
    re.I,
)
NEGATIONS = ("not ", "never ", "wrong", "incorrect", "n't", "neither", "unknown", "unclear")
"""What a clause begins with that denies what follows."""


def asks(sentence: str) -> bool:
    """Whether a sentence is a question."""
    return sentence.rstrip(" *_\"')").endswith("?")


def plainly(sentence: str, whole: bool) -> str:
    """A sentence without what only explains or contrasts, and, unless `whole`, afterthoughts."""
    text = ASIDE.sub("", sentence)
    return CONTRAST.sub("", text if whole else AFTERTHOUGHT.sub("", text))


def clauses(text: str) -> list[tuple[str, int]]:
    """What follows each "the answer is" to the end of its sentence, from the last one back, and where
    it ends."""
    every = []
    for m in list(TABLES["phrase"].finditer(text))[:-21:-1]:
        clause, end = clause_at(text, m.end())
        before = SPLIT.split(text[max(0, m.start() - 60) : m.start()])[-1]
        denied = TABLES["denies"].search(before) or clause.lower().startswith(NEGATIONS)
        if clause and not denied and not clause.endswith("?"):
            every.append((clause, end))
    return every


def clause_at(text: str, start: int) -> tuple[str, int]:
    """From `start` to the end of its sentence; of the next line that has text if this has none."""
    at = start
    for line in text[start : start + 2000].splitlines(keepends=True):
        if words := line.strip().lstrip("*_:= "):
            sentence = SPLIT.split(words, maxsplit=1)[0]
            end = at + line.find(sentence) + len(sentence)
            return sentence.rstrip("*_ ").rstrip(". *_"), end
        at += len(line)
    return "", at


def doubt(after: str) -> tuple[str, str] | None:
    """How what stands after an answer turns on it, and what it says from there on.

    `takes_back`, `reconsiders` or `hedges`; None where it does not turn.
    """
    for kind in ("takes_back", "reconsiders", "hedges"):
        for m in TABLES[kind].finditer(after):
            line = after[after.rfind("\n", 0, m.start()) + 1 : m.end() + 80].split("\n")[0]
            if not TABLES["earlier"].search(line):
                return kind, after[m.start() if kind == "takes_back" else m.end() :]
    return None
