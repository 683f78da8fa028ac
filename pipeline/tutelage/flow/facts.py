"""Facts and sketches from the journal, in blocks of keys: what distributed publishing decides by.

Not here: the rows, which stay in the journal until their files are known (`filing`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from tutelage import dedup
from tutelage.dedup import Sketches
from tutelage.flow import publish
from tutelage.flow.near import joined, share
from tutelage.session.plan import scheme
from tutelage.settings import Dedup
from tutelage.shards import Damage, RunFolder, entries, fetch
from tutelage.shards.stretches import at_hand
from tutelage.storage import location


class Fact(NamedTuple):
    """One entry of the journal, with the fields of `spool.FACTS`."""

    key: str
    kind: str
    file: str
    offset: int
    length: int
    arm: str
    group: str
    sample: int
    problem: str
    solved: int | None


class Facts(NamedTuple):
    """Some entries, and sketches of those that were kept."""

    facts: list[Fact]
    sketches: Sketches
    """Their ids are places among the facts, or keys where a key has one fact only."""


def read(
    file: str, settings: Dedup, folder: RunFolder, run_id: str, blocks: int
) -> Iterator[tuple[int, Facts]]:
    """(block, facts) of the entries of a journal file, distributed by key."""
    journal, rule = location(file), scheme(settings)
    damage: list[Damage] = []
    with at_hand(journal):
        for block in publish.in_blocks(entries(journal, damage.append, run_id)):
            rows = list(fetch(entry.span for entry in block))
            facts = [Fact(**publish.fact(*one)) for one in zip(block, rows, strict=True)]
            kept = [at for at, one in enumerate(facts) if settings.enabled and one.kind == "kept"]
            spoken = [dedup.spoken(rows[at]["messages"]) for at in kept]
            sketches = dedup.sketch(kept, spoken, rule)
            dealt: dict[int, list[int]] = defaultdict(list)
            for at, one in enumerate(facts):
                dealt[share(one.key, blocks)].append(at)
            among = {at: place for place, at in enumerate(kept)}
            for number, places in dealt.items():
                with_sketch = [at for at, place in enumerate(places) if place in among]
                some = sketches.only([among[places[at]] for at in with_sketch])
                some = replace(some, ids=[*with_sketch])
                yield number, Facts([facts[at] for at in places], some)
    publish.set_aside(damage, journal, folder)


def stand(group: tuple[int, Iterable[Facts]]) -> tuple[int, Facts]:
    """The entries that count, one per key and sorted by key; see `plan.standing`."""
    number, parts = group[0], list(group[1])
    sketches = joined([part.sketches for part in parts])
    facts = [(one, (p, at)) for p, part in enumerate(parts) for at, one in enumerate(part.facts)]
    facts.sort(key=lambda one: (one[0].key, one[0].file, one[0].offset))
    chosen = []
    for _, same in groupby(facts, key=lambda one: one[0].key):
        copies = list(same)
        chosen.append(next((one for one in copies if one[0].kind == "kept"), copies[-1]))
    owners = ((p, int(at)) for p, part in enumerate(parts) for at in part.sketches.ids)
    among = {owner: place for place, owner in enumerate(owners)}
    kept = [(one.key, among[owner]) for one, owner in chosen if owner in among]
    some = sketches.only([place for _, place in kept])
    return number, Facts([one for one, _ in chosen], replace(some, ids=[key for key, _ in kept]))


def fate(fact: Fact) -> str:
    """How an entry ends if there is no further session."""
    return "dead" if fact.kind == "passing" else fact.kind


def tally(block: tuple[int, list[Fact]]) -> Counter[tuple[str, str]]:
    """Counts of entries, by (what is counted, kind)."""
    counted: Counter[tuple[str, str]] = Counter()
    for fact in block[1]:
        end = fate(fact)
        if end == "kept" and fact.solved is not None:
            counted["solved", str(fact.solved)] += 1
        is_dialogue = end == "kept" or (end == "dead" and bool(fact.group))
        counted["dialogues" if is_dialogue else "inputs", end] += 1
    return counted


def problems(block: tuple[int, list[Fact]], blocks: int) -> Iterator[tuple[int, dict[str, bool]]]:
    """(block, problem -> whether one of its dialogues was kept), for problems that were played."""
    dealt: dict[int, dict[str, bool]] = defaultdict(dict)
    for fact in block[1]:
        if fact.kind == "kept" or (fate(fact) == "dead" and fact.group):
            some = dealt[share(fact.problem, blocks)]
            some[fact.problem] = some.get(fact.problem, False) or fact.kind == "kept"
    yield from dealt.items()


def alive(group: tuple[int, Iterable[dict[str, bool]]]) -> Counter[tuple[str, str]]:
    """Counts of problems that have a kept dialogue, and of those that have none."""
    kept: dict[str, bool] = defaultdict(bool)
    for some in group[1]:
        for problem, is_kept in some.items():
            kept[problem] |= is_kept
    return Counter(("problems", "kept" if is_kept else "lost") for is_kept in kept.values())
