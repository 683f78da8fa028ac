"""Train, validation and test splits that share no cluster, even if the run is extended later.

**Rule.** A document is tied to its near-duplicates (verified edges) and to the other documents of
its *group* (the dialogues of one problem). Everything that is tied together is one unit and goes to
one split. Documents with the same text are indistinguishable, so what ties one of them ties all.

1. Splits recorded by an earlier version of the data stay. No document ever moves to another split,
   because a model may have been trained on it.
2. New documents are assigned in the order of their ids. One that is tied to recorded documents of
   one split joins that split.
3. A new document that would tie two splits together is **held**: it belongs to no split, and so
   ties nothing. (The run loses one document; neither split changes.)
4. If recorded documents of two splits turn out to be tied (two runs merged), the one of the later
   split in `ratios` is held: train comes first, so the evaluation side yields.
5. A unit of new documents only is assigned by the digest of its smallest group, in proportion to
   `ratios`. So each split gets its share of *units*, and a unit gets the same split in every run.

The result depends neither on the order of the documents nor on that of the edges.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from tutelage.dedup.result import Result
from tutelage.dedup.sketches import Id
from tutelage.seeds import fraction

HELD = "held"
"""In place of a split, for a document that would tie two splits together."""


def edges(result: Result) -> Iterator[tuple[Id, Id]]:
    """The verified edges found by `pairs.find`, as ids."""
    for x, y in result.edges.tolist():
        yield result.ids[x], result.ids[y]


def texts(result: Result) -> dict[Id, Id]:
    """For each document that shares its text with others, the smallest id with that text."""
    copies = [(x, y) for x, y in enumerate(result.text.tolist()) if x != y]
    return {result.ids[x]: result.ids[y] for x, y in copies}


def assign(
    groups: Mapping[Id, Id],
    edges: Iterable[tuple[Id, Id]],
    ratios: Mapping[str, float],
    seed: int = 0,
    recorded: Mapping[Id, str] | None = None,
    texts: Mapping[Id, Id] | None = None,
) -> dict[Id, str]:
    """The split of every document, by the rule above.

    Args:
        groups: the group of each document, such as the problem of each dialogue; a single document
            is its own group.
        edges: pairs of documents that are near-duplicates.
        ratios: the share of each split. If recorded splits collide, the earlier one here keeps its
            documents.
        seed: another seed gives another random division.
        recorded: the splits recorded by an earlier version, by document of `groups`.
        texts: copy -> the document that stands for it in `edges`.
    """
    recorded_splits, representative = recorded or {}, texts or {}
    near: dict[Id, list[Id]] = defaultdict(list)
    for x, y in edges:
        near[representative.get(x, x)].append(representative.get(y, y))
        near[representative.get(y, y)].append(representative.get(x, x))
    split_rank = {name: position for position, name in enumerate(ratios)}
    order = sorted(
        groups,
        key=lambda name: (
            split_rank.get(recorded_splits.get(name, ""), len(split_rank)),
            name not in recorded_splits,
            name,
        ),
    )
    units = _Units()
    held: set[Id] = set()
    joined: set[Id] = set()
    """Texts, each represented by one document."""
    for name in order:
        split, text = recorded_splits.get(name, ""), representative.get(name, name)
        ties = {units.root(("group", groups[name]))}
        ties.update(units.root(("text", other)) for other in (text, *near[text]) if other in joined)
        splits = {units.split[tie] for tie in ties if tie in units.split} | ({split} - {""})
        if HELD in splits or len(splits) > 1:
            held.add(name)
            continue
        joined.add(text)
        units.join([("text", text), *ties], splits.pop() if splits else "")
    smallest: dict[_Node, Id] = {}
    for name in groups.keys() - held:
        root = units.root(("group", groups[name]))
        smallest[root] = min(smallest.get(root, groups[name]), groups[name])
    split_of: dict[Id, str] = dict.fromkeys(held, HELD)
    for name in groups.keys() - held:
        root = units.root(("group", groups[name]))
        split_of[name] = units.split.get(root) or _draw(smallest[root], ratios, seed)
    return split_of


def _draw(group: Id, ratios: Mapping[str, float], seed: int) -> str:
    """The split whose part of [0, 1) contains the digest."""
    position = fraction("split", seed, group)
    for name, share in ratios.items():
        position -= share
        if position < 0:
            return name
    return next(name for name in reversed(list(ratios)) if ratios[name] > 0)


_Node = tuple[str, Id]


class _Units:
    """Units of texts and groups that are tied together, and the split of each, if assigned."""

    def __init__(self) -> None:
        self._above: dict[_Node, _Node] = {}
        self.split: dict[_Node, str] = {}

    def root(self, node: _Node) -> _Node:
        above = self._above
        above.setdefault(node, node)
        while above[node] != node:
            above[node] = above[above[node]]
            node = above[node]
        return node

    def join(self, nodes: list[_Node], split: str) -> None:
        first, *others = {self.root(node): None for node in nodes}
        for other in others:
            self._above[other] = first
            self.split.pop(other, None)
        if split:
            self.split[first] = split
