"""Decides what `filter` drops: each rule is an SQL condition, applied in a fixed order and counted.

Rules about single dialogues or whole groups come first. Then, unless groups may be broken, a group
that lost any dialogue is dropped completely: RL compares the samples of one problem, and a group
with only its good samples left would teach something false. Last come the rules that choose among
the remaining rows; they draw by a digest of seed and id, so the same command chooses the same rows on
every machine.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tutelage.derive.parents import Ints
from tutelage.errors import Mistake
from tutelage.shards import sql

GROUP = "group"
"""Name of the rule that drops the rest of a group that lost a dialogue."""

_CUT = "len(list_filter(trail, lambda t: t.speaker = 'student' AND t.finish_reason = 'length')) > 0"
_TOKENS = "coalesce(list_sum(list_transform(trail, lambda t: len(t.token_ids))), 0)"


@dataclass(frozen=True, slots=True)
class Choice:
    """The options of `filter`. Empty or None: not given."""

    where: tuple[str, ...] = ()
    solved: bool = False
    solved_turn: tuple[int, int] | None = None
    """First and last turn at which the dialogue may be solved."""
    solve_rate: tuple[float, float] | None = None
    """Smallest and largest share of solved dialogues in its group."""
    arms: tuple[str, ...] = ()
    no_leaks: bool = False
    no_cut: bool = False
    no_false_steps: bool = False
    max_tokens: int | None = None
    """Maximum number of tokens that the student wrote."""
    per_problem: int | None = None
    balance_turns: bool = False
    sample: int | None = None
    break_groups: bool = False
    seed: int = 0

    def record(self) -> dict[str, Any]:
        """The options that were given, as JSON."""
        options = {name: getattr(self, name) for name in self.__slots__}
        if not (self.per_problem or self.balance_turns or self.sample is not None):
            del options["seed"]
        return {name: value for name, value in options.items() if value not in ((), None, False)}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows one rule drops."""

    rule: str
    alone: int | None
    """Rows that it would drop as the only rule; None if it depends on the rules before it."""
    dropped: int
    """Rows that it drops after the rules before it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule that drops each row, and the counts."""

    rule: npt.NDArray[np.int16]
    """int16 [rows], by row index: the index of the rule in `tallies`; -1 if the row is kept."""
    tallies: list[Tally] = field(default_factory=list)


def decide(connection: Any, choice: Choice, repeated: Ints) -> Decision:
    """Applies the rules to all rows of a connection (`sql.connect`).

    Args:
        connection: the connection with the rows.
        choice: the options.
        repeated: indices of rows that an earlier run contains too; dropped by the rule `repeated`.

    Raises:
        Mistake: a condition is not valid SQL, or a rule would have to break groups.
    """
    predicates = _predicates(choice)
    with sql.refused():
        _exclude(connection, repeated)
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
        result = connection.execute(
            "SELECT row_index, coalesce(rule, -1)::SMALLINT AS rule FROM facts"
        )
        columns = result.fetchnumpy()
    tallies = work.tallies
    rule = np.full(len(columns["row_index"]) + len(repeated), len(tallies), np.int16)
    rule[columns["row_index"]] = columns["rule"]
    if len(repeated):
        tallies = [*tallies, Tally("repeated", len(repeated), len(repeated))]
    return Decision(rule, tallies)


def _exclude(connection: Any, row_indices: Ints) -> None:
    """Creates the table `excluded`: rows that the rules do not consider."""
    connection.execute("CREATE OR REPLACE TEMP TABLE excluded (row_index BIGINT)")
    if len(row_indices):
        listed = ", ".join(f"({int(row_index)})" for row_index in row_indices)
        connection.execute(f"INSERT INTO excluded VALUES {listed}")


def _predicates(choice: Choice) -> list[tuple[str, str]]:
    """(name, condition under which a row is kept) of each rule about single rows."""
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
    """SQL that creates the table `facts`, which has what the rules need of each row."""
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
        drawn = "dialogue_id" if choice.break_groups else "group_id"
        columns["draw"] = f"md5(concat('{choice.seed}:', {drawn}))"
        columns["id"] = f"md5(concat('{choice.seed}:', dialogue_id))"
    if choice.solve_rate is not None:
        columns["solve_rate"] = (
            "avg((outcome.solved_turn IS NOT NULL)::INT) OVER (PARTITION BY group_id)"
        )
    selected = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
    rest = "WHERE row_index NOT IN (SELECT row_index FROM excluded)"
    return f"CREATE OR REPLACE TEMP TABLE facts AS SELECT {selected} FROM numbered {rest}"


def _passing(connection: Any, number: int, where: str) -> None:
    """Creates the table `passing_<number>`: indices of the rows that meet a user's condition."""
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
        """Drops the remaining rows that meet the condition."""
        by_itself = self.number(f"SELECT count(*) FROM facts WHERE {condition}") if alone else None
        left = self.number("SELECT count(*) FROM facts WHERE rule IS NULL")
        self.connection.execute(
            f"UPDATE facts SET rule = {len(self.tallies)} WHERE rule IS NULL AND {condition}"
        )
        dropped = left - self.number("SELECT count(*) FROM facts WHERE rule IS NULL")
        self.tallies.append(Tally(name, by_itself, dropped))

    def number(self, query: str) -> int:
        """The single number that a query returns."""
        return int(self.connection.execute(query).fetchone()[0] or 0)


def _select(work: _Work, choice: Choice) -> None:
    """Applies the rules that choose among the remaining rows."""
    if choice.per_problem:
        _most(work, "per-problem", choice, choice.per_problem, "problem")
    if choice.balance_turns:
        _balance(work, choice)
    if choice.sample is not None:
        _most(work, "sample", choice, choice.sample, "")


def _most(work: _Work, name: str, choice: Choice, most: int, within: str) -> None:
    """Keeps at most `most` rows of each part, in the order of the draw; groups stay complete."""
    part = f"PARTITION BY {within}" if within else ""
    if choice.break_groups:
        rank = f"row_number() OVER ({part} ORDER BY draw, row_index)"
        ranked = f"SELECT row_index, {rank} AS rank FROM facts WHERE rule IS NULL"
        surplus = f"SELECT row_index FROM ({ranked}) WHERE rank > {most}"
        work.drop(name, f"row_index IN ({surplus})", alone=False)
        return
    size = f"sum(size) OVER ({part} ORDER BY draw, grp ROWS UNBOUNDED PRECEDING)"
    groups = (
        "SELECT grp, any_value(problem) AS problem, min(draw) AS draw, count(*) AS size "
        "FROM facts WHERE rule IS NULL GROUP BY grp"
    )
    surplus = f"SELECT grp FROM (SELECT grp, {size} AS total FROM ({groups})) WHERE total > {most}"
    work.drop(name, f"grp IN ({surplus})", alone=False)


def _balance(work: _Work, choice: Choice) -> None:
    """Keeps, for each turn, as many dialogues solved at it as the rarest turn has."""
    largest = work.number(
        "SELECT max(size) FROM (SELECT count(*) AS size FROM facts WHERE rule IS NULL GROUP BY grp)"
    )
    if largest > 1 and not choice.break_groups:
        raise Mistake(
            f"--balance-turns picks single dialogues, and there are groups of up to {largest}: "
            "add --break-groups to break them"
        )
    solved = "FROM facts WHERE rule IS NULL AND solved_turn IS NOT NULL"
    fewest = f"SELECT min(n) FROM (SELECT count(*) AS n {solved} GROUP BY solved_turn)"
    rank = "row_number() OVER (PARTITION BY solved_turn ORDER BY id, row_index)"
    ranked = f"SELECT row_index, {rank} AS rank {solved}"
    surplus = f"SELECT row_index FROM ({ranked}) WHERE rank > ({fewest})"
    work.drop("balance-turns", f"row_index IN ({surplus})", alone=False)
