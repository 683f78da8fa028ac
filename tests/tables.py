"""Published runs of rows that a test makes up, without Beam, an engine or a journal."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from builders import finished
from tutelage import contract
from tutelage import settings as settings_room
from tutelage.records import Problem, Verdict
from tutelage.settings import Settings
from tutelage.shards import RunFolder, write_shard

RowDict = dict[str, Any]

EXAMPLES = 200 if os.environ.get("TUTELAGE_CHAOS") == "long" else 8
"""Of a property that makes runs: each of them is written and read."""


class Bare:
    """A verifier that takes nothing but the gold itself."""

    def verify(self, problem: Problem, answer: str) -> Verdict:
        right = answer == problem.gold.value
        return Verdict("correct" if right else "incorrect", answer, "", "bare")


def row(
    name: str,
    *,
    group: str = "",
    sample: int = 0,
    problem: str = "",
    arm: str = "sml",
    solved: int | None = 2,
    text: str = "",
    split: str = "train",
    duplicate_of: str | None = None,
    leaks: bool = False,
    finish: str = "stop",
    run_id: str = "a-run",
) -> RowDict:
    """A dialogue of two attempts at most, as these words say."""
    attempts = {1: ["It is 5"], 2: ["It is 4", "It is 5"], None: ["It is 4"] * 4}
    extra = ["It is 3"] * ((solved or 0) - 2)
    said = attempts.get(solved) or [*attempts[2][:1], *extra, "It is 5"]
    made = contract.row(finished(said), contract.Stamp(run_id))
    problem = problem or f"p-{group or name}"
    made |= {
        "dialogue_id": name,
        "group_id": group or f"g-{problem}-{arm}",
        "problem_id": problem,
        "arm": arm,
        "sample": sample,
        "split": split,
        "cluster_id": duplicate_of or name,
        "duplicate_of": duplicate_of,
        "leak": {"any": leaks, "kind": "string" if leaks else "", "turn": 1 if leaks else None},
    }
    for message, known in zip(made["messages"], made["trail"], strict=True):
        if known["speaker"] == "student":
            message["content"] += f" {text}" if text else f" says {name}"
            known["finish_reason"] = finish
    return made


def published(
    root: Path, rows: Sequence[RowDict], rows_a_file: int = 20_000, **options: Any
) -> Path:
    """A run with these rows in the files that they belong in; its folder."""
    settings = settings_room.load(
        corpora=options.pop("corpora", ("starter",)),
        student__engine="scripted",
        teacher__engine="scripted",
        shards__rows=rows_a_file,
        **options,
    )
    folder = RunFolder(root)
    folder.create()
    folder.write_json("run.json", _run(settings))
    files: dict[str, int] = {}
    order = sorted(rows, key=lambda r: (r["group_id"], r["sample"], r["dialogue_id"]))
    for split in sorted({row["split"] for row in order}):
        for kind in ("solved", "rest"):
            chosen = [r for r in order if r["split"] == split and _kind(r) == kind]
            pieces = [chosen[i : i + rows_a_file] for i in range(0, len(chosen), rows_a_file)]
            for i, piece in enumerate(pieces):
                path = f"shards/{split}/{kind}-{i:05d}-of-{len(pieces):05d}.parquet"
                files[path] = write_shard(root / path, piece)
    folder.write_json("manifest.json", manifest(order, files, settings.splits.ratios))
    return root


def balanced(manifest: dict[str, Any]) -> bool:
    """Whether a derived run's account holds."""
    account = manifest["derived"]["balance"]
    shards = sum(n for path, n in manifest["files"].items() if path.startswith("shards/"))
    parents = sum(parent["rows"] for parent in manifest["derived"]["parents"])
    return bool(
        account["input"] == parents
        and account["input"] == account["kept"] + sum(account["dropped"].values())
        and account["kept"] == shards == manifest["dialogues"]["kept"]
    )


def read(root: Path) -> dict[str, Any]:
    """The manifest of a run."""
    found: dict[str, Any] = json.loads((root / "manifest.json").read_text("utf-8"))
    return found


def _kind(row: RowDict) -> str:
    solved = row["outcome"]["solved_turn"] is not None and row["duplicate_of"] is None
    return "solved" if solved and row["split"] != "held" else "rest"


def _run(settings: Settings) -> dict[str, Any]:
    return {
        "schema_version": "settings.v1",
        "run_id": "a-run",
        "shaping": settings.shaping(),
        "settings": settings.model_dump(mode="json"),
    }


def manifest(
    rows: Sequence[RowDict], files: dict[str, int], ratios: Mapping[str, float] = {"train": 1.0}
) -> dict[str, Any]:
    """The manifest of a run with these rows in these files (path -> rows)."""
    turns = [row["outcome"]["solved_turn"] for row in rows]
    problems = len({row["problem_id"] for row in rows})
    in_split = [row["split"] for row in rows]
    fates = {"kept": problems, "filtered": 0, "duplicate": 0, "dead": 0}
    return {
        "schema_version": "manifest.v1",
        "run_id": "a-run",
        "row_schema": contract.SCHEMA_VERSION,
        "balance": {"input": problems, **fates},
        "dialogues": {
            "planned": len(rows),
            "kept": len(rows),
            "dead": 0,
            "solved": len(rows) - turns.count(None),
            "near_duplicates": sum(row["duplicate_of"] is not None for row in rows),
        },
        "solved_at": {str(t): turns.count(t) for t in sorted({t for t in turns if t})},
        "files": files,
        "dedup": {},
        "splits": {
            "ratios": dict(ratios),
            "dialogues": {name: in_split.count(name) for name in sorted(set(in_split))},
        },
        "decontamination": {},
    }
