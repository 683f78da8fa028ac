"""The leak gate's time: a message without the gold, one with it, and 20 kB of text.

On the labelled messages of `tests/leaks`, statements and turns known to the gate, each message new
to it.
"""

import json
import time
from pathlib import Path
from typing import Any

from tutelage.leaks import find_leak

_CASES = Path(__file__).resolve().parents[1] / "leaks" / "cases.jsonl"
_LONG = ("Look at step 5 again, and add 3 to 4. " * 600)[:20_000]


def _rows() -> list[tuple[str, str, str, list[tuple[str, str]], str, bool]]:
    rows = map(json.loads, _CASES.read_text("utf-8").splitlines())
    return [
        (
            row["domain"],
            row["gold"],
            row["statement"],
            [(turn["role"], turn["content"]) for turn in row["history"]],
            row["message"],
            row["leak"],
        )
        for row in rows
        if row["domain"] != "code"
    ]


def _mean_us(rows: list[Any]) -> float:
    """Microseconds a message, the best of three rounds of messages that were never seen."""
    best = float("inf")
    for extra in range(1, 4):
        begun = time.thread_time()
        for domain, gold, statement, history, message, _ in rows:
            find_leak(domain, gold, statement, history, message + "\n" * extra)
        best = min(best, time.thread_time() - begun)
    return best / len(rows) * 1e6


def _entry(value: float, goal: float, unit: str) -> dict[str, Any]:
    return {
        "ratio": goal / value,
        "goal": 1.0,
        "better": "higher",
        "value": value,
        "unit": unit,
        "rivals": {},
        "command": "python tests/benchmarks leaks",
    }


def figures() -> dict[str, Any]:
    """Each `ratio` is the limit over what was measured."""
    rows = _rows()
    for row in rows:
        find_leak(*row[:5])
    clean = _mean_us([row for row in rows if not row[5]])
    leaking = _mean_us([row for row in rows if row[5]])
    begun = time.thread_time()
    find_leak("math", "42", "What is 6 x 7?", [("assistant", "13")], _LONG)
    long = (time.thread_time() - begun) * 1e3
    return {
        "leak gate, clean message": _entry(clean, 60, "us"),
        "leak gate, leaking message": _entry(leaking, 300, "us"),
        "leak gate, 20 kB": _entry(long, 5, "ms"),
    }
