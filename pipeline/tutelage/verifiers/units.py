"""Words that stand with numbers: units of measure, number words, and words that are neither.

Tables only. How a number and its unit are read is in `quantity`; units are never converted.
"""

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def canonical(tail: str) -> str:
    """One spelling for each known measure (`square metres` is `m^2`); other text as it is."""
    text = tail.lower().rstrip(".").replace("²", "^2").replace("³", "^3")
    text = re.sub(r"\^\{(\d)\}", r"^\1", text).strip("{} ")
    power = ""
    for pattern, exponent in ((r"sq(?:uare|\.)? ", "^2"), (r"cubic |cu\.? ", "^3")):
        if re.match(pattern, text):
            text, power = re.sub(pattern, "", text, count=1), exponent
    text = re.sub(r" squared$", "^2", re.sub(r" cubed$", "^3", text))
    text, caret, digit = text.partition("^")
    name = _SPELLINGS.get(text.strip(), "")
    if not name:
        return tail
    return name + (caret + digit if caret else power)


def _table(text: str) -> dict[str, str]:
    """`cm: centimetre centimetres` a line, as spelling -> name."""
    names: dict[str, str] = {}
    for line in text.split("\n"):
        name, _, spellings = line.strip().partition(":")
        names |= dict.fromkeys([name, *spellings.split()], name) if name else {}
    return names


_SPELLINGS = _table("""
    currency: dollar dollars usd euro euros eur rupee rupees
    cents: cent
    mm: millimeter millimeters millimetre millimetres
    cm: cms centimeter centimeters centimetre centimetres
    m: meter meters metre metres
    km: kms kilometer kilometers kilometre kilometres
    in: inch inches
    ft: foot feet
    yd: yds yard yards
    mi: mile miles
    mg: milligram milligrams
    g: gram grams
    kg: kgs kilo kilos kilogram kilograms
    oz: ounce ounces
    lb: lbs pound pounds
    ml: milliliter milliliters millilitre millilitres
    l: liter liters litre litres
    s: sec secs second seconds
    min: mins minute minutes
    h: hr hrs hour hours
    day: days
    week: weeks
    month: months
    year: years
    degree: degrees deg
    rad: radian radians
    km/h: kmh kph km/hr
    mph: mi/h
    m/s:
""")
MEASURES = frozenset(n + power for n in set(_SPELLINGS.values()) for power in ("", "^2", "^3"))
"""Names of measures that must agree where two quantities both have one."""
_TEENS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen
"""
_TENS = "ten twenty thirty forty fifty sixty seventy eighty ninety"
CARDINALS = {word: 10 * number for number, word in enumerate(_TENS.split(), start=1)} | {
    word: number for number, word in enumerate(_TEENS.split())
}
SCALES = {
    "dozen": 12,
    "hundred": 100,
    "thousand": 1000,
    "k": 1000,
    "K": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
"""Words that multiply the number before them."""
_CHANGING = """
    or and to vs versus plus minus times over by divided multiplied than not nor but either maybe
    perhaps point dozen dozens hundred hundreds thousand thousands million millions billion billions
    trillion trillions half halves third thirds fourth fourths fifth fifths tenth tenths hundredth
    hundredths thousandth thousandths squared cubed factorial pi sqrt root log ln exp sin cos tan
    infinity mod choose is are x y z equals equal
"""
NO_UNIT = frozenset(_CHANGING.split())
"""Words that change the number before them, or begin something else, and so are no unit."""
