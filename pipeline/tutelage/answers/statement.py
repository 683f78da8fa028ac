"""What the statement of a problem asks, which options it offers, which numbers and units it names."""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

from tutelage.answers.numbers import numbers
from tutelage.answers.plain import plain
from tutelage.answers.tables import words
from tutelage.answers.units import PHRASE, Unit, named, unit


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, read once."""

    text: str = ""
    """Plain."""
    question: str = ""
    """The sentence that asks, in small letters, without the options below it."""
    options: tuple[tuple[str, str], ...] = ()
    """Each letter of a multiple choice with what stands beside it: `("A", "Mars")`."""
    counted: frozenset[str] = frozenset()
    """What it asks the number of, without a plural's s: `egg` for "How many eggs are left?"."""
    sought: frozenset[str] = frozenset()
    """Words for what it asks: `average`, `score`, and those that any answer has."""
    units: frozenset[Unit] = frozenset()
    """Those that it names."""
    asked: frozenset[Unit] = frozenset()
    """Those that the answer is asked for in: "in km/h", "how many minutes"."""

    def option(self, letter: str) -> str:
        """What stands beside a letter; empty where there is no such option."""
        return dict(self.options).get(letter, "")


_OPTION = re.compile(r"(?:^|(?<=[\s(]))\(?(?:([A-J])[).:]|([a-j])\))\s*(?=\S)", re.M)
_COUNTED = re.compile(r"\b(?:how\s+many|number\s+of)\s+((?:[a-z-]+\s+){1,4})")
_ASKED = re.compile(
    rf"\b(?:in|how\s+many)\s+(?:(?:whole|full|total|more|extra|additional)\s+)?({PHRASE.pattern})"
)
_SOUGHT = re.compile(
    r"\b(?:(?:what|which)(?:'s|\s+(?:is|are|was|were|(?:will|would|must)\s+be))?|find|determine|compute|"
    r"calculate|evaluate|give|state|name|who\s+is|how\s+(?:many|much))\s+"
    r"(?:(?:the|her|his|its|their|an?)\s+)?((?:[a-z'-]+\s*){1,4})"
)
_ENDS_NAME, _ANY, _NO_THING = words("ends_name"), words("any_answer"), words("no_thing")
_ACTS = (
    (r"\bint|evaluate", "integral"),
    (r"differentiat|deriv", "derivative"),
    (r"\bsum|total|altogether|in all", "sum"),
    (r"solve|solution|root", "root"),
    (r"product", "product"),
)
_END = re.compile(r"(?<=[.?!])\s+|\n")


def _options(text: str) -> tuple[dict[str, str], int]:
    """The options, and where they begin."""
    marks = list(_OPTION.finditer(text))
    letters = [(m[1] or m[2]).upper() for m in marks]
    start = letters.index("A") if "A" in letters else len(marks)
    offered: dict[str, str] = {}
    for at in range(start, len(marks)):
        if ord(letters[at]) - ord("A") != len(offered):
            break
        end = marks[at + 1].start() if at + 1 < len(marks) else len(text)
        line = text[marks[at].end() : end].strip().split("\n")[0]
        offered[letters[at]] = line.strip().rstrip(".,;(").strip()
    return (offered, marks[start].start()) if len(offered) > 1 else ({}, len(text))


def _nouns(phrase: str) -> list[str]:
    own = takewhile(lambda word: word not in _ENDS_NAME, phrase.split())
    return [word.removesuffix("s") for word in own]


@lru_cache(maxsize=2048)
def statement(text: str) -> Statement:
    """`text`, as it was written, read."""
    text = plain(text)
    options, begin = _options(text)
    sentences = [part.strip() for part in _END.split(text[:begin]) if part.strip()]
    asking = [part for part in sentences if part.endswith("?")]
    question = (asking or sentences or [""])[-1].lower()
    counted = frozenset(n for m in _COUNTED.finditer(question + " ") for n in _nouns(m[1]))
    if not counted and "how many" in question:
        ends = (re.match(r"[\s-]*([a-zA-Z]+)", text[s.end : s.end + 40]) for s in numbers(text))
        nouns = {m[1].lower().removesuffix("s") for m in ends if m}
        counted = frozenset(noun for noun in nouns if len(noun) > 2) - _NO_THING
    sought = {noun for m in _SOUGHT.finditer(question) for noun in _nouns(m[1])}
    sought |= {"number", "amount"} if re.search(r"how (?:many|much)|number of", question) else set()
    sought |= {noun for verb, noun in _ACTS if re.search(verb, question)}
    units = named(text)
    asked = frozenset(u for m in _ASKED.finditer(question) if (u := unit(m[1])))
    return Statement(text, question, tuple(options.items()), counted, _ANY | sought, units, asked)
