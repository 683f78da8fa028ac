"""Judges the final answer of a math message: exactly where it can, by math-verify where it must.

`glance` settles most answers in the caller's process, in microseconds and without a heavy import:
equal text, numbers, choice letters, words, and lists of numbers. What is left (formulas) goes to
`verify`, which asks `equivalence` and so belongs in a process that can be killed: `VerifierPool`
sees to that.

Rules beyond those of `extract` and `quantity`:

- A formula asked for must not be one of the statement's own, unless it is the gold as written:
  who is to expand `(x+1)^2` does not do so by saying `(x+1)^2`.
- A number asked for must be a number worked out: `290/2` is not accepted for 145 where 290 and 2
  are the problem's own numbers; a formula of other numbers (`\\sqrt{16}`) is, where it is equal.
- Lists, sets, tuples and intervals go item by item (`lists`). A list never answers a gold that is
  no list.
- A sentence answers by what it says its subject is: `The capital is Paris` says `Paris`.
- A word or a name is compared as text, without case; a choice letter as the letter.
- Whatever could run for hours (towers of powers, factorials of large numbers, sums, over-long
  answers) is refused, which is `unjudged`, unless its text equals the gold's.

What is not covered: whether the working is right, and conversion between units.
"""

import json
import re
from functools import lru_cache
from typing import NamedTuple

from tutelage.records import Problem, Verdict
from tutelage.verifiers import lists
from tutelage.verifiers.choice import choice
from tutelage.verifiers.extract import final_answer
from tutelage.verifiers.final import HEDGED, NO_ANSWER, Final
from tutelage.verifiers.prose import RELATION
from tutelage.verifiers.quantity import Quantity, plain, read, same

LONGEST_FORMULA = 400
"""Characters of a final answer that math-verify is asked to read."""


class Target(NamedTuple):
    """A gold answer, read once."""

    text: str
    quantity: Quantity | None
    items: tuple[str, ...]
    """Elements, where the gold is a list, set, tuple or interval."""
    brackets: str
    """The brackets around `items`; empty for a bare list, `{}` for a set."""
    letter: str
    """The choice, where the gold is one letter A to J."""
    words: bool
    """Whether the gold is text and no formula."""


class MathVerifier:
    """The verifier `math`. `verify` may take long: call it where it can be killed."""

    name = "math"

    def glance(self, problem: Problem, answer: str) -> Verdict | None:
        """The verdict, where it takes no algebra; None where only `verify` can tell."""
        gold = _target(problem.gold.value)
        if not gold.text:
            return Verdict("unjudged", "", "no gold answer", self.name)
        final = _final(gold, answer)
        if final.reason or not final.text:
            return Verdict("incorrect", final.text, final.reason or NO_ANSWER, self.name)
        found = [(text, _compare(gold, text, problem.statement)) for text in _readings(final)]
        for text, why in found:
            if why == "":
                return Verdict("correct", text, "", self.name)
        unsure = [text for text, why in found if why is None]
        if not unsure:
            return Verdict("incorrect", final.text, found[-1][1] or "", self.name)
        if refusal := refused(gold.text) or next(filter(None, map(refused, unsure)), ""):
            return Verdict("unjudged", final.text, f"refused: {refusal}", self.name)
        return None

    def warm(self) -> None:
        """Imports what `verify` needs, before anybody's time counts."""
        from tutelage.verifiers import equivalence  # noqa: F401

    def reads(self, problem: Problem, answer: str) -> str:
        """The final answer as it is read, for a verdict that came to nothing."""
        return _final(_target(problem.gold.value), answer).text

    def verify(self, problem: Problem, answer: str) -> Verdict:
        """The verdict, with algebra where it is needed."""
        verdict = self.glance(problem, answer)
        if verdict is not None:
            return verdict
        from tutelage.verifiers.equivalence import equivalent

        gold = _target(problem.gold.value)
        final = _final(gold, answer)
        why = ""
        for text in _readings(final):
            if _compare(gold, text, problem.statement) is None:
                why = equivalent(gold.text, _unnamed(gold, plain(text)))
                if not why:
                    return Verdict("correct", text, "", self.name)
        return Verdict("incorrect", final.text, why, self.name)


def _final(gold: Target, answer: str) -> Final:
    """The final answer of a message, as the gold's kind wants it."""
    if gold.letter:
        return choice(answer)
    final = final_answer(answer, gold.quantity is not None)
    if gold.items and final.reason == HEDGED:
        return Final(final.text)  # several boxes are a list
    return final


def _readings(final: Final) -> list[str]:
    """The ways to take one statement: as it stands, or as what it says."""
    return [final.text] if final.said in ("", final.text) else [final.said, final.text]


@lru_cache(maxsize=8192)
def _target(value: str) -> Target:
    """A gold may be a bare answer, or a solution that ends in `#### x` or `\\boxed{x}`."""
    if "####" in value or "\\boxed" in value:
        value = final_answer(value, number=False).text
    text = plain(_listed(value))
    quantity = read(text)
    brackets, items = ("", ()) if quantity else lists.split(text)
    letter = re.fullmatch(r"\(?([A-J])\)?", text)
    words = not quantity and not items and _WORDS.fullmatch(text) is not None
    words = words or text.lower() in _OPPOSITES
    return Target(text, quantity, items, brackets, letter[1] if letter else "", words)


def _listed(value: str) -> str:
    """A JSON list of texts, `["1", "2"]`, as `1, 2`; anything else as it is."""
    if value.lstrip()[:2] not in ('["', "['"):
        return value
    try:
        items = json.loads(value if '"' in value else value.replace("'", '"'))
    except (ValueError, RecursionError):
        return value
    return ", ".join(items) if items and all(isinstance(item, str) for item in items) else value


def _compare(gold: Target, final: str, statement: str) -> str | None:
    """Empty where equal, the reason where not, None where only algebra can tell."""
    text = plain(final)
    if _bare(text) == _bare(gold.text):
        return ""
    if gold.letter:
        return "" if text == gold.letter else "another choice"
    if gold.words:
        return "" if _says(_folded(text), _folded(gold.text)) else "another text"
    if _RATIO.fullmatch(gold.text) and _bare(_TO.sub(":", text)) == _bare(gold.text):
        return ""
    text = _unnamed(gold, text)
    if gold.quantity is not None:
        given = read(text)
        if given is not None:
            why = same(gold.quantity, given, statement)
            unworked = not why and given.division and _restates(text, statement)
            return "not worked out" if unworked else why
        bad = not _FORMULA.search(text) or re.search(r"[A-Za-z]{4}", _COMMAND.sub("", text))
        if bad or RELATION.search(text):
            return "not a number"
        if "," in text or _restates(text, statement):
            return "not worked out" if "," not in text else "more than one answer"
        return None
    if len(text) > 2 and _bare(text) in _bare(plain(statement)):
        return "not worked out"
    if gold.items:
        return lists.compare((gold.brackets, gold.items), text, statement, "=" in gold.text)
    return None


def _unnamed(gold: Target, text: str) -> str:
    """`x = 5` as 5, where the gold has no name and is no list."""
    if not gold.items and "=" not in gold.text and lists.NAME.match(text):
        return text.rsplit("=", 1)[-1].strip()
    return text


def refused(text: str) -> str:
    """Why no algebra is tried on `text`; empty where nothing speaks against it."""
    if len(text) > LONGEST_FORMULA:
        return f"longer than {LONGEST_FORMULA} characters"
    for pattern, why in _REFUSED:
        if pattern.search(text):
            return why
    return ""


def _restates(text: str, statement: str) -> bool:
    """Whether the formula `text` has no number but the problem's own, so nothing was worked out."""
    public = {number.replace(",", "") for number in _DIGITS.findall(statement)}
    numbers = _DIGITS.findall(text)
    return bool(public and numbers) and all(n.replace(",", "") in public for n in numbers)


def _bare(text: str) -> str:
    return _CLOCK.sub(lambda m: m[1].lower() + "m", text).replace(" ", "")


def _says(text: str, gold: str) -> bool:
    """Whether a text is the gold's; `yes, since ...` says yes, but `yes and no` says neither."""
    words = text.split()
    other = _OPPOSITES.get(gold)
    return text == gold or bool(other and words[:1] == [gold] and other not in words)


def _folded(text: str) -> str:
    words = re.sub(r"[^\w\s]", " ", text.casefold()).split()
    return " ".join(words[1:] if words[:1] in (["the"], ["a"], ["an"]) else words)


_WORDS = re.compile(
    r"(?=.*[A-Za-z]{3})(?!.*(?:sqrt|sin|cos|tan|log|\bpi\b))[A-Za-z][A-Za-z.,'& -]*"
)
_OPPOSITES = {"yes": "no", "no": "yes", "true": "false", "false": "true"}
_FORMULA = re.compile(r"[\\+*/^()!|]|\d\s*-|√|sqrt|\bpi\b|[a-z]")
_COMMAND = re.compile(r"\\[A-Za-z]+|sqrt")
_RATIO = re.compile(r"[\d.]+(?:\s*:\s*[\d.]+)+")
_TO = re.compile(r"\s+to\s+")
_CLOCK = re.compile(r"(?<=\d)\s*([ap])\.?\s?m\b\.?", re.I)
_DIGITS = re.compile(r"\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?")
_REFUSED = tuple(
    (re.compile(pattern), why)
    for pattern, why in (
        (r"\^\s*[{(]*\s*\d+\s*\^|\*\*\s*\(*\s*\d+\s*\*\*", "a tower of powers"),
        (r"(?:\^|\*\*)\s*[{(]?\s*-?\s*\d{5,}", "a power that large"),
        (r"(?:\^|\*\*)\s*(?:\{[^{}]*|\([^()]*|)\d\s*!", "a power that large"),
        (r"(?:\^|\*\*)\s*(?:\{[^{}]*|\([^()]*)\d\s*[*^]", "a power that large"),
        (r"\d{3,}\s*\)?\s*!|!\s*[)}]*\s*!|[({][\d\s+*^-]{2,}[)}]\s*!", "a factorial that large"),
        (r"\\(?:sum|prod|i*int|oint|big(?:cup|cap))(?![a-zA-Z])", "a sum or an integral"),
        (r"\\lim(?![a-zA-Z])", "a limit"),
        (r"binom\D*\d{4,}|\d{200,}", "a number that large"),
        (r"(?:[({\[]\s*){30}", "nesting that deep"),
    )
)
"""What could keep sympy busy for hours, or fill its memory. By its text alone."""
