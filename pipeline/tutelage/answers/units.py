"""Units of measure: one spelling for each, what it measures and how large it is."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from tutelage.answers.tables import LEXICON, words


class Unit(NamedTuple):
    """A known unit, such as `km^2`."""

    name: str
    kind: str
    """What it measures: `length`, `length^2`, `money`."""
    size: Fraction
    """In the first unit of its kind; 0 where it is not converted."""


MONEY = "$€£¥₹"
_SPELLINGS: dict[str, Unit] = {}
for _kind, _entries in LEXICON["units"].items():
    for _entry in _entries.split(";"):
        _first, *_others = _entry.split()
        _name, _, _size = _first.partition("=")
        _SPELLINGS |= {word: Unit(_name, _kind, Fraction(_size)) for word in (_name, *_others)}
FIRST_WORDS = {re.escape(w) for w in _SPELLINGS if w[0].isalpha()} | {"square", "sq", "cubic", "cu"}
"""Words that a unit can begin with."""
_CAPITALS = words("K N J W A V C T L")
"""Single letters that are this unit in this case only."""
_WORD = rf"(?:°\s?[CF]|degrees?\s+(?:[CF]|[Cc]elsius|[Ff]ahrenheit)\b|[A-Za-z]+|[{MONEY}])"
PHRASE = re.compile(
    rf"(?:(?:square|sq\.?|cubic|cu\.?)\s+)?(?:{_WORD})(?:\s?\^\s?\(?-?[2-9]\)?|\s+(?:squared|cubed)\b)?"
    rf"(?:\s?(?:/|\bper\s|\*\s?)\s?(?:{_WORD})(?:\s?\^\s?\(?[2-9]\)?)?"
    rf"|\s(?:{_WORD})\s?\^\s?\(?-[1-9]\)?)?"
)
_INVERSE = re.compile(r"\s([A-Za-z]+)\s?\^\s?-(?:1|([2-9]))$")
_OVER = re.compile(r"\s?/\s?|\s+per\s+")
_PIECES = re.compile(r"\s?/\s?|\s+per\s+|\s+")
_PARTS = re.compile(
    r"(?:(?P<square>sq|square)\.?\s+|(?P<cubic>cu|cubic)\.?\s+|(?P<degrees>degrees?)\s+(?=[cf]))?"
    r"(?P<word>\S.*?)(?:\s?\^\s?(?P<power>\d)|\s+(?P<squared>squared)|\s+(?P<cubed>cubed))?",
    re.I,
)


@lru_cache(maxsize=4096)
def unit(text: str) -> Unit | None:
    """The unit that `text` is as a whole: `sq cm`, `m^2`, `miles per hour`; None where it is none."""
    text = text.strip(" .").replace("(", "").replace(")", "")
    if "-" in text:
        text = _INVERSE.sub(lambda m: f"/{m[1]}" + (f"^{m[2]}" if m[2] else ""), text)
    over = _OVER.split(text, maxsplit=1)
    if len(over) == 2:
        top, low = map(unit, over)
        if not (top and low):
            return _SPELLINGS.get(text.replace(" ", "").lower())
        name, size = f"{top.name}/{low.name}", top.size / low.size if low.size else Fraction(0)
        return _SPELLINGS.get(name) or Unit(name, f"{top.kind}/{low.kind}", size)
    parts = _PARTS.fullmatch(text)
    if not parts:
        return None
    word = parts["word"].replace("° ", "°")
    word = f"°{word[0].upper()}" if parts["degrees"] else word
    known = _SPELLINGS.get(word) or (_SPELLINGS.get(word.lower()) if len(word) > 1 else None)
    if known is None or (len(word) == 1 and word.isupper() and word not in _CAPITALS):
        return None
    second, third = parts["square"] or parts["squared"], parts["cubic"] or parts["cubed"]
    power = int(parts["power"] or (2 if second else 3 if third else 1))
    raised = Unit(f"{known.name}^{power}", f"{known.kind}^{power}", known.size**power)
    return known if power == 1 else raised


@lru_cache(maxsize=2048)
def named(text: str) -> frozenset[Unit]:
    """The units that a statement speaks of, in words or signs."""
    units = set()
    for match in PHRASE.finditer(text):
        figure = text[max(0, match.start() - 2) : match.start()].rstrip()[-1:].isdecimal()
        for piece in {match[0], *_PIECES.split(match[0])}:
            if (known := unit(piece)) and (len(piece) > 2 or piece in MONEY or figure):
                units.add(known)
    return frozenset(units)
