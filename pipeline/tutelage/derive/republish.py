"""`republish`: the same dialogues under other choices of publishing.

What can be chosen again without an engine: splits, near-duplicates, which messages are trained on,
evaluation problems, the size of files. Everything else shaped what was generated.
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
    """Writes the run anew under other settings; the manifest.

    Args:
        run: its name.
        out: folder of the new run.
        sets: `key=value` pairs, as of `generate --set`.
        progress: told how many rows are done of how many, for reading and for writing.
        options: settings by name, such as `splits__ratios`; None where they were not given.

    Raises:
        SettingsError: a setting is not one of publishing, or not one at all.
        Mistake: the run is not as wanted.
    """
    parents = open_parents([run])
    before = parents.runs[0].settings
    settings = altered(before, sets, **options)
    asked = changed(before, settings, _FREE)
    matched = Overlap.of(parents, settings) if _is_new(before, settings) else None
    left_out = matched.dropped if matched else np.empty(0, np.int64)
    draw = settings.splits != before.splits
    duplicates = marks.find(parents, left_out, settings, draw, progress)
    operation = Operation(
        "republish", {"settings": asked}, {}, {"dedup": dedup_record(settings, duplicates)}
    )

    def rewrite(table: pa.Table) -> pa.Table:
        return policed(duplicates.onto(table), settings.loss)

    fates = duplicates.fates(left_out, "contaminated")
    compare = matched.write if matched else None
    return write(out, parents, operation, fates, settings, rewrite, progress, compare)


def _is_new(before: Settings, after: Settings) -> bool:
    """Whether evaluation sets were named that the run was not compared with."""
    return bool(after.decontaminate.paths) and after.decontaminate != before.decontaminate


def policed(table: pa.Table, policy: str) -> pa.Table:
    """The rows with `trail.train` as the loss policy has it; see `contract.train_mask`."""
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
    """What was chosen anew, as `key: value`.

    Raises:
        SettingsError: something else than what is free to choose.
    """
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    keys = [line.partition(": ")[0] for line in differences(old, new)]
    fixed = [key for key in keys if not key.startswith(tuple(free))]
    if fixed:
        raise SettingsError(
            f"{fixed[0]} shaped what was generated and cannot be chosen anew, as can "
            f"{', '.join(f'{name}*' if name.endswith('.') else name for name in free)}: generate "
            "with it instead"
        )
    chosen: dict[str, Any] = {}
    for key in keys:
        value: Any = new
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        # Where a file lies differs from machine to machine.
        chosen[key] = [Path(p).name for p in value] if key == "decontaminate.paths" else value
    return chosen
