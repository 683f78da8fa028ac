"""Publishing spread over processes, beside publishing on one machine: memory, bytes, what crosses.

    python tests/benchmarks/distributed.py [--dialogues 100000] [--workers 2]

A journal of dialogues with one short text each (20 to 40 words; one in ten is an earlier one with a
word changed) is published by the graph for this machine, and by that for others with two worker
processes of Beam's local runner, which stands in for a cluster and holds in its own process what a
cluster's shuffle would hold. The files must be the same. The memory is that of the largest worker.
What crosses the shuffle is reckoned from sizes of sketches and packed rows, which are measured.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from dedup import short_texts

_SKETCHED = 4
"""How often a sketch crosses the shuffle: with its facts, by text, by block, and by block again."""
_SAMPLE = 2_000


def figures(dialogues: int = 100_000, workers: int = 2) -> dict[str, dict[str, Any]]:
    """Entries for `outputs/bench/bench.json`, measured now."""
    from runs import Said, journal, scripted
    from tutelage.shards import RunFolder

    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        texts = enumerate(short_texts(dialogues))
        journal(folder, (Said(f"{place:09d}", text) for place, text in texts), scripted())
        sizes = _sizes(folder)
        here, there = (_measured(name, way, dialogues, workers) for way in ("here", "elsewhere"))
    assert here["files"] == there["files"], "the same bytes"
    return {
        "distributed_publish": {
            "ratio": round(there["worker_mb"] / 1536, 4),
            "goal": 1.0,
            "better": "lower",
            "value": there["worker_mb"],
            "unit": f"MB of the largest of {workers} workers, for {dialogues} dialogues",
            "rivals": {
                "bytes a dialogue": sizes,
                "microseconds a dialogue, here": here["microseconds"],
                "microseconds a dialogue, elsewhere": there["microseconds"],
                "MB of one process, here": here["own_mb"],
                "MB of the runner, elsewhere": there["own_mb"],
            },
            "command": "python tests/benchmarks/distributed.py "
            f"--dialogues {dialogues} --workers {workers}",
        }
    }


def _sizes(folder: Any) -> dict[str, int]:
    """Means over the first dialogues of the journal, in bytes."""
    from itertools import islice

    from tutelage import dedup
    from tutelage.shards import entries, fetch
    from tutelage.shards.journal import files

    spans = [entry.span for entry in islice(entries(files(folder.journal)[0]), _SAMPLE)]
    rows = list(fetch(spans))
    rule = dedup.Scheme()
    sketches = dedup.sketch(range(len(rows)), [dedup.spoken(r["messages"]) for r in rows], rule)
    packed = sum(len(zlib.compress(json.dumps(row).encode(), 1)) for row in rows) // len(rows)
    sketch = sketches.size // len(rows)
    return {
        "journal": sum(span.length for span in spans) // len(rows),
        "row, packed": packed,
        "sketch": sketch,
        "through the shuffle, about": packed + _SKETCHED * sketch + rule.bands * 32,
    }


def _measured(folder: str, way: str, dialogues: int, workers: int) -> dict[str, Any]:
    """One publication in a process of its own."""
    command = [sys.executable, __file__, "--one", folder, way, str(dialogues), str(workers)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def one(name: str, way: str, dialogues: int, workers: int) -> dict[str, Any]:
    """One publication in this process, and its workers."""
    from runs import published, scripted
    from tutelage.flow import publish, publish_elsewhere
    from tutelage.shards import RunFolder

    many = [f"--direct_num_workers={workers}", "--direct_running_mode=multi_processing"]
    beam, build = ([], publish.build) if way == "here" else (many, publish_elsewhere.build)
    begun = time.process_time()
    published(RunFolder(Path(name)), dialogues, scripted(), beam, build)
    own = resource.getrusage(resource.RUSAGE_SELF)
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = time.process_time() - begun + below.ru_utime + below.ru_stime
    return {
        "microseconds": round(spent / dialogues * 1e6, 1),
        "own_mb": round(own.ru_maxrss / 1024),
        "worker_mb": round(below.ru_maxrss / 1024),
        "files": {
            str(path.relative_to(name)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(Path(name).rglob("*"))
            if path.suffix == ".parquet" or path.name == "manifest.json"
        },
    }


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        folder, way, *sizes = sys.argv[2:]
        print(json.dumps(one(folder, way, *map(int, sizes))))
        return
    parser = argparse.ArgumentParser(description="Publishing spread over processes.")
    parser.add_argument("--dialogues", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    print(json.dumps(figures(given.dialogues, given.workers), indent=2))


if __name__ == "__main__":
    main()
