"""Counts one run into arrays: for each arm, the share of each problem's dialogues solved by each turn.

SQL sums by problem, so memory holds no dialogues. A bootstrap over very many problems would take
long, so it uses at most `MOST` of them, chosen by digest. The values themselves are always counted
over all problems.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tutelage import intervals
from tutelage.evaluate.scores import Scores
from tutelage.intervals import Interval
from tutelage.session import estimate
from tutelage.shards import sql
from tutelage.shards.figures import figures_of
from tutelage.shards.live import viewed
from tutelage.shards.reader import connect

MOST = 5_000
"""Maximum number of problems that a bootstrap draws from."""
_TURNS = 20
"""Maximum number of turns in a curve."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """A run that was counted."""

    label: str
    """The name that the user gave it."""
    note: str
    """One line about an unpublished run, see `shards.live.View`."""
    figures: dict[str, Any]
    """See `shards.figures`; `plan` compares the run with the plan made before it, if there is one."""
    turns: int
    """Student turns of the longest dialogue, at most 20."""
    scores: dict[str, Scores]
    """By arm; at most `MOST` problems, the same ones in every arm that has them."""
    curves: dict[str, list[Interval]]
    """By arm: the share solved by turn 1..turns, over all dialogues."""


def inspected(run: str, label: str = "") -> Inspected:
    """Counts a run; if it is still playing, the dialogues so far.

    Raises:
        Mistake: `run` is not a run, or has no dialogue yet.
    """
    with viewed(run) as view:
        figures = figures_of(run, view)
        figures["plan"] = {
            name: asdict(compared) | {"ratio": compared.ratio}
            for name, compared in estimate.beside(figures, view.folder).items()
        }
        connection = connect(view.files)
        try:
            with sql.refused():
                turns = _longest(connection)
                problems = _by_problem(connection, turns)
                tokens = _tokens(connection, turns) if len(figures["arms"]) > 1 else {}
        finally:
            connection.close()
        scores = {arm: _scores(of, tokens.get(arm, {}), turns) for arm, of in problems.items()}
        curves = {arm: _curve(of, scores[arm], turns) for arm, of in problems.items()}
        return Inspected(label or run, view.note, figures, turns, scores, curves)


@dataclass(frozen=True, slots=True)
class _Problems:
    """Counts for the problems of one arm, sorted by digest, the order in which they are chosen."""

    names: list[str]
    dialogues: Any
    """int64 [P]: number of dialogues."""
    solved: Any
    """int64 [P, T]: dialogues solved by turn t."""


def _longest(connection: Any) -> int:
    ((most,),) = connection.execute("SELECT max(outcome.turns) FROM dialogues").fetchall()
    return max(1, min(int(most or 1), _TURNS))


def _by_problem(connection: Any, turns: int) -> dict[str, _Problems]:
    by_turn = ", ".join(
        f"count(*) FILTER (WHERE outcome.solved_turn <= {turn}) AS by_{turn}"
        for turn in range(1, turns + 1)
    )
    query = (
        f"SELECT arm, problem_id, count(*) AS dialogues, {by_turn} FROM dialogues "
        "GROUP BY arm, problem_id ORDER BY arm, md5(problem_id), problem_id"
    )
    table = connection.sql(query).to_arrow_table()
    arms = np.asarray(table["arm"].to_pylist())
    names = table["problem_id"].to_pylist()
    counts = np.stack(
        [table[f"by_{turn}"].to_numpy().astype(np.int64) for turn in range(1, turns + 1)], axis=1
    )
    dialogues = table["dialogues"].to_numpy().astype(np.int64)
    by_problem = {}
    for arm in dict.fromkeys(arms.tolist()):
        at = np.flatnonzero(arms == arm)
        by_problem[arm] = _Problems([names[i] for i in at], dialogues[at], counts[at])
    return by_problem


def _tokens(connection: Any, turns: int) -> dict[str, Mapping[str, Any]]:
    """By arm and problem, for `MOST` problems: mean tokens that the student had written by turn t."""
    chosen = (
        "SELECT problem_id FROM (SELECT DISTINCT problem_id FROM dialogues) "
        f"ORDER BY md5(problem_id), problem_id LIMIT {MOST}"
    )
    by_turn = ", ".join(
        f"avg(list_sum(list_transform(trail, lambda t: CASE WHEN t.speaker = 'student' "
        f"AND t.turn <= {turn} THEN len(t.token_ids) ELSE 0 END)))"
        for turn in range(1, turns + 1)
    )
    spread = ", ".join(
        f"avg(usage.student.completion * least({turn}, outcome.turns) / greatest(outcome.turns, 1))"
        for turn in range(1, turns + 1)
    )
    query = (
        f"SELECT arm, problem_id, [{by_turn}] AS counted, [{spread}] AS spread FROM dialogues "
        f"WHERE problem_id IN ({chosen}) GROUP BY arm, problem_id"
    )
    tokens: dict[str, dict[str, Any]] = {}
    for arm, problem, by_ids, by_usage in connection.execute(query).fetchall():
        # An engine that returns no token ids still reports their number for the whole dialogue.
        values = by_ids if any(by_ids) else by_usage
        tokens.setdefault(arm, {})[problem] = np.asarray(values, np.float64)
    return dict(tokens)


def _scores(problems: _Problems, tokens: Mapping[str, Any], turns: int) -> Scores:
    names = problems.names[:MOST]
    order = sorted(range(len(names)), key=names.__getitem__)
    solved = problems.solved[: len(names)] / problems.dialogues[: len(names), None]
    zeros = np.zeros(turns)
    spent = (
        np.stack([tokens.get(names[i], zeros) for i in order]) if order else np.zeros((0, turns))
    )
    return Scores(tuple(names[i] for i in order), solved[order][None], spent[None])


def _curve(problems: _Problems, scores: Scores, turns: int) -> list[Interval]:
    """Wilson's intervals if each problem has one dialogue, else bootstrap intervals over problems.

    A run with too many problems for a bootstrap gets the normal approximation of the mean over them.
    """
    total = int(problems.dialogues.sum())
    if int(problems.dialogues.max()) == 1:
        return [intervals.wilson(int(problems.solved[:, t].sum()), total) for t in range(turns)]
    if len(problems.names) <= MOST:
        return [intervals.mean(scores.at(turn), is_share=True) for turn in range(1, turns + 1)]
    shares = problems.solved / problems.dialogues[:, None]
    half = 1.96 * shares.std(axis=0, ddof=1) / np.sqrt(len(shares))
    return [
        Interval(float(mean), max(0.0, float(mean - h)), min(1.0, float(mean + h)))
        for mean, h in zip(shares.mean(axis=0), half, strict=True)
    ]
