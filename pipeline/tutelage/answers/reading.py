"""What a short text is as a whole: `read("2 kg 300 g")`, `read("(1, 2)")`, `read("x = 1 or x =
2")`.

For a text that is one answer: what stands in a box, after "the answer is", or in a gold. How an
answer is found in a message is in `final`.
"""

import json
import re
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from tutelage.answers import formulas
from tutelage.answers.numbers import moments, numbers
from tutelage.answers.plain import BOX, BOX_END, plain
from tutelage.answers.tables import words
from tutelage.answers.units import PHRASE, unit
from tutelage.answers.values import Formula, Items, Moment, Number, Relation, Value, Words

_DRESS = " \t\n\"'.,;:*_" + BOX + BOX_END
_DECIMAL = re.compile(r"\.\d")
_ABOUT = re.compile(
    r"^(?:≈|~|about|approximately|approx\.?|roughly|exactly|just|only|equals?|is|=|a total of"
    r"|on|at|the)\s*(?=[\d$€£+-]|\.\d)", re.I)  # fmt: skip
_SAID = re.compile(
    r"^(?:(?:so|thus|therefore|hence),?\s+)?(?:the\s+|my\s+)?(?:final\s+|correct\s+)?(?:answer|result|solution)"
    r"\s*(?:is|:|=|equals)+\s*:?\s*", re.I)  # fmt: skip
NAME = re.compile(
    r"(?:(?:angle|triangle)\s*)?(?:[A-Za-z]{1,3}'?(?:_\(?\w+\)?)?(?:\(\w+\))?|[a-z]+)\s*=(?![=<>])\s*"
)
"""What stands before a value that has a name: `x = `, `f(2) = `, `AB = `."""
_MEMBER = re.compile(r"^[A-Za-z](?:_\w+)?\s*∈\s*")
_CHANGING = words(
    """or and to vs versus plus minus times over by divided multiplied than not nor but either
    maybe perhaps point half halves third thirds fourth fourths fifth fifths tenth tenths
    squared cubed factorial pi sqrt root log ln exp sin cos tan infinity inf mod choose is are x
    y z equals equal dozen each apiece hundred thousand million billion"""
)
"""Words that change the number before them, or begin something else, and so name no thing."""
_THING = re.compile(r"[\s-]*[A-Za-z][A-Za-z.'/-]*(?: [A-Za-z(][A-Za-z.'/()-]*){0,7}\.?")
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*(?::|\bto\b)\s*(\d+(?:\.\d+)?)(?:\s*:\s*(\d+(?:\.\d+)?))?")
_SEPARATOR = re.compile(r"[,;](?!\d{3}(?!\d))|\s(?:and|or)\s|\n")
_BOUND = re.compile(r"^(.+?)\s*(<=|>=|<|>|!=)\s*(.+?)(?:\s*(<=|>=|<|>)\s*(.+))?$", re.S)
_OPEN, _CLOSE = "([{", ")]}"


def bare(text: str) -> str:
    """A plain text without dress at its ends, and without `the answer is` before it."""
    text = _stripped(text)
    return _stripped(_SAID.sub("", text)) if len(text) < 400 else text


def _stripped(text: str) -> str:
    text = text.rstrip(_DRESS).lstrip(_DRESS.replace(".", ""))
    return text.lstrip("." + _DRESS) if not _DECIMAL.match(text) else text


@lru_cache(maxsize=8192)
def read(text: str) -> Value:
    """The value that `text`, as it was written, is as a whole; words where it is nothing else."""
    return read_plain(bare(plain(_listed(text))))


def _listed(text: str) -> str:
    """A JSON list of texts, `["1", "2"]`, as `1, 2`; anything else as it is."""
    if text.lstrip()[:2] not in ('["', "['"):
        return text
    try:
        items = json.loads(text if '"' in text else text.replace("'", '"'))
    except (ValueError, RecursionError):
        return text
    return ", ".join(items) if items and all(isinstance(item, str) for item in items) else text


@lru_cache(maxsize=8192)
def read_plain(text: str, depth: int = 0) -> Value:
    """`read` for a text that is plain and bare."""
    text = text.strip(" \t\n")
    if len(text) > 2000 or depth > 3:
        return folded(text)
    return (
        _moment(text)
        or number(text)
        or _items(text, depth)
        or _related(text, depth)
        or formula(text)
        or folded(text)
    )


def folded(text: str) -> Words:
    """`text` as words: small letters, no punctuation, no article before it."""
    words = re.sub(r"[^\w\s']|(?<!\w)'|'(?!\w)", " ", text.casefold()).split()
    return Words(
        " ".join(words[1:] if words[:1] in (["the"], ["a"], ["an"]) and words[1:] else words)
    )


def _moment(text: str) -> Moment | None:
    found = moments(text)
    if len(found) == 1:
        start, end, moment = found[0]
        if re.fullmatch(r"(?:on|at|the|by)?\s*", text[:start], re.I) and not text[end:].strip(" ."):
            return moment
    return None


def number(text: str) -> Number | None:
    """The number that `text` is, with a unit or the name of a thing after it: `18 red apples`."""
    text = _ABOUT.sub("", text, count=1)
    if not text or (not text[-1].isalnum() and text[-1] not in "%)$€£¥₹\"'."):
        return None
    spans = numbers(text)
    if not spans:
        return None
    span = spans[0]
    others = [s for s in spans if s.start >= span.end]
    if span.start > 0 or others:
        return None
    tail = text[span.end :]
    if tail and tail[0] in MONEY_AFTER and tail[1:].strip() == "":
        return replace(span.number, unit=unit(tail[0]))
    if not tail.strip(" .)") or tail.strip() in ('"', "'"):
        return span.number
    if span.number.percent and not re.match(r"\s", tail):
        return None
    known = unit(tail.strip())
    if known:
        return replace(span.number, unit=known)
    if not _THING.fullmatch(tail) or span.loose or span.form == "ordinal":
        return None
    words = re.findall(r"[a-z]+", tail.lower())
    if (
        any(word in _CHANGING for word in words)
        or len(words[0]) < 2
        or words[0] in formulas.FUNCTIONS
    ):
        return None
    return span.number if len(words[0]) > 2 or not tail[:1].isalpha() else None


MONEY_AFTER = "$€£¥₹"


def split(text: str) -> tuple[str, list[str]]:
    """Brackets and parts of `[1, 2)`; parts at the top level only; no parts where there is but
    one."""
    brackets, inner = "", text
    if text[:1] in _OPEN and text[-1:] in _CLOSE and _closes(text):
        brackets, inner = text[0] + text[-1], text[1:-1]
    parts, depth, start = [], 0, 0
    stops = {m.start(): m.end() for m in _SEPARATOR.finditer(inner)}
    for at, char in enumerate(inner):
        depth += (char in _OPEN) - (char in _CLOSE)
        if at in stops and depth == 0:
            parts.append(inner[start:at].strip())
            start = stops[at]
    parts.append(inner[start:].strip())
    if depth:
        return "", []
    if parts and brackets != "()":
        parts = [re.sub(r"^(?:and|or)\s+", "", part) for part in parts]
    parts = [part for part in parts if part] if brackets in ("", "{}") else parts
    if not all(parts) or (len(parts) < 2 and brackets != "{}") or len(parts) > 200:
        return "", []
    return brackets, parts


def _closes(text: str) -> bool:
    """Whether the bracket that begins the text is closed by the one that ends it."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char in _OPEN) - (char in _CLOSE)
        if depth <= 0:
            return at == len(text) - 1
    return False


def _items(text: str, depth: int) -> Items | None:
    if (ratio := _RATIO.fullmatch(text)) is not None:
        return Items(":", tuple(read_plain(part, depth + 1) for part in ratio.groups() if part))
    text = _MEMBER.sub("", text)
    if text.startswith("matrix["):
        rows = [split(row) for row in split(text[6:])[1] or [text[7:-1]]]
        cells = [
            r[1] or [p.strip("[]")]
            for r, p in zip(rows, split(text[6:])[1] or [text[7:-1]], strict=True)
        ]
        return Items(
            "matrix",
            tuple(Items("[]", tuple(read_plain(c, depth + 1) for c in row)) for row in cells),
        )
    if " ∪ " in text or (re.search(r"\bor\b", text) and re.search(r"[<>]", text)):
        pieces = [
            read_plain(p.strip(), depth + 1)
            for p in re.split(r"∪|\bor\b|,(?=\s*[a-z]\s*[<>])", text)
            if p.strip()
        ]
        if len(pieces) > 1 and all(isinstance(p, Items) for p in pieces):
            return Items("∪", tuple(pieces))
    if "±" in text:
        sides = [read_plain(bare(text.replace("±", sign)), depth + 1) for sign in ("+", "-")]
        if all(isinstance(side, Number | Formula) for side in sides):
            return Items("", tuple(sides))
    if text in ("{}", "∅"):
        return Items("{}", ())
    brackets, parts = split(text)
    if not parts:
        return None
    if brackets in ("[]", "()") and all(p[:1] in "([" for p in parts) and brackets == "[]":
        brackets = "matrix" if all(p[:1] == "[" for p in parts) else brackets
    names = [m[0].rstrip("= ") if (m := NAME.match(part)) else "" for part in parts]
    plain_parts = parts
    if all(names):
        plain_parts = [NAME.sub("", part, count=1).strip() for part in parts]
    values = tuple(read_plain(part, depth + 1) for part in plain_parts)
    if not brackets and not _listable(values, parts):
        return None
    return Items(brackets, values, tuple(names) if all(names) else ())


def _listable(values: tuple[Value, ...], parts: list[str]) -> bool:
    """Whether parts without brackets are a list, and not a sentence with commas."""
    if any(isinstance(value, Words) for value in values):
        return not any(part.startswith("not ") for part in parts) and all(
            len(part.split()) <= 3 for part in parts
        )
    return not any(isinstance(value, Items) and value.brackets == "" for value in values)


def _related(text: str, depth: int) -> Value | None:
    """`x > 5` and `0 < x <= 1` as intervals; equations and other inequalities as they are."""
    if "∈" in text and (inner := _MEMBER.sub("", text)) != text:
        return read_plain(inner, depth + 1)
    if "=" in text and not re.search(r"[<>!]", text):
        sides = [read_plain(side.strip(), depth + 1) for side in text.split("=") if side.strip()]
        if len(sides) != 2 or text.count("=") != 1:
            return None
        prose = isinstance(sides[0], Words) and " " in sides[0].text
        return None if prose else Relation("=", *sides)
    bound = _BOUND.match(text) if re.search(r"[<>]|!=", text) else None
    if not bound:
        return None
    parts = [part for part in (bound[1], bound[3], bound[5]) if part]
    values = [read_plain(part, depth + 1) for part in parts]
    if any(isinstance(value, Words) for value in values):
        return None
    signs = [sign for sign in (bound[2], bound[4]) if sign]
    if {sign[0] for sign in signs} == {">"}:
        parts, values, signs = parts[::-1], values[::-1], signs[::-1]
    elif len({sign[0] for sign in signs}) > 1:
        return None
    if "!=" in signs:
        return Relation("!=", values[0], values[1]) if len(values) == 2 else None
    infinite: tuple[Value, Value] = (
        Formula(("neg", ("v", "inf")), "-inf"),
        Formula(("v", "inf"), "inf"),
    )
    ends = ["=" in sign for sign in signs]
    if len(values) == 3:
        low, high, closed = values[0], values[2], ends
    elif re.fullmatch(r"[A-Za-z](_\w+)?", parts[0]):
        low, high, closed = infinite[0], values[1], [False, *ends]
    elif re.fullmatch(r"[A-Za-z](_\w+)?", parts[1]):
        low, high, closed = values[0], infinite[1], [*ends, False]
    else:
        return Relation("<=" if ends[0] else "<", values[0], values[1])
    return Items(("[" if closed[0] else "(") + ("]" if closed[1] else ")"), (low, high))


def formula(text: str) -> Formula | Number | None:
    """The formula that `text` is, a known unit after it left out."""
    if not re.search(r"[\d+*/^!()|-]|\b(?:pi|inf|sqrt|[a-zA-Z])\b", text):
        return None
    tree = None
    if " " in text and (m := _UNIT_AT_END.search(text)) and unit(m[0]):
        tree = formulas.parse(text[: m.start()])
    tree = tree or formulas.parse(text)
    if tree is None or (tree[0] == "*" and _spells(text)):
        return None
    if tree[0] == "n" or (tree[0] == "neg" and tree[1][0] == "n"):
        return Number(formulas.exact(tree) or Fraction(0))
    return Formula(tree, text)


_UNIT_AT_END = re.compile(rf"(?<=[\w)] )(?:{PHRASE.pattern})$(?<=\w\w)")


def _spells(text: str) -> bool:
    """Whether letters side by side are rather a short word: `cat`, `red`."""
    return re.fullmatch(r"[A-Za-z]{3}|[A-Z]?[a-z]{2}", text) is not None and "=" not in text
