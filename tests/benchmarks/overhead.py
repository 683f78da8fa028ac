"""What the pipeline costs without a model: turns a second of one core, and memory over size.

    python tests/benchmarks/overhead.py [--few 2000] [--many 8000] [--small 30000] [--large 200000]

Scripted dialogues of up to four turns run through the whole command's path (corpus, gold check,
dialogue, leak gate, verifier, journal; then near-duplicates and shards), each size in a process of
its own. The speed is the marginal one between two sizes, each the best of three, in processor time
of all threads, so that neither the start of Python nor a busy machine counts.

The goal of the speed is on generation: publishing, which needs no engine, is measured beside it.
The memory is that of the whole command. Both sizes are beyond the 8 MB of text (some 15,000 of these
dialogues) from which on near-duplicates are searched by compiled kernels: numba and LLVM take about
150 MB once, whatever the size, which is no growth. What does grow is given in bytes per dialogue.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def figures(
    few: int = 2_000, many: int = 8_000, small: int = 30_000, large: int = 200_000
) -> dict[str, dict[str, Any]]:
    """Entries for `outputs/bench/bench.json`, measured now."""
    runs = [(measured(few), measured(many)) for _ in range(3)]
    base, more = (_least(side) for side in zip(*runs, strict=True))
    turns = more["turns"] - base["turns"]

    def speed(*phases: str) -> float:
        return turns / sum(more[phase] - base[phase] for phase in phases)

    def each(phase: str) -> int:
        return round((more[phase] - base[phase]) / (many - few) * 1e6)

    generating = speed("generate_cpu_s")
    made = {
        "overhead_turns_per_s": {
            "ratio": round(generating / 2_000, 4),
            "goal": 1.0,
            "better": "higher",
            "value": round(generating),
            "unit": "student turns a second of one core, generating",
            "rivals": {
                "generating and publishing": round(speed("generate_cpu_s", "publish_cpu_s")),
                "publishing": round(speed("publish_cpu_s")),
                "microseconds a dialogue, generating": each("generate_cpu_s"),
                "microseconds a dialogue, publishing": each("publish_cpu_s"),
            },
            "command": f"python tests/benchmarks/overhead.py --few {few} --many {many}",
        }
    }
    if large:
        low, high = measured(small), measured(large)
        made["memory_flatness"] = {
            "ratio": round(high["peak_mb"] / low["peak_mb"], 4),
            "goal": 1.2,
            "better": "lower",
            "value": high["peak_mb"],
            "unit": f"MB at most for {large} dialogues, from the corpus to the shards",
            "rivals": {
                "bytes per dialogue": round(
                    (high["peak_mb"] - low["peak_mb"]) * 2**20 / (large - small)
                ),
                f"whole, {small}": low["peak_mb"],
                f"generating, {small}": low["generate_mb"],
                f"generating, {large}": high["generate_mb"],
            },
            "command": f"python tests/benchmarks/overhead.py --small {small} --large {large}",
        }
    return made


def _least(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """The least of each figure: what a neighbour on the machine adds is not the pipeline's."""
    return {name: min(run[name] for run in runs) for name in runs[0]}


def measured(dialogues: int) -> dict[str, float]:
    """One run of that size in a process of its own."""
    command = [sys.executable, __file__, "--one", str(dialogues)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures_of_run: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures_of_run


def one(dialogues: int) -> dict[str, float]:
    """One run in this process."""
    from tutelage import settings as settings_room
    from tutelage.corpora import open_corpus
    from tutelage.flow import run
    from tutelage.session.telemetry import Watch

    marks: dict[str, tuple[float, int]] = {}

    def mark(name: str) -> None:
        marks[name] = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    class Phases(Watch):
        def begin(self, *given: Any) -> None:
            mark("begun")

        def end(self, *given: Any) -> None:
            mark("generated")

    with tempfile.TemporaryDirectory() as folder:
        corpus, out = Path(folder) / "problems.jsonl", Path(folder) / "run"
        with corpus.open("w") as file:
            for row in open_corpus(f"starter?size={dialogues}").rows():
                answer = f"{row.problem.solution}\n#### {row.problem.gold.value}"
                file.write(json.dumps({"question": row.problem.statement, "answer": answer}) + "\n")
        settings = settings_room.load(
            corpora=(str(corpus),), student__engine="scripted", teacher__engine="scripted"
        )
        manifest = run(settings, str(out), watch=Phases())
        mark("published")
        balance = manifest["balance"]
        # The starter corpus repeats itself now and then in so many.
        assert balance["kept"] + balance["duplicate"] == dialogues, balance
        turns = 0
        for path in (out / "journal").glob("*.jsonl"):
            with path.open("rb") as lines:
                turns += sum(line.count(b'"speaker":"student"') for line in lines)
    return {
        "turns": turns,
        "generate_cpu_s": marks["generated"][0] - marks["begun"][0],
        "publish_cpu_s": marks["published"][0] - marks["generated"][0],
        "generate_mb": round(marks["generated"][1] / 1024),
        "peak_mb": round(marks["published"][1] / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What the pipeline costs without a model.")
    parser.add_argument("--few", type=int, default=2_000)
    parser.add_argument("--many", type=int, default=8_000)
    parser.add_argument("--small", type=int, default=30_000)
    parser.add_argument("--large", type=int, default=200_000, help="0 leaves memory out")
    parser.add_argument("--one", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    found = (
        one(given.one) if given.one else figures(given.few, given.many, given.small, given.large)
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
