"""Reports small files of a run that a power cut or an edit has damaged, and rebuilds them if possible.

    splits.json           from the shards, whose rows contain their split
    journal/input.json    from the input, when it is read; it cannot be checked any more whether that is
                          the input with which the run was begun

Both have a checksum (that of `splits.json` is in the manifest), so that any change is noticed.
Not here: the journal, whose lines have checksums of their own (`shards.journal`).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tutelage.errors import Mistake
from tutelage.seeds import digest
from tutelage.session.publication import MANIFEST, SPLITS
from tutelage.shards import RunFolder
from tutelage.shards.journal import files
from tutelage.storage import Location, opened, remove

INPUT = "journal/input.json"
"""File that records the input; see `survey.record`."""
_SEAL = "checksum"


def checksum(value: Mapping[str, Any]) -> str:
    """A digest of a JSON value."""
    return digest(json.dumps(value, sort_keys=True, ensure_ascii=False))


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with its checksum added."""
    return {**record, _SEAL: checksum(record)}


def mend(folder: RunFolder, say: Callable[[str], None]) -> None:
    """Checks both files before a run continues; calls `say` with what was done.

    Raises:
        OutputError: a file cannot be written.
    """
    if not _is_input(_read(folder, INPUT)):
        remove(folder.root / INPUT)
        if files(folder.journal):
            say(
                f"{folder.root / INPUT} is damaged and is written anew; whether the input is the one "
                "that the run was begun with cannot be checked this time"
            )
    splits = _read(folder, SPLITS)
    if splits is not None and _is_splits(splits, folder):
        return
    rebuilt = _from_shards(folder)
    if rebuilt is None:
        remove(folder.root / SPLITS)
        say(f"{folder.root / SPLITS} is damaged, and so are the shards: splits are drawn anew")
    else:
        folder.write_json(SPLITS, rebuilt)
        say(f"{folder.root / SPLITS} is damaged; it was rebuilt from the shards")


def _read(folder: RunFolder, name: str) -> dict[str, Any] | None:
    """A JSON file; empty if there is none, None if it is damaged."""
    try:
        loaded = folder.read_json(name)
    except (Mistake, RecursionError):
        return None
    return loaded if isinstance(loaded, dict) else None


def _is_input(record: dict[str, Any] | None) -> bool:
    if record is None:
        return False
    contents = {key: value for key, value in record.items() if key != _SEAL}
    if _SEAL in record:
        return bool(record[_SEAL] == checksum(contents))
    return not record or isinstance(
        record.get("rows"), int
    )  # written by a version without checksums


def _is_splits(record: dict[str, Any], folder: RunFolder) -> bool:
    """Whether the splits are the published ones."""
    published = (_read(folder, MANIFEST) or {}).get("splits", {})
    if wanted := published.get(_SEAL):
        return bool(wanted == checksum(record))
    is_due = len(published.get("dialogues", {})) > 1
    lists = all(isinstance(keys, list) for keys in record.values())
    return lists and bool(record or not is_due)


def _from_shards(folder: RunFolder) -> dict[str, list[str]] | None:
    """The dialogues of each split, from the shards; None if they cannot be read."""
    splits: dict[str, list[str]] = {}
    try:
        shards: list[Location] = list(folder.shards.rglob("*.parquet"))
        for shard in sorted(shards, key=str):
            with opened(shard) as source:
                rows = pq.read_table(source, columns=["split", "dialogue_id"])
            for split, key in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                splits.setdefault(split, []).append(key)
    except (OSError, pa.ArrowException):
        return None
    return {split: sorted(keys) for split, keys in sorted(splits.items())} or None
