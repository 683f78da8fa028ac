"""Processor seconds of short commands, beside those of `import apache_beam`.

    python tests/benchmarks/start.py [--runs 5]

Each command runs in a process of its own, in turns with the import, so that a busy machine slows both;
its children count, too. The median of the runs is taken. Byte code should be there: run it twice where
the environment keeps Python from writing any.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

IMPORT = ("-c", "import apache_beam")
MISTAKE = ("-m", "tutelage", "generate", "/absent.jsonl")
TEN = ("-m", "tutelage", "generate", "starter", "--limit", "10", "--engine", "scripted", "--quiet")
GOALS = {"ten scripted problems": 1.6, "a missing file": 0.25}


def seconds(words: Sequence[str]) -> float:
    """Processor seconds of Python with these arguments, in an empty folder."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *words]
        subprocess.run(command, cwd=folder, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def figures(runs: int = 5) -> dict[str, dict[str, Any]]:
    """Entries for `outputs/bench/bench.json`, measured now."""
    commands = {"import": IMPORT, "ten scripted problems": TEN, "a missing file": MISTAKE}
    measured: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, words in commands.items():
            measured[name].append(seconds(words))
    median = {name: statistics.median(values) for name, values in measured.items()}
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return {
        f"start_{name.replace(' ', '_')}": {
            "ratio": round(median[name] / median["import"], 3),
            "goal": goal,
            "better": "lower",
            "value": round(median[name], 2),
            "unit": f"CPU seconds: {name}",
            "rivals": {"import apache_beam": round(median["import"], 2), "load": load},
            "command": f"python tests/benchmarks/start.py --runs {runs}",
        }
        for name, goal in GOALS.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    print(json.dumps(figures(parser.parse_args().runs), indent=2))
