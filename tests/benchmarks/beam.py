"""Deduplication in the Beam graph, at scale: what a document costs, and what memory it takes.

    python tests/benchmarks/beam.py [--few 100000] [--many 1000000]

A journal of dialogues with one short text each (20 to 40 words; one in ten is an earlier one with
a word changed) is published: read, sketched, compared, split, written to shards and checked. Each
size runs in a process of its own, with two threads for comparing; the cost is processor time. The
survivors are checked against those that comparing without Beam finds.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from dedup import short_texts


def figures(few: int = 100_000, many: int = 1_000_000) -> dict[str, dict[str, Any]]:
    """Entries for `outputs/bench/bench.json`, measured now."""
    low, high = measured(few), measured(many)
    return {
        "beam_dedup_scale": {
            "ratio": round(high["microseconds"] / low["microseconds"], 4),
            "goal": 1.5,
            "better": "lower",
            "value": high["microseconds"],
            "unit": f"microseconds/document at {many}, in Beam, from journal to shards",
            "rivals": {f"tutelage, {few}": low, f"tutelage, {many}": high},
            "command": f"python tests/benchmarks/beam.py --few {few} --many {many}",
        }
    }


def measured(documents: int) -> dict[str, float]:
    """One size in a process of its own."""
    command = [sys.executable, __file__, "--one", str(documents)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def one(documents: int) -> dict[str, float]:
    """One size in this process."""
    from runs import Said, journal, published, scripted
    from tutelage import dedup
    from tutelage.shards import RunFolder, read_rows

    settings = scripted()
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        texts = enumerate(short_texts(documents))
        journal(folder, (Said(f"{place:07d}", text) for place, text in texts), settings)
        begun = time.process_time()
        manifest = published(folder, documents, settings)
        spent = time.process_time() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        assert sum(manifest["files"].values()) == documents
        rows = read_rows(name, ("dialogue_id", "duplicate_of", "messages"))
        removed, said = set(), []
        for row in rows:
            said.append((row["dialogue_id"], dedup.spoken(row["messages"])))
            if row["duplicate_of"]:
                removed.add(row["dialogue_id"])
    rule = dedup.Scheme.at(settings.dedup.threshold)
    sketches = dedup.Sketches.concat(dedup.sketch_all(said, rule), rule)
    assert set(dedup.find(sketches, rule, 2).duplicate_of) == removed
    return {
        "microseconds": round(spent / documents * 1e6, 1),
        "peak_mb": round(peak),
        "removed": len(removed),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Deduplication in the Beam graph, at scale.")
    parser.add_argument("--few", type=int, default=100_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--one", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    print(json.dumps(one(given.one) if given.one else figures(given.few, given.many)))


if __name__ == "__main__":
    main()
