"""The result of the near-duplicate search, which `pairs` computes: duplicates, clusters, counts."""

from dataclasses import asdict, astuple, dataclass

import numpy as np
import numpy.typing as npt

from tutelage.dedup.sketches import Id

Table = npt.NDArray[np.int32]
Places = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts for the manifest."""

    documents: int = 0
    kept: int = 0
    exact: int = 0
    """Removed because an earlier document has exactly the same normalised text."""
    near: int = 0
    """Removed for another reason."""
    clusters: int = 0
    """Clusters of two documents or more."""
    edges: int = 0
    """Verified pairs of different texts."""
    compared: int = 0
    """Pairs of different texts that shared a band key and were compared."""
    hot_keys: int = 0
    """Band keys shared by so many documents that some comparisons were left out."""
    capped: int = 0
    """Comparisons left out for hot keys; the pair may still have been compared for another key."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def record(self) -> dict[str, int]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """Positions are those of the documents as given to `find`."""

    ids: list[Id]
    twin: Places
    """int32 [n]: position of the surviving twin; -1 if the document stays."""
    first: Places
    """int32 [n]: position of the smallest id in the document's cluster."""
    text: Places
    """int32 [n]: position of the smallest id with exactly the same text, possibly its own."""
    edges: Table
    """int32 [e, 2]: verified pairs; copies of a text are paired with the smallest id among them."""
    counts: Counts

    @property
    def duplicate_of(self) -> dict[Id, Id]:
        """Id of the surviving twin, for each removed document."""
        removed = np.nonzero(self.twin >= 0)[0].tolist()
        return {self.ids[x]: self.ids[self.twin[x]] for x in removed}

    @property
    def cluster(self) -> dict[Id, Id]:
        """The cluster of each document, named after its smallest id."""
        return {name: self.ids[y] for name, y in zip(self.ids, self.first.tolist(), strict=True)}
