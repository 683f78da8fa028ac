"""One message under examination: what it says, what the answer is, and what everybody knew before."""

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from tutelage.answers.equality import difference, rounds, squeezed
from tutelage.answers.evaluation import equal, in_radians, radians, real
from tutelage.answers.gold import Answer, compare
from tutelage.answers.numbers import numbers
from tutelage.answers.numerals import CARDINALS, NUMERALS, PARTS
from tutelage.answers.stance import Stance, stance
from tutelage.answers.statement import Statement
from tutelage.answers.tables import outermost, vocabulary, words
from tutelage.answers.values import Formula, Number, Value
from tutelage.records import Leak

CLEAN = Leak()
_CALCULATED = (Number, Formula)
_ANYWHERE = Statement("?")
"""Asks for no unit, so that any will do."""


_HUNDREDTHS = words("% cent cents percent percentage pct")
_NOTATION = NUMERALS | _HUNDREDTHS | words("^ _ e k bn")
"""With one of these a message may have numbers that no figures in it are."""
_ALONE = {word: float(number) for word, number in CARDINALS.items() if number < 10}
_ALONE |= {word: round(1 / number, 9) for word, number in PARTS.items()}
"""What such a word is where it is the only one."""


def _sizes(words: frozenset[str]) -> frozenset[float] | None:
    """What the numbers of a message may be, to nine decimals and without their signs; None where
    only reading tells."""
    figures = [word for word in words if word[-1].isdigit()]
    every = {round(float(figure.replace(",", "")), 9) for figure in figures}
    every |= {float(f.replace(",", ".")) for f in figures if f.count(",") == 1 and "." not in f}
    if notation := words & _NOTATION:
        word = min(notation)
        if len(notation) > 1 or (word not in _ALONE and word not in _HUNDREDTHS):
            return None
        every |= {_ALONE[word]} if word in _ALONE else {round(size / 100, 9) for size in every}
    return frozenset(every)


_IMPLYING = words("double twice squared cubed |")
_IMPLIED, NONE = frozenset({1.0, 2.0, 3.0}), frozenset[float]()
"""Numbers in an operation that such words imply."""


@lru_cache(maxsize=4096)
def values(*texts: str) -> frozenset[Fraction]:
    """The numbers that plain texts name; of 50 % also one half."""
    every = [s.number for text in texts for s in numbers(text, True)]
    shares = (n.value / 100 for n in every if n.percent)
    return frozenset((*(n.value for n in every if not n.ordinal), *shares))


@dataclass(slots=True)
class Case:
    """What every rule is given."""

    answer: Answer
    """The gold."""
    text: str
    """The message, plain."""
    raw: str
    """The message as it was written."""
    turns: tuple[str, ...]
    """The student's own messages, plain, oldest first."""
    block: bool
    """Whether an expression that comes to the answer leaks even where it is only to be worked out."""
    gold: Value = field(init=False)
    """The gold's value."""
    public: tuple[str, ...] = field(init=False)
    """What may be said again. The teacher's earlier messages may not."""
    words: frozenset[str] = field(init=False)
    """The message's words, figures and signs."""

    sizes: frozenset[float] | None = field(init=False)
    """What its numbers may be, their signs left out; None where only reading tells."""

    def __post_init__(self) -> None:
        self.gold = self.answer.result
        self.public = (self.answer.statement.text, *self.turns)
        self.words = vocabulary(self.text)
        self.sizes = _sizes(self.words) if self.answer.number is not None else None

    def may_state(self) -> bool:
        """Whether a number in the message may be the gold's."""
        if self.sizes is None:
            return True
        return self.answer.size in self.sizes if self.answer.counts else bool(self.sizes)

    def operands(self) -> frozenset[float]:
        """What the message's numbers may be, their signs left out, to nine decimals."""
        if self.sizes is not None:
            return self.sizes
        return frozenset(round(abs(float(n)), 9) for n in values(self.text) if abs(n) < 10**300)

    def may_come_to(self) -> bool:
        """Whether one operation on the message's numbers may come to the gold's."""
        implied = _IMPLIED if not self.words.isdisjoint(_IMPLYING) else NONE
        w, named = self.answer.size, (self.operands() | implied) - {0.0}
        results = [x for a in named for x in (w - a, a - w, w + a, w * a, w / a)]
        if not (w.is_integer() and all(map(float.is_integer, named))):
            results = [round(x, 9) for x in results]
        return w > 10**15 or not named.isdisjoint(results)

    @property
    def known(self) -> frozenset[Fraction]:
        """The numbers in what is public."""
        return values(*self.public)

    @property
    def last_number(self) -> Fraction | None:
        """The number that the student gave last."""
        spans = numbers(self.turns[-1]) if self.turns else ()
        return spans[-1].number.value if spans else None

    def is_answer(self, text: str, value: Value) -> bool:
        """Whether a value is the gold: as the verifier has it; a number in any unit, or rounded."""
        gold = self.gold
        if isinstance(value, Number) and isinstance(gold, _CALCULATED):
            return self._same_number(gold, value) or _rounded(gold, value)
        if isinstance(gold, Number) and isinstance(value, Formula):
            angle = radians(gold) if in_radians(value) else gold
            tree = angle.tree if isinstance(angle, Formula) else ("n", gold.value)
            return equal(tree, value.tree) is True
        return compare(self.answer, text, value) == ""

    def _same_number(self, gold: Number | Formula, value: Number) -> bool:
        bare = isinstance(gold, Number) and not (gold.unit or gold.percent)
        if isinstance(gold, Number) and bare and not (value.unit or value.percent):
            same = (gold.base, gold.ordinal) == (value.base, value.ordinal)
            return same and gold.value == value.value
        if difference(gold, value, _ANYWHERE) == "":
            return True
        kept = [replace(value, unit=None)] if value.unit else []
        if value.unit and value.unit.name == "cent":
            kept.append(replace(kept[0], value=value.value / 100))
        return any(difference(gold, other, _ANYWHERE) == "" for other in kept)

    def stance(self, start: int, end: int, text: str = "") -> Stance:
        """What the message, or another text, does with one of its spans."""
        return stance(text or self.text, start, end, self.answer.names)

    def weighs(self, start: int, end: int, public: bool, least: Stance = Stance.COUNTED) -> bool:
        """Whether the gold leaks where it stands: put as the answer, or new and said with `least`."""
        how = self.stance(start, end)
        return how is Stance.ANSWER or (not public and how >= least)

    def shown(self, literal: str) -> bool:
        """Whether something written in symbols stands in what is public."""
        return any(literal in squeezed(text) for text in self.public)

    def leak(self, kind: str, start: int, end: int) -> Leak:
        """A leak whose evidence is the span and a few words on either side."""
        return Leak(kind, evidence=" ".join(self.text[max(0, start - 24) : end + 16].split()))


def _rounded(gold: Formula | Number, value: Number) -> bool:
    """Whether a number with decimals is a rounded form of the gold, in three digits or more."""
    if value.places < 1:
        return False
    exactly = gold.value if isinstance(gold, Number) else real(gold.tree)
    return rounds(exactly and exactly * 100 if value.percent else exactly, value, 3)


def written(wanted: str, text: str) -> list[tuple[int, int]]:
    """Where one text stands in another as it is written, whatever stands between words."""
    begins = wanted[:3] if wanted[:3].isalnum() else wanted[:1]
    if begins.lower() not in text.lower():
        return []
    return [
        m.span()
        for m in outermost(_written(wanted.lower() if len(wanted) > 1 else wanted).finditer(text))
    ]


@lru_cache(maxsize=2048)
def _written(text: str) -> re.Pattern[str]:
    """Finds a text as it is written; `Feb.` for `February`, too."""
    tokens = re.findall(r"\w+|[^\w\s]", text)[:80] or [""]
    body = "".join(
        re.escape(token) + (r"[\W_]+" if token.isalnum() and after.isalnum() else r"[\s$]*")
        for token, after in pairwise(tokens)
    ) + re.escape(tokens[-1])
    if re.fullmatch(r"\w+(?:day|ber|uary|il|ust)", text.lower()) and len(text) > 5:
        body = rf"(?:{body}|{text[:3]}\.)"
    begin = r"(?<![\w.])" if tokens[0].isalnum() else ""
    return re.compile(begin + body + r"(?:'?s)?(?!'?\w|[.,]\d)", re.I * (len(text) > 1))


@lru_cache(maxsize=2048)
def words_of(text: str) -> str:
    """The words of `text` in lower case with single spaces between."""
    return " ".join(re.findall(r"\w+", text.lower()))
