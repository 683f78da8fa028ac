"""Word lists of the leak rules. English, as the dialogues are."""

import re
from functools import lru_cache


def vocabulary(text: str) -> frozenset[str]:
    """The words of `text`, each once."""
    return frozenset(text.split())


COMMON = vocabulary(
    """yes no true false none all both neither either same different more less fewer equal even odd
    left right up down in out on off north south east west first second third last never always
    sometimes increase decrease greater smaller larger higher lower before after positive negative
    valid invalid possible impossible one two day night some any other nothing everything start end
    top bottom open closed correct incorrect wrong good bad"""
)
"""Answers that any message may hold by chance."""

GENERIC = vocabulary(
    """river street ocean island islands mountain mountains states kingdom theorem party company
    university college school house garden bridge tower church white black green brown monday
    tuesday wednesday thursday friday saturday sunday north south problem number answer"""
)
"""Last words of names that do not name by themselves: `Mississippi River`."""

STOP = vocabulary(
    """the is are was were what which who does did you get for and with that this from how many much
    will would can have has had"""
)
QUESTIONS = vocabulary("who which what where when why how each every one all if there question")
ABBREVIATED = vocabulary(
    """january february april june july august september october november december monday tuesday
    wednesday thursday friday"""
)
"""Names that are shortened to three letters and a full stop."""

_LITTLE = QUESTIONS | vocabulary(
    "many much the she they you his her their and for are was does did"
)


def stems(text: str) -> set[str]:
    """The first four letters of each word of weight, `has` taken as `have`."""
    words = re.findall(r"[a-z]{3,}", text.lower().replace("has", "have"))
    return {word.removesuffix("s")[:4] for word in words if word not in _LITTLE}


@lru_cache(maxsize=1024)
def phrase(words: str) -> re.Pattern[str]:
    """Finds a phrase as whole words, whatever stands between them; `Feb.` for `February` too."""
    parts = r"[\W_]+".join(re.escape(word) for word in words.split())
    if words.lower() in ABBREVIATED:
        parts = rf"(?:{parts}|{words[:3]}\.)"
    return re.compile(rf"(?<!\w){parts}(?:'?s)?(?!\w)", re.IGNORECASE)


_FACTS = {
    "hour": "60 minute, 3600 second",
    "minute": "60 second",
    "day": "24 hour",
    "week": "7 day, 168 hour",
    "month": "4 week, 30 day, 31 day, 28 day",
    "year": "12 month, 52 week, 365 day, 366 day",
    "decade": "10 year",
    "century": "100 year",
    "dozen": "12 egg, 12 item, 12 thing, 12 piece",
    "dollar": "100 cent, 4 quarter, 10 dime, 20 nickel",
    "quarter": "25 cent",
    "dime": "10 cent",
    "nickel": "5 cent",
    "(?:foot|feet)": "12 inche",
    "yard": "3 feet, 36 inche",
    "pound": "16 ounce",
    "gallon": "4 quart",
    "quart": "4 cup, 2 pint",
    "pint": "2 cup",
    "(?:kilomet|km)": "1000 m",
    "met(?:er|re)": "100 cent, 1000 mill",
    "(?:kilogram|kg)": "1000 g",
    "lit(?:er|re)": "1000 m",
    "triangle": "3 side, 3 angle, 3 corner, 180 degree",
    "square": "4 side, 4 corner, 4 angle, 4 equal",
    "rectangle": "4 side, 4 corner",
    "pentagon": "5 side",
    "hexagon": "6 side",
    "cube": "6 face, 12 edge",
    "(?:circle|turn)": "360 degree",
    "right angle": "90 degree",
    "di(?:e|ce)": "6 side, 6 face",
    "deck": "52 card",
    "alphabet": "26 letter",
    "spider": "8 leg",
    "car": "4 wheel",
    "coin": "2 side",
}
_HOLDERS = tuple(
    (
        re.compile(rf"\b(?:an?|one|1|each|every|per|the|of|in|full)\s+{holder}"),
        tuple(facts.split(", ")),
    )
    for holder, facts in _FACTS.items()
)


def is_fact(figure: str, before: str, after: str) -> bool:
    """Whether a number says what everybody knows: `60 minutes in an hour`, `a week has 7 days`.

    A teacher may say that whatever the answer is. `before` and `after` are in lower case.
    """
    unit = re.match(r"[\s-]+([a-z]+)", after)
    if not unit:
        return False
    near = before[-30:] + after[unit.end() :][:30]
    told = f"{figure.replace(',', '')} {unit[1].removesuffix('s')}"
    return any(told.startswith(facts) and holder.search(near) for holder, facts in _HOLDERS)
