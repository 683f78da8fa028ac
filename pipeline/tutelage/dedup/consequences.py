"""What follows from verified pairs: which documents stay, and which belong together.

Plain loops over arrays: run by the interpreter where pairs are few, compiled in `pair_kernels` where
they are many. Pairs are int32 [e, 2], each (x, y) with y < x.
"""

import numpy as np
import numpy.typing as npt

Pairs = npt.NDArray[np.int32]
Documents = npt.NDArray[np.int32]


def survivors(pairs: Pairs, n: int) -> Documents:
    """For each document the smallest surviving one that it has an edge to, -1 where it stays.

    `pairs` ascend by x, then y: when x comes up, what becomes of every y is known.
    """
    twin = np.full(n, -1, np.int32)
    for e in range(len(pairs)):
        x, y = pairs[e, 0], pairs[e, 1]
        if twin[x] < 0 and twin[y] < 0:
            twin[x] = y
    return twin


def components(pairs: Pairs, n: int) -> Documents:
    """The smallest document of each document's component, int32 [n]."""
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
