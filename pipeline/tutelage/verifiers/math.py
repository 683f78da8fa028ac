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
- `{1, 2}` and a bare list `1, 2` have no order; `(1, 2)`, `[1, 2)` and the like have, and their
  brackets must agree. A list never answers a gold that is no list.
- A word or a name is compared as text, without case; a choice letter as the letter.
- Whatever could run for hours (towers of powers, factorials of large numbers, sums, over-long
  answers) is refused, which is `unjudged`, unless its text equals the gold's.

What is not covered: whether the working is right, and conversion between units.
"""

import re
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

from tutelage.records import Problem, Verdict
from tutelage.verifiers.extract import NO_ANSWER, Final, final_answer
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
        final = _choice(answer) if gold.letter else final_answer(answer, gold.quantity is not None)
        if final.reason or not final.text:
            return Verdict("incorrect", final.text, final.reason or NO_ANSWER, self.name)
        why = _compare(gold, final.text, problem.statement)
        if why is None and (refusal := refused(final.text) or refused(gold.text)):
            return Verdict("unjudged", final.text, f"refused: {refusal}", self.name)
        if why is None:
            return None
        return Verdict("incorrect" if why else "correct", final.text, why, self.name)

    def warm(self) -> None:
        """Imports what `verify` needs, before anybody's time counts."""
        from tutelage.verifiers import equivalence  # noqa: F401

    def reads(self, problem: Problem, answer: str) -> str:
        """The final answer as it is read, for a verdict that came to nothing."""
        return final_answer(answer, _target(problem.gold.value).quantity is not None).text

    def verify(self, problem: Problem, answer: str) -> Verdict:
        """The verdict, with algebra where it is needed."""
        verdict = self.glance(problem, answer)
        if verdict is not None:
            return verdict
        from tutelage.verifiers.equivalence import equivalent

        gold = _target(problem.gold.value)
        text = self.reads(problem, answer)
        why = equivalent(gold.text, plain(text))
        return Verdict("incorrect" if why else "correct", text, why, self.name)


@lru_cache(maxsize=8192)
def _target(value: str) -> Target:
    """A gold may be a bare answer, or a solution that ends in `#### x` or `\\boxed{x}`."""
    if "####" in value or "\\boxed" in value:
        value = final_answer(value, number=False).text
    text = plain(value)
    quantity = read(text)
    brackets, items = ("", ()) if quantity else split(text)
    letter = re.fullmatch(r"\(?([A-J])\)?", text)
    words = not quantity and not items and _WORDS.fullmatch(text) is not None
    words = words or text.lower() in _OPPOSITES
    return Target(text, quantity, items, brackets, letter[1] if letter else "", words)


def _compare(gold: Target, final: str, statement: str) -> str | None:
    """Empty where equal, the reason where not, None where only algebra can tell."""
    text = plain(final)
    if _bare(text) == _bare(gold.text):
        return ""
    if gold.letter:
        return "" if text == gold.letter else "another choice"
    if gold.words:
        return "" if _says(_folded(text), _folded(gold.text)) else "another text"
    if not gold.items and "=" not in gold.text and _NAME.match(text):
        text = text.rsplit("=", 1)[-1].strip()
    if gold.quantity is not None:
        given = read(text)
        if given is not None:
            why = same(gold.quantity, given, statement)
            unworked = not why and given.division and _restates(text, statement)
            return "not worked out" if unworked else why
        if not _FORMULA.search(text) or re.search(r"[A-Za-z]{4}", _COMMAND.sub("", text)):
            return "not a number"
        if "," in text or _restates(text, statement):
            return "not worked out" if "," not in text else "more than one answer"
        return None
    if len(text) > 2 and _bare(text) in _bare(plain(statement)):
        return "not worked out"
    if gold.items:
        return _compare_items(gold, text)
    return None


def _compare_items(gold: Target, text: str) -> str | None:
    brackets, items = split(text if gold.brackets else _AND.sub(", ", text))
    named = [_NAME.match(item) for item in items]
    if len({match[0] if match else "" for match in named}) == 1 and "=" not in gold.text:
        items = tuple(_NAME.sub("", item).strip() for item in items)
    ordered = gold.brackets not in ("", "{}")
    if ordered and items and brackets != gold.brackets:
        return "other brackets"
    if not ordered and items and brackets not in ("", "{}"):
        return "other brackets"
    if not items and not ordered and len(gold.items) > 1:
        items = (text,)
    wanted, given = [read(item) for item in gold.items], [read(item) for item in items]
    if None in wanted or None in given or not given:
        return None
    if len(wanted) != len(given):
        return "another number of answers"
    if len(given) > 6 and not ordered:
        return None
    orders = permutations(given) if not ordered else [tuple(given)]
    equal = any(
        all(w and g and not same(w, g) for w, g in zip(wanted, order, strict=True))
        for order in orders
    )
    return "" if equal else "not equal"


def split(text: str) -> tuple[str, tuple[str, ...]]:
    """Brackets and elements of a list, set, tuple or interval; no elements where it is none.

    `[1, 2)` gives `("[)", ("1", "2"))`, `1, 2` gives `("", ("1", "2"))`, `x^2` gives `("", ())`.
    """
    text = text.replace("\\{", "\x01").replace("\\}", "\x02").strip()
    brackets = ""
    if len(text) > 1 and text[0] in "([\x01{" and text[-1] in ")]\x02}":
        inner = text[1:-1]
        if _balanced(inner):
            brackets = text[0] + text[-1]
            brackets = brackets.replace("\x01", "{").replace("\x02", "}")
            text = inner
    items, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "([{\x01") - (char in ")]}\x02")
        if char in ",;" and depth == 0:
            items.append(text[start:at].strip())
            start = at + 1
    items.append(text[start:].strip())
    if (len(items) == 1 and brackets != "{}") or not all(items) or depth:
        return "", ()
    return brackets, tuple(i.replace("\x01", "\\{").replace("\x02", "\\}") for i in items)


def refused(text: str) -> str:
    """Why no algebra is tried on `text`; empty where nothing speaks against it."""
    if len(text) > LONGEST_FORMULA:
        return f"longer than {LONGEST_FORMULA} characters"
    for pattern, why in _REFUSED:
        if pattern.search(text):
            return why
    return ""


def _balanced(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char in "([{\x01") - (char in ")]}\x02")
        if depth < 0:
            return False
    return depth == 0


def _choice(message: str) -> Final:
    """The letter that a message chooses, in any of the forms of `final_answer`, or `(B)` alone."""
    final = final_answer(message, number=False)
    text = plain(final.text)
    match = _LETTER.match(text if len(text) > 3 else text.upper())
    if match and not _ANOTHER.match(text, match.end()):
        return Final(match[1] or match[2])
    letters = set(re.findall(r"\(([A-J])\)", final.text))
    if len(letters) == 1:
        return Final(letters.pop())
    return final


def _restates(text: str, statement: str) -> bool:
    """Whether the formula `text` has no number but the problem's own, so nothing was worked out."""
    public = {number.replace(",", "") for number in _DIGITS.findall(statement)}
    numbers = _DIGITS.findall(text)
    return bool(public and numbers) and all(n.replace(",", "") in public for n in numbers)


def _bare(text: str) -> str:
    return text.replace(" ", "")


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
_FORMULA = re.compile(r"[\\+*/^()!]|\d\s*-|√|sqrt|\bpi\b|[a-z]")
_COMMAND = re.compile(r"\\[A-Za-z]+|sqrt")
_NAME = re.compile(r"[A-Za-z](?:_\{?\w+\}?)?(?:\(\w\))?\s*=")
_AND = re.compile(r"\s*,?\s+(?:and|or)\s+")
_DIGITS = re.compile(r"\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?")
_LETTER = re.compile(
    r"(?:(?i:option|choice|answer)\s*)?(?:\(([A-J])\)|([A-J])(?=[.):,]|$|\s+[-(]))"
)
_ANOTHER = re.compile(r"\s*(?:,|/|&|or|and)*\s*\(?[A-J](?![A-Za-z])")
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
