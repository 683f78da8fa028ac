"""How far `tutelage plan` is from the truth: a corpus is planned, played whole by scripted players, and
both are compared.

    python tests/benchmarks/plan.py [CORPUS]        such as gsm8k_test.jsonl, or starter?size=2000

Scripted players write nothing like a model's lengths; what is tried is the reckoning, from a sample
of 200 problems to the whole.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_CORPUS = "starter?size=2000"
_FIGURES = ("calls", "prompt", "completion", "journal_bytes", "shard_bytes")


def figures(corpus: str = _CORPUS) -> dict[str, dict[str, Any]]:
    """Entries for `outputs/bench/bench.json`, measured now."""
    tutelage = [sys.executable, "-m", "tutelage"]
    with tempfile.TemporaryDirectory() as folder:
        run = str(Path(folder) / "run")
        played = ["generate", corpus, "--engine", "scripted", "--out", run, "--quiet"]
        subprocess.run([*tutelage, *played], check=True, stdout=subprocess.DEVNULL)
        planned = ["plan", corpus, "--beside", run, "--json"]
        page = subprocess.run([*tutelage, *planned], check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(page.stdout)
    off = {
        name: round(found["plan"][name]["value"] / found["truth"][name] - 1, 4) for name in _FIGURES
    }
    return {
        "plan_error": {
            "ratio": max(map(abs, off.values())),
            "goal": 0.2,
            "better": "lower",
            "value": max(map(abs, off.values())),
            "unit": f"of the truth, the figure that is furthest off, {found['rows']} rows",
            "rivals": off,
            "command": f"python tests/benchmarks/plan.py {corpus!r}",
        }
    }


if __name__ == "__main__":
    print(json.dumps(figures(*sys.argv[1:2]), indent=2))
