"""Which option a message chooses, A to J; and whether it says yes or no.

A letter is chosen by the last sentence that chooses one: "the answer is B", "I choose (B)", "so B",
"it is B)", "B is correct", "not A, but B". A letter that is denied, asked for, or merely told of
("A is small") is not; "B or C" chooses none. A message, first line or last line that is a letter
chooses it, too, and so does the only letter in parentheses. `A` before a small letter is an
article, and `I` a person.

Yes and no are answers where they stand alone, open a sentence with a comma after them, or end one:
"so yes".
"""

import re

from tutelage.answers import sentences
from tutelage.answers.reading import bare
from tutelage.answers.statement import Statement
from tutelage.answers.tables import Table

HEDGED, NO_ANSWER = "more than one answer", "no answer"
_LONGEST = 400
_WRAP = r"[(\[\"'*_<$]*"
_AFTER_A = (
    "and|or|because|since|as|but|not|for|by|rather|instead|is|was|must|has|seems|would|should"
)
_ONE = (
    rf"(?:\(|\[|<)([A-J])(?![\w'])[)\]>*_.\"']*|{_WRAP}([B-HJ])(?![\w'])[)\]*_\"']*"
    rf"|(A)(?=\s*(?:$|[.,;:!)\]\n*]|\s(?:{_AFTER_A})\b))[)\]*_]*|(I)(?=\s*[.!)]*$)"
)
"""A letter as an option."""
_BETWEEN = (
    r"it(?:'s| is| must be)|simply|just|indeed|therefore|thus|clearly|actually|definitely|the"
    r"|correct|right|best|answer|option|choice|letter|is|with"
)
CHOOSES = Table(
    "chooses", rf"{{}}[\s,:*_]*(?:(?:{_BETWEEN})[\s:*_]+)*(?:option|choice)?\s*(?-i:{_ONE})",
    r"\b(?:answer|ans|choice|option|selection|result)\b[^.\n:=?]{0,40}?(?:\b(?:is|are|be)\b|[:=]|\s-_)",
    r"\b(?:choose|chose|choosing|pick|picked|select|selected|settle_on|opt_for|go(?:ing)?_(?:with|for))\b",
    r"\b(?:it|that|this|which)(?:'s|_(?:is|was|(?:must|should|has_to|would|will)_be))",
    r"\b(?:so|therefore|thus|hence|definitely|clearly|i_(?:think|believe)|i'd_say|i_(?:would_)?say|leaves|leaving|(?<!thing\s)(?<!all\s)but|must_be|correction|you_get|we_get)\b",
    r"\b(?:no|wait|actually|sorry|oops),",
)  # fmt: skip
_CORRECT = r"(?:the\s+)?(?:only\s+)?(?:correct|right|best|answer|true)\b"
_CHOSEN = re.compile(
    rf"(?<![\w'])(?:(?i:option|choice|answer)\s+)?(?:{_ONE})(?:\s*[:)][^.,;\n]{{1,80}}?)?\s*,?\s+"
    rf"(?:is|must be|has to be|seems|would be|should be)\s+"
    rf"(?:clearly\s+|definitely\s+|indeed\s+)?{_CORRECT}"
)
_DENIES = re.compile(
    r"\b(?:if|whether|unless|never|suppose|assum\w+|neither|either|between|doubt|could be|might be"
    r"|may be|maybe|perhaps)\b|n't\b|\bnot\s+(?:\w+\s+)?$|\bnot (?:think|believe|sure)\b"
    r"|\bfirst (?:thought|guess)\b[^,;]*$",
    re.I,
)
_TOLD = re.compile(
    rf"\s*(?:is|was)(?:n't| not)\b|\s+(?:is|was|\w+ be)\s+(?!(?:\w+\s+)?{_CORRECT})"
    r"|\s+(?!(?:because|since|as|for|with|by|rather|instead|not|but|which|where|so|due|is|was"
    r"|must|should|would|has|seems|or|and)\b)[a-z]",
)
"""What follows a letter that something is told of: `C is small`."""
_DENIED_PHRASE = re.compile(
    r"\banswer\b[^.\n:=?]{0,40}?(?:\bis not\b|isn't|cannot be|can't be)|^\W*not\b", re.I
)
_NEGATES = re.compile(r"\b(?:not|cannot|never|neither|nor|wrong|incorrect)\b|n't\b", re.I)
_BEFORE = re.compile(r"[(\[]?\b[A-J][)\]]?\s*(?:/|or|&)\s*$")
_LETTER = re.compile(
    r"(?:(?i:the answer is|option|choice|answer)\s*:?\s*)?"
    r"(?:[(\[<]([A-J])[)\]>]|\$?([A-J])(?=[.):,]|$|\s+[-(]\s?))[)\]]?"
)
_ANOTHER = re.compile(
    r"[\s)\]*_.]*(?<![.])(?:,|/|&|\bor\b|\band\b)[\s,]*(?:or|and)?\s*[(\[*]*(?:[B-HJ]|A(?!\s+[a-z]))(?![\w'])|\s*[(\[][A-J][)\]]"
)
_DANGLING = re.compile(r"(:|\b(?:is|option|choice))[ \t*_]*\n+(?=\s*[(\[*]*[A-J]\b)")


def chosen(text: str, statement: Statement) -> tuple[str, str]:
    """The letter that a plain text chooses, and why it chooses none."""
    joined = _DANGLING.sub(r"\1 ", text)
    for sentence in [s for s in sentences.SPLIT.split(joined) if s][: -200 - 1 : -1]:
        letter, reason = _chosen(sentence[-_LONGEST:])
        if letter or reason:
            return letter, reason
    lines = [line for line in text.splitlines() if line.strip()]
    for part in dict.fromkeys((text, *lines[:1], *lines[-1:])):
        letter, reason = letter_of(part, statement)
        if letter or reason:
            return letter, reason
    return "", ""


def _chosen(sentence: str) -> tuple[str, str]:
    if sentences.asks(sentence):
        return "", ""
    letter, reason = "", ""
    matches = [(m, True) for m in CHOOSES.finditer(sentence)] + [
        (m, False) for m in _CHOSEN.finditer(sentence)
    ]
    for m, leads in matches:
        named = next(filter(None, m.groups())).upper()
        before, after = sentence[: m.start()], sentence[m.end() :]
        told = leads and m[0][-1:].isalpha() and _TOLD.match(after)
        if _DENIES.search(before) or _NEGATES.search(m[0]) or told:
            continue
        if _ANOTHER.match(after) or _BEFORE.search(before):
            letter, reason = named, HEDGED
        elif not reason:
            letter = named
    if not letter and _DENIED_PHRASE.search(sentence):
        return "", NO_ANSWER
    return letter, reason


def letter_of(text: str, statement: Statement) -> tuple[str, str]:
    """The letter that a short text is or begins with, or whose option it spells out."""
    text = bare(text)
    m = _LETTER.match(text if len(text) > 3 else text.upper())
    if m:
        return (m[1] or m[2], HEDGED) if _ANOTHER.match(text, m.end()) else (m[1] or m[2], "")
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
_UNSURE = re.compile(r"\b(?:if|whether|not|or|maybe|perhaps|both)\b|n't\b|\b(?:yes and no)\b", re.I)


def yes_or_no(sentence: str) -> str:
    """`yes`, `no`, `true` or `false` where a sentence answers so; else empty."""
    if sentences.asks(sentence):
        return ""
    opens, ends = _YES.match(sentence), None
    for found in _SO.finditer(sentence):
        ends = found
    if (ends and _UNSURE.search(sentence[: ends.start(1)])) or re.match(
        r"^\W*it is (?:true|false) that", sentence, re.I
    ):
        ends = None
    said = ends or opens
    return said[1].lower() if said else ""
