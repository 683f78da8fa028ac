"""Every figure of a report as one JSON-ready tree, from the conditions alone.

    sets -> NAME -> conditions    a model under an arm: curve, gain, area, rates, moves
                    lifts         an arm less a control, of one model
                    comparisons   a model less an earlier one, under the method
                    full_sharded  the same problems, in shards at the last turn less whole at the first

No clock and no path is in it: the same shards give the same tree, byte for byte.
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
"""Models are compared each with each up to so many pairs; beyond it, each with the first."""


def figures(conditions: Sequence[Condition], turns: int) -> Tree:
    """The tree of all sets; `turns` is how far the dialogues could go."""
    sets: Tree = {}
    for name in dict.fromkeys(condition.set for condition in conditions):
        chosen = [condition for condition in conditions if condition.set == name]
        horizon = max([turns, *(_turns(condition) for condition in chosen)])
        of = {(c.model, c.arm): scores(c.seeds, horizon) for c in chosen}
        sets[name] = {
            "turns": horizon,
            "conditions": [_condition(c, of[c.model, c.arm]) for c in chosen],
            "lifts": _lifts(of),
            "comparisons": _comparisons(of),
            "full_sharded": _full_sharded(name, chosen, conditions),
        }
    return {"sets": sets}


def against(conditions: Sequence[Condition], other: Sequence[Condition], turns: int) -> list[Tree]:
    """Each condition less the one of another report with the same set, model and arm.

    Where either report has one model only, its name does not matter.
    """
    alone = len({c.model for c in conditions}) == 1 and len({c.model for c in other}) == 1
    lines = []
    for one in conditions:
        for two in other:
            same_model = alone or one.model == two.model
            if same_model and (one.set, one.arm) == (two.set, two.arm):
                horizon = max(turns, _turns(one), _turns(two))
                lifted = lift(scores(one.seeds, horizon), scores(two.seeds, horizon))
                if lifted is not None:
                    lines.append(
                        {"set": one.set, "arm": one.arm, "model": one.model, "other": two.model}
                        | described(lifted)
                    )
    return lines


def plain(figure: intervals.Interval) -> Tree:
    """An interval or a difference for JSON; None where there was nothing to count."""
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


def _condition(condition: Condition, of: Scores) -> Tree:
    """One condition by itself."""
    tree: Tree = {
        "model": condition.model,
        "arm": condition.arm,
        "seeds": len(condition.seeds),
        "problems": len(of.problems),
        "dialogues": sum(map(len, condition.seeds)),
        "curve": [plain(point) for point in curve(of)],
        "gain": plain(intervals.mean(of.gain(), is_share=True)),
        "area": plain(intervals.mean(of.area(), is_share=True)),
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


def _lifts(of: dict[tuple[str, str], Scores]) -> list[Tree]:
    """The method, or else the first arm, less each other arm of the same model."""
    lines = []
    for model in dict.fromkeys(model for model, _ in of):
        arms = [arm for name, arm in of if name == model]
        first = METHOD if METHOD in arms else arms[0]
        for arm in arms:
            one, other = of[model, first], of[model, arm]
            if arm == first:
                continue
            lifted = lift(one, other)
            if lifted is not None:
                lines.append({"model": model, "arm": first, "over": arm} | described(lifted))
    return lines


def _comparisons(of: dict[tuple[str, str], Scores]) -> list[Tree]:
    """Under each arm, each model less each that was named before it."""
    lines = []
    for arm in dict.fromkeys(arm for _, arm in of):
        models = [name for name, its in of if its == arm]
        pairs = list(combinations(models, 2))
        if len(pairs) > _MOST_PAIRS:
            pairs = [pair for pair in pairs if pair[0] == models[0]]
        for earlier, later in pairs:
            lifted = lift(of[later, arm], of[earlier, arm])
            if lifted is not None:
                lines.append({"model": later, "over": earlier, "arm": arm} | described(lifted))
    return lines


def _full_sharded(
    name: str, chosen: Sequence[Condition], conditions: Sequence[Condition]
) -> list[Tree]:
    """Where a set in shards was played whole as well (LiC, section 5): matched by statement."""
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
        shared = sorted(set(in_shards.problems) & set(full.problems))
        if not shared or len(in_shards.solved) != len(full.solved):
            continue
        last, first = in_shards.over(shared).at(horizon), full.over(shared).at(1)
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
