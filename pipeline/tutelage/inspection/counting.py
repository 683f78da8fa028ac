"""One run as arrays: for each arm what share of each problem's dialogues was solved by each turn.

SQL adds up by problem, so that no dialogue is held. Where there are more problems than a bootstrap
can draw anew in a moment, it is given `MOST` of them, drawn by a digest; what is shown as a value is
counted over all of them nevertheless.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tutelage import intervals
from tutelage.evaluate.scores import Scores
from tutelage.intervals import Interval
from tutelage.shards import sql
from tutelage.shards.figures import figures_of
from tutelage.shards.live import viewed
from tutelage.shards.reader import connect

MOST = 5_000
"""Problems that a bootstrap draws from."""
_TURNS = 20
"""Turns that are told apart at most."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """A run that was counted."""

    label: str
    """The person's name for it."""
    note: str
    figures: dict[str, Any]
    """See `shards.figures`."""
    turns: int
    """Student turns of the longest dialogue."""
    scores: dict[str, Scores]
    """By arm; at most `MOST` problems, the same ones in every arm that has them."""
    curves: dict[str, list[Interval]]
    """By arm: solved by turn 1..turns, over all dialogues."""


def inspected(run: str, label: str = "") -> Inspected:
    """Counts a run; one that is still playing as far as it is.

    Raises:
        Mistake: this is no run, or nothing of it is there yet.
    """
    with viewed(run) as view:
        figures = figures_of(run, view)
        connection = connect(view.files)
        try:
            with sql.refused():
                turns = _longest(connection)
                problems = _by_problem(connection, turns)
                tokens = _tokens(connection, turns) if len(figures["arms"]) > 1 else {}
        finally:
            connection.close()
        scores = {arm: _scores(by, tokens.get(arm, {}), turns) for arm, by in problems.items()}
        curves = {arm: _curve(by, scores[arm], turns) for arm, by in problems.items()}
        return Inspected(label or run, view.note, figures, turns, scores, curves)


@dataclass(frozen=True, slots=True)
class _Problems:
    """What SQL found of the problems of one arm, in the order of the draw."""

    names: list[str]
    dialogues: Any
    """int64 [P]."""
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
    """By arm and problem: tokens that the student had written by turn t, a dialogue; of `MOST`."""
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
    summary: dict[str, dict[str, Any]] = {}
    for arm, problem, counted, spread_out in connection.execute(query).fetchall():
        # An engine that gives no token ids still counts them for the dialogue.
        values = counted if any(counted) else spread_out
        summary.setdefault(arm, {})[problem] = np.asarray(values, np.float64)
    return dict(summary)


def _scores(by: _Problems, tokens: Mapping[str, Any], turns: int) -> Scores:
    names = by.names[:MOST]
    order = sorted(range(len(names)), key=names.__getitem__)
    solved = by.solved[: len(names)] / by.dialogues[: len(names), None]
    zeros = np.zeros(turns)
    spent = (
        np.stack([tokens.get(names[i], zeros) for i in order]) if order else np.zeros((0, turns))
    )
    return Scores(tuple(names[i] for i in order), solved[order][None], spent[None])


def _curve(by: _Problems, scores: Scores, turns: int) -> list[Interval]:
    """Wilson's interval where each problem has one dialogue, else one over problems.

    The problems of a large run are too many to be drawn anew; there the mean over them is normal.
    """
    total = int(by.dialogues.sum())
    if int(by.dialogues.max()) == 1:
        return [intervals.wilson(int(by.solved[:, t].sum()), total) for t in range(turns)]
    if len(by.names) <= MOST:
        return [intervals.mean(scores.at(turn), is_share=True) for turn in range(1, turns + 1)]
    shares = by.solved / by.dialogues[:, None]
    half = 1.96 * shares.std(axis=0, ddof=1) / np.sqrt(len(shares))
    return [
        Interval(float(mean), max(0.0, float(mean - h)), min(1.0, float(mean + h)))
        for mean, h in zip(shares.mean(axis=0), half, strict=True)
    ]
