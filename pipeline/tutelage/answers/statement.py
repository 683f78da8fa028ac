"""What the statement of a problem asks, which options it offers, which numbers and units it names."""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import takewhile

from tutelage.answers.numbers import numbers
from tutelage.answers.plain import plain
from tutelage.answers.tables import words
from tutelage.answers.units import PHRASE, Unit, named, unit


@dataclass(frozen=True)
class Statement:
    """A statement. Each of its parts is read when it is first asked for, which most never are."""

    text: str = ""
    """Plain."""

    @cached_property
    def _offer(self) -> tuple[dict[str, str], int]:
        return _options(self.text)

    @property
    def options(self) -> dict[str, str]:
        """What stands beside each letter of a multiple choice: `{"A": "Mars", "B": "Venus"}`."""
        return self._offer[0]

    @cached_property
    def question(self) -> str:
        """The sentence that asks, in small letters, without the options below it."""
        sentences = list(filter(None, map(str.strip, _END.split(self.text[: self._offer[1]]))))
        asking = [part for part in sentences if part.endswith("?")]
        return (asking or sentences or [""])[-1].lower()

    @cached_property
    def counted(self) -> frozenset[str]:
        """What it asks the number of, without a plural's s: `egg` for "How many eggs are left?"."""
        counted = {n for m in _COUNTED.finditer(self.question + " ") for n in _nouns(m[1])}
        if counted or "how many" not in self.question:
            return frozenset(counted)
        text = self.text
        ends = (re.match(r"[\s-]*([a-zA-Z]+)", text[s.end : s.end + 40]) for s in numbers(text))
        nouns = {m[1].lower().removesuffix("s") for m in ends if m}
        return frozenset(noun for noun in nouns if len(noun) > 2) - _NO_THING

    @cached_property
    def sought(self) -> frozenset[str]:
        """Words for what it asks: `average`, `score`, letters, and those that any answer has."""
        sought = {noun for m in _SOUGHT.finditer(self.question) for noun in _nouns(m[1])}
        if re.search(r"how (?:many|much)|number of", self.question):
            sought |= {"number", "amount"}
        unknown = set(_UNKNOWN.findall(self.question))
        if _SOLVES.search(self.question) and len(letters := set(_ALONE.findall(self.text))) == 1:
            unknown |= letters
        return _ANY.union(sought, unknown)

    @cached_property
    def given(self) -> frozenset[Fraction]:
        """The numbers that it names."""
        return frozenset(span.number.value for span in numbers(self.text))

    @cached_property
    def units(self) -> frozenset[Unit]:
        """Those that it names."""
        return named(self.text)

    @cached_property
    def asked(self) -> frozenset[Unit]:
        """Those that the answer is asked for in: "in km/h", "how many minutes"."""
        return frozenset(u for m in _ASKED.finditer(self.question) if (u := unit(m[1])))

    @cached_property
    def others(self) -> frozenset[str]:
        """The names in it, where the question asks about one: all but that one."""
        names = frozenset(_NAMED.findall(self.text)) - _NO_NAMES
        asked = names & {word.capitalize() for word in re.findall(r"\w+", self.question)}
        of_one = len(asked) == 1 and not any(f"{name.lower()}'" in self.question for name in asked)
        return names - asked if of_one else frozenset()


_OPTION = re.compile(r"(?:^|(?<=[\s(]))\(?(?:([A-J])[).:]|([a-j])\))\s*(?=\S)", re.M)
_FIRST = ("A)", "A.", "A:", "a)")
"""Without one of these there are no options."""
_COUNTED = re.compile(r"\b(?:how\s+many|number\s+of)\s+((?:[a-z-]+\s+){1,4})")
_ASKED = re.compile(
    rf"\b(?:in|how\s+many)\s+(?:(?:whole|full|total|more|extra|additional)\s+)?(?!in\b)({PHRASE.pattern})"
)
_SOUGHT = re.compile(
    r"\b(?:(?:what|which)(?:'s|\s+(?:is|are|was|were|(?:will|would|must)\s+be))?|find|determine|compute|"
    r"calculate|evaluate|give|state|name|who\s+is|how\s+(?:many|much))\s+"
    r"(?:(?:the|her|his|its|their|an?)\s+)?((?:[a-z'-]+\s*){1,4})"
)
_SOLVES = re.compile(r"\b(?:solv\w+|solutions?|roots?)\b")
_ALONE = re.compile(r"(?<![A-Za-z'.])[b-z](?![A-Za-z'.])")
_UNKNOWN = re.compile(
    r"(?:\b(?:find|what\s+is|values?\s+of|solve\s+for|determine|compute)\s+"
    r"|(?<![\w.])(?=[a-z]\s*=\s*(?:_|\?|what)))(a(?!\s+(?!is\b)\w)|[b-z])(?![\w(^'])"
)
_ENDS_NAME, _ANY, _NO_THING = words("ends_name"), words("any_answer"), words("no_thing")
_NAMED = re.compile(r"\b[A-Z][a-z]+\b")
_NO_NAMES = words("no_names")
_END = re.compile(r"(?<=[.?!])\s+|\n")


def _options(text: str) -> tuple[dict[str, str], int]:
    """The options, and where they begin."""
    if not any(first in text for first in _FIRST):
        return {}, len(text)
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
    return Statement(plain(text))


@lru_cache(maxsize=4096)
def distinct(name: str, shown: Statement) -> frozenset[str]:
    """The words of a short name that tell it from all else in the statement that shares the others:
    `rice` of a bag of rice, where there is a bag of flour, too. Empty where it shares none."""
    own = frozenset(name.split())
    if len(own) > 5 or not name.replace(" ", "").isalpha():
        return frozenset()
    elsewhere = frozenset(re.findall(r"\w+", shown.text.lower().replace(name, " ")))
    return own - elsewhere if own & elsewhere else frozenset()


def same_name(given: str, name: str, shown: Statement) -> bool:
    """Whether words are a name: with the noun of what is asked for before it (the planet Jupiter), with
    one of the statement's words after it (an odd function), or the part that tells it from others."""
    noun, _, after = given.partition(" ")
    of_kind = after == name and len(noun) > 3 and noun in shown.sought
    thing = given.removeprefix(f"{name} ")
    of_kind |= (
        thing != given
        and thing.isalpha()
        and len(thing) > 3
        and (re.search(rf"\b{thing}\b", shown.text) is not None)
    )
    part = frozenset(given.removesuffix(" one").split())
    told = bool(part) and part <= distinct(name, shown)
    return told or of_kind or given.replace(" ", "") == name.replace(" ", "")
