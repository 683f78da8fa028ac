"""Measures everything, or what is named, into `outputs/bench/bench.json`, and prints it as a table.

    python tests/benchmarks [NAME...]        NAME is a module of this folder: dedup, driver, ...
    python tests/benchmarks train --device gpu         on a card of 80 GB, under eight minutes

A benchmark is a module here with a function `figures()`: a dict of entries by name, each with
`ratio` (to the rival or the limit that the goal is about), `goal`, `better` (`higher` or `lower`),
`value`, `unit`, `rivals` (measured in the same run) and `command`. Each runs in a process of its
own. Entries of benchmarks that are not run stay as they were.
"""

import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_OUT = _HERE.parents[1] / "outputs" / "bench" / "bench.json"


def names() -> list[str]:
    """Modules of this folder that measure something."""
    return sorted(
        path.stem
        for path in _HERE.glob("*.py")
        if not path.stem.startswith("_") and "\ndef figures(" in path.read_text("utf-8")
    )


def measured(name: str) -> dict[str, Any]:
    """The entries of one benchmark, from a process of its own."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as told:
        subprocess.run([sys.executable, str(_HERE), "--into", told.name, name], check=True)
        entries: dict[str, Any] = json.load(told)
    return entries


def table(entries: dict[str, Any]) -> str:
    """One line a figure; `*` where the goal is missed."""
    lines = [f"  {'figure':24} {'ratio':>9}  {'goal':<9} value"]
    for name, entry in sorted(entries.items()):
        higher = entry["better"] == "higher"
        reached = entry["ratio"] >= entry["goal"] if higher else entry["ratio"] <= entry["goal"]
        lines.append(
            f"{' ' if reached else '*'} {name:24} {entry['ratio']:>9.4g}  "
            f"{'>=' if higher else '<='} {entry['goal']:<6g} {entry['value']:g} {entry['unit']}"
        )
    return "\n".join(lines)


def main(given: list[str]) -> int:
    sys.path.insert(0, str(_HERE))
    if "--device" in given:  # a way of its own: it wants a card, and takes its place in the file
        at = given.index("--device")
        if given[:at] + given[at + 2 :] != ["train"] or given[at + 1 : at + 2] != ["gpu"]:
            print("wanted: python tests/benchmarks train --device gpu")
            return 2
        given = ["train_on_gpu"]
    if given[:1] == ["--into"]:
        found = importlib.import_module(given[2]).figures()
        Path(given[1]).write_text(json.dumps(found), "utf-8")
        return 0
    if unknown := sorted(set(given) - {*names(), "train_on_gpu"}):
        print(f"no benchmark is called {', '.join(unknown)}; have {', '.join(names())}")
        return 2
    entries: dict[str, Any] = json.loads(_OUT.read_text("utf-8")) if _OUT.exists() else {}
    failed = []
    for name in given or names():
        print(f"{name} ...", flush=True)
        try:
            entries |= measured(name)
        except subprocess.CalledProcessError:
            failed.append(name)
            continue
        _OUT.parent.mkdir(parents=True, exist_ok=True)
        _OUT.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", "utf-8")
    print(f"{table(entries)}\n{_OUT}")
    if failed:
        print(f"did not run to their end: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
