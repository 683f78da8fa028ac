"""`republish`: publishes the same dialogues with other settings.

Only settings of publishing can change: splits, near-duplicates, the loss policy, evaluation sets,
the size of files. All others influenced the dialogues themselves and need an engine.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tutelage.contract import train_mask
from tutelage.derive import marks
from tutelage.derive.merge import dedup_record
from tutelage.derive.overlap import Overlap
from tutelage.derive.parents import open_parents
from tutelage.derive.writing import Operation, Progress, write
from tutelage.errors import SettingsError
from tutelage.records import Message
from tutelage.settings import Settings, altered, differences

_FREE = ("dedup.", "splits.", "shards.", "decontaminate.", "loss")


def republish(
    run: str,
    out: str,
    sets: Sequence[str] = (),
    progress: Progress = lambda done, total: None,
    **options: Any,
) -> dict[str, Any]:
    """Writes the run again with other settings and returns the manifest.

    Args:
        run: folder or URL.
        out: folder of the new run.
        sets: `key=value` pairs, as for `generate --set`.
        progress: called with the number of rows read or written, and the total.
        options: settings by name, such as `splits__ratios`; None if not given.

    Raises:
        SettingsError: a setting does not exist or does not belong to publishing.
        Mistake: the run cannot be used.
    """
    parents = open_parents([run])
    before = parents.runs[0].settings
    settings = altered(before, sets, **options)
    changes = changed(before, settings, _FREE)
    overlap = Overlap.of(parents, settings) if _compares(before, settings) else None
    excluded = overlap.dropped if overlap else np.empty(0, np.int64)
    draw = settings.splits != before.splits
    duplicates = marks.find(parents, excluded, settings, draw, progress)
    operation = Operation(
        "republish", {"settings": changes}, {}, {"dedup": dedup_record(settings, duplicates)}
    )

    def rewrite(table: pa.Table) -> pa.Table:
        return with_loss_policy(duplicates.onto(table), settings.loss)

    fates = duplicates.fates(excluded, "contaminated")
    compare = overlap.write if overlap else None
    return write(out, parents, operation, fates, settings, rewrite, progress, compare)


def _compares(before: Settings, after: Settings) -> bool:
    """Whether there are evaluation sets that the run was not compared with in this way."""
    return bool(after.decontaminate.paths) and after.decontaminate != before.decontaminate


def with_loss_policy(table: pa.Table, policy: str) -> pa.Table:
    """The rows with `trail.train` set by the loss policy; see `contract.train_mask`."""
    trail = table["trail"].combine_chunks()
    steps = trail.flatten()
    columns = [pc.struct_field(steps, name).to_pylist() for name in ("speaker", "act")]
    messages = [Message(speaker, act, 0, "") for speaker, act in zip(*columns, strict=True)]
    bounds = (trail.offsets.to_numpy() - trail.offsets[0].as_py()).tolist()
    trained = [
        flag
        for begin, end in pairwise(bounds)
        for flag in train_mask(tuple(messages[begin:end]), policy)
    ]
    fields = {field.name: pc.struct_field(steps, field.name) for field in steps.type}
    fields["train"] = pa.array(trained, pa.bool_())
    steps_of_rows = pa.StructArray.from_arrays(list(fields.values()), fields=list(steps.type))
    at = table.schema.get_field_index("trail")
    field = table.schema.field(at)
    rebuilt = pa.ListArray.from_arrays(pa.array(bounds, pa.int32()), steps_of_rows, type=field.type)
    return table.set_column(at, field, rebuilt)


def changed(before: Settings, after: Settings, free: Sequence[str]) -> dict[str, Any]:
    """The settings that differ, as key -> new value. `free` lists the keys that may change; one that
    ends with a dot stands for a whole section.

    Raises:
        SettingsError: another setting differs.
    """
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    keys = [line.partition(": ")[0] for line in differences(old, new)]
    fixed = [key for key in keys if not key.startswith(tuple(free))]
    if fixed:
        names = ", ".join(f"{name}*" if name.endswith(".") else name for name in free)
        raise SettingsError(
            f"{fixed[0]} shaped what was generated: wanted settings among {names}; generate again to "
            "change it"
        )
    changes: dict[str, Any] = {}
    for key in keys:
        value: Any = new
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        # Names only: the folder of a file differs between machines.
        changes[key] = [Path(p).name for p in value] if key == "decontaminate.paths" else value
    return changes
