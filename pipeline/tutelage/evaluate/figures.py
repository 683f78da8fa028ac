"""Every figure of a report as one JSON-ready tree, from the conditions alone.

    sets -> NAME -> conditions    a model under an arm: curve, gain, area, rates, moves
                    lifts         an arm minus a control, of one model
                    comparisons   a model minus an earlier one, under the method
                    full_sharded  the same problems: in shards at the last turn, minus whole at turn 1

Contains neither times nor paths: the same shards give the same tree, byte for byte.
"""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from itertools import combinations
from math import isfinite
from typing import Any

from tutelage import intervals
from tutelage.dialogue.moves import MOVES
from tutelage.evaluate.conditions import Condition
from tutelage.evaluate.lift import Lift, lift
from tutelage.evaluate.rates import RATES, moves
from tutelage.evaluate.scores import Scores, curve, scores, share

Tree = dict[str, Any]

METHOD = "sml"
_MOST_PAIRS = 30
"""Up to this many pairs of models, all are compared; beyond it, each with the first."""


def figures(conditions: Sequence[Condition], turns: int) -> Tree:
    """The tree of all sets; `turns` is the maximum length of the dialogues."""
    sets: Tree = {}
    for name in dict.fromkeys(condition.set for condition in conditions):
        chosen = [condition for condition in conditions if condition.set == name]
        horizon = max([turns, *(_turns(condition) for condition in chosen)])
        scores_of = {(c.model, c.arm): scores(c.seeds, horizon) for c in chosen}
        sets[name] = {
            "turns": horizon,
            "conditions": [_condition(c, scores_of[c.model, c.arm]) for c in chosen],
            "lifts": _lifts(scores_of),
            "comparisons": _comparisons(scores_of),
            "full_sharded": _full_sharded(name, chosen, conditions),
        }
    return {"sets": sets}


def against(conditions: Sequence[Condition], other: Sequence[Condition], turns: int) -> list[Tree]:
    """Each condition minus the one of another report with the same set, model and arm.

    If both reports have a single model, their names are ignored.
    """
    have_one_model = len({c.model for c in conditions}) == 1 and len({c.model for c in other}) == 1
    lines = []
    for condition in conditions:
        for other_condition in other:
            same_model = have_one_model or condition.model == other_condition.model
            if same_model and (condition.set, condition.arm) == (
                other_condition.set,
                other_condition.arm,
            ):
                horizon = max(turns, _turns(condition), _turns(other_condition))
                difference = lift(
                    scores(condition.seeds, horizon), scores(other_condition.seeds, horizon)
                )
                if difference is not None:
                    lines.append(
                        {
                            "set": condition.set,
                            "arm": condition.arm,
                            "model": condition.model,
                            "other": other_condition.model,
                        }
                        | described(difference)
                    )
    return lines


def plain(figure: intervals.Interval) -> Tree:
    """An interval or a difference for JSON; None for values that are not finite."""
    return {
        name: None if isinstance(value, float) and not isfinite(value) else value
        for name, value in asdict(figure).items()
    }


def described(lifted: Lift) -> Tree:
    """A lift for JSON."""
    return {
        "by_turn": [plain(point) for point in lifted.by_turn],
        "area": plain(lifted.area),
        "gain": plain(lifted.gain),
        "equal_tokens": plain(lifted.equal_tokens),
        "budget": lifted.budget,
    }


def _turns(condition: Condition) -> int:
    return max((row["outcome"]["turns"] for row in condition.rows), default=1)


def _condition(condition: Condition, condition_scores: Scores) -> Tree:
    """The figures of one condition."""
    tree: Tree = {
        "model": condition.model,
        "arm": condition.arm,
        "seeds": len(condition.seeds),
        "problems": len(condition_scores.problems),
        "dialogues": sum(map(len, condition.seeds)),
        "curve": [plain(point) for point in curve(condition_scores)],
        "gain": plain(intervals.mean(condition_scores.gain(), is_share=True)),
        "area": plain(intervals.mean(condition_scores.area(), is_share=True)),
        "rates": {},
        "moves": {},
    }
    for name, rate in RATES.items():
        figure = share(condition.seeds, rate.count, is_share=rate.is_share)
        if isfinite(figure.value):
            tree["rates"][name] = plain(figure)
    for move in MOVES:
        figure = share(condition.seeds, partial(moves, move=move))
        if figure.value > 0:
            tree["moves"][move] = plain(figure)
    return tree


def _lifts(scores_of: dict[tuple[str, str], Scores]) -> list[Tree]:
    """The method, or else the first arm, minus each other arm of the same model."""
    lines = []
    for model in dict.fromkeys(model for model, _ in scores_of):
        arms = [arm for name, arm in scores_of if name == model]
        first = METHOD if METHOD in arms else arms[0]
        for arm in arms:
            first_scores, arm_scores = scores_of[model, first], scores_of[model, arm]
            if arm == first:
                continue
            difference = lift(first_scores, arm_scores)
            if difference is not None:
                lines.append({"model": model, "arm": first, "over": arm} | described(difference))
    return lines


def _comparisons(scores_of: dict[tuple[str, str], Scores]) -> list[Tree]:
    """Under each arm, each model minus each that was named before it."""
    lines = []
    for arm in dict.fromkeys(arm for _, arm in scores_of):
        models = [name for name, condition_arm in scores_of if condition_arm == arm]
        pairs = list(combinations(models, 2))
        if len(pairs) > _MOST_PAIRS:
            pairs = [pair for pair in pairs if pair[0] == models[0]]
        for earlier, later in pairs:
            difference = lift(scores_of[later, arm], scores_of[earlier, arm])
            if difference is not None:
                lines.append({"model": later, "over": earlier, "arm": arm} | described(difference))
    return lines


def _full_sharded(
    name: str, chosen: Sequence[Condition], conditions: Sequence[Condition]
) -> list[Tree]:
    """For a set in shards that was also played whole (LiC, section 5): matched by statement."""
    whole_name = name.removesuffix(" in shards")
    whole = {(c.model, c.arm): c for c in conditions if c.set == whole_name}
    lines: list[Tree] = []
    if whole_name == name:
        return lines
    for condition in chosen:
        other = whole.get((condition.model, condition.arm))
        if other is None:
            continue
        horizon = max(_turns(condition), _turns(other))
        in_shards = scores(condition.seeds, horizon, "statement")
        full = scores(other.seeds, horizon, "statement")
        problems = sorted(set(in_shards.problems) & set(full.problems))
        if not problems or len(in_shards.solved) != len(full.solved):
            continue
        last, first = in_shards.over(problems).at(horizon), full.over(problems).at(1)
        lines.append(
            {
                "model": condition.model,
                "arm": condition.arm,
                "sharded": plain(intervals.mean(last, is_share=True)),
                "full": plain(intervals.mean(first, is_share=True)),
                "difference": plain(intervals.difference(last, first, same_seeds=True)),
            }
        )
    return lines
