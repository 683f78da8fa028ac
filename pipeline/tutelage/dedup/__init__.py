"""Near-duplicates, contamination and splits.

`sketch` turns texts into compact sketches, `find` says which documents duplicate which,
`decontaminate` finds evaluation problems among training problems, `splits` divides data into train
and validation without dividing a cluster. Nothing here knows Beam, dialogues or prompts.
"""

from tutelage.dedup.pairs import find, find_within
from tutelage.dedup.result import Counts, Result
from tutelage.dedup.scheme import Scheme
from tutelage.dedup.sketches import Sketches, shingles, sign, sketch, sketch_all
from tutelage.dedup.words import digest, normalise, spoken, spread

__all__ = [
    "Counts",
    "Result",
    "Scheme",
    "Sketches",
    "digest",
    "find",
    "find_within",
    "normalise",
    "shingles",
    "sign",
    "sketch",
    "sketch_all",
    "spoken",
    "spread",
]
