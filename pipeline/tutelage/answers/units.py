"""Units of measure: one spelling for each, what it measures and how large it is. Tables only."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from tutelage.answers.tables import words


class Unit(NamedTuple):
    """A known unit, such as `km^2`."""

    name: str
    kind: str
    """What it measures: `length`, `length^2`, `money`."""
    size: Fraction
    """In the first unit of its kind."""


_TABLE = """
    length: m=1 meter meters metre metres; mm=1/1000 millimeter millimeters millimetre millimetres
    length: cm=1/100 cms centimeter centimeters centimetre centimetres; dm=1/10 decimetre decimeter
    length: km=1000 kms kilometer kilometers kilometre kilometres; in=254/10000 inch inches
    length: ft=3048/10000 foot feet; yd=9144/10000 yds yard yards; mi=1609344/1000 mile miles
    mass: g=1 gram grams gm; mg=1/1000 milligram milligrams; kg=1000 kgs kilo kilos kilogram kilograms
    mass: t=1000000 tonne tonnes; oz=28349523125/1000000000 ounce ounces
    mass: lb=45359237/100000 lbs pound pounds; ton=907184740/1000 tons
    volume: l=1 L liter liters litre litres; ml=1/1000 mL milliliter milliliters millilitre millilitres
    volume: cl=1/100 centilitre centiliter; gal=3785411784/1000000000 gallon gallons
    time: s=1 sec secs second seconds; ms=1/1000 millisecond milliseconds; min=60 mins minute minutes
    time: h=3600 hr hrs hour hours; day=86400 days; week=604800 weeks
    years: year=12 years yr yrs; month=1 months
    money: dollar=1 dollars usd $ bucks; cent=1/100 cents; euro=1 euros eur €; gbp=1 £ ; yen=1 ¥ jpy
    money: rupee=1 rupees ₹ rs
    angle: degree=1 degrees deg; rad=0 radian radians
    temperature: K=1 kelvin kelvins; °C=0 celsius; °F=0 fahrenheit
    force: N=1 newton newtons; kN=1000
    energy: J=1 joule joules; kJ=1000 kilojoules; cal=0 calorie calories kcal; kWh=3600000
    power: W=1 watt watts; kW=1000 kilowatt kilowatts; hp=0 horsepower
    current: A=1 amp amps ampere amperes; voltage: V=1 volt volts; resistance: ohm=1 ohms
    pressure: Pa=1 pascal pascals; kPa=1000; atm=0 atmospheres; frequency: Hz=1 hertz
    charge: C=1 coulomb coulombs; field: T=1 tesla; amount: mol=1 mole moles
    data: byte=8 bytes; data: bit=1 bits
    speed: m/s=1 mps; speed: km/h=10/36 kmh kph km/hr; speed: mph=1609344/3600000 mi/h
"""
_SPELLINGS: dict[str, Unit] = {}
_last = ""
for _entry in re.split(r"[;\n]", _TABLE):
    _kind, _colon, _rest = _entry.rpartition(": ")
    _words = _rest.split()
    if not _words:
        continue
    _kind = _kind.strip() or _last
    _last = _kind
    _name, _, _size = _words[0].partition("=")
    for _word in (_name, *_words[1:]):
        _SPELLINGS[_word] = Unit(_name, _kind, Fraction(_size))
MONEY = "$€£¥₹"
_CAPITALS = words("K N J W A V C T L kN kJ kW kWh Pa kPa Hz mL")
"""Letters that are this unit in this case only."""
_POWERS = {"squared": 2, "cubed": 3, "square": 2, "sq": 2, "cubic": 3, "cu": 3}
_WORD = rf"(?:°\s?[CF]|[A-Za-z]+|[{MONEY}])"
PHRASE = re.compile(
    rf"(?:(?:square|sq\.?|cubic|cu\.?)\s+)?(?:{_WORD})(?:\s?\^\s?\(?-?[23]\)?|\s+(?:squared|cubed)\b)?"
    rf"(?:\s?(?:/|\bper\s|\*\s?)\s?(?:{_WORD})(?:\s?\^\s?\(?[23]\)?)?)?"
)


@lru_cache(maxsize=4096)
def unit(text: str) -> Unit | None:
    """The unit that `text` is as a whole: `sq cm`, `m^2`, `miles per hour`; None where it is
    none."""
    text = text.strip(" .").replace("(", "").replace(")", "")
    over = re.split(r"\s?/\s?|\s+per\s+", text, maxsplit=1)
    if len(over) == 2:
        whole = _SPELLINGS.get(text.replace(" ", "").lower())
        top, low = unit(over[0]), unit(over[1])
        if whole or not (top and low):
            return whole
        size = top.size / low.size if low.size else Fraction(0)
        known = {"mi/h": "mph"}.get(f"{top.name}/{low.name}", f"{top.name}/{low.name}")
        return _SPELLINGS.get(known) or Unit(known, f"{top.kind}/{low.kind}", size)
    power, words = 1, text.split()
    caret = re.fullmatch(r"(.+?)\s?\^\s?(\d)", text)
    if caret:
        power, words = int(caret[2]), caret[1].split()
    elif len(words) > 1 and words[0].rstrip(".").lower() in ("square", "sq", "cubic", "cu"):
        power, words = _POWERS[words[0].rstrip(".").lower()], words[1:]
    elif len(words) > 1 and words[-1] in ("squared", "cubed"):
        power, words = _POWERS[words[-1]], words[:-1]
    word = " ".join(words).replace("° ", "°")
    degrees = re.fullmatch(r"degrees?\s+(c(?:elsius)?|f(?:ahrenheit)?)", word.lower())
    if degrees:
        word = f"°{degrees[1][0].upper()}"
    found = _SPELLINGS.get(word) or (_SPELLINGS.get(word.lower()) if len(word) > 1 else None)
    if found is None or (
        len(word) == 1 and word not in _CAPITALS and not word.islower() and word not in MONEY
    ):
        return None
    if power == 1:
        return found
    return Unit(f"{found.name}^{power}", f"{found.kind}^{power}", found.size**power)


FIRST_WORDS = frozenset(re.escape(word) for word in _SPELLINGS if word[0].isalpha()) | {
    "square", "sq", "cubic", "cu",
}  # fmt: skip
"""Words that a unit can begin with."""


def named(text: str) -> frozenset[Unit]:
    """The units that a statement speaks of, in words or signs."""
    return _named(text)


@lru_cache(maxsize=2048)
def _named(text: str) -> frozenset[Unit]:
    found = set()
    for match in PHRASE.finditer(text):
        words = match[0].split()
        for piece in {match[0], words[-1], *re.split(r"\s?/\s?|\s+per\s+|\s+", match[0])}:
            known = unit(piece)
            glued = re.search(r"\d\s?$", text[max(0, match.start() - 2) : match.start()])
            if known and (len(piece) > 2 or glued or piece in MONEY):
                found.add(known)
    return frozenset(found)
