"""Numbers in words: `forty-two`, `one hundred and five`, `two thirds`, `three point five`, `a dozen`.

English only. `one` where it stands for a thing (`another one`) is no number.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tutelage.leaks.mention import NUMBERS_AT_MOST, Mention, Number, outermost

_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
CARDINALS = {word: value for value, word in enumerate((*_UNITS, *_TEENS))}
CARDINALS |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}
CARDINALS |= {"fourty": 40, "nought": 0}
SCALES = {
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "dozen": 12,
}
_PARTS = {
    "half": 2,
    "halve": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "twelfth": 12,
    "twentieth": 20,
    "hundredth": 100,
}
_WORD = re.compile(
    rf"\b(?=[bdefhmnoqstz])(?:({'|'.join(CARDINALS)})|({'|'.join(SCALES)})"
    rf"|({'|'.join(_PARTS)})(s?))\b"
)
_NO_NUMBER = re.compile(
    r"\b(?:another|th[ei]s|that|no|any|the|other|which|each|every|right|wrong)[\s-]$"
)
"""Before `one`: it stands for a thing."""
_POINT = re.compile(rf"\s+point((?:[\s-]+(?:{'|'.join(_UNITS)}|oh))+)\b")
_ARTICLE = re.compile(r"\ban?[\s-]+$")
_FIGURE = re.compile(r"(\d{1,15})(\s+and\s+|\s+)$")
_HUNDREDTHS = re.compile(r"\s?(?:percent|per\s?cent|cents)\b")
_SCALED = re.compile(
    r"\s+(?:an?\s+)?(dozen|hundred|thousand|million|billion)\b"
    r"|\s+of\s+an?\s+(thousand|million|billion)\b"
)
_DECIMALS_AT_MOST = 40
_MINUS = re.compile(
    r"(?:\bnegative|(?<!\w\s)\bminus|\b(?:is|to|get|equals|be|at|from|and)\s+minus)\s+$"
)


def negative(text: str, start: int) -> bool:
    """Whether `minus` or `negative` stands before a number as its sign, and not as an operator."""
    return bool(_MINUS.search(text[max(0, start - 20) : start].lower()))


@dataclass(slots=True)
class _Run:
    """Words that add up to one number, so far."""

    start: int
    end: int
    value: int
    last: int
    """Value of the newest word."""
    above: int = 0
    """What stands before the newest `thousand` or more, multiplied out."""
    scale: int = 0
    """The newest `thousand` or more."""

    def joins(self, gap: str, value: int, is_scale: bool) -> bool:
        """Whether a word that follows after `gap` goes on with this number."""
        anded = gap.strip() == "and"
        if not anded and gap.strip(" -\n"):
            return False
        if is_scale:
            return not anded and value > self.last
        if self.last in (100, 1000, 10**6, 10**9):
            return value < self.last
        return not anded and 20 <= self.last < 100 and 0 < value < 10

    def take(self, end: int, value: int, is_scale: bool) -> None:
        """Adds a word that joins."""
        if is_scale and value >= 1000:
            # "two million three thousand" goes down; "two thousand million" multiplies.
            down = value < self.scale
            total = self.above + self.value * value if down else (self.above + self.value) * value
            self.above, self.value, self.scale = total, 0, value
        elif is_scale:
            self.value *= value
        else:
            self.value += value
        self.end, self.last = end, value

    @property
    def total(self) -> int:
        return self.above + self.value


def numerals(text: str) -> Iterator[Mention]:
    """The numbers that `text` names in words, in order."""
    text = text.lower()
    run: _Run | None = None
    done = 0
    for found in outermost(_WORD.finditer(text), NUMBERS_AT_MOST):
        cardinal, scale, part = found[1], found[2], found[3]
        if found.start() < done:
            continue  # A decimal or a scale that the number before has taken.
        if scale and text[max(0, found.start() - 8) : found.start()].rstrip()[-1:].isdigit():
            continue  # "4 dozen" is read with its figure.
        near = text[max(0, found.start() - 12) : found.start()]
        if cardinal == "one" and _NO_NUMBER.search(near):
            continue
        gap = text[run.end : found.start()] if run else ""
        if part:
            for mention in _parts(text, found, run, gap):
                yield mention
                done = mention.end
            run = None
            continue
        value = CARDINALS[cardinal] if cardinal else SCALES[scale]
        if run and run.joins(gap, value, bool(scale)):
            run.take(found.end(), value, bool(scale))
            continue
        if run:
            whole = _whole(text, run)
            yield whole
            done, run = whole.end, None
            if found.start() < done:
                continue
        article = _ARTICLE.search(near) if scale else None
        start = found.start() - len(article[0]) if article else found.start()
        run = _Run(start, found.end(), value, value, scale=value if value >= 1000 else 0)
    if run:
        yield _whole(text, run)


def _whole(text: str, run: _Run) -> Mention:
    number: Number = run.total
    end = run.end
    point = _POINT.match(text, end)
    if point:
        names = point[1].replace("-", " ").split()[:_DECIMALS_AT_MOST]
        decimals = "".join(str(CARDINALS.get(name, 0)) for name in names)
        number, end = _scaled(text, Fraction(f"{run.total}.{decimals}"), point.end())
    if negative(text, run.start):
        number = -number
    share = _HUNDREDTHS.match(text, end)
    other = Fraction(number) / 100 if share else None
    loose = number == 1 and not share
    return Mention(number, run.start, share.end() if share else end, "words", other, loose)


def _scaled(text: str, number: Number, end: int) -> tuple[Number, int]:
    """A part or a decimal with the scale after it, and where that ends: `half a million`."""
    scale = _SCALED.match(text, end)
    return (number * SCALES[scale[1] or scale[2]], scale.end()) if scale else (number, end)


def _parts(text: str, found: re.Match[str], run: _Run | None, gap: str) -> Iterator[Mention]:
    """`two thirds`, `a half`, `one and a half`, `3 quarters`: from the word for the part."""
    below, plural, end = _PARTS[found[3]], bool(found[4]), found.end()

    def part(value: Number, start: int, loose: bool = False) -> Mention:
        number, stop = _scaled(text, value, end)
        return Mention(number, start, stop, "words", loose=loose and stop == end)

    article = _ARTICLE.search(text[max(0, found.start() - 4) : found.start()])
    start = found.start() - len(article[0]) if article else found.start()
    if run and not gap.strip(" -\n"):
        if below == 2 or plural or run.total == 1:
            yield part(Fraction(run.total, below), run.start)
        else:
            yield _whole(text, run)
        return
    if run and text[run.end : start].strip() == "and":
        yield part(run.total + Fraction(1, below), run.start)
        return
    if run:
        yield _whole(text, run)
    figure = _FIGURE.search(text[max(0, start - 24) : start])
    if figure and "and" in figure[2]:
        yield part(int(figure[1]) + Fraction(1, below), start - len(figure[0]))
    elif figure and plural:
        yield part(Fraction(int(figure[1]), below), start - len(figure[0]))
    elif below == 2 or article or plural:
        yield part(Fraction(1, below), start, loose=True)
