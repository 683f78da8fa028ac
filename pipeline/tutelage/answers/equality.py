r"""Whether two values are the same answer. The verifier and the leak gate both ask here.

Rationals and integers are compared exactly. Beyond that:

    decimals    stand for a value with no last digit (1/3, pi) if they give at least 6 significant
                digits
    per cent    50% is 0.5; it is also 50 where the question asks for per cent
    units       two known ones must agree, or come to the same; one alone must be one that the
                statement can mean; the name of a thing (18 apples) costs nothing
    work        a sum, difference or product of plain numbers is work, not an answer
    items       in their order where they have one; a list never answers what is no list
"""

import re
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from tutelage.answers import evaluation, formulas
from tutelage.answers.numerals import DOZENS, SCALES
from tutelage.answers.statement import Statement, same_name
from tutelage.answers.units import Unit
from tutelage.answers.values import Formula, Items, Moment, Number, Relation, Value, Words

ROUNDED_DIGITS = 6
"""Significant digits that a decimal must give to stand for a value with no end of digits."""
NOT_EQUAL, NOT_WORKED_OUT, UNIT = "not equal", "not worked out", "the unit differs"
UNKNOWN = "cannot be compared"
SEVERAL, TEXT = "more than one answer", "another text"
OPPOSITES = {"yes": "no", "no": "yes", "true": "false", "false": "true"}
NOWHERE = Statement()
"""Where no statement counts."""


def difference(gold: Value, given: Value, statement: Statement) -> str:
    """Why `given` is not the answer `gold`, under the statement that asks for it; empty where it is."""
    if isinstance(given, Relation) and given.sign == "=" and not isinstance(gold, Relation):
        given = given.right if _is_name(given.left) else given  # x = 5 is 5
    if evaluation.in_radians(gold) or evaluation.in_radians(given):
        gold, given = evaluation.radians(gold), evaluation.radians(given)
    unworked = isinstance(gold, Formula) and evaluation.exact(gold.tree) is not None
    if isinstance(given, Formula) and evaluation.is_work(given.tree) and not unworked:
        return NOT_WORKED_OUT
    if isinstance(gold, Number):
        return _number(gold, given, statement)
    if isinstance(gold, Formula):
        return _formula(gold, given, statement)
    if isinstance(gold, Items):
        return _items(gold, given, statement)
    if isinstance(gold, Relation):
        return _relation(gold, given, statement)
    if isinstance(gold, Moment):
        return _moment(gold, given)
    if not isinstance(given, Words):
        return TEXT
    return "" if same_name(given.text, gold.text, statement) else TEXT


_MINUTE = Unit("min", "time", Fraction(60))


def _is_name(value: Value) -> bool:
    """Whether it names what an equation then gives: `x`, `f(2)`, `area`, `(x, y)`."""
    if isinstance(value, Items):
        return bool(value.items) and all(map(_is_name, value.items))
    return isinstance(value, Words) or bool(
        isinstance(value, Formula) and _NAME.fullmatch(value.text)
    )


_NAME = re.compile(
    r"[A-Za-z]{1,3}'?(?:_\(?\w+\)?)?(?:\^\(?-1\)?)?(?:\(\w+\))?|\(*d[a-z]\)?/\(?d[a-z]\)*|[a-z]+"
    r"|(?:angle|triangle)\s*[A-Z]{1,3}"
)


def _reason(equal: bool | None) -> str:
    return UNKNOWN if equal is None else "" if equal else NOT_EQUAL


def _number(gold: Number, given: Value, statement: Statement) -> str:
    if isinstance(given, Number):
        return _same_number(gold, given, statement)
    if isinstance(given, Moment) and gold.compound and gold.unit and given.minute is not None:
        same = gold.value * gold.unit.size == given.minute * _MINUTE.size  # 2:15 for 2 h 15 min
        return "" if same and gold.unit.kind == _MINUTE.kind and not given.half else NOT_EQUAL
    if not isinstance(given, Formula):
        return SEVERAL if isinstance(given, Items) else "not a number"
    equal = gold.base == 10 and evaluation.equal(("n", gold.value), given.tree)
    return NOT_WORKED_OUT if equal and restates(given.text, statement) else _reason(equal)


def _same_number(gold: Number, given: Number, statement: Statement) -> str:
    if gold.base != given.base:
        return _other_base(gold, given, statement)
    if given.ordinal and not gold.ordinal and not PLACE.search(statement.question):
        return "a place in a row"
    if reason := _unit_reason(gold, given, statement):
        return reason
    if gold.unit and given.unit and gold.unit != given.unit and gold.unit.kind == given.unit.kind:
        same = gold.value * gold.unit.size == given.value * given.unit.size
        return "" if same else NOT_EQUAL if gold.compound or given.compound else UNIT
    target, value = (n.value / 100 if n.percent else n.value for n in (gold, given))
    if target == value:
        return ""
    if gold.percent != given.percent and gold.value == given.value:
        asks = re.search(r"%|per ?cent|\brates?\b", statement.question)
        omitted = (gold.percent or not statement.text) and "how many" not in statement.question
        return "" if asks or (omitted and abs(gold.value) >= 1) else NOT_EQUAL
    scale = {**SCALES, **DOZENS}.get(given.scale, 0)
    scaled = rf"\b(?:how many|in) (?:\w+ )?{given.scale}"
    if scale and given.value == gold.value * scale and re.search(scaled, statement.text, re.I):
        return ""
    return "" if not given.percent and not gold.percent and rounds(target, given) else NOT_EQUAL


def _other_base(gold: Number, given: Number, statement: Statement) -> str:
    """213 for 213_5 where the statement says which base is wanted."""
    if 10 not in (gold.base, given.base) or "base" not in statement.text.lower():
        return "another base"
    based, bare = (gold, given) if gold.base != 10 else (given, gold)
    try:
        return "" if int(str(bare.value), based.base) == based.value else NOT_EQUAL
    except ValueError:
        return NOT_EQUAL


PLACE = re.compile(r"\b(?:place|position|rank|floor)\b")
"""In a question that an ordinal answers."""
_OF_KIND = {
    "area": r"length\^2", "volume": r"length\^3|volume", "speed": r"speed|.+/.+", "far": "length",
    "distance": "length", "perimeter": "length",
}  # fmt: skip
"""What a unit must measure where this is asked for."""
_MEASURED = re.compile(r"\b(?:long|old|age|time|when|far|tall|heavy|weight|weigh|fast|speed)\b")


def _unit_reason(gold: Number, given: Number, statement: Statement) -> str:
    one, other = gold.unit, given.unit
    if other is None or (one is None and gold.percent) or one == other:
        return ""
    poured = {"volume", "mass"} & {u.kind for u in statement.units}
    if other.kind == "time" and poured and "how much" in statement.question:
        return UNIT
    if one:
        if {one.kind, other.kind} == {"temperature", "angle"} and other.name == "degree":
            return ""
        if one.kind == other.kind == "money" and "cent" not in (one.name, other.name):
            return UNIT  # of another country
        left_open = "how many" not in statement.question and one not in statement.asked
        converts = one.kind == other.kind and left_open and one.size and other.size
        return "" if converts else UNIT
    asked_for = statement.sought | set(re.findall(r"\bhow (\w+)", statement.question))
    sought = [kind for noun, kind in _OF_KIND.items() if noun in asked_for]
    if not all(re.fullmatch(kind, other.kind) for kind in sought):
        return UNIT
    if "how old" in statement.question and other.kind in ("time", "years"):
        return "" if other.name == "year" else UNIT
    spoken = statement.asked or statement.units
    parts = {part for u in statement.units for part in (u.name, *re.split("[/^]", u.name))}
    if other in statement.asked or (not statement.asked and other.name in parts):
        return ""
    top, _, low = other.name.partition("/")
    counted = low in parts if low else "how many" in statement.question
    if counted and any(top == u.name.partition("/")[0] for u in statement.asked):
        return ""  # 90 calories a week, where calories are asked for, or the other way round
    if any(u.kind == other.kind for u in spoken):
        return UNIT
    if statement.asked:
        return "" if any(_related(other, u) for u in spoken) else UNIT
    if any(u.name in other.name for u in statement.units):
        return ""
    if re.search(r"how many \w+", statement.question):
        return UNIT
    few = len(re.findall(r"[a-z]{2,}", statement.text.lower())) < 4
    if other.kind in ("money", "angle", "data") or few:
        return ""  # may be left to be understood
    return "" if _MEASURED.search(statement.question) and not spoken else UNIT


def _related(one: Unit, other: Unit) -> bool:
    """Whether one measures what the other does, or a part of it, as a length does of a speed."""
    kinds = [set(re.split("[/^]", unit.kind)) for unit in (one, other)]
    return not kinds[0].isdisjoint(kinds[1])


def rounds(value: Any, given: Number, least: int = ROUNDED_DIGITS) -> bool:
    """Whether a decimal of `least` digits is `value`, which has no last digit, rounded or cut off."""
    ends = (
        isinstance(value, Fraction)
        and 10 ** value.denominator.bit_length() % value.denominator == 0
    )
    if value is None or ends or given.digits < least or not 0 <= given.places <= 250:
        return False
    scaled, own = value * 10**given.places, int(given.value * 10**given.places)
    return own == int(scaled) or 2 * abs(own - scaled) <= 1


def restates(text: str, statement: Statement) -> bool:
    """Whether a formula has no number but the statement's own, so that nothing was worked out."""
    known, own = (
        set(re.findall(r"\d+(?:\.\d+)?", t.replace(",", ""))) for t in (statement.text, text)
    )
    return bool(own) and own <= known


def _formula(gold: Formula, given: Value, statement: Statement) -> str:
    if isinstance(given, Number):
        value, names = evaluation.exact(gold.tree), formulas.names(gold.tree)
        if value is not None:
            return _same_number(Number(value), replace(given, unit=None), statement)
        if given.digits >= ROUNDED_DIGITS and not names - {"pi", "e"} - formulas.FUNCTIONS:
            return _reason(rounds(evaluation.real(gold.tree), given))
        return _reason(evaluation.equal(gold.tree, ("n", given.value)))
    if not isinstance(given, Formula):
        return SEVERAL if isinstance(given, Items) else "not a formula"
    equal = evaluation.equal(gold.tree, given.tree)
    if (
        equal
        and given.tree[0] == "+"
        and gold.tree[0] in "*^"
        and _FACTORS.search(statement.question)
    ):
        return "not factored"
    if equal and len(given.text) > 2 and squeezed(given.text) in squeezed(statement.text):
        return NOT_WORKED_OUT
    return _reason(equal)


_FACTORS = re.compile(r"\bfactor(?:i[sz])?e?\b")
"""Asks for a product."""


@lru_cache(maxsize=8192)
def squeezed(text: str) -> str:
    """`text` without spaces and signs of layout, for comparing what is written in symbols."""
    return _LAYOUT.sub(_between, text).lower()


_LAYOUT = re.compile(r"[\s*$\\]+")


def _between(layout: re.Match[str]) -> str:
    """Nothing, but between figures, which would grow together: 2 * 3 is not 23, nor 1 1/2 11/2."""
    beside = layout.string[max(0, layout.start() - 1) : layout.start()]
    figures = beside.isdigit() and layout.string[layout.end() : layout.end() + 1].isdigit()
    return ("*" if "*" in layout[0] else " ") if figures else ""


def _items(gold: Items, given: Value, statement: Statement) -> str:
    if isinstance(given, Number) and (quotient := _quotient(gold)) is not None:
        return _same_number(Number(quotient), given, statement)
    if not isinstance(given, Items):
        return "another number of answers" if gold.items else NOT_EQUAL
    if gold.brackets == "()" and not given.brackets and given.names and not gold.names:
        given = _point(given)
    if given.brackets == "()" and not (gold.brackets or given.names) and len(set(gold.names)) > 1:
        gold = _point(gold)
    loose = not gold.ordered and given.brackets in ("", "{}")
    if given.brackets != gold.brackets and not loose:
        return "other brackets"
    if len(gold.items) != len(given.items):
        return "another number of answers"
    indexed = all("_" in name for name in (*gold.names, *given.names))
    names = [
        {name if indexed else name.partition("_")[0] for name in items.names}
        for items in (gold, given)
    ]
    if all(names) and names[0] != names[1]:
        return NOT_EQUAL
    asks_order = len(gold.items) > 1 and _ORDERS.search(statement.question)
    in_order = (
        gold.ordered or asks_order or (len(set(gold.names)) > 1 and gold.names == given.names)
    )
    free = list(given.items)
    for wanted in gold.items:
        offered = free[:1] if in_order else free
        apart = [difference(wanted, value, statement) for value in offered]
        if "" not in apart:
            return apart[0] if in_order else NOT_EQUAL
        free.pop(apart.index(""))
    return ""


def _point(named: Items) -> Items:
    """`x = 1, y = 2` as (1, 2)."""
    values = dict(zip(named.names, named.items, strict=True))
    return Items("()", tuple(values[name] for name in sorted(values)))


_ORDERS = re.compile(
    r"\b(?:order|arrange|sort|rank)\b|\bfrom (?:least|smallest|lowest|greatest|largest|highest)\b"
    r"|\b(?:ascending|descending|increasing|decreasing) order\b"
)
"""Asks for a list in its order."""


def _quotient(ratio: Items) -> Fraction | None:
    """2/5 for 2:5; None for what is no ratio of two numbers."""
    values = [item.value for item in ratio.items if isinstance(item, Number)]
    two = ratio.brackets == ":" and len(values) == len(ratio.items) == 2 and values[1]
    return values[0] / values[1] if two else None


def _is_y(value: Value) -> bool:
    return isinstance(value, Formula) and _Y.fullmatch(value.text.replace(" ", "")) is not None


_Y = re.compile(r"y(?:\(x\))?|[fgh](?:\^\(?-1\)?)?\(x\)")


_SOLVES = re.compile(r"\bsolve\b[^.]* for\b|\bin terms of\b|\bthe subject\b")


def _relation(gold: Relation, given: Value, statement: Statement) -> str:
    if gold.sign == "=" and not isinstance(given, Relation | Items | Words):
        named = _is_y(gold.left) or (isinstance(gold.left, Formula) and gold.left.tree[0] == "v")
        return difference(gold.right, given, NOWHERE) if named else NOT_EQUAL
    if not isinstance(given, Relation) or gold.sign != given.sign:
        return NOT_EQUAL
    left = gold.left if _is_y(gold.left) and _is_y(given.left) else given.left  # y is f(x)
    pairs = ((gold.left, left), (gold.right, given.right))
    if all(difference(one, other, NOWHERE) == "" for one, other in pairs):
        return ""
    if _SOLVES.search(statement.question):
        return NOT_EQUAL  # one side is what it was solved for
    sides = [side for pair in pairs for side in pair if isinstance(side, Number | Formula)]
    if gold.sign not in ("=", "!=") or len(sides) < 4:
        return NOT_EQUAL
    a, c, b, d = (n.tree if isinstance(n, Formula) else ("n", n.value) for n in sides)
    if formulas.names(a) | formulas.names(b) <= formulas.FUNCTIONS | formulas.CONSTANTS:
        return NOT_EQUAL  # any number is a multiple of any other
    return _reason(evaluation.multiple(("+", a, ("neg", b)), ("+", c, ("neg", d))))


def _moment(gold: Moment, given: Value) -> str:
    """The year may be left out, and the weekday; what the gold does not say, too, but for the day.
    1:15 may be 1:15 pm."""
    if not isinstance(given, Moment):
        return TEXT
    optional = ("year", "weekday", "half")
    pairs = [(getattr(gold, name), getattr(given, name)) for name in optional]
    apart = any(one and other and one != other for one, other in pairs)
    minutes = [m.minute if m.half or m.minute is None else m.minute % 720 for m in (gold, given)]
    if None not in minutes and not (gold.half and given.half):
        minutes = [minute % 720 for minute in minutes if minute is not None]
    same = (gold.month, gold.day, minutes[0]) == (given.month, given.day, minutes[1])
    return "" if same and not apart else NOT_EQUAL
