"""What `filter` drops: each rule a condition in SQL, applied in a fixed order and counted.

Rules that judge a dialogue by itself, or its group as a whole, come first. Then, unless groups may
be broken, a group of which anything is dropped goes whole: what a trainer of RL compares are the
samples of one problem, and a group from which only the good ones are left teaches nothing true.
Last come the rules that choose among what is left; they draw by a digest of the seed and the id, so
that the same command chooses alike everywhere.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tutelage.derive.parents import Ints
from tutelage.errors import Mistake
from tutelage.shards import sql

GROUP = "group"
"""Name of the rule by which a group goes whole."""

_CUT = "len(list_filter(trail, lambda t: t.speaker = 'student' AND t.finish_reason = 'length')) > 0"
_TOKENS = "coalesce(list_sum(list_transform(trail, lambda t: len(t.token_ids))), 0)"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person asks `filter` for. Empty or None: not asked."""

    where: tuple[str, ...] = ()
    solved: bool = False
    solved_turn: tuple[int, int] | None = None
    """First and last turn at which a dialogue may be solved."""
    solve_rate: tuple[float, float] | None = None
    """Least and greatest share of its group that is solved."""
    arms: tuple[str, ...] = ()
    no_leaks: bool = False
    no_cut: bool = False
    no_false_steps: bool = False
    max_tokens: int | None = None
    """Tokens that the student wrote, at most."""
    per_problem: int | None = None
    balance_turns: bool = False
    sample: int | None = None
    break_groups: bool = False
    seed: int = 0

    def record(self) -> dict[str, Any]:
        """What was asked, as JSON."""
        asked = {name: getattr(self, name) for name in self.__slots__}
        if not (self.per_problem or self.balance_turns or self.sample is not None):
            del asked["seed"]
        return {name: value for name, value in asked.items() if value not in ((), None, False)}


@dataclass(frozen=True, slots=True)
class Tally:
    """What one rule drops."""

    rule: str
    alone: int | None
    """Of all rows, had it been the only one; None where it depends on the others."""
    dropped: int
    """Of what the rules before it left."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule that drops each row, and the counts."""

    rule: npt.NDArray[np.int16]
    """int16 [rows], by row index: the index of the rule in `tallies`; -1 where the row is kept."""
    tallies: list[Tally] = field(default_factory=list)


def decide(connection: Any, choice: Choice, repeated: Ints) -> Decision:
    """Applies the rules to all rows of a connection (`sql.connect`).

    Args:
        connection: over the rows.
        choice: what was asked for.
        repeated: indices of rows that an earlier run has, too; dropped as `repeated`.

    Raises:
        Mistake: a condition is no SQL, or a rule would have to break groups.
    """
    predicates = _predicates(choice)
    with sql.refused():
        _leave_out(connection, repeated)
        connection.execute(_facts(choice))
        work = _Work(connection)
        for number, where in enumerate(choice.where):
            _passing(connection, number, where)
            name = "where" if len(choice.where) == 1 else f"where {number + 1}"
            work.drop(name, f"row_index NOT IN (SELECT row_index FROM passing_{number})")
        for name, keeps in predicates:
            work.drop(name, f"({keeps}) IS NOT TRUE")
        if not choice.break_groups:
            work.drop(GROUP, "grp IN (SELECT grp FROM facts WHERE rule IS NOT NULL)", alone=False)
        _select(work, choice)
        verdicts = connection.execute(
            "SELECT row_index, coalesce(rule, -1)::SMALLINT AS rule FROM facts"
        )
        columns = verdicts.fetchnumpy()
    tallies = work.tallies
    rule = np.full(len(columns["row_index"]) + len(repeated), len(tallies), np.int16)
    rule[columns["row_index"]] = columns["rule"]
    if len(repeated):
        tallies = [*tallies, Tally("repeated", len(repeated), len(repeated))]
    return Decision(rule, tallies)


def _leave_out(connection: Any, row_indices: Ints) -> None:
    """The table of rows that no rule sees."""
    connection.execute("CREATE OR REPLACE TEMP TABLE again (row_index BIGINT)")
    if len(row_indices):
        listed = ", ".join(f"({int(row_index)})" for row_index in row_indices)
        connection.execute(f"INSERT INTO again VALUES {listed}")


def _predicates(choice: Choice) -> list[tuple[str, str]]:
    """Name of each rule that judges a row, and the condition by which it is kept."""
    rules: list[tuple[str, str]] = []
    if choice.arms:
        names = ", ".join("'" + arm.replace("'", "''") + "'" for arm in choice.arms)
        rules.append(("arm", f"arm IN ({names})"))
    if choice.solve_rate is not None:
        low, high = choice.solve_rate
        rules.append(("solve-rate", f"solve_rate BETWEEN {low!r} AND {high!r}"))
    if choice.solved:
        rules.append(("solved", "solved_turn IS NOT NULL"))
    if choice.solved_turn is not None:
        first, last = choice.solved_turn
        rules.append(("solved-turn", f"solved_turn BETWEEN {first} AND {last}"))
    if choice.no_leaks:
        rules.append(("no-leaks", "NOT leaks"))
    if choice.no_cut:
        rules.append(("no-cut", "NOT is_cut"))
    if choice.no_false_steps:
        rules.append(("no-false-steps", "NOT is_false"))
    if choice.max_tokens is not None:
        rules.append(("max-tokens", f"tokens <= {choice.max_tokens}"))
    return rules


def _facts(choice: Choice) -> str:
    """The table that all rules read: of each row no more than they need."""
    columns = {
        "row_index": "row_index",
        "grp": "hash(group_id)",
        "problem": "hash(problem_id)",
        "arm": "arm",
        "solved_turn": "outcome.solved_turn",
        "leaks": 'leak."any"',
        "rule": "NULL::SMALLINT",
    }
    if choice.no_cut:
        columns["is_cut"] = _CUT
    if choice.no_false_steps:
        columns["is_false"] = "flaw.false_equation <> ''"
    if choice.max_tokens is not None:
        columns["tokens"] = _TOKENS
    if choice.per_problem or choice.balance_turns or choice.sample is not None:
        named = "dialogue_id" if choice.break_groups else "group_id"
        columns["draw"] = f"md5(concat('{choice.seed}:', {named}))"
        columns["id"] = f"md5(concat('{choice.seed}:', dialogue_id))"
    if choice.solve_rate is not None:
        columns["solve_rate"] = (
            "avg((outcome.solved_turn IS NOT NULL)::INT) OVER (PARTITION BY group_id)"
        )
    chosen = ", ".join(f"{what} AS {name}" for name, what in columns.items())
    rest = "WHERE row_index NOT IN (SELECT row_index FROM again)"
    return f"CREATE OR REPLACE TEMP TABLE facts AS SELECT {chosen} FROM numbered {rest}"


def _passing(connection: Any, number: int, where: str) -> None:
    """The row indices of which a person's condition is true."""
    checked = sql.condition(where)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE passing_{number} AS "
        f"SELECT row_index FROM numbered AS dialogues WHERE {checked}"
    )


class _Work:
    """Drops rows rule by rule."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.tallies: list[Tally] = []

    def drop(self, name: str, condition: str, alone: bool = True) -> None:
        """Drops what is left and meets the condition."""
        by_itself = self.one(f"SELECT count(*) FROM facts WHERE {condition}") if alone else None
        left = self.one("SELECT count(*) FROM facts WHERE rule IS NULL")
        self.connection.execute(
            f"UPDATE facts SET rule = {len(self.tallies)} WHERE rule IS NULL AND {condition}"
        )
        dropped = left - self.one("SELECT count(*) FROM facts WHERE rule IS NULL")
        self.tallies.append(Tally(name, by_itself, dropped))

    def one(self, query: str) -> int:
        """The number that a query gives."""
        return int(self.connection.execute(query).fetchone()[0] or 0)


def _select(work: _Work, choice: Choice) -> None:
    """The rules that choose among what is left."""
    if choice.per_problem:
        _most(work, "per-problem", choice, choice.per_problem, "problem")
    if choice.balance_turns:
        _balance(work, choice)
    if choice.sample is not None:
        _most(work, "sample", choice, choice.sample, "")


def _most(work: _Work, name: str, choice: Choice, most: int, within: str) -> None:
    """Leaves at most so many rows of each part, in the order of the draw; groups stay whole."""
    part = f"PARTITION BY {within}" if within else ""
    if choice.break_groups:
        rank = f"row_number() OVER ({part} ORDER BY draw, row_index)"
        over = f"SELECT row_index FROM (SELECT row_index, {rank} AS turn FROM facts WHERE rule IS NULL)"
        work.drop(name, f"row_index IN ({over} WHERE turn > {most})", alone=False)
        return
    size = f"sum(size) OVER ({part} ORDER BY draw, grp ROWS UNBOUNDED PRECEDING)"
    groups = (
        "SELECT grp, any_value(problem) AS problem, min(draw) AS draw, count(*) AS size "
        "FROM facts WHERE rule IS NULL GROUP BY grp"
    )
    over = f"SELECT grp FROM (SELECT grp, {size} AS total FROM ({groups})) WHERE total > {most}"
    work.drop(name, f"grp IN ({over})", alone=False)


def _balance(work: _Work, choice: Choice) -> None:
    """Leaves as many dialogues solved at each turn as the rarest turn has."""
    largest = work.one(
        "SELECT max(size) FROM (SELECT count(*) AS size FROM facts WHERE rule IS NULL GROUP BY grp)"
    )
    if largest > 1 and not choice.break_groups:
        raise Mistake(
            f"--balance-turns picks single dialogues, and here are groups of up to {largest}: "
            "say --break-groups to have them broken"
        )
    solved = "FROM facts WHERE rule IS NULL AND solved_turn IS NOT NULL"
    fewest = f"SELECT min(n) FROM (SELECT count(*) AS n {solved} GROUP BY solved_turn)"
    rank = "row_number() OVER (PARTITION BY solved_turn ORDER BY id, row_index)"
    over = f"SELECT row_index FROM (SELECT row_index, {rank} AS turn {solved})"
    work.drop("balance-turns", f"row_index IN ({over} WHERE turn > ({fewest}))", alone=False)
