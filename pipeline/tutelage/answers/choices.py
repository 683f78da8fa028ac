"""Which option a message chooses, A to J; and whether it says yes or no.

A letter is chosen by the last sentence that chooses one: "the answer is B", "I choose (B)", "so B",
"it is B)", "B is correct", "not A, but B". A letter that is denied, asked for, or merely told of
("A is small") is not; "B or C" chooses none. A message, first line or last line that is a letter
chooses it, too, and so does the only letter in parentheses. `A` before a small letter is an
article, and `I` a person.

Yes and no are answers where they stand alone, open a sentence with a comma after them, or end one:
"so yes"; and where the question is turned into a statement: "91 is not prime".
"""

import re
from functools import lru_cache

from tutelage.answers import sentences
from tutelage.answers.reading import bare, folded
from tutelage.answers.statement import Statement
from tutelage.answers.tables import LETTER, TABLES, words

HEDGED = "more than one answer"
_LONGEST = 400
_CORRECT = r"(?:the\s+)?(?:only\s+)?(?:correct|right|best|answer|true)\b"
_IS_CORRECT = re.compile(
    rf"(?<![\w'])(?:(?i:option|choice|answer)\s+)?(?:{LETTER})(?:\s*[:)][^.,;\n]{{1,80}}?)?\s*,?\s+"
    rf"(?:(?:is|must be|has to be|seems|would be|should be)\s+"
    rf"(?:clearly\s+|definitely\s+|indeed\s+)?{_CORRECT}|it is\s*[.!]*$)"
)
_DENIES = re.compile(
    r"\b(?:if|whether|unless|never|suppose|assum\w+|neither|either|between|doubt|could be|might be"
    r"|may be|maybe|perhaps)\b|n't\b|\bnot\s+(?:\w+\s+)?$|\bnot (?:think|believe|sure)\b"
    r"|\bfirst (?:thought|guess)\b[^,;]*$",
    re.I,
)
_TOLD_OF = re.compile(
    rf"\s*(?:is|was)(?:n't| not)\b|\s+(?:is|was|\w+ be)\s+(?!(?:\w+\s+)?{_CORRECT})"
    r"|\s+(?!(?:because|since|as|for|with|by|rather|instead|not|but|which|where|so|due|is|was"
    r"|must|should|would|has|seems|or|and)\b)[a-z]",
)
"""What follows a letter that something is told of: `C is small`."""
_NEGATES = re.compile(r"\b(?:not|cannot|never|neither|nor|wrong|incorrect)\b|n't\b", re.I)
_LETTER = re.compile(
    r"(?:(?i:the answer is|option|choice|answer)\s*:?\s*)?"
    r"(?:[(\[<]([A-J])[)\]>]|\$?([A-J])(?=[.):,]|$|\s+[-(]\s?))[)\]]?"
)
_ANOTHER = re.compile(
    r"[\s)\]*_.]*(?<![.])(?:,|/|&|\bor\b|\band\b)[\s,]*(?:or|and)?\s*[(\[*]*(?:[B-HJ]|A(?!\s+[a-z]))(?![\w'])"
    r"|\s*[(\[][A-J][)\]]"
)
_DANGLING = re.compile(r"(:|\b(?:is|option|choice))[ \t*_]*\n+(?=\s*[(\[*]*[A-J]\b)")


def chosen(text: str) -> tuple[str, str]:
    """The letter that a plain text chooses, and why it chooses none."""
    parts = sentences.SPLIT.split(_DANGLING.sub(r"\1 ", text))
    lines = [line for line in text.splitlines() if line.strip()]
    choices = [_chosen(part[-_LONGEST:]) for part in parts[:-201:-1] if part]
    choices += map(letter_of, (text, *lines[:1], *lines[-1:]))
    return next((choice for choice in choices if any(choice)), ("", ""))


def contradicted(text: str, letter: str, options: dict[str, str]) -> bool:
    """Whether the last time that a text names an option it gives another one's text: `C) 33`."""
    told = list(re.finditer(rf"(?<!\w){letter}[).:]+\s*([^\n]*)", text))
    said = folded(told[-1][1]) if told else None
    others = [folded(option) for other, option in options.items() if other != letter]
    return said in others and said != folded(options.get(letter, ""))


def _chosen(sentence: str) -> tuple[str, str]:
    letter, reason = "", ""
    for pattern in () if sentences.asks(sentence) else (TABLES["chooses"], _IS_CORRECT):
        for m in pattern.finditer(sentence):
            before, after = sentence[: m.start()], sentence[m.end() :]
            leads = pattern is not _IS_CORRECT and m[0][-1:].isalpha()
            of_it = leads and _TOLD_OF.match(after)
            if not (_DENIES.search(before) or _NEGATES.search(m[0]) or of_it):
                reason = HEDGED if _ANOTHER.match(after) else reason
                letter = next(filter(None, m.groups())).upper()
    return letter, reason


def letter_of(text: str) -> tuple[str, str]:
    """The letter that a short text is or begins with, or the only one that it has in parentheses."""
    text = bare(text)
    if m := _LETTER.match(text if len(text) > 3 else text.upper()):
        return m[1] or m[2], HEDGED if _ANOTHER.match(text, m.end()) else ""
    letters = set(re.findall(r"\(([A-J])\)", text))
    if len(letters) == 1 and not _NEGATES.search(text):
        return letters.pop(), ""
    return "", HEDGED if len(letters) > 1 else ""


_YES = re.compile(
    r"^\W*(?:well,?\s+|so\s+)?(yes|no|true|false)\b(?=\W*$|\s*[,.!;:]|\s-\s|\s+(?:because|since|it|they|he|she)\b)",
    re.I,
)
_SO = re.compile(
    r"(?:\b(?:so|therefore|thus|hence|answer|result|conclusion|it|statement|claim|this|that|get|gives?)\b,?\s*"
    r"(?:(?:is|must be|would be|:|=)\s*(?:an?\s+)?)*)"
    r"[\"']?(yes|no|true|false)\b[\"']?(?=\W*$|\s*[,.;!]|\s+(?:because|since)\b)",
    re.I,
)
_UNSURE = re.compile(r"\b(?:if|whether|not|or|maybe|perhaps|both)\b|n't\b", re.I)
_THAT = re.compile(r"^\W*it is (true|false) that", re.I)


def side(sentence: str) -> bool | None:
    """Whether a sentence answers yes (or true) or no; None where it answers neither."""
    so = [m for m in _SO.finditer(sentence) if not _UNSURE.search(sentence[: m.start(1)])]
    that = _THAT.match(sentence)
    words = [that] if that else [_YES.match(sentence), *so]
    answers = [m[1].lower() for m in words if m]
    return SIDES[answers[-1]] if answers and not sentences.asks(sentence) else None


SIDES = {"yes": True, "true": True, "no": False, "false": False}
_STOP = words("stop")
_QUESTION = re.compile(
    r"(?:^|[,:]\s)(?:is|are|was|were|does|do|did|can|could|has|have|had|will|would)\s+([^?]+)\?"
    r"|\b(?:determine|decide|state|tell|check)\s+(?:whether|if)\s+([^?]+?)[.?]?$"
)
_GIVEN = re.compile(r"^\W*(?:since|because|as)\b[^,]*,\s+", re.I)
_IT = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence|and)\W+)?(?:it|this|that|they|these|he|she)(?:'s|\s+(?:indeed\s+)?"
    r"(?:is|are|was|were|does|do|did|can|has|have|will)(?:n't|not|\s+not)?)\W*",
    re.I,
)
"""Stands for what the question is about."""
_SURELY = frozenset({"inde", "actu", "clea", "defi", "cert"})
_NOT_PLAIN = re.compile(
    r"\?|\b(?:if|whether|because|since|suppose|you|why|how|check|show|when|what|or|every|all|any|must|would|think"
    r"|claim|assume|say|prove|test|not true)\b",
    re.I,
)
_REASON = re.compile(r"(?<=[.!?])\s+|\n|,?\s+(?:because|since)\b")


@lru_cache(maxsize=2048)
def stems(text: str, but: frozenset[str] = frozenset()) -> frozenset[str]:
    """The first four letters of each word of weight, and of those in `but`."""
    every = re.findall(r"[a-z]{3,}", text.lower().replace("has", "have"))
    return frozenset(w.removesuffix("s")[:4] for w in every if w in but or w not in _STOP)


def sides(text: str, statement: Statement) -> list[tuple[bool, str]]:
    """To "Is 91 prime?" the sentence "91 is not prime" says no without the word.

    Whether each sentence that turns the question into a statement affirms it, and the sentence.
    """
    m = _QUESTION.search(statement.question)
    asked = m[1] or m[2] if m else ""
    wanted, own = stems(asked) - {"numb", "inte", "stat", "foll"}, set(re.findall(r"\d+", asked))
    sides_named: list[tuple[bool, str]] = []
    last = frozenset([stem for word in asked.split() for stem in stems(word) & wanted][-2:])
    for sentence in _REASON.split(text) if wanted else ():
        part = _GIVEN.sub("", sentence)
        figures = set(re.findall(r"\d+", part))
        told = stems(part) - _SURELY
        meant = _IT.match(part) and (last <= told <= wanted or _IT.fullmatch(part))
        of_it = (wanted <= told or meant) and (not figures or not own or figures & own)
        if of_it and not _NOT_PLAIN.search(part):
            denied = re.search(r"\b(?:not|never|cannot|neither|no)\b|n't\b", part)
            sides_named.append((denied is None, part))
    return sides_named
