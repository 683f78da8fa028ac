"""A toy world: problems whose answer is a digit for each of three to six names.

    family a    Market 417 times 83, from ann to dan.     ->  ann three bob seven cid one dan nine
    family b    Train 593 reversed plus 47, from red to tan.    other names, another program
    family c    underspecified and easy: one digit is revealed per turn; only listening solves it

No model of this size can compute a or b, and no problem repeats, so nothing can be memorised: a
student that solves one has listened. A remark is about one wrong digit. With L digits a listener
needs about L turns, so longer answers keep improving beyond the horizon of the training.

Digits come with names, because applying a remark then means looking up a name, which three layers
learn in minutes. With bare digits it means counting, which they do not learn.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from tutelage import seeds
from tutelage.corpora.problem import answer, make
from tutelage.corpora.row import Corpus, Row
from tutelage.errors import CorpusError
from tutelage.records import Dialogue, Problem, Reply, Request
from tutelage.settings import Player, Settings

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NAMES = {
    "a": ("ann", "bob", "cid", "dan", "eve", "fay"),
    "b": ("red", "blue", "tan", "grey", "gold", "pink"),
    "c": ("cat", "dog", "hen", "owl", "pig", "ram"),
}
"""Family -> the names that its answers assign digits to, in this order."""
SHORTEST, LONGEST = 3, 6

WORDINGS = {
    "usual": ("No, make {name} {digit}.", "Look again, with {name} {digit}."),
    "held-out": ("Better {name} {digit}.",),
}
"""Wordings of a remark about one name. Pretraining uses all, trainings only the usual ones."""
HELD_OUT_SHARE = 5
"""One problem in this many is held out."""
LIE_RATE = 0.2


@dataclass(frozen=True, slots=True)
class Task:
    """A problem, not yet in the form of a corpus."""

    family: str
    statement: str
    digits: tuple[str, ...]
    shards: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the answer."""
        return NAMES[self.family][: len(self.digits)]

    @property
    def gold(self) -> str:
        """The final answer."""
        return answer_text(dict(zip(self.names, self.digits, strict=True)))

    @property
    def is_held_out(self) -> bool:
        """Whether it is for evaluation. Needs a good hash: with a linear one the two sides differ."""
        return seeds.seed("toy-split", self.statement, *self.shards) % HELD_OUT_SHARE == 0


def answer_text(digits: Mapping[str, str]) -> str:
    """The answer's text for digits by name.

    >>> answer_text({"ann": "three", "bob": "seven"})
    'ann three bob seven'
    """
    return " ".join(f"{name} {digit}" for name, digit in digits.items())


def digits_by_name(text: str) -> dict[str, str]:
    """Parses digits by name in an answer; skips anything else.

    >>> digits_by_name("ann three bob seven seven")
    {'ann': 'three', 'bob': 'seven'}
    """
    words = text.replace(".", " ").replace(",", " ").split()
    pairs = pairwise(words)
    return {name: digit for name, digit in pairs if digit in DIGITS and name not in DIGITS}


def draw(family: str, length: int, source: random.Random) -> Task:
    """Draws one task of a family."""
    last = NAMES[family][length - 1]
    span = f"from {NAMES[family][0]} to {last}"
    if family == "a":
        left, right = source.randint(100, 999), source.randint(10, 99)
        value = left * right * 7919
        return Task(family, f"Market {left} times {right}, {span}.", _digits(value, length))
    if family == "b":
        start, addend = source.randint(100, 999), source.randint(10, 99)
        value = (int(str(start)[::-1]) + addend) * 104729
        text = f"Train {start} reversed plus {addend}, {span}."
        return Task(family, text, _digits(value, length))
    digits = tuple(source.choice(DIGITS) for _ in range(length))
    pieces = [f"Make {name} {digit}." for name, digit in zip(NAMES["c"], digits, strict=False)]
    opening = f"Write the list {span}."
    return Task(family, " ".join([opening, *pieces]), digits, (opening, *pieces))


def _digits(value: int, length: int) -> tuple[str, ...]:
    return tuple(DIGITS[value // 10**place % 10] for place in range(1, length + 1))


@dataclass(frozen=True, slots=True)
class Toy:
    """`tutelage.replicate.world:Toy?family=a&size=1000&seed=0&side=train&lengths=3-6`."""

    spec: str
    family: str
    size: int
    seed: int
    side: str
    """`train`, or `test` for held-out problems."""
    shortest: int
    longest: int
    makes: ClassVar[str] = "problems of the toy world"
    known: ClassVar[tuple[str, ...]] = ("family", "size", "seed", "side", "lengths")

    @property
    def name(self) -> str:
        """Source of its problems."""
        return f"toy-{self.family}"

    @classmethod
    def open(cls, spec: str, argument: str, options: Mapping[str, str]) -> Corpus:
        """The corpus of a spec.

        Raises:
            CorpusError: an option is unknown or out of range.
        """
        if unknown := [key for key in options if key not in cls.known]:
            raise CorpusError(f"{spec!r}: no option {unknown[0]!r}; known are {cls.known}")
        family, side = options.get("family", "a"), options.get("side", "train")
        low, _, high = options.get("lengths", f"{SHORTEST}-{LONGEST}").partition("-")
        numbers = [options.get("size", "1000"), options.get("seed", "0"), low, high or low]
        if (
            family not in NAMES
            or side not in ("train", "test")
            or not all(number.isdecimal() for number in numbers)
        ):
            raise CorpusError(
                f"{spec!r}: wanted family a, b or c, side train or test, and whole numbers"
            )
        size, seed, shortest, longest = map(int, numbers)
        if not 1 <= shortest <= longest <= LONGEST:
            raise CorpusError(f"{spec!r}: lengths go from 1 to {LONGEST}, got {low}-{high or low}")
        return cls(spec, family, size, seed, side, shortest, longest)

    def rows(self, part: int = 0, parts: int = 1) -> Iterator[Row]:
        """See `Corpus`. Lengths rotate, so that all are equally frequent at every size."""
        source, index, seen = random.Random(seeds.seed("toy", self.family, self.seed)), 0, set()
        while index < self.size:
            length = self.shortest + index % (self.longest - self.shortest + 1)
            task = draw(self.family, length, source)
            if task.is_held_out == (self.side == "train") or task.statement in seen:
                continue
            seen.add(task.statement)
            if index % parts == part:
                yield Row(self.spec, index, problem(task, self.side))
            index += 1


def problem(task: Task, side: str = "train") -> Problem:
    """The task as a problem of the pipeline."""
    return make(
        source=f"toy-{task.family}",
        domain="reasoning",
        licence="Apache-2.0",
        statement=task.statement,
        gold=answer(task.gold),
        solution=f"The answer is {task.gold}.",
        split=side,
        hint_shards=task.shards,
    )


class Teacher:
    """An oracle that remarks on one wrong digit per turn, and never gives the whole answer.

    Under the arm `blind` it knows nothing and guesses the digit.
    """

    wording = "usual"
    lie_rate = 0.0

    def __init__(self, player: Player, settings: Settings) -> None:
        """Needs neither argument."""

    @property
    def capacity(self) -> int:
        """Zero: it answers instantly, so no request is ever in flight."""
        return 0

    async def reply(self, request: Request) -> Reply:
        """A remark on the newest attempt, or after a question on the last answer."""
        dialogue = request.dialogue
        source = random.Random(request.seed)
        gold = digits_by_name(dialogue.problem.gold.value)
        answered = digits_by_name(_last_answer(dialogue))
        wrong = [name for name in gold if answered.get(name) != gold[name]] or list(gold)
        name = source.choice(wrong)
        digit = gold[name]
        if dialogue.rules.arm == "blind":
            name, digit = source.choice(list(gold)), source.choice(DIGITS)
        elif source.random() < self.lie_rate:
            digit = source.choice([other for other in DIGITS if other != digit])
        words = source.choice(WORDINGS[self.wording]).format(name=name, digit=digit)
        return Reply(words, form="pinpoint")

    def gauges(self) -> Mapping[str, float]:
        """No metrics."""
        return {}

    def close(self) -> None:
        """Holds no resources."""


class Liar(Teacher):
    """Gives a wrong digit one time in five."""

    lie_rate = LIE_RATE


class OtherWords(Teacher):
    """Remarks in a wording that no training has used."""

    wording = "held-out"


def _last_answer(dialogue: Dialogue) -> str:
    verdicts = (message.verdict for message in reversed(dialogue.messages))
    return next((verdict.extracted for verdict in verdicts if verdict and verdict.extracted), "")
