"""Which letter a message chooses, where the gold is a choice A to J.

1. What is marked (a box, `####`, `<answer>`): its letter.
2. The last sentence that chooses one: "the answer is B", "I choose (B)", "so B", "it is B)", "B is
   correct", "not A, but B". A letter that is denied, asked for, or merely told of ("A is small")
   is not chosen; "B or C" chooses none; "wait, it is C" afterwards counts.
3. A message, first line or last line that is a letter: `B`, `(B)`, `[B]`, `B) Jupiter`.
4. The only letter in parentheses.

`A` before a small letter is an article, and `I` a person.
"""

import re

from tutelage.verifiers.extract import explicit, phrased, trimmed
from tutelage.verifiers.final import HEDGED, NO_ANSWER, Final
from tutelage.verifiers.prose import SENTENCE
from tutelage.verifiers.quantity import plain


def choice(message: str) -> Final:
    """The letter that `message` chooses."""
    message = trimmed(message)
    marked = explicit(message)
    if marked:
        return marked[0] if marked[0].reason else _letter(marked[0].text)
    for sentence in _sentences(message)[: -_SENTENCES - 1 : -1]:
        found = _chosen(sentence)
        if found:
            return found
    lines = [line for line in message.splitlines() if line.strip()]
    for text in dict.fromkeys((message, *lines[:1], *lines[-1:])):
        found = _letter(text)
        if len(found.text) == 1 or found.reason:
            return found
    phrase = phrased(message)
    return _letter(phrase.text if phrase else message)


def _sentences(message: str) -> list[str]:
    joined = _DANGLING.sub(r"\1 ", message)
    return [
        plain(s) if "\\" in s else s for line in joined.splitlines() for s in SENTENCE.split(line)
    ]


def _chosen(sentence: str) -> Final | None:
    """The letter that a sentence chooses last; None where it chooses none."""
    sentence = sentence[-_LONGEST:]
    if sentence.rstrip(" *_\"'").endswith("?"):
        return None
    found = None
    for match in [*_CHOOSES.finditer(sentence), *_CHOSEN.finditer(sentence)]:
        letter = next(filter(None, match.groups())).upper()
        before, after = sentence[: match.start()], sentence[match.end() :]
        told = _TOLD.match(after) and match.re is _CHOOSES and match[0][-1:].isalpha()
        if _DENIES.search(before) or _NEGATES.search(match[0]) or told:
            continue
        if _ANOTHER.match(after) or _BEFORE.search(before):
            found = Final(letter, HEDGED)
        elif not found or not found.reason:
            found = Final(letter)
    if found is None and _DENIED_PHRASE.search(sentence):
        return Final("", NO_ANSWER)
    return found


def _letter(text: str) -> Final:
    """The letter that a piece of text is or begins with; the text itself where there is none."""
    text = plain(text)
    match = _LETTER.match(text if len(text) > 3 else text.upper())
    if match:
        if _ANOTHER.match(text, match.end()):
            return Final(text, HEDGED)
        return Final(match[1] or match[2])
    letters = set(re.findall(r"\(([A-J])\)", text))
    return Final(letters.pop()) if len(letters) == 1 and not _NEGATES.search(text) else Final(text)


_SENTENCES = 200
_LONGEST = 400
"""Characters of a sentence that are read."""
_WRAP = r"[(\[\"'*_]*"
_AFTER_A = (
    "and|or|because|since|as|but|not|for|by|rather|instead|is|was|must|has|seems|would|should"
)
_ONE = (
    rf"(?:\(|\[|\*\*)([A-J])(?![\w'’])[)\]*_.\"']*|{_WRAP}([B-HJ])(?![\w'’])[)\]*_\"']*"
    rf"|(A)(?=\s*(?:$|[.,;:!)\]\n*]|\s(?:{_AFTER_A})\b))[)\]*_]*|(I)(?=\s*[.!)]*$)"
)
"""A letter as an option."""
_LEADS = (
    r"\b(?:answer|ans|choice|option|selection|result)\b[^.\n:=?]{0,40}?"
    r"(?:\b(?:is|are|be)\b|[:=]|\s[-–—]\s)"
    r"|\b(?:choose|chose|choosing|pick|picked|select|selected|settle on|opt for"
    r"|go(?:ing)? (?:with|for))\b"
    r"|\b(?:it|that|this|which)(?:['’]s|\s+(?:is|was|(?:must|should|has to|would|will)\s+be))"
    r"|\b(?:so|therefore|thus|hence|definitely|clearly|i (?:think|believe)|i['’]d say"
    r"|i (?:would )?say|leaves|leaving|(?<!thing )(?<!all )but|must be|correction)\b"
    r"|\b(?:no|wait|actually|sorry|oops),"
)
_BETWEEN = (
    r"it(?:['’]s| is| must be)|simply|just|indeed|therefore|thus|clearly|actually|definitely|the"
    r"|correct|right|best|answer|option|choice|letter|is|with"
)
_CHOOSES = re.compile(
    rf"(?:{_LEADS})[\s,:*_]*(?:(?:{_BETWEEN})[\s:*_]+)*(?:option|choice)?\s*(?-i:{_ONE})", re.I
)
_CORRECT = r"(?:the\s+)?(?:only\s+)?(?:correct|right|best|answer|true)\b"
_CHOSEN = re.compile(
    rf"(?<![\w'’])(?:(?i:option|choice|answer)\s+)?(?:{_ONE})(?:\s*[:)][^.,;\n]{{1,80}}?)?\s*,?\s+"
    r"(?:is|must be|has to be|seems|would be|should be)\s+(?:clearly\s+|definitely\s+|indeed\s+)?"
    rf"{_CORRECT}"
)
_DENIES = re.compile(
    r"\b(?:if|whether|unless|never|suppose|assum\w+|neither|either|between|doubt|could be|might be"
    r"|may be|maybe|perhaps)\b|n['’]t\b|\bnot\s+(?:\w+\s+)?$|\bnot (?:think|believe|sure)\b"
    r"|\bfirst (?:thought|guess)\b[^,;]*$",
    re.I,
)
_TOLD = re.compile(
    rf"\s*(?:is|was)(?:n['’]t| not)\b|\s+(?:is|was|\w+ be)\s+(?!(?:\w+\s+)?{_CORRECT})"
    r"|\s+(?!(?:because|since|as|for|with|by|rather|instead|not|but|which|where|so|due|is|was"
    r"|must|should|would|has|seems|or|and)\b)[a-z]",
)
"""What follows a letter that something is told of: `C is small`."""
_DENIED_PHRASE = re.compile(
    r"\banswer\b[^.\n:=?]{0,40}?(?:\bis not\b|isn['’]t|cannot be|can['’]t be)|^\W*not\b", re.I
)
_NEGATES = re.compile(r"\b(?:not|cannot|never|neither|nor|wrong|incorrect)\b|n['’]t\b", re.I)
_BEFORE = re.compile(r"[(\[]?\b[A-J][)\]]?\s*(?:/|or|&)\s*$")
_LETTER = re.compile(
    r"(?:(?i:option|choice|answer)\s*)?(?:[(\[]([A-J])[)\]]|([A-J])(?=[.):,]|$|\s+[-(–—]\s?))[)\]]?"
)
_ANOTHER = re.compile(
    r"[\s)\]*_.]*(?<![.])(?:,|/|&|\bor\b|\band\b)[\s,]*(?:or|and)?\s*"
    r"[(\[*]*(?:[B-HJ]|A(?!\s+[a-z]))(?![\w'’])|\s*[(\[][A-J][)\]]"
)
_DANGLING = re.compile(r"(:|\b(?:is|option|choice))[ \t*_]*\n+(?=\s*[(\[*]*[A-J]\b)")
