"""Which problems are held out, and which each round plays."""

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
    """Writes which problems are held out, and which each round plays.

    Order is by digest, so a longer loop begins with the rounds of a shorter one. When all problems
    were played they come again in another order.
    """
    asked, folder = plan.asked, plan.out / "problems"
    names = [f"{number:04d}" for number in range(1, asked.rounds + 1)]
    names += ["warmup"] * bool(asked.warmup.problems) + ["held-out"] * bool(asked.held_out)
    if all((folder / f"{name}.jsonl").is_file() for name in names):
        return
    say("reading the corpora")
    apart = plan.evaluate.corpora != plan.generate.corpora
    salt = seeds.digest(asked.seed, "held out")
    held = _first(plan.evaluate, asked.held_out, salt) if apart else []
    want = asked.rounds * asked.problems + asked.warmup.problems
    want += 0 if apart else asked.held_out
    pool = _first(plan.generate, want, salt, {problem.problem_id for problem in held})
    if not apart:
        held, pool = pool[: asked.held_out], pool[asked.held_out :]
    if len(pool) < asked.problems or len(held) < asked.held_out:
        raise SettingsError(
            f"the corpora hold {len(pool)} problems to train on and {len(held)} to hold out; "
            f"problems = {asked.problems} a round and held_out = {asked.held_out} want more: "
            "lower one, or name more corpora"
        )

    def keep(name: str, chosen: Sequence[Problem]) -> None:
        # What was played stays as it was.
        if chosen and not (folder / f"{name}.jsonl").is_file():
            write(folder / f"{name}.jsonl", "".join(written(p) + "\n" for p in chosen))

    keep("held-out", held)
    keep("warmup", _shuffled(pool, asked.seed, "warm-up")[: asked.warmup.problems])
    again = (p for time in count(1) for p in _shuffled(pool, asked.seed, time))
    endless = chain(pool, again)
    for number in range(1, asked.rounds + 1):
        keep(f"{number:04d}", list(islice(endless, asked.problems)))


def _first(
    chosen: Settings, wanted: int, salt: str, besides: Collection[str] = ()
) -> list[Problem]:
    """The problems that come first by digest, each once; fewer where there are fewer."""
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
