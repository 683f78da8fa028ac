"""Deduplication beside what people use: speed, memory, precision, recall, documents lost.

    python tests/benchmarks/dedup.py [--docs 100000] [--rounds 3]

Every contender gets the same ids and texts (`dedup_corpus`) and says which documents to remove.
Each lives in a process of its own, is warmed up, and then all take turns; a speed ratio is the
median over the rounds. Each has one thread and its time is that of the processor, which a busy
machine disturbs less than the clock on the wall; on a quiet one they are the same.

- **tutelage**: `sketch_all` and `find`, as the pipeline calls them.
- **datasketch**: `MinHash.bulk` with xxh32 and a query-then-insert loop over `MinHashLSH`.
- **rensa**: `RMinHashDeduplicator.add_pairs`, at the cheapest of `RENSA` that reaches the recall
  of tutelage (less 0.001) on a corpus a tenth of the size.
- **datatrove**, where it is installed: its MinHash steps with their own settings, but words split
  at spaces, on a corpus of 5,000 texts, for it is slow.
- **shingling**: no deduplication at all, only the Python that makes the word runs which both
  libraries want as input. What is above it is the library's own time.

Scores are over documents. *Recall*: of the pairs truly at or above the threshold, those of which
at least one document is removed. *Precision*: of the removed documents, those that truly have a
near-duplicate. *Lost*: removed documents without a surviving near-duplicate.
"""

import argparse
import contextlib
import io
import json
import multiprocessing as mp
import random
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from dedup_corpus import SHINGLE, Corpus, make

THRESHOLD = 0.8
CHUNK = 1_000
RENSA = [
    (threshold, permutations, bands)
    for permutations, bands in ((128, 16), (128, 32), (256, 32))
    for threshold in (0.8, 0.79, 0.78, 0.77, 0.76, 0.75)
]
"""Threshold, permutations and bands, the cheapest first, among which rensa's setting is found."""
FEW = 5_000
"""Documents for a contender that is too slow for all."""
WARM = 4_000
"""Documents run before the clock: enough for every compiler and cache."""

Removed = list[int]
"""Positions of the documents to remove."""


def tutelage(texts: list[str], threads: int = 1) -> Removed:
    from tutelage.dedup import Scheme, Sketches, find, sketch_all

    scheme = Scheme(threshold=THRESHOLD, shingle=SHINGLE)
    sketches = Sketches.concat(sketch_all(enumerate(texts), scheme, threads), scheme)
    removed: Removed = np.nonzero(find(sketches, scheme, threads).twin >= 0)[0].tolist()
    return removed


def datasketch(texts: list[str]) -> Removed:
    from datasketch import MinHash, MinHashLSH
    from xxhash import xxh32_intdigest

    index = MinHashLSH(threshold=THRESHOLD, num_perm=128)
    removed: Removed = []
    for start in range(0, len(texts), CHUNK):
        runs = ([run.encode() for run in _runs(text)] for text in texts[start : start + CHUNK])
        for place, signature in enumerate(
            MinHash.bulk(runs, num_perm=128, hashfunc=xxh32_intdigest), start
        ):
            if index.query(signature):
                removed.append(place)
            else:
                index.insert(place, signature)
    return removed


def rensa(texts: list[str], setting: tuple[float, int, int]) -> Removed:
    from rensa import RMinHashDeduplicator

    threshold, permutations, bands = setting
    index = RMinHashDeduplicator(threshold, permutations, True, bands, 42)
    removed: Removed = []
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        added = index.add_pairs([(str(i), _runs(text)) for i, text in enumerate(chunk, start)])
        removed += [place for place, new in enumerate(added, start) if not new]
    return removed


def shingling(texts: list[str]) -> Removed:
    for text in texts:
        _runs(text)
    return []


def datatrove(texts: list[str]) -> Removed:
    from datatrove.data import Document
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.hashing import HashConfig
    from datatrove.utils.word_tokenizers import WordTokenizer
    from loguru import logger

    class Split(WordTokenizer):  # type: ignore[misc]
        """Its word tokeniser for English is spaCy, which is much slower."""

        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

        def sent_tokenize(self, text: str) -> list[str]:
            raise NotImplementedError

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            raise NotImplementedError

    logger.disable("datatrove")
    config = MinhashConfig(hash_config=HashConfig(hash_fc="sha1"))  # its xxhash wants xxhash < 4
    documents = (Document(text=text, id=str(place)) for place, text in enumerate(texts))
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        signed, paired, removed = (f"{folder}/{part}" for part in ("signed", "paired", "removed"))
        MinhashDedupSignature(signed, config, Split()).run(documents)
        for bucket in range(config.num_buckets):
            buckets = MinhashDedupBuckets(signed, paired, config=config)
            buckets.run(rank=bucket, world_size=config.num_buckets)
        MinhashDedupCluster(paired, removed, config).run()
        data = Path(removed, "000000.remove").read_bytes()
    return np.frombuffer(data, "<u4").tolist()


def _runs(text: str) -> list[str]:
    words = text.lower().split()
    return [" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))]


CONTENDERS: dict[str, Callable[..., Removed]] = {
    "tutelage": tutelage,
    "datasketch": datasketch,
    "rensa": rensa,
    "shingling": shingling,
    "datatrove": datatrove,
}


@dataclass(frozen=True)
class Score:
    recall: float
    precision: float
    lost: int


def score(corpus: Corpus, removed: Removed) -> Score:
    """How well `removed` fits the truth; see the top of this file."""
    gone = np.zeros(len(corpus.texts), bool)
    gone[removed] = True
    pairs = corpus.above(THRESHOLD)
    alike: dict[int, list[int]] = defaultdict(list)
    for x, y in pairs.tolist():
        alike[x].append(y)
        alike[y].append(x)
    return Score(
        recall=float(gone[pairs].any(axis=1).mean()) if len(pairs) else 1.0,
        precision=sum(x in alike for x in removed) / max(1, len(removed)),
        lost=sum(all(gone[y] for y in alike[x]) for x in removed),
    )


def _peak() -> float:
    """Most memory this process has held, in MB, since `_forget_peak`."""
    with contextlib.suppress(OSError), Path("/proc/self/status").open() as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _work(pipe: Connection, name: str, options: dict[str, Any]) -> None:
    """One contender's process: takes texts, then answers each "go" with its time."""
    texts: list[str] = pipe.recv()
    run = CONTENDERS[name]
    _forget_peak()
    before = _peak()
    run(texts[:WARM], **options)
    pipe.send("ready")
    while pipe.recv() == "go":
        begin = time.process_time()
        removed = run(texts, **options)
        pipe.send((time.process_time() - begin, removed))
    pipe.send(_peak() - before)


@dataclass
class Measured:
    seconds: list[float]
    removed: Removed
    memory: float = 0.0
    """Peak MB above what the process held with the texts loaded and its library not."""


def race(
    texts: list[str], entries: dict[str, tuple[str, dict[str, Any]]], rounds: int
) -> dict[str, Measured]:
    """Runs the contenders in turns, `rounds` times each."""
    context = mp.get_context("spawn")
    pipes: dict[str, Connection] = {}
    for label, (name, options) in entries.items():
        pipes[label], theirs = context.Pipe()
        context.Process(target=_work, args=(theirs, name, options), daemon=True).start()
        pipes[label].send(texts)
        pipes[label].recv()
    results = {label: Measured([], []) for label in entries}
    for turn in range(rounds):
        for label in list(entries)[:: 1 if turn % 2 == 0 else -1]:
            pipes[label].send("go")
            seconds, results[label].removed = pipes[label].recv()
            results[label].seconds.append(seconds)
    for label, pipe in pipes.items():
        pipe.send("stop")
        results[label].memory = pipe.recv()
    return results


def equal_recall(docs: int) -> tuple[float, int, int]:
    """rensa's cheapest setting that has the recall of tutelage on a corpus of `docs` texts."""
    corpus = make(docs, seed=11)
    wanted = score(corpus, tutelage(corpus.texts)).recall
    best = (0.0, RENSA[0])
    for setting in RENSA:
        recall = score(corpus, rensa(corpus.texts, setting)).recall
        if recall >= wanted - 0.001:
            return setting
        best = max(best, (recall, setting))
    return best[1]


def short_texts(docs: int, seed: int = 3) -> Iterator[str]:
    """Texts of 20 to 40 words, one in ten an earlier one with a word changed, half of those last."""
    rng = random.Random(seed)
    words = [f"w{rank}" for rank in range(30_000)]
    recent: list[list[str]] = []
    for _ in range(docs):
        if recent and rng.random() < 0.1:
            text = list(rng.choice(recent))
            text[rng.choice((-1, rng.randrange(len(text))))] = rng.choice(words)
        else:
            text = rng.choices(words, k=rng.randint(20, 40))
            if len(recent) < 5_000:
                recent.append(text)
            else:
                recent[rng.randrange(5_000)] = text
        yield " ".join(text)


def _scale(pipe: Connection, docs: int) -> None:
    """For `docs` short texts and two threads: microseconds of processor time a document, peak MB
    of the whole process, documents removed."""
    tutelage(list(short_texts(40_000)), threads=2)
    texts = list(short_texts(docs))
    _forget_peak()
    begin = time.process_time()
    removed = tutelage(texts, threads=2)
    pipe.send(((time.process_time() - begin) / docs * 1e6, _peak(), len(removed)))


def scale(docs: int) -> tuple[float, float, int]:
    """`_scale` in a process of its own."""
    context = mp.get_context("spawn")
    ours, theirs = context.Pipe()
    context.Process(target=_scale, args=(theirs, docs), daemon=True).start()
    made: tuple[float, float, int] = ours.recv()
    return made


def _line(docs: int, result: Measured, scored: Score) -> dict[str, Any]:
    return {
        "documents_per_second": round(docs / statistics.median(result.seconds)),
        "extra_memory_mb": round(result.memory),
        "recall": round(scored.recall, 5),
        "precision": round(scored.precision, 5),
        "lost": scored.lost,
    }


def figures(
    docs: int = 100_000, rounds: int = 3, many: int = 1_000_000
) -> dict[str, dict[str, Any]]:
    """Entries for `outputs/bench/bench.json`, measured now.

    `many` short texts are compared with a tenth as many for the cost by size.
    """
    corpus = make(docs)
    entries: dict[str, tuple[str, dict[str, Any]]] = {
        "tutelage": ("tutelage", {}),
        "datasketch": ("datasketch", {}),
        "shingling": ("shingling", {}),
    }
    setting = None
    if find_spec("rensa"):
        setting = equal_recall(max(2_000, docs // 10))
        entries["rensa"] = ("rensa", {"setting": setting})
    measured = race(corpus.texts, entries, rounds)
    scores = {label: score(corpus, result.removed) for label, result in measured.items()}
    ours = measured["tutelage"]
    rivals: dict[str, dict[str, Any]] = {
        label: _line(docs, result, scores[label]) for label, result in measured.items()
    }
    rivals["shingling"] = {"documents_per_second": rivals["shingling"]["documents_per_second"]}
    if setting:
        rivals["rensa"]["setting"] = "threshold {}, {} permutations, {} bands".format(*setting)
    if find_spec("datatrove"):
        few = make(FEW)
        slow = race(few.texts, {"datatrove": ("datatrove", {})}, 1)["datatrove"]
        rivals["datatrove"] = _line(FEW, slow, score(few, slow.removed)) | {"documents": FEW}
    own = rivals.pop("tutelage")
    command = f"python tests/benchmarks/dedup.py --docs {docs} --rounds {rounds}"

    def entry(ratio: float, goal: float, better: str, value: float, unit: str) -> dict[str, Any]:
        return {
            "ratio": round(ratio, 5),
            "goal": goal,
            "better": better,
            "value": value,
            "unit": unit,
            "rivals": rivals,
            "command": command,
        }

    def speed(label: str) -> float:
        pairs = zip(measured[label].seconds, ours.seconds, strict=True)
        return statistics.median(theirs / mine for theirs, mine in pairs)

    rate = own["documents_per_second"]
    made = {
        "dedup_speed_datasketch": entry(speed("datasketch"), 4.0, "higher", rate, "documents/s"),
        "dedup_recall": entry(own["recall"], 0.99, "higher", own["recall"], "of true pairs"),
        "dedup_precision": entry(own["precision"], 0.999, "higher", own["precision"], "of removed"),
        "dedup_lost": entry(own["lost"], 0, "lower", own["lost"], "documents without a twin"),
        "dedup_memory": entry(
            ours.memory / measured["datasketch"].memory,
            1.25,
            "lower",
            own["extra_memory_mb"],
            "MB above the texts",
        ),
    }
    if setting:
        made["dedup_speed_rensa"] = entry(speed("rensa"), 1.0, "higher", rate, "documents/s")
    if many:
        few_cost, few_peak, _ = scale(many // 10)
        cost, peak, removed = scale(many)
        made["dedup_scale"] = entry(
            cost / few_cost, 1.5, "lower", round(cost, 2), f"microseconds/document at {many}"
        )
        made["dedup_scale"]["rivals"] = {
            "tutelage, a tenth": {"microseconds": round(few_cost, 2), "peak_mb": round(few_peak)},
            "tutelage": {
                "microseconds": round(cost, 2),
                "peak_mb": round(peak),
                "removed": removed,
            },
        }
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description="Deduplication beside datasketch and rensa.")
    parser.add_argument("--docs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", type=int, default=1_000_000, help="Short texts; 0 leaves it out.")
    given = parser.parse_args()
    made = figures(given.docs, given.rounds, given.many)
    for name, one in made.items():
        sign = ">=" if one["better"] == "higher" else "<="
        print(f"{name:24} {one['ratio']:>10} {sign} {one['goal']:<6} {one['value']} {one['unit']}")
    print(json.dumps(made["dedup_recall"]["rivals"], indent=1))
    if "dedup_scale" in made:
        print(json.dumps(made["dedup_scale"]["rivals"], indent=1))


if __name__ == "__main__":
    main()
