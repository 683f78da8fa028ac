"""Checks a corpus against a verifier: every gold answer must pass, every wrong one must fail.

The verifier and the leak gate are passed as functions, which may be called from several threads at
once.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from tutelage.corpora import mutants, near
from tutelage.corpora.row import Row
from tutelage.records import Leak, Problem, Verdict

Verify = Callable[[Problem, str], Verdict]
FindLeak = Callable[[Problem, str], Leak]


@dataclass(frozen=True, slots=True)
class Trial:
    """One message about one problem, and what was said of it."""

    kind: str
    """`gold`, `mutant`, `near miss`, `gold stated` or `gate`."""
    message: str
    status: str
    """The verdict's; of the gate `found` or `missed`."""
    reason: str = ""
    extracted: str = ""

    @property
    def passes(self) -> bool:
        """Whether a right answer is accepted or found, or a wrong one not accepted."""
        if self.kind in ("mutant", "near miss"):
            return self.status != "correct"
        return self.status in ("correct", "found")


@dataclass(frozen=True, slots=True)
class Checked:
    """A row, and what was tried on its problem."""

    row: Row
    trials: tuple[Trial, ...] = ()
    """None if the row is no problem; none of its gold if it has no reference answer."""

    @property
    def passes(self) -> bool:
        """Whether all do."""
        return all(trial.passes for trial in self.trials)


def check(
    rows: Iterable[Row], verify: Verify, threads: int = 2, find_leak: FindLeak | None = None
) -> Iterator[Checked]:
    """The checked rows, in order; a few are in flight at a time.

    With `find_leak` also near misses of every answer are judged, and sentences that state it, which
    the gate must find.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Checked]] = deque()
        for row in rows:
            waiting.append(pool.submit(_checked, row, verify, find_leak))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _checked(row: Row, verify: Verify, find_leak: FindLeak | None) -> Checked:
    problem = row.problem
    if problem is None:
        return Checked(row)

    def judged(kind: str, message: str) -> Trial:
        verdict = verify(problem, message)
        return Trial(kind, message, verdict.status, verdict.reason, verdict.extracted)

    right = mutants.gold(problem)
    trials = [judged("gold", right)] if right else []
    trials.append(judged("mutant", mutants.mutate(problem)))
    if find_leak and problem.gold.kind == "answer":
        for _, wrong in near.near_misses(problem.gold.value):
            trials.append(judged("near miss", mutants.sentence(wrong)))
        for message in near.stated(problem.gold.value):
            trials.append(judged("gold stated", message))
            leak = find_leak(problem, message)
            trials.append(Trial("gate", message, "found" if leak.kind else "missed"))
    return Checked(row, tuple(trials))
