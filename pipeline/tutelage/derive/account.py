"""The files beside the shards of a derived run: manifest, contamination report, card."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tutelage.contract import SCHEMA_VERSION
from tutelage.derive.parents import Parents
from tutelage.session import card
from tutelage.settings import Settings
from tutelage.shards import RunFolder
from tutelage.shards.contaminated import REPORT
from tutelage.shards.keys import Keys


class Counts:
    """Counts over the rows that were written, for the manifest."""

    def __init__(self) -> None:
        self.problems = Keys()
        self.solved_at: dict[int, int] = {}
        self.near_duplicates = 0
        self.in_split: dict[str, int] = {}

    def add(self, table: pa.Table) -> None:
        """Counts the rows of a table."""
        for name in pc.unique(table["problem_id"]).to_pylist():
            self.problems.add(name)
        outcome = table["outcome"].combine_chunks()
        turns = pc.struct_field(outcome, "solved_turn")
        for pair in pc.value_counts(turns.drop_null()).to_pylist():
            _add(self.solved_at, pair["values"], pair["counts"])
        for pair in pc.value_counts(table["split"]).to_pylist():
            _add(self.in_split, pair["values"], pair["counts"])
        self.near_duplicates += len(table) - table["duplicate_of"].null_count


def _add(counts: dict[Any, int], key: Any, count: int) -> None:
    counts[key] = counts.get(key, 0) + count


def manifest_of(
    run_id: str,
    parents: Parents,
    settings: Settings,
    files: Mapping[str, int],
    counts: Counts,
) -> dict[str, Any]:
    """The manifest in the form of `flow.publish`, counted from the rows that were written."""
    before, after = _problems(parents), len(counts.problems)
    dedup = {
        key: value
        for key, value in parents.runs[0].manifest.get("dedup", {}).items()
        if key != "counts"
    }
    kept = sum(files.values())
    return {
        "schema_version": "manifest.v1",
        "run_id": run_id,
        "row_schema": SCHEMA_VERSION,
        "balance": {
            "input": before,
            "kept": after,
            "filtered": before - after,
            "duplicate": 0,
            "dead": 0,
        },
        "dialogues": {
            "planned": kept,
            "kept": kept,
            "dead": 0,
            "solved": sum(counts.solved_at.values()),
            "near_duplicates": counts.near_duplicates,
        },
        "solved_at": {str(turn): n for turn, n in sorted(counts.solved_at.items())},
        "files": dict(sorted(files.items())),
        "dedup": dedup,
        "splits": {
            "ratios": settings.splits.ratios,
            "dialogues": dict(sorted(counts.in_split.items())),
        },
        "decontamination": parents.runs[0].manifest.get("decontamination", {}),
    }


def _problems(parents: Parents) -> int:
    """Number of problems that the parents have dialogues of."""
    if len(parents.runs) == 1:
        return int(parents.runs[0].manifest["balance"]["kept"])
    if not parents.files:
        return 0
    connection = parents.connect()
    count = connection.execute("SELECT count(DISTINCT problem_id) FROM dialogues").fetchone()
    connection.close()
    return int(count[0])


def copy_contamination(folder: RunFolder, parents: Parents) -> None:
    """Copies the parents' reports of evaluation problems, so that trainers still leave those out."""
    lines: dict[str, None] = {}
    for parent in parents.runs:
        path = parent.folder.root / REPORT
        if path.exists():
            lines |= dict.fromkeys(line for line in path.read_text("utf-8").split("\n") if line)
    if lines:
        folder.write_text(REPORT, "".join(f"{line}\n" for line in lines))


def derived_card(settings: Settings, manifest: dict[str, Any], folder: RunFolder) -> str:
    """The card of a run, with a section on what this one was derived from."""
    derived = manifest["derived"]
    dropped = ", ".join(
        f"{count} by `{rule}`" for rule, count in derived["balance"]["dropped"].items()
    )
    names: Sequence[str] = [
        f"- `{parent['name']}`, run `{parent['run_id']}`, {parent['rows']} dialogues"
        for parent in derived["parents"]
    ]
    return (
        f"{card.render(settings, manifest, folder)}\n## Derived\n\nBy `{derived['operation']}` from\n\n"
        + "\n".join(names)
        + f"\n\n{derived['balance']['input']} dialogues in, {derived['balance']['kept']} kept"
        + (f", dropped: {dropped}.\n" if dropped else ".\n")
    )
