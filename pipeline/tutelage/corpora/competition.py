r"""Competition mathematics with LaTeX answers: MATH and Omni-MATH.

MATH (Hendrycks et al. 2021, MIT): `{"problem", "solution", "level", "type"}`, one JSON file a
problem or lines; the answer is in the last `\boxed{...}` of the solution. Omni-MATH (Gao et al.
2024, Apache-2.0): `{"problem", "solution", "answer", "difficulty", "domain", "source"}`.

Answers stay LaTeX as they stand; what equals what is for a verifier to say.
"""

from dataclasses import dataclass

from tutelage.corpora.problem import answer, has, make, text, tidy
from tutelage.corpora.row import Record
from tutelage.errors import BadRow
from tutelage.records import Problem


@dataclass(frozen=True, slots=True)
class Math:
    r"""Reads MATH and anything else whose solution boxes its answer."""

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
    r"""What stands in the last `\boxed`, braces matched; empty where there is none.

    >>> boxed(r"so $x = \boxed{\frac{1}{2}}$"), boxed(r"thus \boxed 7 holds")
    ('\\frac{1}{2}', '7')
    """
    at = max(solution.rfind("\\boxed"), solution.rfind("\\fbox"))
    if at < 0:
        return ""
    rest = solution[at:].removeprefix("\\boxed").removeprefix("\\fbox").lstrip()
    if not rest.startswith("{"):
        words = rest.partition("$")[0].split()
        return words[0] if words else ""
    depth, escaped = 0, False
    for place, sign in enumerate(rest):
        if escaped or sign == "\\":
            escaped = not escaped  # \{ and \} are signs of the answer
            continue
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            return rest[1:place].strip()
    return ""


def _bare(final: str) -> str:
    """An answer without the dollar signs around all of it."""
    final = final.strip()
    inner = final.strip("$").strip()
    return inner if inner and "$" not in inner else final
