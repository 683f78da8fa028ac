"""What the statement of a problem asks, which options it offers, and which numbers and units it
names."""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from tutelage.answers import units
from tutelage.answers.numbers import numbers
from tutelage.answers.plain import plain
from tutelage.answers.tables import words


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, read once."""

    text: str
    """Plain."""
    question: str
    """The sentence that asks, in small letters, without the options below it."""
    options: dict[str, str]
    """What stands beside each letter of a multiple choice: `{"A": "Mars", "B": "Jupiter"}`."""
    counted: frozenset[str]
    """What it asks the number of, without a plural's s: `egg` for "How many eggs are left?"."""
    sought: frozenset[str]
    """Words for what it asks: `average`, `score`, and those that any answer has."""
    values: frozenset[Fraction]
    """The numbers that it names."""
    units: frozenset[units.Unit]

    def __hash__(self) -> int:
        return hash(self.text)


_OPTION = re.compile(r"(?:^|(?<=[\s(]))\(?(?:([A-J])[).:]|([a-j])\))\s*(?=\S)", re.M)
_ASKED = re.compile(r"\b(?:how\s+many|number\s+of)\s+((?:[a-z-]+\s+){1,4})")
_SOUGHT = re.compile(
    r"\b(?:(?:what|which)(?:'s|\s+(?:is|are|was|were|(?:will|would|must)\s+be))?|find|determine|compute|"
    r"calculate|evaluate|give|state|name|who\s+is|how\s+(?:many|much))\s+"
    r"(?:(?:the|her|his|its|their|an?)\s+)?((?:[a-z'-]+\s*){1,4})"
)
_NO_NOUN = words(
    """do does did is are was were will can could has have had would should must to in of on at
    more fewer less total that which who there he she they you it per each left if"""
)
_ANY = words("value result answer solution total final correct new overall exact")
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
    found = list(_OPTION.finditer(text))
    name = [(m[1] or m[2]).upper() for m in found]
    start = name.index("A") if "A" in name else len(found)
    offered: dict[str, str] = {}
    for at in range(start, len(found)):
        if ord(name[at]) - ord("A") != len(offered):
            break
        end = found[at + 1].start() if at + 1 < len(found) else len(text)
        line = text[found[at].end() : end].strip().split("\n")[0]
        offered[name[at]] = line.strip().rstrip(".,;(").strip()
    if len(offered) < 2:
        return {}, len(text)
    return offered, found[start].start()


def _nouns(words: str) -> list[str]:
    nouns: list[str] = []
    for word in words.split():
        if word in _NO_NOUN:
            break
        nouns.append(word.removesuffix("s"))
    return nouns


@lru_cache(maxsize=2048)
def statement(text: str) -> Statement:
    """`text`, as it was written, read."""
    text = plain(text)
    options, begin = _options(text)
    sentences = [part.strip() for part in _END.split(text[:begin]) if part.strip()]
    asking = [part for part in sentences if part.endswith("?")]
    question = (asking or sentences or [""])[-1].lower()
    spans = numbers(text)
    counted = frozenset(n for m in _ASKED.finditer(question + " ") for n in _nouns(m[1]))
    if not counted and "how many" in question:
        after = (re.match(r"[\s-]*([a-zA-Z]+)", text[s.end : s.end + 40]) for s in spans)
        words = {m[1].lower().removesuffix("s") for m in after if m}
        counted = frozenset(word for word in words if len(word) > 2) - _NO_THING
    sought = {word for m in _SOUGHT.finditer(question) for word in _nouns(m[1])}
    sought |= {"number", "amount"} if re.search(r"how (?:many|much)|number of", question) else set()
    sought |= {noun for verb, noun in _ACTS if re.search(verb, question)}
    values = frozenset(s.number.value for s in spans)
    return Statement(text, question, options, counted, _ANY | sought, values, units.named(text))


_NO_THING = words(
    """and for from with than each every per percent time more les fewer then now left away the but
    how what are was"""
)
