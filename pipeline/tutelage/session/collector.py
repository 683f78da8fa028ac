"""Lets Python's garbage collector do less while dialogues are played or published.

What is alive when a run begins outlives it. Frozen, it is not walked through by each full
collection, for which all dialogues in play have to wait; and a row is a few hundred objects, so
collections of young objects are due less often.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG_OBJECTS = 10_000
"""New objects between two collections; Python's default, 700, is a dialogue or two."""


@contextmanager
def spared_collector() -> Iterator[None]:
    """Does nothing where something is frozen already: whoever did that knows better."""
    if gc.get_freeze_count():
        yield
        return
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
