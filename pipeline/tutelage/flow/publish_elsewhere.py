"""Second graph for workers on other machines. All of publishing is distributed, except that one worker
decides which near-duplicates stay, for which it needs only ids.

    journal ─ facts and sketches ─ one per key ─┬─ near-duplicates ─ marks ─┐
                                                ├─ splits ──────────────────┤
                                                └───────────────────────────┴─ file and place of each
    journal ─ rows ─ by file ─ write ─ manifest.json          ▲─── by stretch of the journal ◀──┘

The text of a row crosses the shuffle once, compressed, on the way to its file. All earlier steps use
facts, sketches and ids, distributed in blocks by digest (`blocks_of`). Places are exact: ranges of
groups are counted, and a row's place is the number of rows in all ranges before its own plus its place
within it. So files have the same names and bytes as those of `publish`, which a test checks. The rules
are in `session.plan`, `dedup.pairs` and `dedup.splits`.

With several splits, one worker also handles `splits.json` and the problems that near-duplicates tie
together.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam

from tutelage.dedup import Counts, Sketches
from tutelage.dedup.splits import HELD
from tutelage.flow import facts as journal_facts
from tutelage.flow import filing, publish
from tutelage.flow.facts import Fact, Facts, fate
from tutelage.flow.filing import Line
from tutelage.flow.near import Near, settle, share
from tutelage.flow.reading import journal_files
from tutelage.flow.splitting import Assigned, merged, splits
from tutelage.session.plan import Notes, scheme, shares
from tutelage.settings import Settings
from tutelage.shards import RunFolder
from tutelage.shards.journal import Span
from tutelage.shards.stretches import size

_BLOCK = 32 << 20
"""Approximate bytes of the journal per block."""
_MOST_BLOCKS = 8192


class _Marks(dict[str, tuple[str, str]]):
    """Key -> (surviving twin or "", cluster)."""


def build(pipeline: beam.Pipeline, settings: Settings, folder: RunFolder, run_id: str) -> None:
    """Adds the graph to `pipeline`."""
    rule, names = scheme(settings.dedup), shares(settings.splits)
    blocks = blocks_of(size(folder.journal))
    standing = (
        journal_files(pipeline, folder)
        | "facts and sketches"
        >> beam.FlatMap(journal_facts.read, settings.dedup, folder, run_id, blocks)
        | "of a key" >> beam.GroupByKey()
        | "what stands" >> beam.Map(journal_facts.stand)
    )
    facts = standing | "facts alone" >> beam.Map(lambda one: (one[0], one[1].facts))
    if len(names) > 1:
        assigned = splits(standing, facts, rule, blocks, settings.splits, folder)
        both = (standing, assigned) | "with splits" >> beam.Flatten() | "s" >> beam.GroupByKey()
    else:
        split = Assigned()
        assigned = facts | "one split" >> beam.Map(lambda one: (one[0], split))
        both = standing | "alone" >> beam.Map(lambda one: (one[0], [one[1]]))
    settled = (
        both
        | "parts" >> beam.FlatMap(_parts, names[0])
        | "near-duplicates" >> Near(rule, blocks)
        | "all that was found" >> beam.combiners.ToList()
        | "what follows" >> beam.Map(settle)
    )
    marks = settled | "marks" >> beam.FlatMap(_marks, blocks)
    lines = (
        (facts, assigned, marks)
        | "all that is known" >> beam.Flatten()
        | "of each" >> beam.GroupByKey()
        | "lines" >> beam.Map(_lines, names[0])
    )
    written = filing.write(lines, blocks, settings, folder)
    problems = (
        facts
        | "by problem" >> beam.FlatMap(journal_facts.problems, blocks)
        | "of a problem" >> beam.GroupByKey()
        | "problems" >> beam.Map(journal_facts.alive)
    )
    tallies = facts | "tally" >> beam.Map(journal_facts.tally)
    in_split = lines | "in splits" >> beam.Map(_in_split)
    counts = settled | "counts" >> beam.Map(lambda outcome: outcome[1])
    listed = beam.pvalue.AsList(assigned | "without blocks" >> beam.Values())
    _ = (
        (tallies, problems, in_split, counts, written)
        | "all of it" >> beam.Flatten()
        | "in one place" >> beam.combiners.ToList()
        | "manifest" >> beam.Map(_manifest, listed, settings, folder, run_id)
    )


def blocks_of(journal: int) -> int:
    """Number of blocks for a journal of `journal` bytes."""
    return max(1, min(_MOST_BLOCKS, -(-journal // _BLOCK)))


def _parts(group: tuple[int, Iterable[Any]], split: str) -> Iterator[tuple[str, Sketches]]:
    """Sketches by part; a part is the dialogues of one arm and one split."""
    things = list(group[1])
    assigned = merged(things, Assigned)
    for facts, sketches in (one for one in things if isinstance(one, Facts)):
        arms = {one.key: one.arm for one in facts}
        members: dict[str, list[int]] = defaultdict(list)
        for place, key in enumerate(map(str, sketches.ids)):
            members[f"{arms[key]} {assigned.get(key, split)}"].append(place)
        for part, places in members.items():
            yield part, sketches.only(places)


def _marks(outcome: tuple[list[tuple[str, str, str]], Counts], blocks: int) -> Iterator[Any]:
    dealt: dict[int, _Marks] = defaultdict(_Marks)
    for key, twin, cluster in outcome[0]:
        dealt[share(key, blocks)][key] = twin, cluster
    yield from dealt.items()


def _lines(group: tuple[int, Iterable[Any]], split: str) -> list[Line]:
    """The rows of a block, each with its file and marks."""
    things = list(group[1])
    assigned, marks = merged(things, Assigned), merged(things, _Marks)
    return [
        _line(one, assigned.get(one.key, split), *marks.get(one.key, ("", one.key)))
        for facts in things
        if isinstance(facts, list)
        for one in facts
    ]


def _line(fact: Fact, split: str, twin: str, cluster: str) -> Line:
    order, span = (fact.group, fact.sample, fact.key), Span(fact.file, fact.offset, fact.length)
    if fact.kind != "kept":
        return Line(f"rejects/{fate(fact)}", order, span, {})
    is_good = not twin and fact.solved is not None and split != HELD
    marks = {"split": split, "cluster_id": cluster, "duplicate_of": twin or None}
    return Line(f"shards/{split}/{'solved' if is_good else 'rest'}", order, span, marks)


def _in_split(lines: list[Line]) -> Counter[tuple[str, str]]:
    return Counter(("in split", str(line.marks["split"])) for line in lines if line.marks)


def _manifest(
    parts: list[Any],
    assigned: list[dict[str, str]],
    settings: Settings,
    folder: RunFolder,
    run_id: str,
) -> None:
    """See `publish.manifest`."""
    counted: Counter[tuple[str, str]] = Counter()
    for part in parts:
        if isinstance(part, Counter):
            counted.update(part)
    near = sum((part for part in parts if isinstance(part, Counts)), Counts())
    listed: dict[str, list[str]] = defaultdict(list)
    for some in assigned:
        for key, split in some.items():
            listed[split].append(key)

    def of(what: str) -> dict[str, int]:
        return {kind: n for (name, kind), n in sorted(counted.items()) if name == what}

    inputs, dialogues, problems = of("inputs"), of("dialogues"), of("problems")
    notes = Notes(
        problems={
            "kept": problems.get("kept", 0),
            "filtered": inputs.get("filtered", 0),
            "duplicate": inputs.get("duplicate", 0),
            "dead": inputs.get("dead", 0) + problems.get("lost", 0),
        },
        dialogues={fate: dialogues.get(fate, 0) for fate in ("kept", "dead")},
        solved_at=of("solved"),
        near_duplicates=near.exact + near.near,
        comparing=near.record(),
        splits={split: sorted(keys) for split, keys in listed.items()},
        in_split=of("in split"),
    )
    files_ = [part for part in parts if type(part) is tuple]
    publish.manifest([notes, *files_], settings, folder, run_id)
