"""Selects the held-out problems, and the problems of each round."""

import heapq
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain, count, islice

from tutelage import corpora, seeds
from tutelage.corpora.native import written
from tutelage.errors import SettingsError
from tutelage.records import Problem
from tutelage.rounds.folder import write
from tutelage.rounds.plan import Plan
from tutelage.settings import Settings


def lay_out(plan: Plan, say: Callable[[str], None]) -> None:
    """Writes the files of held-out problems and of each round's problems.

    The order is by digest, so a longer loop begins with the rounds of a shorter one. When all
    problems have been played, they repeat in another order.
    """
    config, folder = plan.config, plan.out / "problems"
    names = [f"{number:04d}" for number in range(1, config.rounds + 1)]
    names += ["warmup"] * bool(config.warmup.problems) + ["held-out"] * bool(config.held_out)
    if all((folder / f"{name}.jsonl").is_file() for name in names):
        return
    say("reading the corpora")
    has_own_corpora = plan.evaluate.corpora != plan.generate.corpora
    salt = seeds.digest(config.seed, "held out")
    held_out = _first(plan.evaluate, config.held_out, salt) if has_own_corpora else []
    pool_size = config.rounds * config.problems + config.warmup.problems
    pool_size += 0 if has_own_corpora else config.held_out
    pool = _first(plan.generate, pool_size, salt, {problem.problem_id for problem in held_out})
    if not has_own_corpora:
        held_out, pool = pool[: config.held_out], pool[config.held_out :]
    if len(pool) < config.problems or len(held_out) < config.held_out:
        raise SettingsError(
            f"the corpora hold {len(pool)} problems to train on and {len(held_out)} to hold out; "
            f"problems = {config.problems} a round and held_out = {config.held_out} want more: "
            "lower one, or name more corpora"
        )

    def keep(name: str, chosen: Sequence[Problem]) -> None:
        # Files of earlier sessions are not changed.
        if chosen and not (folder / f"{name}.jsonl").is_file():
            write(folder / f"{name}.jsonl", "".join(written(p) + "\n" for p in chosen))

    keep("held-out", held_out)
    keep("warmup", _shuffled(pool, config.seed, "warm-up")[: config.warmup.problems])
    repeats = (p for time in count(1) for p in _shuffled(pool, config.seed, time))
    problems = chain(pool, repeats)
    for number in range(1, config.rounds + 1):
        keep(f"{number:04d}", list(islice(problems, config.problems)))


def _first(
    chosen: Settings, wanted: int, salt: str, besides: Collection[str] = ()
) -> list[Problem]:
    """The problems with the lowest digests, each once; fewer if there are not enough."""
    seen = set(besides)

    def fresh() -> Iterator[Problem]:
        for spec in chosen.corpora:
            corpus = corpora.open_corpus(spec, chosen.map, chosen.format, chosen.longest_row)
            for row in islice(corpus.rows(), chosen.limit or None):
                if row.problem is not None and row.problem.problem_id not in seen:
                    seen.add(row.problem.problem_id)
                    yield row.problem

    return heapq.nsmallest(wanted, fresh(), key=lambda p: seeds.digest(salt, p.problem_id))


def _shuffled(pool: Sequence[Problem], *salt: int | str) -> list[Problem]:
    return sorted(pool, key=lambda p: seeds.digest(*salt, p.problem_id))
