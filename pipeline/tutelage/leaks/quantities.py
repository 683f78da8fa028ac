"""Where a text names numbers, in figures or in words, and which.

Reads `42`, `1,234`, `.5`, `1.2e3`, `1.2 million`, `50 %`, `7/2`, `3 1/2`, `2 out of 4`, `forty-two`,
`two thirds`, `one and a half`, `two dozen`, `minus five` and the spaced digits `4 2` or `four two`.
Ordinals (`2nd`, `second`), numbers inside names (`x2`, `v1.2.3`) and dates are not numbers here.
Expects text that `plain` has been over.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from tutelage.leaks.mention import NUMBERS_AT_MOST, Mention, Number, outermost
from tutelage.leaks.numerals import SCALES, negative, numerals

__all__ = ["Mention", "Number", "mentions", "values"]

_UNITS = (
    "mm|cm|km|dm|m|mg|kg|g|ml|cl|l|hrs?|h|mins?|min|secs?|s|ft|in|yd|lbs?|oz|mph|kmh|am|pm|"
    "usd|eur|dollars?|cents?|euros?|degrees|c|f|x"
)
_FIGURES = re.compile(
    rf"""(?=[-.\d])(?<![A-Za-z0-9_\\])(?<!\d\.)(?<!(?-i:[A-Z][A-Z])-)
    (?P<sign>-)?
    (?P<body>\d{{1,3}}(?:[,_']\d{{3}})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|(?<![.\d])\.\d+)
    (?!\d)(?!\.\d)
    (?:e(?P<exponent>[-+]?\d{{1,2}})\b
      |\s?\*\s?10\s?(?:\^|\*\*)\s?[({{]?(?P<power>-?\d{{1,2}})[)}}]?)?
    (?:(?P<percent>\s?(?:%|per\s?cent\b))|(?P<cents>\s?cents?\b)
      |\s?(?P<scale>{"|".join(SCALES)}|trillion|k|bn)\b|(?:{_UNITS})\b)?
    (?![A-Za-z_])""",
    re.VERBOSE | re.IGNORECASE,
)
_SCALES = SCALES | {"trillion": 10**12, "k": 1000, "bn": 10**9}
_DIGITS_AT_MOST = 120
_OPERAND_ENDS = tuple("0123456789)}%!")
"""After one of these a minus sign is an operator."""
_OUT_OF = frozenset({"/", "out of", "over", "in"})
_COMPOSED = tuple(
    (frozenset(large.split()), frozenset(small.split()), share)
    for large, small, share in (
        ("h hr hrs hour hours", "m min mins minute minutes", 60),
        ("m min mins minute minutes", "s sec secs second seconds", 60),
        ("day days", "h hr hrs hour hours", 24),
        ("week weeks", "day days", 7),
        ("year years", "month months", 12),
        ("ft foot feet", "in inch inches", 12),
        ("lb lbs pound pounds", "oz ounce ounces", 16),
        ("m meter meters metre metres", "cm centimeters centimetres", 100),
        ("dollar dollars euro euros", "cent cents", 100),
    )
)
"""Units that are said one after the other, and how many of the small make a large one."""
_UNIT = re.compile(r"[\d.,\s-]*([a-z]+)")
_GOES_ON = re.compile(r"-[a-z]|\s?/")
"""What makes the last of spaced digits part of something else: `3 5-pound bags`, `3 1/2`."""


def _figures(text: str) -> Iterator[Mention]:
    signed = re.search("minus|negative", text, re.IGNORECASE) is not None
    for found in outermost(_FIGURES.finditer(text), NUMBERS_AT_MOST):
        digits = re.sub("[,_']", "", found["body"])
        if len(digits) > _DIGITS_AT_MOST:
            continue
        value: Number = Fraction(digits) if "." in digits else int(digits)
        exponent = found["exponent"] or found["power"]
        if exponent:
            value *= Fraction(10) ** int(exponent)
        start = found.start()
        if found["sign"] and text[max(0, start - 8) : start].rstrip()[-1:] in _OPERAND_ENDS:
            start += 1
        elif found["sign"] or (signed and negative(text, start)):
            value = -value
        other: Number | None = None
        if found["percent"] or found["cents"]:
            other = Fraction(value) / 100
        elif found["scale"]:
            other = value * _SCALES[found["scale"].lower()]
        yield Mention(value, start, found.end(), "figures", other)


def _compounds(text: str, found: list[Mention]) -> Iterator[Mention]:
    """Fractions, dollars and cents, spaced digits: numbers that neighbouring ones make."""
    run: list[Mention] = []
    before: Mention | None = None
    previous: Mention | None = None
    for mention in found:
        gap = text[previous.end : mention.start] if previous else "?"
        digit = isinstance(mention.value, int) and 0 <= mention.value <= 9 and not mention.other
        follows = gap.isspace() and "\n" not in gap
        if run and not (digit and follows and run[-1].form == mention.form):
            yield from _spaced(text, run)
            run = []
        if digit:
            run.append(mention)
        if previous:
            yield from _pair(text, before, previous, mention, gap)
        before, previous = previous, mention
    yield from _spaced(text, run)


def _spaced(text: str, run: list[Mention]) -> Iterator[Mention]:
    if len(run) >= 2 and run[0].value and not _GOES_ON.match(text, run[-1].end):
        value = int("".join(str(mention.value) for mention in run[:_DIGITS_AT_MOST]))
        yield Mention(value, run[0].start, run[-1].end, "spaced", loose=run[0].loose)


def _pair(
    text: str, before: Mention | None, left: Mention, right: Mention, gap: str
) -> Iterator[Mention]:
    """What two neighbours make: `1/2`, `2 out of 4`, `39 dollars and 50 cents`, `0,5`, `3 h 30 min`."""
    if gap.strip().lower() in _OUT_OF:
        yield from _ratio(text, before, left, right)
    elif left.form == right.form == "words" and gap == " " and _is_year(left, right):
        yield Mention(left.value * 100 + right.value, left.start, right.end, "words")
    elif 0 <= right.value < 100 and (share := _share_of(text, left, right, gap)):
        yield Mention(left.value + right.value * share, left.start, right.end, right.form)
    elif gap == "," and _decimals(text, left, right):
        value = Fraction(f"{left.value}.{text[right.start : right.end]}")
        yield Mention(value, left.start, right.end, "comma")


def _share_of(text: str, left: Mention, right: Mention, gap: str) -> Fraction | None:
    """How much of the unit after `left` one of the units after `right` is: 1/60 in `3 h 30 min`."""
    between = gap.lower().replace(",", " ").replace(".", " ").split()
    if between[-1:] == ["and"]:
        between.pop()
    if len(between) > 1 or left.form != right.form:
        return None
    large = between[0] if between else _unit(text[left.start : left.end])
    if not large:
        return None
    for larger, smaller, share in _COMPOSED:
        if large in larger:
            after = right.start if right.form == "figures" else right.end
            small = _unit(text[after : right.end + 12])
            if small in smaller or (share == 100 and not small):
                return Fraction(1, share)
    return None


def _unit(text: str) -> str:
    """The first word after a figure, if there is one; short units are part of it: `30min`."""
    found = _UNIT.match(text.lower())
    return found[1] if found else ""


def _decimals(text: str, left: Mention, right: Mention) -> bool:
    """Whether a comma is a decimal one: in `0,5` and `4,50`, not in `(2,3)` and `1,2,3`."""
    if left.form != "figures" or not text[right.start : right.end].isdigit():
        return False
    around = text[max(0, left.start - 1) : left.start] + text[right.end : right.end + 2]
    alone = not re.search(r"[(\[{<,]|[)\]}>]|,\d", around)
    return alone and text[left.start : left.end].isdigit() and right.end - right.start <= 2


def _is_year(left: Mention, right: Mention) -> bool:
    """`nineteen forty-five`."""
    return 10 <= left.value <= 20 and 10 <= right.value <= 99


def _ratio(text: str, before: Mention | None, top: Mention, below: Mention) -> Iterator[Mention]:
    """A fraction, or with a whole number before it a mixed one; no part of a date such as 1/2/99."""
    left = text[before.end : top.start] if before else "?"
    after = text[below.end : below.end + 2].strip()
    if below.value <= 0 or after.startswith("/") or left.strip() == "/":
        return
    value = Fraction(top.value) / Fraction(below.value)
    mixed = before is not None and isinstance(before.value, int) and left in (" ", " and ")
    if before is not None and mixed and 0 < value < 1:
        whole = before.value + (value if before.value >= 0 else -value)
        yield Mention(whole, before.start, below.end, "fraction")
    else:
        yield Mention(value, top.start, below.end, "fraction")


@lru_cache(maxsize=2048)
def mentions(text: str) -> tuple[Mention, ...]:
    """Every number that `text` names, in order; compounds come after all others."""
    found = sorted((*_figures(text), *numerals(text)), key=lambda mention: mention.start)
    return (*found, *_compounds(text, found))


@lru_cache(maxsize=2048)
def values(text: str) -> frozenset[Number]:
    """What the numbers of `text` are, in any reading."""
    found = mentions(text)
    readings = (*(m.value for m in found), *(m.other for m in found))
    return frozenset(value for value in readings if value is not None)
