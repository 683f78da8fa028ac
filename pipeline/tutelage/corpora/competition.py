r"""Competition mathematics with LaTeX answers: MATH and Omni-MATH.

MATH (Hendrycks et al. 2021, MIT): `{"problem", "solution", "level", "type"}`, as JSON lines or one
JSON file per problem; the answer is in the last `\boxed{...}` of the solution. Omni-MATH (Gao et
al. 2024, Apache-2.0): `{"problem", "solution", "answer", "difficulty", "domain", "source"}`.

Answers remain LaTeX; the verifier decides which are equal.
"""

from dataclasses import dataclass

from tutelage.corpora.problem import answer, has, make, text, tidy
from tutelage.corpora.row import Record
from tutelage.errors import BadRow
from tutelage.records import Problem


@dataclass(frozen=True, slots=True)
class Math:
    r"""Reads MATH and other sets whose solutions box the answer."""

    name: str = "math"
    reads: str = r"problem, solution with the answer in its last \boxed{}"

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        return has(record, "problem", "solution") and bool(boxed(text(record, "solution")))

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        solution = text(record, "solution")
        final = text(record, "answer") or boxed(solution)
        if not final:
            raise BadRow("no-answer", "the solution has no \\boxed{...} with something in it")
        return make(
            source=text(record, "source") or self.name,
            domain="math",
            licence=text(record, "licence") or "MIT",
            statement=text(record, "problem"),
            gold=answer(final),
            solution=solution,
            split=split,
        )


@dataclass(frozen=True, slots=True)
class OmniMath:
    """Reads Omni-MATH."""

    name: str = "omni-math"
    reads: str = "problem, solution, answer, difficulty"

    def fits(self, record: Record) -> bool:
        """See `Format`."""
        return has(record, "problem", "solution", "answer", "difficulty")

    def problem(self, record: Record, split: str) -> Problem:
        """See `Format`."""
        final = _bare(text(record, "answer"))
        solution = tidy(text(record, "solution"))
        if solution and final not in solution:
            solution = f"{solution}\nThe answer is {final}."
        return make(
            source=self.name,
            domain="math",
            licence=text(record, "licence") or "Apache-2.0",
            statement=text(record, "problem"),
            gold=answer(final),
            solution=solution,
            split=split,
        )


def boxed(solution: str) -> str:
    r"""The content of the last `\boxed`, with matched braces; empty if there is none.

    >>> boxed(r"so $x = \boxed{\frac{1}{2}}$"), boxed(r"thus \boxed 7 holds")
    ('\\frac{1}{2}', '7')
    """
    start = max(solution.rfind("\\boxed"), solution.rfind("\\fbox"))
    if start < 0:
        return ""
    rest = solution[start:].removeprefix("\\boxed").removeprefix("\\fbox").lstrip()
    if not rest.startswith("{"):
        words = rest.partition("$")[0].split()
        return words[0] if words else ""
    depth, escaped = 0, False
    for position, character in enumerate(rest):
        if escaped or character == "\\":
            escaped = not escaped  # \{ and \} are characters of the answer
            continue
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return rest[1:position].strip()
    return ""


def _bare(final: str) -> str:
    """An answer without enclosing dollar signs."""
    final = final.strip()
    inner = final.strip("$").strip()
    return inner if inner and "$" not in inner else final
