"""Operations in words, written in symbols: `six times seven` is `6 * 7`, `half of 84` is `84/2`."""

import re

from tutelage.answers.numbers import numbers

_N = r"\(?(-?\d+(?:\.\d+)?(?:/\d+)?|-?\d*[a-z](?:\^\d+)?)\)?"
ROWS: tuple[tuple[str, str], ...] = (
    (rf"\b(?:the )?product of {_N} and {_N}", r"\1 * \2"),
    (rf"\b(?:the )?sum of {_N} and {_N}", r"\1 + \2"),
    (rf"\b(?:the )?difference (?:of|between) {_N} and {_N}", r"\1 - \2"),
    (rf"\b(?:the )?quotient of {_N} and {_N}", r"\1 / \2"),
    (rf"{_N} (?:subtracted|taken) from {_N}", r"\2 - \1"),
    (rf"\badd {_N} (?:on)?to {_N}", r"\1 + \2"),
    (rf"{_N} multiplied by {_N}", r"\1 * \2"),
    (rf"{_N} divided by {_N}|{_N} over (?=(?:the )?(?:square )?root)", r"\1\3 / \2"),
    (r"\b(?:the )?(?:square )?root (?:of )?(\d+)", r"sqrt(\1)"),
    (rf"\b(?:double|twice) {_N}", r"2 * \1"),
    (rf"{_N}\s?% of {_N}", r"\1/100 * \2"),
    (rf"(\d+/\d+) of {_N}", r"\1 * \2"),
)
TABLE = [(re.compile(pattern, re.I), put) for pattern, put in ROWS]
_CALLS = re.compile(
    r"\b(?:times|multiplied|divided|plus|minus|root|double|twice|half|squared|product|difference|quotient|subtracted"
    r"|less than|more than|add|added|sum of|over|pi)\b|%\s+of|\d/\d+ of|(?:thirds?|quarters?|fifths?) of",  # noqa: E501
    re.I,
)


def in_symbols(text: str) -> str:
    """`text` with its operations in symbols; empty where there are none, or the text is long."""
    if len(text) > 600 or not _CALLS.search(text):
        return ""
    parts, last = [], 0
    for span in numbers(text):
        if span.form == "words" and span.start >= last and span.number.unit is None:
            value = span.number.value
            parts += [text[last : span.start], str(value)]
            last = span.end
    shown = "".join(parts) + text[last:]
    before = shown
    for pattern, put in TABLE:
        shown = pattern.sub(put, shown)
    if shown == before:
        return shown if parts else ""
    for pattern, put in TABLE:
        shown = pattern.sub(put, shown)
    return shown
