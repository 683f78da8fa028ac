"""What stands around a number in a sentence, and so decides whether it is one by itself.

    refused    "not 5", "more than 5", "5 or more", "I doubt that it is 5"
    names      "step 5", "the 5th"
    alone      but for "half of 5", "√5", "f(5)", "5 squared", "5 times that"

For a number that is not alone, `applied` is the formula that it stands in, and `explained` what the
sentence says it comes to: "5 squared, i.e. 25".
"""

import re

from tutelage.verifiers import numerals
from tutelage.verifiers.final import NO_ANSWER, Final
from tutelage.verifiers.quantity import read


def alone(text: str, start: int, end: int) -> bool:
    """Whether nothing is done to the number, by what stands before it or after it."""
    before, after = text[:start], text[end:]
    times = _TIMES.match(after) and not before.rstrip(" $").endswith("=")
    return not (_APPLIES.search(before[-60:]) or _CHANGES.match(after) or times)


def applied(text: str, run: re.Match[str]) -> Final:
    """The formula that something done to a number makes; none where that is said in words."""
    start = text.rfind(" ", 0, run.start()) + 1
    before = text[start : run.start()]
    command = re.search(r"\\[A-Za-z]+[^\\]*$", text[: run.start()])
    if command:
        return Final(text[command.start() :].strip())
    if re.search(r"[√(|⌊⌈]", before):
        return Final(text[start:].strip())
    return Final("", NO_ANSWER)


def explained(text: str, at: int) -> Final | None:
    """The number behind "i.e." or the like, after `at`."""
    for match in _MEANS.finditer(text, at):
        rest = text[match.end() :].strip().rstrip(".!")
        if read(rest) is not None:
            return Final(rest)
    return None


def refused(text: str, start: int, end: int) -> bool:
    """Whether the number is denied, bounded or doubted rather than given."""
    before, after = text[max(0, start - 60) : start], text[end:]
    return bool(_REFUSES.search(before) or _DOUBTS.search(text) or _RETRACTS.search(after))


def names(text: str, run: re.Match[str]) -> bool:
    """Whether a number is a name: step 5, the 5th."""
    if _ORDINAL.match(text, run.end()):
        return True
    return _LABEL.search(text[max(0, run.start() - 20) : run.start()]) is not None


_PART = "|".join([*numerals.PARTS, *(f"{part}s" for part in numerals.PARTS), "halves"])
_REFUSES = re.compile(
    r"(?:\b(?:not|never|cannot|without|than|least|most|between|either|neither|instead of)"
    r"|n't|≠|!=|[<>≤≥]|\\(?:leq?|geq?|neq?)\b)\s*"
    r"(?:(?:be|equal|to|just|about|exactly|the|a|simply)\s+)*$",
    re.I,
)
_DOUBTS = re.compile(
    r"\b(?:not|n't) (?:think|believe|know|sure)\b|n't (?:think|believe|know)\b|\bdoubt\b", re.I
)
_RETRACTS = re.compile(
    r"\bor (?:more|less|fewer|above|below|something|maybe|thereabouts)\b"
    r"|\b(?:wrong|incorrect|not right)\b",
    re.I,
)
_LABEL = re.compile(
    r"(?:\b(?:step|part|example|question|problem|turn|attempt|option|case|no|figure|table)\.?|#)\s*$",
    re.I,
)
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b")
_FUNCTIONS = (
    r"(?:arc|a)?(?:sin|cos|tan|cot|sec|csc)|sqrt|cbrt|log|ln|lg|exp|abs|floor|ceil|gcd|lcm"
    r"|mod(?:ulo)?"
)
_NEUTRAL = r"approx|implies|to|quad|qquad|therefore|equiv|bullet|iff|cdot|times|\w*arrow"
"""LaTeX commands that do nothing to the number after them."""
_APPLIES = re.compile(
    rf"(?:[√∛|⌊⌈]|\\(?!(?:{_NEUTRAL})\b)[A-Za-z]+(?:\[[^\]]*\])?(?:_\{{?\w+\}}?)?"
    rf"|\b(?:{_FUNCTIONS})(?:_\{{?\w+\}}?)?|[A-Za-z](?=\())\s*[({{\[|]*\s*[-+]?$"
    r"|(?:\b[A-Za-z]|\d[A-Za-z]?|[)\]}])\s*[-+*/^×÷]\s*[({]?\s*$|-\s*\($|\d\s*x\s*$"
    r"|\b(?:root|square|cube|power|logarithm|factorial|reciprocal|inverse|negative|negation|opposite"
    r"|absolute value|complement|half|twice|thrice|double|triple|minus|times|plus)"
    r"(?:\s+(?:of|for|the|an?|value|number|base\s+\w+))*\s+$|\blog\s+base\s+\w+(?:\s+of)?\s+$"
    rf"|(?:\b(?:{_PART}|percent|per cent|out)|[\d%}}])\s+of(?:\s+(?:the|an?|all|those|these))*\s+$",
    re.I,
)
"""What stands before a number that something is done to."""
_CHANGES = re.compile(
    rf"\s*(?:and (?:an? |one |two |three )?(?:{_PART})\b|squared\b|cubed\b|factorial\b|pi\b|π|\\pi\b"
    r"|mod(?:ulo)?\b|choose\b|to the (?:\w+ )?power"
    r"|divided by|multiplied by|over \d)",
    re.I,
)
"""What stands after one."""
_TIMES = re.compile(r"\s*times (?:that|this|as|the|more|larger|bigger|\d)", re.I)
_MEANS = re.compile(
    r"(?:\bi\.e\.,?|\bthat is,?|\bnamely|\bwhich (?:is|equals|makes|gives)|\bor simply|\bequals|=)\s+",
    re.I,
)
