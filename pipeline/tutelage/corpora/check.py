"""Checks a corpus against a verifier: every gold answer must pass, every mutant must fail.

The verifier is passed as a function, which may be called from several threads at once.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from tutelage.corpora import mutants
from tutelage.corpora.row import Row
from tutelage.records import Problem, Verdict

Verify = Callable[[Problem, str], Verdict]


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdicts on one problem's gold answer and mutant."""

    row: Row
    gold: Verdict | None = None
    """None if the row is not a problem, or has no reference answer."""
    mutant: Verdict | None = None

    @property
    def passes(self) -> bool:
        """Whether the gold is not refused and the mutant not accepted."""
        return (self.gold is None or self.gold.status == "correct") and (
            self.mutant is None or self.mutant.status != "correct"
        )


def check(rows: Iterable[Row], verify: Verify, threads: int = 2) -> Iterator[Checked]:
    """The checked rows, in order; a few are in flight at a time."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Checked]] = deque()
        for row in rows:
            waiting.append(pool.submit(_checked, row, verify))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _checked(row: Row, verify: Verify) -> Checked:
    if row.problem is None:
        return Checked(row)
    right = mutants.gold(row.problem)
    return Checked(
        row,
        verify(row.problem, right) if right else None,
        verify(row.problem, mutants.mutate(row.problem)),
    )
