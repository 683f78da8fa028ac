"""Makes a corpus of dialogue-like texts whose near-duplicates are known exactly.

    python tests/benchmarks/dedup_corpus.py --docs 100000 --out corpus.parquet

What is planted, as shares of the corpus (texts of about 1.5 kB, 240 words):

    0.52  singles    texts of their own
    0.05  exact      copies of a single
    0.05  j95        copies with a word or two replaced, Jaccard about 0.95
    0.05  j85        copies with a few words or one run of words replaced, 0.81 to 0.89
    0.05  j70        copies that are no duplicates: 0.65 to 0.75
    0.03  chains     A~B~C~D: each a small edit of the one before, so that the ends are none
    0.25  templates  look-alikes: families of one long template with other names, numbers and
                     objects in its slots. Nearly all of their pairs are no duplicates; a few
                     members are near-copies of another member, and those are.

All dialogues share the boilerplate of a chat (greeting, closing lines), a tenth of each text.

**Truth** is exact and made without any hashing: Jaccard similarity of the sets of five-word runs,
as strings, of every two texts that come from the same seed text or the same template. Texts of
different origin share only boilerplate and cannot come near the threshold.

This module knows nothing of `tutelage.dedup`, so that it can judge it.
"""

import argparse
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix

SHINGLE = 5
SHARES = {"exact": 0.05, "j95": 0.05, "j85": 0.05, "j70": 0.05, "chains": 0.03, "templates": 0.25}
FAMILY = 500
"""Members of one template family in a large corpus."""
PLANTED = 0.08
"""Share of a template family that are near-copies of another member."""

_OPENING = "Student: Let me think about this problem one step at a time before I answer it."
_CLOSING = "Teacher: That is right, well done, you found the mistake and corrected it on your own."


@dataclass(frozen=True)
class Corpus:
    """Texts, and every pair at or above `floor`."""

    ids: list[str]
    texts: list[str]
    kinds: list[str]
    pairs: np.ndarray
    """int32 [p, 2], positions i < j in `ids`."""
    jaccard: np.ndarray
    """float64 [p], exact."""

    def above(self, threshold: float) -> np.ndarray:
        """The pairs at or above the threshold."""
        return self.pairs[self.jaccard >= threshold - 1e-12]


def make(docs: int, seed: int = 7, floor: float = 0.6) -> Corpus:
    """A corpus of `docs` texts in shuffled order, and its truth."""
    rng = random.Random(seed)
    words = _vocabulary(rng)
    counts = {kind: round(docs * share) for kind, share in SHARES.items()}
    texts: list[tuple[list[str], str, int]] = []  # words, kind, origin
    singles = [_dialogue(rng, words) for _ in range(docs - sum(counts.values()))]
    texts += [(text, "single", origin) for origin, text in enumerate(singles)]
    for kind, target in (("exact", 1.0), ("j95", 0.95), ("j85", 0.85), ("j70", 0.70)):
        for _ in range(counts[kind]):
            origin = rng.randrange(len(singles))
            texts.append((_edited(rng, words, singles[origin], target), kind, origin))
    origin = len(singles)
    left = counts["chains"]
    while left > 0:
        text = _dialogue(rng, words)
        for _ in range(min(4, left)):
            texts.append((text, "chain", origin))
            text = _edited(rng, words, text, 0.89)
            left -= 1
        origin += 1
    left = counts["templates"]
    while left > 0:
        family = _family(rng, words, min(left, FAMILY))
        texts += [(text, "template", origin) for text in family]
        left -= len(family)
        origin += 1
    rng.shuffle(texts)
    pairs, jaccard = _truth(texts, floor)
    return Corpus(
        [f"d{i:08d}" for i in range(len(texts))],
        [_lines(text) for text, _, _ in texts],
        [kind for _, kind, _ in texts],
        pairs,
        jaccard,
    )


def _vocabulary(rng: random.Random) -> list[str]:
    """20,000 invented words and numbers; low ranks are short and drawn often."""
    onsets = [*"bcdfghjklmnprstvw", "st", "tr", "pl", "sh", "br"]
    vowels = [*"aeiou", "ea", "ou", "ai"]
    made: dict[str, None] = {}
    while len(made) < 18000:
        size = 1 + (len(made) > 300) + (len(made) > 6000)
        made[
            "".join(rng.choice(onsets) + rng.choice(vowels) for _ in range(size))
            + "n"[: rng.randrange(2)]
        ] = None
        if len(made) <= 300 and rng.random() < 0.3:
            made["".join(rng.choice(onsets) + rng.choice(vowels) for _ in range(2))] = None
    return [*made, *(str(n) for n in range(2, 2002))]


def _draw(rng: random.Random, words: list[str], count: int) -> list[str]:
    """`count` words: a third from the 200 most common, the rest from all."""
    return [
        words[rng.randrange(200)] if rng.random() < 0.33 else words[rng.randrange(len(words))]
        for _ in range(count)
    ]


def _dialogue(rng: random.Random, words: list[str]) -> list[str]:
    """One text as a list of words: a problem, three exchanges, boilerplate around them."""
    text = ["Problem:", *_draw(rng, words, rng.randint(35, 70)), *_OPENING.split()]
    for _ in range(3):
        text += ["Student:", *_draw(rng, words, rng.randint(20, 40))]
        text += ["Teacher:", *_draw(rng, words, rng.randint(15, 30))]
    return [*text, *_CLOSING.split()]


def _edited(rng: random.Random, words: list[str], text: list[str], target: float) -> list[str]:
    """`text` with words replaced until its Jaccard similarity is near `target`.

    Half of the copies are edited in one run of words, half at places far apart: a run of L words
    costs L + 4 shingles, a single word 5.
    """
    if target == 1.0:
        return text
    shingles = len(text) - SHINGLE + 1
    aim = target + rng.uniform(-0.04, 0.04) * (target < 0.95)
    spoilt = max(SHINGLE, round(shingles * (1 - aim) / (1 + aim)))
    edited = list(text)
    if rng.random() < 0.5:
        size = max(1, spoilt - SHINGLE + 1)
        at = rng.randrange(SHINGLE, len(text) - size - SHINGLE)
        places = list(range(at, at + size))
    else:
        slots = range(SHINGLE, len(text) - SHINGLE, SHINGLE)
        places = rng.sample(slots, max(1, round(spoilt / SHINGLE)))
    for place, word in zip(places, _draw(rng, words, len(places)), strict=True):
        edited[place] = word + "x"
    return edited


def _family(rng: random.Random, words: list[str], members: int) -> list[list[str]]:
    """Texts of one template, with 7 to 18 slots: each a name, a number or an object."""
    frame = _dialogue(rng, words)
    places = range(SHINGLE, len(frame) - SHINGLE, SHINGLE)
    slots = rng.sample(places, round(len(frame) * rng.uniform(0.028, 0.08)))
    family: list[list[str]] = []
    for _ in range(members):
        if family and rng.random() < PLANTED:
            family.append(_edited(rng, words, rng.choice(family), rng.choice((0.95, 0.85))))
            continue
        text = list(frame)
        for slot in slots:
            text[slot] = rng.choice((words[rng.randrange(len(words))], str(rng.randrange(1000))))
        family.append(text)
    return family


def _lines(text: list[str]) -> str:
    joined = " ".join(text)
    for speaker in ("Student:", "Teacher:"):
        joined = joined.replace(f" {speaker}", f"\n{speaker}")
    return joined


def _truth(texts: list[tuple[list[str], str, int]], floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Every pair of one origin with Jaccard at or above `floor`, from sets of strings."""
    families: dict[int, list[int]] = defaultdict(list)
    for position, (_, _, origin) in enumerate(texts):
        families[origin].append(position)
    pairs: list[np.ndarray] = []
    scores: list[np.ndarray] = []
    for members in families.values():
        if len(members) < 2:
            continue
        columns: dict[str, int] = {}
        indices: list[int] = []
        bounds = [0]
        for member in members:
            text = texts[member][0]
            found = {
                " ".join(text[i : i + SHINGLE]).lower() for i in range(len(text) - SHINGLE + 1)
            }
            indices += [columns.setdefault(shingle, len(columns)) for shingle in found]
            bounds.append(len(indices))
        shape = (len(members), len(columns))
        matrix = csr_matrix((np.ones(len(indices), np.int32), indices, bounds), shape=shape)
        shared = (matrix @ matrix.T).toarray()
        sizes = shared.diagonal()
        score = shared / (sizes[:, None] + sizes[None, :] - shared)
        first, second = np.nonzero(np.triu(score >= floor, 1))
        places = np.asarray(members, np.int32)
        pairs.append(np.stack([places[first], places[second]], 1))
        scores.append(score[first, second])
    if not pairs:
        return np.empty((0, 2), np.int32), np.empty(0)
    return np.sort(np.concatenate(pairs), 1), np.concatenate(scores)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the corpus as Parquet, for other tools.")
    parser.add_argument("--docs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    corpus = make(given.docs, given.seed)
    table = pa.table({"id": corpus.ids, "text": corpus.texts, "kind": corpus.kinds})
    pq.write_table(table, given.out, compression="zstd")
    print(f"{given.out}: {len(corpus.ids)} texts, {len(corpus.above(0.8))} pairs at or above 0.8")


if __name__ == "__main__":
    main()
