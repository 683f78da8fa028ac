"""`filter` and `inspect` on a run of a million dialogues: seconds, and memory.

    python tests/benchmarks/desk.py [--dialogues 1000000] [--folder FOLDER]

The run is made up: a thousand dialogues of one to four turns with sampled tokens, repeated under
other ids, in groups of four. Each command runs in a process of its own, once; the load of the machine
is printed beside. Where `--folder` holds such a run already, it is used again.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

BLOCK = 1_000
FILTER_S, INSPECT_S, MEMORY_MB = 30, 10, 1_000


def made_up(root: Path, dialogues: int) -> None:
    """Writes the run."""
    import pyarrow as pa

    from tables import published, row
    from tutelage.contract import arrow_schema
    from tutelage.shards.writer import Shard

    rng = random.Random(0)
    words = [f"word{rng.randrange(9_000)}" for _ in range(60_000)]
    rows = []
    for i in range(BLOCK):
        begin = rng.randrange(len(words) - 60)
        one = row(
            f"d{i:04d}",
            group=f"g{i // 4:04d}",
            sample=i % 4,
            solved=(1, 2, 2, 3, None)[rng.randrange(5)],
            text=" ".join(words[begin : begin + 25]),
            leaks=rng.random() < 0.02,
            finish="length" if rng.random() < 0.05 else "stop",
        )
        for known in one["trail"]:
            if known["speaker"] == "student":
                known["token_ids"] = [rng.randrange(49_000) for _ in range(40)]
                known["logprobs"] = [-rng.random() for _ in range(40)]
        rows.append(one)
    published(root, rows)  # for run.json; its shards give way
    for file in (root / "shards").rglob("*.parquet"):
        file.unlink()
    whole = pa.Table.from_pylist(rows, schema=arrow_schema())
    is_solved = pa.array([r["outcome"]["solved_turn"] is not None for r in rows])
    files: dict[str, int] = {}
    blocks = dialogues // BLOCK
    for kind, table in (
        ("solved", whole.filter(is_solved)),
        ("rest", whole.filter(pa.compute.invert(is_solved))),
    ):
        names = {n: table[n].to_pylist() for n in ("dialogue_id", "problem_id", "group_id")}
        per_file = max(1, 20_000 // len(table))
        pieces = -(-blocks // per_file)
        for piece in range(pieces):
            path = f"shards/train/{kind}-{piece:05d}-of-{pieces:05d}.parquet"
            with Shard(root / path) as shard:
                for block in range(piece * per_file, min(blocks, (piece + 1) * per_file)):
                    shard.write(_renamed(table, names, block))
            files[path] = shard.rows
    _account(root, rows, files, blocks)


def _renamed(table: Any, names: dict[str, list[str]], block: int) -> Any:
    import pyarrow as pa

    for name, values in {**names, "cluster_id": names["dialogue_id"]}.items():
        at = table.schema.get_field_index(name)
        ids = pa.array([f"{block:06d}-{value}" for value in values])
        table = table.set_column(at, table.schema.field(at), ids)
    return table


def _account(root: Path, rows: list[Any], files: dict[str, int], blocks: int) -> None:
    path = root / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"] = files
    for part in ("balance", "dialogues", "solved_at"):
        manifest[part] = {key: count * blocks for key, count in manifest[part].items()}
    manifest["splits"]["dialogues"] = {"train": len(rows) * blocks}
    path.write_text(json.dumps(manifest))


def timed(*command: str) -> tuple[float, float]:
    """Seconds and MB at most of a command."""
    begun = time.monotonic()
    child = subprocess.Popen([sys.executable, "-m", "tutelage", *command])
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, command
    return time.monotonic() - begun, usage.ru_maxrss / 1000


def figures(dialogues: int = 1_000_000, folder: str = "") -> dict[str, dict[str, Any]]:
    """Entries for `outputs/bench/bench.json`, measured now."""
    with tempfile.TemporaryDirectory(prefix="tutelage-desk-") as temporary:
        root = Path(folder or temporary) / "run"
        if not (root / "manifest.json").exists():
            made_up(root, dialogues)
        size = sum(f.stat().st_size for f in root.rglob("*.parquet"))
        out = Path(temporary) / "out"
        asked = ["--where", "outcome.solved_turn > 1", "--no-leaks", "--solve-rate", "0.2..1"]
        measured = {
            "filter": timed("filter", str(root), *asked, "--break-groups", "--out", str(out)),
            "inspect": timed("inspect", str(root)),
        }
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    goals = {"filter": FILTER_S, "inspect": INSPECT_S}
    return {
        f"desk_{name}": {
            "ratio": round(max(seconds / goals[name], peak / MEMORY_MB), 3),
            "goal": 1.0,
            "better": "lower",
            "value": round(seconds, 1),
            "unit": f"s for {dialogues:,} dialogues ({size / 1e6:.0f} MB of shards)",
            "rivals": {"MB at most": round(peak), "load of the machine": load},
            "command": f"python tests/benchmarks/desk.py --dialogues {dialogues}",
        }
        for name, (seconds, peak) in measured.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dialogues", type=int, default=1_000_000)
    parser.add_argument("--folder", default="")
    print(json.dumps(figures(**vars(parser.parse_args())), indent=2))
