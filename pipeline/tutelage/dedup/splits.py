"""Train, validation and test that share no cluster, now or when the run is extended.

**Rule.** A document goes with everything it is tied to: its near-duplicates (verified edges) and
the other documents of its *group* (the dialogues of one problem). What is tied together is one
unit and goes to one split.

Documents with the very same text are told apart by nothing, so what ties one of them ties all.

1. What an earlier version of the data recorded stays as it is. Nothing ever moves from one split
   to another, because a model may have been trained on it since.
2. Newcomers are taken in the order of their ids. One that is tied to recorded documents of one
   split joins that split.
3. A newcomer that would tie two splits together is **held**: it belongs to no split, and so ties
   nothing. (The run loses one document; neither split changes.)
4. Should recorded documents of two splits turn out to be tied (two runs merged), the one of the
   later split in `ratios` is held: train comes first, so the evaluation side yields.
5. A unit of newcomers alone goes where the digest of its smallest group falls, in proportion to
   `ratios`. So each split gets its share of *units*, and the same unit falls alike in every run.

The result depends on neither the order of the documents nor that of the edges.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from tutelage.dedup.result import Result
from tutelage.dedup.sketches import Id
from tutelage.seeds import fraction

HELD = "held"
"""What stands in place of a split for a document that would tie two splits together."""


def edges(result: Result) -> Iterator[tuple[Id, Id]]:
    """The verified edges that `pairs.find` found, as ids."""
    for x, y in result.edges.tolist():
        yield result.ids[x], result.ids[y]


def texts(result: Result) -> dict[Id, Id]:
    """For each document whose text another has, too, the smallest id that has it."""
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
        groups: the group of each document, such as the problem of each dialogue; a document that
            stands alone is its own group.
        edges: pairs of documents that are near-duplicates.
        ratios: the share of each split. Earlier ones keep their documents when recorded splits
            collide.
        seed: another seed is another random division.
        recorded: the split of each document of `groups` that an earlier version has.
        texts: for copies, the document by whose name `edges` know them.
    """
    before, same = recorded or {}, texts or {}
    near: dict[Id, list[Id]] = defaultdict(list)
    for x, y in edges:
        near[same.get(x, x)].append(same.get(y, y))
        near[same.get(y, y)].append(same.get(x, x))
    rank = {name: place for place, name in enumerate(ratios)}
    order = sorted(
        groups,
        key=lambda name: (rank.get(before.get(name, ""), len(rank)), name not in before, name),
    )
    units = _Units()
    held: set[Id] = set()
    joined: set[Id] = set()
    """Texts, each by the name of one document."""
    for name in order:
        split, text = before.get(name, ""), same.get(name, name)
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
    """The split on whose share of [0, 1) the digest falls."""
    at = fraction("split", seed, group)
    for name, share in ratios.items():
        at -= share
        if at < 0:
            return name
    return next(name for name in reversed(list(ratios)) if ratios[name] > 0)


_Node = tuple[str, Id]


class _Units:
    """Texts and groups that are tied together, and the split of each such unit, if any yet."""

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
