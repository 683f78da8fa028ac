"""Splits in distributed publishing, as `dedup.splits.assign` assigns them.

A problem without near-duplicates in other problems is a unit by itself, whose split is drawn on any
worker. Problems that near-duplicates tie together are assigned by one worker, which also holds the
record of an earlier publication.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam

from tutelage.dedup import Counts, Scheme
from tutelage.dedup.splits import assign
from tutelage.flow.near import Copies, Near, Pairs, share
from tutelage.session.publication import SPLITS
from tutelage.settings import Splits
from tutelage.shards import RunFolder


class Assigned(dict[str, str]):
    """Key -> split."""


class _Tied(NamedTuple):
    """Dialogues that are in some pair."""

    names: list[str]


class _Member(NamedTuple):
    """One dialogue of a problem."""

    problem: str
    key: str
    before: str
    """Its split when the run was last published."""
    is_tied: bool


def splits(
    standing: beam.PCollection,
    facts: beam.PCollection,
    rule: Scheme,
    blocks: int,
    wanted: Splits,
    folder: RunFolder,
) -> beam.PCollection:
    """(block, key -> split) of all kept dialogues."""
    ties = (
        standing
        | "all in one part" >> beam.Map(lambda one: ("", one[1].sketches))
        | "near-duplicates in all" >> Near(rule, blocks)
        | "but the counts" >> beam.Filter(lambda one: not isinstance(one, Counts))
    )
    one = standing.pipeline | "one" >> beam.Create([None])
    members = (
        (
            facts,
            ties | "tied" >> beam.FlatMap(_tied, blocks),
            one | "published before" >> beam.FlatMap(_before, folder, blocks),
        )
        | "what ties" >> beam.Flatten()
        | "meets" >> beam.GroupByKey()
        | "members" >> beam.FlatMap(_members, blocks)
        | "of problems" >> beam.GroupByKey()
        | "units" >> beam.Map(_units, wanted)
    )
    tied = members | "for one worker" >> beam.Map(lambda units: units[1])
    together = one | "tied units" >> beam.Map(
        _together, beam.pvalue.AsList(tied), beam.pvalue.AsList(ties), wanted
    )
    return (
        (members | "alone in a unit" >> beam.Map(lambda units: units[0]), together)
        | "all splits" >> beam.Flatten()
        | "by key" >> beam.FlatMap(_by_key, blocks)
    )


def _tied(pairs: Pairs | Copies, blocks: int) -> Iterator[tuple[int, _Tied]]:
    dealt: dict[int, set[str]] = defaultdict(set)
    for name in {name.decode() for side in pairs for name in side.tolist()}:
        dealt[share(name, blocks)].add(name)
    for number, names in dealt.items():
        yield number, _Tied(sorted(names))


def _before(_: None, folder: RunFolder, blocks: int) -> Iterator[tuple[int, Assigned]]:
    """The splits of an earlier publication."""
    recorded = folder.read_json(SPLITS)
    return _by_key({key: split for split, keys in recorded.items() for key in keys}, blocks)


def _by_key(splits: Mapping[str, str], blocks: int) -> Iterator[tuple[int, Assigned]]:
    dealt: dict[int, Assigned] = defaultdict(Assigned)
    for key, split in splits.items():
        dealt[share(key, blocks)][key] = split
    yield from dealt.items()


def _members(group: tuple[int, Iterable[Any]], blocks: int) -> Iterator[tuple[int, list[_Member]]]:
    things = list(group[1])
    before = merged(things, Assigned)
    tied = {name for one in things if isinstance(one, _Tied) for name in one.names}
    dealt: dict[int, list[_Member]] = defaultdict(list)
    for fact in (fact for facts in things if isinstance(facts, list) for fact in facts):
        if fact.kind == "kept":
            member = _Member(fact.problem, fact.key, before.get(fact.key, ""), fact.key in tied)
            dealt[share(fact.problem, blocks)].append(member)
    yield from dealt.items()


def _units(
    group: tuple[int, Iterable[list[_Member]]], wanted: Splits
) -> tuple[dict[str, str], list[_Member]]:
    """Splits of the problems that are units by themselves, and the members of all other problems."""
    problems: dict[str, list[_Member]] = defaultdict(list)
    for member in (member for some in group[1] for member in some):
        problems[member.problem].append(member)
    alone: list[_Member] = []
    tied: list[_Member] = []
    for members in problems.values():
        (tied if any(member.is_tied for member in members) else alone).extend(members)
    return _assign(alone, [], {}, wanted), tied


def _together(
    _: None, members: list[list[_Member]], ties: list[Pairs | Copies], wanted: Splits
) -> dict[str, str]:
    def names(kind: type[Pairs] | type[Copies]) -> list[tuple[str, str]]:
        both = (
            zip(*(side.tolist() for side in one), strict=True)
            for one in ties
            if isinstance(one, kind)
        )
        return [(x.decode(), y.decode()) for some in both for x, y in some]

    copies = names(Copies)
    texts_ = dict(copies)
    return _assign([m for some in members for m in some], [*names(Pairs), *copies], texts_, wanted)


def _assign(
    members: list[_Member], edges: list[tuple[str, str]], same: dict[str, str], wanted: Splits
) -> dict[str, str]:
    groups: dict[Any, Any] = {member.key: member.problem for member in members}
    before: dict[Any, str] = {member.key: member.before for member in members if member.before}
    given = assign(groups, edges, wanted.ratios, wanted.seed, before, dict[Any, Any](same))
    return {str(key): split for key, split in given.items()}


def merged(things: Iterable[Any], kind: type[dict[str, Any]]) -> dict[str, Any]:
    """The union of all dictionaries of one kind."""
    return {key: value for one in things if isinstance(one, kind) for key, value in one.items()}
