"""What a short text is as a whole: `read("2 kg 300 g")`, `read("(1, 2)")`, `read("x = 1 or x = 2")`.

For a text that is plain and is one answer: what stands in a box, after "the answer is", or in a
gold. How an answer is found in a message is in `final`.
"""

import re
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate

from tutelage.answers import evaluation, formulas
from tutelage.answers.moments import moments
from tutelage.answers.numbers import numbers
from tutelage.answers.plain import BOX, BOX_END
from tutelage.answers.tables import words
from tutelage.answers.units import MONEY, PHRASE, unit
from tutelage.answers.values import Formula, Items, Moment, Number, Relation, Value, Words

_DRESS = " \t\n\"'.,;:*_" + BOX + BOX_END
_DRESS_BEFORE = _DRESS.replace(".", "")
_DECIMAL = re.compile(r"\.\d")
_SAID = re.compile(
    r"^(?:(?:so|thus|therefore|hence),?\s+)?(?:the\s+|my\s+)?(?:final\s+|correct\s+)?(?:answer|result|solution)"
    r"\s*(?:is|:|=|equals)+\s*:?\s*", re.I)  # fmt: skip
NAME = re.compile(
    r"(?:(?:angle|triangle)\s*)?(?:[A-Za-z]{1,3}'?(?:_\(?\w+\)?)?(?:\(\w+\))?|[a-z]+)\s*=(?![=<>])\s*"
)
"""What stands before a value that has a name: `x = `, `f(2) = `, `AB = `."""
_MEMBER = re.compile(r"^[A-Za-z](?:_\w+)?\s*∈\s*")
_CHANGING = words("changing")
_THING = re.compile(r"[\s-]*[A-Za-z][A-Za-z.'/-]*(?: [A-Za-z(][A-Za-z.'/()-]*){0,7}\.?")
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*(?::|\bto\b)\s*(\d+(?:\.\d+)?)(?:\s*:\s*(\d+(?:\.\d+)?))?")
_SEPARATOR = re.compile(r"[,;](?!\d{3}(?!\d))(?: then\b)?|\s(?:and|or)\s|\n")
_BOUND = re.compile(r"^(.+?)\s*(<=|>=|<|>|!=)\s*(.+?)(?:\s*(<=|>=|<|>)\s*(.+))?$", re.S)
_ABSOLUTE = re.compile(r"(?:\||abs\()([A-Za-z])[|)]")
_TURNED = str.maketrans("<>", "><")
_LETTER = re.compile(r"[A-Za-z](_\w+)?")
_BUILDER = re.compile(r"\{\s*[A-Za-z](?:\s*∈[^|:]{1,20})?\s*[|:]\s*(.+)\}")
"""`{x | -2 < x < 8}`."""
_SPACED = re.compile(r"^[-$€£]{0,2}\d{1,3}(?: \d{3})+(?!\d)")
"""`1 545 678`, where nothing else may stand before it."""
_NONE = re.compile(
    r"(?:[\w ]{0,40}\b(?:has|have|is|are)\s+|there's\s+)?"
    r"no\s+(?:real |integer |such )?solutions?(?: exists?)?",
    re.I,
)
_EXCEPTED = re.compile(
    r"(?:all\s+)?(?:reals?(?:\s+numbers)?|\(?R\)?)(?:\s+x)?"
    r"\s*(?:,?\s*(?:except|but|other than|apart from|excluding)(?:\s+for)?\b|setminus|\\|-)\s*(.+)",
    re.I,
)
"""`all real numbers except 2`."""
_ALL = re.compile(
    r"(?:the set of )?(?:all )?(?:(?:real )?(?:numbers|values)(?: of)?|reals?)?(?: ?[A-Za-z])?,?"
    r" (?:with|such that|for which|where|satisfying) (.+[<>≤≥].+)"
    r"|.*\b(?:numbers|values|reals) ([<>]=? ?-?\d\S*)",
    re.I,
)
"""`all real numbers x with x > 3`."""
_PROVIDED = re.compile(
    r",?\s*\(?(?:,\s*|\(\s*|\b(?:for|where|if|when|with|provided|assuming)\b\s*)+(?:that\s+|all\s+)?"
    r"([A-Za-z])\s*(?:[<>]=?|!=|is not)\s*-?[\w./]+\s*\)?$"
)
"""Where a formula holds: `x - 3, for x != -3`."""
_BOUNDED = re.compile(r"[<>=]|is not")
_OUTWARD = re.compile(r"([\[\]])([^\[\]()]+[,;][^\[\]()]+)([\[\]])")
"""`]-2, 8]`, which excludes -2."""
_OPEN, _CLOSE = "([{", ")]}"
_UNIT_AT_END = re.compile(rf"(?<=[\w)] )(?:{PHRASE.pattern})$(?<=\w\w)")
_SPELLS = re.compile(r"[A-Za-z]{3}|[A-Z]?[a-z]{2}")
"""Letters side by side that are rather a short word: `cat`, `red`."""


_HYPHEN = re.compile(r"(?<=[^\W\d_]{2})-(?=\w)|(?<=\w)-(?=[^\W\d_]{2})")
_SYMBOLIC = re.compile(r"[\d=<>^*/+|%±≈∪∩-]")
_PUNCTUATION = re.compile(r"[^\w\s']|(?<!\w)'|'(?!\w)")
_INFINITE = Formula(("v", "inf"), "inf")
_NEGATIVE_INFINITE = Formula(("neg", ("v", "inf")), "-inf")
_UNITS = re.compile(r"(?<=[\d)i]) (?:(?:square|sq\.?|cubic) )?units?$", re.I)
"""What stands for whatever unit there is."""


def bare(text: str) -> str:
    """A plain text without dress at its ends, and without `the answer is` before it."""
    text = _stripped(text)
    if text.endswith(("t", "s", "T", "S")) and (unit_ := _UNITS.search(text)):
        text = _stripped(text[: unit_.start()])
    said = _SAID.match(text) if len(text) < 400 else None
    return _stripped(text[said.end() :]) if said else text


def _stripped(text: str) -> str:
    text = text.rstrip(_DRESS).lstrip(_DRESS_BEFORE)
    return text if _DECIMAL.match(text) else text.lstrip(_DRESS)


@lru_cache(maxsize=8192)
def read(text: str, depth: int = 0) -> Value:
    """The value that a plain, bare text is as a whole; words where it is nothing else."""
    text = text.strip(" \t\n")
    if len(text) > 2000 or depth > 3:
        return folded(text)
    provided = _PROVIDED.search(text) if depth == 0 and _BOUNDED.search(text) else None
    if provided and not _BOUNDED.search(text, 0, provided.start()):
        value = read(text[: provided.start()], 1)
        if isinstance(value, Formula) and provided[1] in formulas.names(value.tree):
            return value
    return (
        _moment(text)
        or _number(text)
        or _items(text, depth + 1)
        or _related(text, depth + 1)
        or _formula(text)
        or folded(text)
    )


def folded(text: str) -> Words:
    """`text` as words: small letters, no article before it; no punctuation, unless it has figures or
    signs, of which each counts."""
    text = _HYPHEN.sub(" ", text.casefold())
    kept = text.strip(" .,;:") if _SYMBOLIC.search(text) else _PUNCTUATION.sub(" ", text)
    words = kept.split()
    articled = words[:1] in (["the"], ["a"], ["an"]) and len(words) > 1
    return Words(" ".join(words[1:] if articled else words))


def _moment(text: str) -> Moment | None:
    for start, end, moment in moments(text)[:1]:
        if re.fullmatch(r"(?:on|at|the|by)?\s*", text[:start], re.I) and not text[end:].strip(" ."):
            return moment
    return None


def _number(text: str) -> Number | None:
    """The number that `text` is, with a unit or the name of a thing after it: `18 red apples`."""
    text = _SPACED.sub(lambda m: m[0].replace(" ", ""), text)
    spans = numbers(text) if text[-1:].isalnum() or text[-1:] in tuple("%)\"'." + MONEY) else ()
    if not spans or spans[0].start or any(s.start >= spans[0].end for s in spans):
        return None
    span = spans[0]
    tail = text[span.end :]
    if not tail.strip(" .)\"'"):
        return span.number
    if known := unit(tail.strip()):
        return replace(span.number, unit=known)
    nouns = re.findall(r"[a-z]+", tail.lower())
    if not _THING.fullmatch(tail) or span.loose or span.form == "ordinal" or not nouns:
        return None
    names = _CHANGING.isdisjoint(nouns) and nouns[0] not in formulas.FUNCTIONS
    return span.number if names and len(nouns[0]) > 1 + tail[0].isalpha() else None


def split(text: str) -> tuple[str, list[str]]:
    """Brackets and parts of `[1, 2)`, at the top level; no parts where there is but one."""
    brackets, inner = "", text
    if text[:1] in _OPEN and text[-1:] in _CLOSE and min(_depths(text)[:-1], default=0) > 0:
        brackets, inner = text[0] + text[-1], text[1:-1]
    depths = _depths(inner)
    cuts = [m.span() for m in _SEPARATOR.finditer(inner) if depths[m.start()] == 0]
    edges = zip((0, *(end for _, end in cuts)), (*(at for at, _ in cuts), len(inner)), strict=True)
    parts = [inner[start:end].strip() for start, end in edges]
    if brackets != "()":
        parts = [re.sub(r"^(?:and|or)\s+", "", part) for part in parts]
    parts = [part for part in parts if part] if brackets in ("", "{}") else parts
    several = len(parts) > 1 or brackets == "{}"
    whole = depths[-1:] in ([], [0]) and all(parts) and several and len(parts) <= 200
    return (brackets, parts) if whole else ("", [])


def _depths(text: str) -> list[int]:
    """In how many brackets each character stands; one that closes stands outside."""
    return list(accumulate((char in _OPEN) - (char in _CLOSE) for char in text))


def _items(text: str, depth: int) -> Items | None:
    sides = [read(s, depth) for s in text.split(" by ")] if 0 < text.count(" by ") < 3 else []
    if sides and all(isinstance(side, Number) for side in sides):
        return Items("by", tuple(sides))
    if ratio := _RATIO.fullmatch(text):
        return Items(":", tuple(read(part, depth) for part in ratio.groups() if part))
    text = _MEMBER.sub("", text)
    if text[:1] == "<" and text[-1:] == ">" and "," in text:
        text = f"({text[1:-1].strip()})"
    if excepted := _EXCEPTED.fullmatch(text):
        value = read(NAME.sub("", excepted[1].strip("{}() "), count=1), depth)
        return _without(value) if isinstance(value, Number | Formula) else None
    if builder := _BUILDER.fullmatch(text):
        inner = read(builder[1].strip(), depth)
        return inner if isinstance(inner, Items) else None
    if bounded := _ALL.fullmatch(text):
        inner = read(bounded[1].strip() if bounded[1] else f"x {bounded[2]}", depth)
        return inner if isinstance(inner, Items) else None
    if text[:1] in "[]" and (outward := _OUTWARD.fullmatch(text)):
        text = ("(["[outward[1] == "["]) + outward[2] + (")]"[outward[3] == "]"])
    if text.startswith("matrix["):
        rows = [(split(row)[1] or [row.strip("[]")]) for row in split(text[6:])[1] or [text[7:-1]]]
        return Items("matrix", tuple(Items("[]", tuple(read(c, depth) for c in r)) for r in rows))
    if " ∪ " in text or (re.search(r"\bor\b", text) and re.search(r"[<>]", text)):
        parts = re.split(r"∪|\bor\b|,(?=\s*[a-z]\s*[<>])", text)
        pieces = [read(part.strip(), depth) for part in parts if part.strip()]
        if len(pieces) > 1 and all(isinstance(p, Items) for p in pieces):
            return Items("∪", tuple(pieces))
    if "±" in text:
        text = NAME.sub("", text, count=1)
        sides = [read(bare(text.replace("±", sign)), depth) for sign in ("+", "-")]
        if all(isinstance(side, Number | Formula) for side in sides):
            return Items("", tuple(sides))
    if text in ("{}", "∅") or _NONE.fullmatch(text):
        return Items("{}", ())
    if re.search(r"[<>]", text) and (common := _common(text, depth)):
        return common
    brackets, parts = split(text)
    if not parts:
        return None
    if "±" in text:
        signs = (("+", "-") if "±" in part else ("",) for part in parts)
        parts = [
            bare(p.replace("±", s)) for p, both in zip(parts, signs, strict=True) for s in both
        ]
    if brackets == "[]" and all(part[:1] == "[" for part in parts):
        brackets = "matrix"
    names = tuple(m[0].rstrip("= ") if (m := NAME.match(part)) else "" for part in parts)
    named = all(names)
    values = tuple(read(NAME.sub("", p, count=1).strip() if named else p, depth) for p in parts)
    if not brackets and not _listable(values, parts):
        return None
    return Items(brackets, values, names if named else ())


def _common(text: str, depth: int) -> Items | None:
    """`x > -2 and x < 8` as the interval that both bounds of one letter leave."""
    parts = re.split(r"\s+and\s+|,\s*(?=[A-Za-z]\s*[<>])", text)
    if len(parts) != 2 or len(set(re.findall(r"(?<!\w)[A-Za-z](?!\w)", text))) != 1:
        return None
    bounds = [read(part.strip(), depth) for part in parts]
    below = [b for b in bounds if isinstance(b, Items) and b.items[-1] == _INFINITE]
    above = [b for b in bounds if isinstance(b, Items) and b.items[0] == _NEGATIVE_INFINITE]
    if len(below) != 1 or len(above) != 1:
        return None
    brackets = below[0].brackets[0] + above[0].brackets[1]
    return Items(brackets, (below[0].items[0], above[0].items[1]), below[0].names)


def _without(value: Value, names: tuple[str, ...] = ()) -> Items:
    """All numbers but one: `x != 2`."""
    below, above = (_NEGATIVE_INFINITE, value), (value, _INFINITE)
    return Items("∪", (Items("()", below, names), Items("()", above, names)))


def _listable(values: tuple[Value, ...], parts: list[str]) -> bool:
    """Whether parts without brackets are a list, and not a sentence with commas."""
    if any(isinstance(value, Words) for value in values):
        return all(len(part.split()) <= 3 and not part.startswith("not ") for part in parts)
    return not any(isinstance(value, Items) and value.brackets == "" for value in values)


def _related(text: str, depth: int) -> Value | None:
    """`x > 5` and `0 < x <= 1` as intervals; equations and other inequalities as they are."""
    if "∈" in text and (inner := _MEMBER.sub("", text)) != text:
        return read(inner, depth)
    if "=" in text and not re.search(r"[<>!]", text):
        sides = [read(side.strip(), depth) for side in text.split("=") if side.strip()]
        if len(sides) != 2 or text.count("=") != 1:
            return None
        prose = isinstance(sides[0], Words) and " " in sides[0].text
        return None if prose else Relation("=", *sides)
    bound = _BOUND.match(text) if re.search(r"[<>]|!=", text) else None
    if not bound:
        return None
    parts = [part for part in (bound[1], bound[3], bound[5]) if part]
    values = [read(part, depth) for part in parts]
    signs = [sign for sign in (bound[2], bound[4]) if sign]
    if any(isinstance(value, Words) for value in values) or len({sign[0] for sign in signs}) > 1:
        return None
    if signs[0] == "!=":
        if len(values) == 2 and _LETTER.fullmatch(parts[0]):
            return _without(values[1], (parts[0],))
        return Relation("!=", *values) if len(values) == 2 else None
    if len(parts) == 2 and (letter := _ABSOLUTE.fullmatch(parts[0])):
        either = f"{letter[1]} {signs[0]} {parts[1]}"
        other = f"{letter[1]} {signs[0].translate(_TURNED)} -{parts[1]}"
        return read(f"{either} {'and' if signs[0][0] == '<' else 'or'} {other}", depth)
    if signs[0][0] == ">":
        parts, values, signs = parts[::-1], values[::-1], signs[::-1]
    closed = ["=" in sign for sign in signs]
    names = tuple(part for part in parts if _LETTER.fullmatch(part))
    if len(values) == 3 and all(isinstance(value, Number) for value in values):
        return Items("", tuple(values))  # 1/4 < 1/2 < 3/4
    if len(values) == 3:
        values.pop(1)
    elif _LETTER.fullmatch(parts[0]):
        values[0], closed = _NEGATIVE_INFINITE, [False, *closed]
    elif _LETTER.fullmatch(parts[1]):
        values[1], closed = _INFINITE, [*closed, False]
    else:
        return Relation(signs[0], *values)
    return Items(("[" if closed[0] else "(") + ("]" if closed[1] else ")"), tuple(values), names)


def _formula(text: str) -> Formula | Number | None:
    """The formula that `text` is, a known unit after it left out."""
    if not re.search(r"[\d+*/^!()|-]|\b(?:pi|inf(?:inity)?|sqrt|[a-zA-Z])\b", text):
        return None
    m = _UNIT_AT_END.search(text) if " " in text else None
    tree = formulas.parse(text[: m.start()]) if m and unit(m[0]) else None
    tree = tree or formulas.parse(text)
    if tree is None or (tree[0] == "*" and _SPELLS.fullmatch(text)):
        return None
    return evaluation.value(tree, text)
