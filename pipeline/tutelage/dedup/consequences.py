"""Derives from verified pairs which documents stay, and which belong to one cluster.

Plain loops over arrays: interpreted if there are few pairs, compiled in `pair_kernels` if there are
many. Pairs are int32 [e, 2], each (x, y) with y < x.
"""

import numpy as np
import numpy.typing as npt

Pairs = npt.NDArray[np.int32]
Documents = npt.NDArray[np.int32]


def survivors(pairs: Pairs, n: int) -> Documents:
    """For each document its smallest surviving neighbour; -1 if the document stays.

    `pairs` ascend by x, then y, so the fate of every y is known when x is reached.
    """
    twin = np.full(n, -1, np.int32)
    for e in range(len(pairs)):
        x, y = pairs[e, 0], pairs[e, 1]
        if twin[x] < 0 and twin[y] < 0:
            twin[x] = y
    return twin


def components(pairs: Pairs, n: int) -> Documents:
    """The smallest document in each document's component, int32 [n]."""
    root = np.arange(n).astype(np.int32)
    for e in range(len(pairs)):
        x, y = pairs[e, 0], pairs[e, 1]
        while root[x] != x:
            root[x] = root[root[x]]
            x = root[x]
        while root[y] != y:
            root[y] = root[root[y]]
            y = root[y]
        if x < y:
            root[y] = x
        else:
            root[x] = y
    for x in range(n):
        root[x] = root[root[x]]
    return root
