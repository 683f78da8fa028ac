r"""Whether two values are the same answer. The verifier and the leak gate both ask here.

Rationals and integers are compared exactly. Beyond that:

    decimals    stand for a value with no last digit (1/3, pi) if they give at least 6 significant
    digits per cent    50% is 0.5, and also 50 where that is at least 1 or the statement speaks of
    per cent
    units       two known ones must agree, or come to the same; one alone must be one that the
                statement can mean; the name of a thing (18 apples) costs nothing
    work        a sum, difference or product of plain numbers is work, not an answer
    items       in their order where they have one; a list never answers what is no list
"""

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from tutelage.answers import fields, formulas
from tutelage.answers.numerals import DOZENS, SCALES
from tutelage.answers.statement import Statement
from tutelage.answers.units import Unit, unit
from tutelage.answers.values import Formula, Items, Moment, Number, Relation, Value, Words

ROUNDED_DIGITS = 6
"""Significant digits that a decimal must give to stand for a value with no end of digits."""
NOT_EQUAL, NOT_WORKED_OUT, UNIT = "not equal", "not worked out", "the unit differs"
OPPOSITES = {"yes": "no", "no": "yes", "true": "false", "false": "true"}


Decide = Callable[[formulas.Tree, formulas.Tree], bool | None]
"""Whether two formulas are equal; None where it cannot tell."""


def difference(
    gold: Value, given: Value, statement: Statement, decide: Decide = fields.equal
) -> str | None:
    """Empty where `given` is the answer `gold`, the reason where not, None where only algebra can
    tell.

    `decide` compares two formulas; by default without a computer algebra system.
    """
    given = _unnamed(gold, given)
    unworked = isinstance(gold, Formula) and formulas.exact(gold.tree) is not None
    if isinstance(given, Formula) and formulas.is_work(given.tree) and not unworked:
        return NOT_WORKED_OUT
    if isinstance(gold, Number):
        return _number(gold, given, statement, decide)
    if isinstance(gold, Formula):
        return _formula(gold, given, statement, decide)
    if isinstance(gold, Items):
        return _items(gold, given, statement, decide)
    if isinstance(gold, Relation):
        return _relation(gold, given, decide)
    if isinstance(gold, Moment):
        return _moment(gold, given)
    return "" if isinstance(given, Words) and _says(given.text, gold.text) else "another text"


def _unnamed(gold: Value, given: Value) -> Value:
    """`x = 5` as 5, where the gold is no equation."""
    if isinstance(given, Relation) and given.sign == "=" and not isinstance(gold, Relation):
        if isinstance(given.left, Formula) and not isinstance(given.right, Relation):
            named = given.left.tree[0] == "v" or re.fullmatch(
                r"[A-Za-z]{1,3}'?(?:\(\w+\))?|(?:angle|triangle)\s*[A-Z]{1,3}", given.left.text
            )
            return given.right if named else given
        if isinstance(given.left, Words):
            return given.right
    return given


def _number(gold: Number, given: Value, statement: Statement, decide: Decide) -> str | None:
    if isinstance(given, Number):
        return _same_number(gold, given, statement)
    if isinstance(given, Formula):
        value = formulas.exact(given.tree)
        if value is not None and gold.base == 10:
            if value != gold.value:
                return NOT_EQUAL
            return NOT_WORKED_OUT if restates(given.text, statement) else ""
        equal = decide(("n", gold.value), given.tree)
        if equal is True:
            return NOT_WORKED_OUT if restates(given.text, statement) else ""
        letters = formulas.names(given.tree) - {"pi", "e", "i"} - formulas.FUNCTIONS
        return NOT_EQUAL if equal is False or letters else None
    if isinstance(given, Items):
        return "more than one answer"
    return "not a number"


def _same_number(gold: Number, given: Number, statement: Statement) -> str:
    if gold.base != given.base:
        if 10 not in (gold.base, given.base) or "base" not in statement.text.lower():
            return "another base"
        one, other = (given, gold) if gold.base != 10 else (gold, given)
        same = one.value.denominator == 1 and _digits(int(other.value), other.base) == str(
            one.value
        )
        return "" if same else NOT_EQUAL
    if given.ordinal and not gold.ordinal:
        return "a place in a row"
    if reason := _unit_reason(gold, given, statement):
        return reason
    if gold.unit and given.unit and gold.unit != given.unit and gold.unit.kind == given.unit.kind:
        same = gold.value * gold.unit.size == given.value * given.unit.size
        return "" if same else NOT_EQUAL if gold.compound or given.compound else UNIT
    target = gold.value / 100 if gold.percent else gold.value
    if target == (given.value / 100 if given.percent else given.value):
        return ""
    if gold.percent != given.percent and gold.value == given.value:
        asked = "%" in statement.text or re.search(r"per ?cent", statement.text, re.I)
        counts = "how many" in statement.question
        return "" if asked or (abs(gold.value) >= 1 and not counts) else NOT_EQUAL
    scale = {**SCALES, **DOZENS}.get(given.scale, 0)
    scaled = rf"\bhow many (?:\w+ )?{given.scale}"
    if scale and given.value == gold.value * scale and re.search(scaled, statement.text, re.I):
        return ""
    if not given.percent and not gold.percent and rounds(target, given):
        return ""
    return NOT_EQUAL


def _digits(number: int, base: int) -> str:
    digits, sign = "", "-" if number < 0 else ""
    number = abs(number)
    while number:
        number, digit = divmod(number, base)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return sign + (digits or "0")


_ALWAYS = frozenset({"money", "angle", "data"})
"""Kinds that a statement may leave to be understood."""


def _unit_reason(gold: Number, given: Number, statement: Statement) -> str:
    one, other = gold.unit, given.unit
    if one and other:
        if one == other or one.kind == other.kind or {one.kind, other.kind} == {"angle"}:
            return (
                ""
                if one == other or (one.size and other.size and _may_convert(one, statement))
                else UNIT
            )
        return UNIT
    if other is None or gold.percent:
        return ""
    alike = {u.name for u in statement.units if u.kind == other.kind}
    whole = {u.name for u in statement.units}
    if alike:
        return "" if other.name in alike else UNIT
    if any(other.name in re.split(r"[/^]", name) or name in other.name for name in whole):
        return ""
    counts = re.search(r"how many (\w+)", statement.question)
    if counts:
        return UNIT
    if other.kind in _ALWAYS or len(re.findall(r"[a-z]{2,}", statement.text.lower())) < 4:
        return ""
    derived = other.kind.split("^")[0] in {u.kind.split("^")[0] for u in statement.units}
    asks = re.search(
        r"\b(?:long|old|age|time|when|far|tall|heavy|weight|weigh|fast|speed)\b", statement.question
    )
    return "" if derived or (asks and not whole) else UNIT


def _may_convert(wanted: Unit, statement: Statement) -> bool:
    """Whether the statement leaves the unit of the answer open."""
    if "how many" in statement.question:
        return False
    asked = re.findall(r"\bin\s+(?:\w+\s+)?(\w+)|\bin\s+(\w+)", statement.question)
    return not any(unit(word) == wanted for pair in asked for word in pair if word)


def rounds(value: Fraction, given: Number) -> bool:
    """Whether the decimal `given` is `value`, which has no last digit, rounded or cut off."""
    odd = value.denominator
    for prime in (2, 5):
        while odd % prime == 0:
            odd //= prime
    if odd == 1 or given.places < 0 or given.digits < ROUNDED_DIGITS or given.places > 400:
        return False
    scaled = abs(value) * 10**given.places
    cut = scaled.numerator // scaled.denominator
    return abs(given.value) * 10**given.places in (cut, round(scaled)) and (given.value < 0) == (
        value < 0
    )


def restates(text: str, statement: Statement) -> bool:
    """Whether a formula has no number but the statement's own, so that nothing was worked out."""
    known = {n.replace(",", "") for n in _FIGURES.findall(statement.text)}
    own = [n.replace(",", "") for n in _FIGURES.findall(text)]
    return bool(known and own) and all(n in known for n in own)


_FIGURES = re.compile(r"\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?")


def _formula(gold: Formula, given: Value, statement: Statement, decide: Decide) -> str | None:
    if isinstance(given, Number):
        value = formulas.exact(gold.tree)
        if value is not None:
            return _same_number(Number(value), replace(given, unit=None), statement)
        if given.digits >= ROUNDED_DIGITS and not formulas.names(gold.tree) - _CONSTANT:
            return "" if _irrational(gold.tree, given) else NOT_EQUAL
        if given.places >= 0 or not formulas.names(gold.tree) & formulas.FUNCTIONS:
            equal = decide(gold.tree, ("n", given.value))
            return None if equal is None else "" if equal else NOT_EQUAL
        return None
    if isinstance(given, Formula):
        equal = decide(gold.tree, given.tree)
        if equal and len(given.text) > 2 and squeezed(given.text) in squeezed(statement.text):
            return NOT_WORKED_OUT
        return None if equal is None else "" if equal else NOT_EQUAL
    if isinstance(given, Items):
        return "more than one answer"
    return "not a formula"


_CONSTANT = frozenset({"pi", "e"}) | formulas.FUNCTIONS


def _irrational(tree: formulas.Tree, given: Number) -> bool:
    """Whether the decimal `given` is the irrational value of `tree`, rounded or cut off."""
    value = formulas.approximate(tree)
    if (
        value is None
        or abs(value.imag) > 1e-12
        or given.digits > 13
        or not 0 <= given.places <= 300
    ):
        return False
    scaled = Fraction(value.real) * 10**given.places
    wanted = given.value * 10**given.places
    cut: bool = 0 <= (scaled - wanted) * (1 if scaled > 0 else -1) < 1
    return cut or bool(abs(wanted - scaled) <= Fraction(501, 1000))


def squeezed(text: str) -> str:
    """`text` without spaces and signs of layout, for comparing what is written in symbols."""
    return re.sub(r"[\s*$\\]", "", text).lower()


def _items(gold: Items, given: Value, statement: Statement, decide: Decide) -> str | None:
    if not isinstance(given, Items):
        return "another number of answers" if gold.items else "not equal"
    given = _in_order(gold, given, statement)
    if gold.ordered and given.brackets != gold.brackets:
        return "other brackets"
    if not gold.ordered and given.brackets not in ("", "{}") and given.brackets != gold.brackets:
        return "other brackets"
    if len(gold.items) != len(given.items):
        return "another number of answers"
    if gold.names and given.names and set(gold.names) != set(given.names):
        return NOT_EQUAL
    table = [[difference(w, g, statement, decide) for g in given.items] for w in gold.items]
    if gold.ordered or (gold.names and gold.names == given.names):
        reasons = [table[n][n] for n in range(len(table))]
    else:
        reasons, free = [], set(range(len(table)))
        for row in table:
            match = next((n for n in free if row[n] == ""), None)
            unsure = next((n for n in free if row[n] is None), None)
            place = match if match is not None else unsure
            if place is None:
                return NOT_EQUAL
            free.discard(place)
            reasons.append(row[place])
    bad = next((r for r in reasons if r), "")
    return bad or (None if None in reasons else "")


def _in_order(gold: Items, given: Items, statement: Statement) -> Items:
    """`x = 1, y = 2` as the point (1, 2), in the order that the statement, else the alphabet,
    has."""
    if gold.names or not given.names or gold.brackets != "()" or given.brackets:
        return given
    order = sorted(given.names)
    for listed in re.findall(r"\(([^()]{1,60})\)", statement.text):
        names = [name.strip() for name in listed.split(",")]
        if sorted(names) == sorted(given.names):
            order = names
    return Items("()", tuple(given.items[given.names.index(name)] for name in order))


def _relation(gold: Relation, given: Value, decide: Decide) -> str | None:
    if gold.sign == "=" and not isinstance(given, Relation | Items | Words):
        named = isinstance(gold.left, Formula) and gold.left.tree[0] == "v"
        return difference(gold.right, given, NOWHERE, decide) if named else NOT_EQUAL
    if not isinstance(given, Relation) or gold.sign != given.sign:
        return NOT_EQUAL
    sides = [
        difference(one, other, NOWHERE, decide)
        for one, other in ((gold.left, given.left), (gold.right, given.right))
    ]
    if sides == ["", ""]:
        return ""
    trees = [_tree(side) for side in (gold.left, gold.right, given.left, given.right)]
    if gold.sign not in ("=", "!=") or None in trees:
        return NOT_EQUAL
    a, b, c, d = (tree for tree in trees if tree is not None)
    multiple = fields.multiple(("+", a, ("neg", b)), ("+", c, ("neg", d)))
    return None if multiple is None else "" if multiple else NOT_EQUAL


def _tree(value: Value) -> formulas.Tree | None:
    if isinstance(value, Formula):
        return value.tree
    return ("n", value.value) if isinstance(value, Number) else None


NOWHERE = Statement("", "", {}, frozenset(), frozenset(), frozenset(), frozenset())
"""Where no statement counts."""


def _moment(gold: Moment, given: Value) -> str:
    if not isinstance(given, Moment):
        return "another text"
    for name in ("year", "month", "day", "weekday", "minute"):
        wanted, got = getattr(gold, name), getattr(given, name)
        if (
            wanted != got
            and not (
                name in ("year", "weekday")
                and (wanted is None or (name == "weekday" and got is None))
            )
            and (name != "year" or got is not None)
        ):
            return NOT_EQUAL
    if gold.half != given.half and gold.half and given.half:
        return NOT_EQUAL
    return NOT_EQUAL if gold.half == "pm" and not given.half and given.minute != gold.minute else ""


def _says(text: str, gold: str) -> bool:
    """Whether a text is the gold's; `yes, since ...` says yes, but `yes and no` says neither."""
    words, other = text.split(), OPPOSITES.get(gold)
    if other:
        return words[:1] == [gold] and other not in words
    return text == gold or (text.replace(" ", "") == gold.replace(" ", "") and len(gold) > 1)
