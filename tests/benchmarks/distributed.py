"""Publishing spread over processes, beside publishing on one machine: memory, bytes, what crosses.

    python tests/benchmarks/distributed.py [--dialogues 100000] [--workers 2] [--keep]
    python tests/benchmarks/distributed.py --paper       a run of 10^8, derived from what was kept

A journal of dialogues with one short text each (20 to 40 words; one in ten is an earlier one with a
word changed) is published by the graph for this machine, and by that for others with two worker
processes of Beam's local runner, which stands in for a cluster and holds in its own process what a
cluster's shuffle would hold. The files must be the same. The memory is that of the largest worker;
what crosses the shuffle is counted as it crosses.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from dedup import short_texts

_BENCH = Path(__file__).resolve().parents[2] / "outputs" / "bench" / "bench.json"
_NAME = "distributed_publish"
_PAPER = 10**8
_MEASURE = "python tests/benchmarks distributed overhead"


@dataclass
class Shuffle:
    """What crossed the local runner's shuffles."""

    crossed: int = 0
    """Bytes, over all of them."""
    largest: int = 0
    """Bytes of the largest element that one of several workers is given."""
    gathered: int = 0
    """Bytes of the largest element that is for one worker alone."""


def figures(dialogues: int = 100_000, workers: int = 2) -> dict[str, dict[str, Any]]:
    """Entries for `outputs/bench/bench.json`, measured now."""
    from runs import Said, journal, scripted
    from tutelage.seeds import digest
    from tutelage.shards import RunFolder

    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        # Ids are digests, as those of a run are: by them the work is dealt out.
        texts = enumerate(short_texts(dialogues))
        said = (Said(digest("key", n), text, digest("problem", n)) for n, text in texts)
        journal(folder, said, scripted())
        journalled = sum(file.stat().st_size for file in folder.journal.glob("*.jsonl"))
        here, spread = (_measured(name, way, dialogues, workers) for way in ("here", "spread"))
        shards = sum(file.stat().st_size for file in folder.shards.rglob("*.parquet"))
    assert here["files"] == spread["files"], "the same bytes"
    crossed = spread["shuffle"]
    return {
        _NAME: {
            "ratio": round(spread["worker_mb"] / 1536, 4),
            "goal": 1.0,
            "better": "lower",
            "value": spread["worker_mb"],
            "unit": f"MB of the largest of {workers} workers, for {dialogues} dialogues",
            "rivals": {
                "journal, bytes a dialogue": journalled // dialogues,
                "shards, bytes a dialogue": shards // dialogues,
                "shuffle, bytes a dialogue": crossed["crossed"] // dialogues,
                "largest element, bytes": crossed["largest"],
                "gathered for one worker, bytes a dialogue": crossed["gathered"] / dialogues,
                "microseconds a dialogue, here": here["microseconds"],
                "microseconds a dialogue, spread": spread["microseconds"],
                "MB of one process, here": here["own_mb"],
                "MB of the runner, which holds the shuffle": spread["own_mb"],
            },
            "command": "python tests/benchmarks/distributed.py "
            f"--dialogues {dialogues} --workers {workers}",
        }
    }


def paper(entries: dict[str, dict[str, Any]]) -> str:
    """What a run of 10^8 dialogues takes, from what `distributed` and `overhead` measured."""
    from tutelage.flow.publish_elsewhere import blocks_of
    from tutelage.settings import Shards
    from tutelage.shards.journal import FULL

    entry = entries[_NAME]
    measured, size = entry["rivals"], int(entry["unit"].split()[-2])
    generating = entries["overhead_turns_per_s"]["rivals"]["microseconds a dialogue, generating"]
    journal = measured["journal, bytes a dialogue"]
    # A block has so many bytes of the journal, or more, because there is a most of blocks.
    growth = (_PAPER / blocks_of(_PAPER * journal)) / (size / blocks_of(size * journal))
    file = Shards().rows * measured["shards, bytes a dialogue"]
    hours = {
        "generating, without the model": generating * _PAPER / 3.6e9,
        "publishing": measured["microseconds a dialogue, spread"] * _PAPER / 3.6e9,
    }
    lines = [f"10^8 dialogues like those measured ({size} of {journal} bytes in the journal)"]
    lines += [f"  core hours, {name:32}{value:8.0f}" for name, value in hours.items()]
    lines += [
        f"  {name:44}{value:8.1f} {unit}"
        for name, value, unit in (
            ("journal", journal * _PAPER / 1e9, "GB"),
            ("shards", measured["shards, bytes a dialogue"] * _PAPER / 1e9, "GB"),
            ("through the shuffle", measured["shuffle, bytes a dialogue"] * _PAPER / 1e9, "GB"),
            ("largest element", measured["largest element, bytes"] * max(1.0, growth) / 1e6, "MB"),
            (
                "gathered for one worker (near-duplicates)",
                measured["gathered for one worker, bytes a dialogue"] * _PAPER / 1e6,
                "MB",
            ),
            ("disk a worker: a journal's object and a shard", (FULL + file) / 1e6, "MB"),
        )
    ]
    return "\n".join(lines)


def _measured(folder: str, way: str, dialogues: int, workers: int) -> dict[str, Any]:
    """One publication in a process of its own."""
    command = [sys.executable, __file__, "--one", folder, way, str(dialogues), str(workers)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _counted() -> Shuffle:
    """What crosses Beam's local runner from now on; and groups are handed to its workers one by one,
    as a cluster does, while a worker works, and not a worker's whole share as one string beforehand.
    """
    from apache_beam.runners.portability.fn_api_runner.execution import GroupingBuffer
    from apache_beam.runners.portability.fn_api_runner.fn_runner import BundleManager

    shuffle, whole = Shuffle(), GroupingBuffer.partition

    def partition(buffer: Any, workers: int) -> list[list[bytes]]:
        if not buffer._grouped_output:
            groups = len(buffer._table)
            elements = [b"".join(parts) for parts in whole(buffer, max(workers, groups))]
            largest = max(map(len, elements))
            shuffle.crossed += sum(map(len, elements))
            if groups > 1:
                shuffle.largest = max(shuffle.largest, largest)
            else:
                shuffle.gathered = max(shuffle.gathered, largest)
            buffer._grouped_output = [elements[k::workers] for k in range(workers)]
        shares: list[list[bytes]] = buffer._grouped_output
        return shares

    def send_apart(manager: Any, bundle: str, transform: str, groups: list[bytes] | None) -> None:
        stream = manager._worker_handler.data_conn.output_stream(bundle, transform)

        def send() -> None:
            for group in groups or ():
                # Not `write`: each second a timer sends the buffer and then clears it, and with it
                # whatever was written in between.
                stream._flush_callback(group)
            stream.close()

        threading.Thread(target=send, daemon=True).start()

    GroupingBuffer.partition = partition
    BundleManager._send_input_to_worker = send_apart
    return shuffle


def one(name: str, way: str, dialogues: int, workers: int) -> dict[str, Any]:
    """One publication in this process, and its workers."""
    from runs import published, scripted
    from tutelage.flow import publish, publish_elsewhere
    from tutelage.shards import RunFolder

    many = [f"--direct_num_workers={workers}", "--direct_running_mode=multi_processing"]
    beam, build = ([], publish.build) if way == "here" else (many, publish_elsewhere.build)
    shuffle = _counted()
    begun = time.process_time()
    published(RunFolder(Path(name)), dialogues, scripted(), beam, build)
    own = resource.getrusage(resource.RUSAGE_SELF)
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = time.process_time() - begun + below.ru_utime + below.ru_stime
    return {
        "microseconds": round(spent / dialogues * 1e6, 1),
        "own_mb": round(own.ru_maxrss / 1024),
        "worker_mb": round(below.ru_maxrss / 1024),
        "shuffle": asdict(shuffle),
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
    parser.add_argument("--keep", action="store_true", help="put the figures into bench.json")
    parser.add_argument("--paper", action="store_true", help="derive a run of 10^8 from bench.json")
    given = parser.parse_args()
    entries = json.loads(_BENCH.read_text("utf-8")) if _BENCH.exists() else {}
    if given.paper:
        if missing := {_NAME, "overhead_turns_per_s"} - entries.keys():
            sys.exit(f"{', '.join(sorted(missing))}: not measured; run {_MEASURE}")
        print(paper(entries))
        return
    measured = figures(given.dialogues, given.workers)
    print(json.dumps(measured, indent=2))
    if given.keep:
        _BENCH.parent.mkdir(parents=True, exist_ok=True)
        _BENCH.write_text(json.dumps(entries | measured, indent=2, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
