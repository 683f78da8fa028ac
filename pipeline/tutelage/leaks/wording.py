"""Arithmetic in words, written in symbols: `double twenty-one` is `2*21`, `27 minus 5` is `27-5`."""

import re
from functools import lru_cache

from tutelage.leaks.quantities import mentions

_TELLTALE = re.compile(
    r"\b(?=[adfhlmopqrst])(?:plus|minus|times|multiplied|divided|over|added|subtracted|take\s+away|(?:less|fewer|more)\s+than|sum\s+of|product|"
    r"difference|quotient|root|add|subtract|take|double|twice|triple|thrice|half|halved|doubled|tripled|squared?|cubed?|"
    r"(?:third|quarter|thirds|quarters|percent)\s+of|sqrt|pi)\b|%\s+of\b"
)
_N = r"((?:\d[\d,]*(?:\.\d+)?|sqrt\(\d+\)|\(\d+/\d+\))(?:\s*pi\b)?|\bpi\b)"
_OPERAND = r"(?:(?<=[\d)])|(?<=\bpi)|(?<=\b[a-z])|(?<=\d[a-z]))"
_AND = r"\s+(?:and|by|from)\s+"
_RULES = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (rf"\b(?:(?:the\s+)?square\s+)?root\s+(?:of\s+)?{_N}", r"sqrt(\1)"),
        (rf"\bsqrt\s+{_N}", r"sqrt(\1)"),
        (r"(?<=[\s*/+-])the\s+(?=sqrt\()", ""),
        (rf"square\s+of\s+{_N}", r"\1^2"),
        (rf"cube\s+of\s+{_N}", r"\1^3"),
        (rf"(?:{_N}|(?<![a-z])([a-z]))\s+squared\b", r"\1\2^2"),
        (rf"(?:{_N}|(?<![a-z])([a-z]))\s+cubed\b", r"\1\2^3"),
        (rf"\b(?:double|twice)\s+(?:of\s+)?(?:the\s+)?{_N}", r"2*\1"),
        (rf"\b(?:triple|thrice)\s+(?:the\s+)?{_N}", r"3*\1"),
        (rf"\bhalf\s+(?:of\s+)?(?:the\s+)?{_N}", r"\1/2"),
        (rf"\ba\s+third\s+of\s+(?:the\s+)?{_N}", r"\1/3"),
        (rf"\ba\s+quarter\s+of\s+(?:the\s+)?{_N}", r"\1/4"),
        (rf"{_N}\s*(?:%|percent)\s+of\s+(?:the\s+)?{_N}", r"(\1/100)*\2"),
        (rf"(\(\d+/\d+\))\s+of\s+(?:the\s+)?{_N}", r"\1*\2"),
        (rf"{_N}\s+doubled\b", r"2*\1"),
        (rf"{_N}\s+tripled\b", r"3*\1"),
        (rf"{_N}\s+halved\b", r"\1/2"),
        (rf"product\s+of\s+{_N}{_AND}{_N}", r"\1*\2"),
        (rf"sum\s+of\s+{_N}{_AND}{_N}", r"\1+\2"),
        (rf"difference\s+(?:of|between)\s+{_N}{_AND}{_N}", r"\1-\2"),
        (rf"quotient\s+of\s+{_N}{_AND}{_N}", r"\1/\2"),
        (rf"{_N}\s+(?:less|fewer)\s+than\s+{_N}", r"\2-\1"),
        (rf"{_N}\s+more\s+than\s+{_N}", r"\2+\1"),
        (rf"{_N}\s+subtracted\s+from\s+{_N}", r"\2-\1"),
        # Still work: what tells somebody to do it has to stay in sight.
        (rf"\badd\s+{_N}\s+to\s+{_N}", r"work out \2+\1"),
        (rf"\b(?:subtract|take)\s+{_N}\s+from\s+{_N}", r"work out \2-\1"),
        (_OPERAND + r"\s+(?:times|multiplied\s+by)\s+(?=[\ds(]|[a-z]\b)", "*"),
        (_OPERAND + r"\s+(?:plus|added\s+to)\s+(?=[\ds(]|[a-z]\b)", "+"),
        (_OPERAND + r"\s+(?:minus|take\s+away)\s+(?=[\ds(]|[a-z]\b)", "-"),
        (_OPERAND + r"\s+(?:divided\s+by|over)\s+(?=[\ds(]|[a-z]\b)", "/"),
    )
)


@lru_cache(maxsize=512)
def in_symbols(text: str) -> str:
    """`text` with numbers in figures and operations in symbols; empty where there is none to write."""
    if not _TELLTALE.search(text.lower()):
        return ""
    changed = text
    for mention in reversed(mentions(text)):
        if mention.form != "words" or mention.end > len(changed):
            continue
        if mention.value == int(mention.value):
            figure = str(int(mention.value))
        elif not mention.loose:
            figure = f"({mention.value.numerator}/{mention.value.denominator})"
        else:
            continue
        if text[mention.start : mention.end] == changed[mention.start : mention.end]:
            changed = changed[: mention.start] + figure + changed[mention.end :]
    for pattern, replacement in _RULES:
        changed = pattern.sub(replacement, changed)
    return changed if changed != text else ""
