"""The number that a sentence gives as its answer, in figures, in words, or as a formula.

What stands before and after a number decides whether it is one (`around`):

- after `=` comes the result; a parenthesis that explains, and "not 17", are left out;
- numbers that name a step, number a list, count in a closing remark, or follow "than", "at least"
  and the like are no answer;
- a number that something is done to is not itself the answer: "half of 5", "√2", "f(3)", "5 squared".
  Where that is a formula, the formula is; else "i.e. 25" after it may be;
- numbers offered side by side ("12 or 13") are none, unless they are equal ("3/4, or 0.75").

A formula between dollars that is no plain number stays in one piece: see `framed`.
"""

import re
from collections.abc import Iterator

from tutelage.verifiers import numerals
from tutelage.verifiers.around import alone, applied, explained, names, refused
from tutelage.verifiers.final import HEDGED, NO_ANSWER, Final
from tutelage.verifiers.quantity import plain, read, same
from tutelage.verifiers.units import CARDINALS, SCALES


def framed(message: str) -> tuple[str, list[str]]:
    """`message` with a mark for each formula that is no plain number, and those formulas.

    `it is $\\ln(2)$` gives `it is \\x040\\x05` and `\\ln(2)`; `it is $x = 2$` stays as it is.
    """
    formulas: list[str] = []

    def mark(match: re.Match[str]) -> str:
        inside = next(filter(None, match.groups()), "")
        value = _EQUALS.split(inside)[-1].strip().rstrip(".,;")
        is_formula = re.search(r"\d|√", value) and not _PROSE.search(_COMMAND.sub("", value))
        if not is_formula or read(value) is not None or _LIST.search(value):
            return match[0]
        formulas.append(inside if RELATION.search(inside) else value)
        return f" \x04{len(formulas) - 1}\x05 "

    return (
        (FORMULA.sub(mark, message), formulas)
        if "$" in message or "\\" in message
        else (message, [])
    )


def unframed(final: Final, formulas: list[str]) -> Final:
    """`final` with the formulas that its marks stand for."""
    text = re.sub(r"\x04(\d+)\x05", lambda m: formulas[int(m[1])], final.text).strip()
    return Final(text, final.reason)


def whole_formula(message: str) -> str:
    """`message` where it is one formula with figures and no word, from its last `=` on; or empty."""
    text = plain(message)
    if len(message) > 600 or "\n" in message.strip() or _LIST.search(text) or ":" in text:
        return ""
    if not re.search(r"[\d√]", text) or _PROSE.search(_COMMAND.sub("", text)):
        return ""
    if not re.search(r"[\\^|!√]|\b(?:sqrt|log|ln|sin|cos|tan|exp)\b|[A-Za-z]\(", text):
        return ""
    return text if RELATION.search(text) else _EQUALS.split(text)[-1].strip()


def first_number(clause: str) -> Final | None:
    """What a phrase such as "the answer is" is followed by; None where that is no number."""
    clause = _CONTRAST.sub("", ASIDE.sub("", clause))
    if _COMPARES.search(clause):
        return Final("", NO_ANSWER)
    if (other := _OTHERWISE.search(clause)) and not _same(clause[: other.start()], other[1]):
        return Final(clause.strip(), HEDGED)
    head = EXPLAINS.split(clause, maxsplit=1)[0] or clause
    result = head.rsplit("=", 1)[-1] if "=" in head and not RELATION.search(head) else head
    if read(result) is not None:
        return Final(plain(result))
    runs = [run for run in _runs(result) if not names(result, run)]
    if not runs:
        if "\\" in head and FORMULA.search(head):
            return Final(result.strip())
        spelled = numerals.find(result)
        return _spelled(result, spelled) if spelled and spelled[0][0] < 12 else None
    first = runs[0]
    if refused(result, first.start(), first.end()):
        return None
    before, stop = result[: first.start()], runs[1].start() if len(runs) > 1 else len(result)
    text = result[first.start() : stop]
    if "\\" in before or "^" in text or "\\" in text:
        return Final(result.strip())
    if not alone(result, first.start(), first.end()):
        return explained(clause, first.end()) or applied(result, first)
    if len(runs) > 1 and _OFFERS.search(result[first.end() : stop]) and not _equal(*runs[:2]):
        return Final(clause.strip(), HEDGED)
    words = _STOPS.split(text, maxsplit=1)[0].strip()
    return Final(words if read(words) is not None else _glued(result, first))


def last_number(message: str) -> tuple[Final, str]:
    """The last number of a message in plain lines, and what stands after its sentence."""
    after: list[str] = []
    for line in reversed(message.splitlines()):
        for sentence in reversed(SENTENCE.split(line)):
            text = _CONTRAST.sub("", ASIDE.sub("", sentence))
            found = None
            if not sentence.rstrip(" *_\"'").endswith("?") and not _CLOSING.match(sentence):
                found = _last(text)
            if found:
                return found, "\n".join(reversed(after))
            after.append(sentence)
    return Final("", NO_ANSWER), ""


def _last(sentence: str) -> Final | None:
    """The answer that a sentence gives; None where it has no number."""
    runs = [run for run in _runs(sentence) if not names(sentence, run)]
    spelled = numerals.find(sentence)
    if runs and spelled and spelled[-1][0] > runs[-1].end():
        start, end = spelled[-1]
        result = _RESULT.search(sentence[:start]) or _SUBJECT.match(sentence[end:])
        spelled = spelled if result else []
        runs = [] if result else runs
    if not runs:
        return _spelled(sentence, spelled) if spelled else None
    last = runs[-1]
    if refused(sentence, last.start(), last.end()):
        return Final("", NO_ANSWER)
    if not alone(sentence, last.start(), last.end()):
        return explained(sentence, last.end()) or applied(sentence, last)
    joined = len(runs) > 1 and _JOINS.fullmatch(sentence[runs[-2].end() : last.start()])
    if joined and not _equal(*runs[-2:]):
        return Final(sentence[runs[-2].start() :].strip(), HEDGED)
    tail = sentence[last.start() :].strip().rstrip(".!,;:")
    return Final(tail if read(tail) is not None else _glued(sentence, last))


def _spelled(sentence: str, spelled: list[tuple[int, int]]) -> Final | None:
    """The last number in words, with the checks that a number in figures has."""
    start, end = spelled[-1]
    if _NOT_COUNTED.match(sentence[end:]):
        return None
    sign = _SIGN.search(sentence[:start])
    begin = sign.start(1) if sign else start
    joined = len(spelled) > 1 and _JOINS.fullmatch(sentence[spelled[-2][1] : start])
    after = sentence[end:].lstrip()
    if joined or (_OFFERS.match(after) and numerals.find(after)):
        return Final(sentence[start:end], HEDGED)
    if refused(sentence, begin, end):
        return Final("", NO_ANSWER)
    if not alone(sentence, begin, end):
        return explained(sentence, end) or Final("", NO_ANSWER)
    tail = sentence[start:].strip().rstrip(".!,;:")
    number = tail if read(tail) is not None else sentence[start:end]
    return Final(f"-{number}" if sign else number)


def _equal(one: re.Match[str], other: re.Match[str]) -> bool:
    """Whether two numbers are one in two notations."""
    return one[0].strip() != other[0].strip() and _same(one[0], other[0])


def _same(one: str, other: str) -> bool:
    first, second = read(one), read(other)
    return bool(first and second and not same(first, second) and not same(second, first))


def _glued(text: str, run: re.Match[str]) -> str:
    """A number with what is written onto it without a space: `18x` is not 18."""
    return run[0].strip() + _ONTO.match(text, run.end())[0].rstrip(".,:;!?)")  # type: ignore[index]


def plain_lines(message: str) -> str:
    """`message` without LaTeX dress, its lines kept, and without the numbers of its lists."""
    return "\n".join(_ITEM.sub("", plain(line)) for line in message.splitlines())


def _runs(text: str) -> Iterator[re.Match[str]]:
    return _RUN.finditer(text)


SENTENCE = re.compile(r"(?<=[.!?])(?<!\b[ie]\.[eg]\.)(?:\*\*|[\"'])?\s+")
EXPLAINS = re.compile(
    r"(?<=\w)(?:[\s,]*;|[\s,]+\()|(?<=\S)[\s,]+(?:because|since|as|so|for|which|if|where|when)\b"
)
RELATION = re.compile(r"[<>≤≥≠]|!=|\\(?:leq?|geq?|neq?|lt|gt)\b")
FORMULA = re.compile(
    r"\$\$(.{1,500}?)\$\$|\$(?!\s)([^$\n]{0,500}?[^$\s])\$(?!\d)"
    r"|\\\((.{1,500}?)\\\)|\\\[(.{1,500}?)\\\]"
)
_EQUALS = re.compile(r"=|≈|\\approx(?![a-zA-Z])")
_PROSE = re.compile(r"[A-Za-z]{2}")
_COMMAND = re.compile(
    r"\\[A-Za-z]+|\b(?:a?(?:sin|cos|tan|cot|sec|csc)|arc(?:sin|cos|tan)|sqrt|log|ln|exp|pi|gcd|lcm)\b"
)
_LIST = re.compile(r",(?!\d{3}(?!\d))|;|\\(?:pm|mp)(?![a-zA-Z])")
_STOPS = re.compile(r"(?<=\S)\s*(?:[;:(!?]|,(?!\d{3})|\s(?:because|since|as|so|for|which|if)\b)")
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?![\d,]*\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+"
_RUN = re.compile(
    rf"\x04\d+\x05|(?<![\w.\x04])(?:(?<![\w)\]}}])(?:-\s?|minus\s|negative\s)|\+)?[$€£¥]?-?"
    rf"(?:\d+\s+\d+/\d+|\d*\s*\\frac\{{\d+\}}\{{\d+\}}|{_NUMBER})(?:\s?%)?"
    rf"(?:\s*(?:[+*/×÷^]|-|\*\*)\s*[$€£¥(]?\s*-?(?:{_NUMBER})(?:\s?%)?\)?)*"
)
_OFFERS = re.compile(
    r"[,;/±~|&]|\b(?:or|and|to|either|maybe|perhaps|possibly|versus|vs|not|between|but|through"
    r"|than|times|plus|minus|multiplied|divided)\b",
    re.I,
)
_JOINS = re.compile(
    r"\s*(?:,|:|,?\s*or|,?\s*and|to|/|,\s*then)?\s*(?:maybe|perhaps|possibly|even)?\s*", re.I
)
_ITEM = re.compile(r"^\s*(?:\d+[.)]|[-•+])\s+(?=\S)")
_ONTO = re.compile(r"[^\s]*")
_WORDS = "|".join(
    [*CARDINALS, *(word for word in SCALES if len(word) > 1), r"an?\s+(?:half|hundred)"]
)
_CONTRAST = re.compile(
    r"(?<=[\w%)$}*\x05])"
    r"(?:\s*(?:[,;(—–-]|,?\s*\band\b)\s*not|\s*,?\s*(?:rather than|instead of|as opposed to))"
    rf"\s+(?:the |just |only |merely |simply )?(?=[-$€£]?\.?\d|\x04|(?:{_WORDS})\b)"
    r"(?![^.;]{0,200}\bbut\b)[^.;,]*(?:[.,]\d[^.;,]*)*",
    re.I,
)
"""What an answer is said not to be: `18, not 17`."""
ASIDE = re.compile(
    r"(?<=\S)\s*\((?:that is|i\.?e\b|since|because|as|which|not|from|where|with|given|namely|=|rounded)"
    r"[^()]*(?:\([^()]*\)[^()]*)*\)",
    re.I,
)
_CLOSING = re.compile(
    r"\W*(?:let me know|feel free|i hope|hope (?:this|that)|if you (?:have|need|want)|thanks?|please"
    r"|good luck)\b",
    re.I,
)
_RESULT = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|gives?|makes?|get|gets|leaves?|yields?|total|of)|[:=])"
    r"\s+(?:exactly |just |only |about )?$",
    re.I,
)
_SUBJECT = re.compile(r"\s+(?:are|is|were|was|remains?|left)\b", re.I)
_NOT_COUNTED = re.compile(
    r"\s+(?:other |more |different |main |simple |possible )*(?:ways?|steps?|methods?|cases?|things?"
    r"|reasons?|questions?|approach(?:es)?|parts?|of (?:us|them|these|those|which))\b",
    re.I,
)
_SIGN = re.compile(r"\b(?:is|be|was|to|of|equals|get|[:=])\s+(minus|negative)\s+$", re.I)
_OTHERWISE = re.compile(r"\(\s*(?:or|maybe|perhaps|possibly)\b([^()]*\d[^()]*)\)", re.I)
_COMPARES = re.compile(r"\b(?:more|less|fewer|greater|larger|smaller|higher|lower) than\b", re.I)
