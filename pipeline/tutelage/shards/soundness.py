"""Checks that a run agrees with its manifest: every shard present, complete, with current columns.

Only Parquet footers are read, which takes milliseconds per file. A fault raises a one-line message
that says what to do; nothing is repaired.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tutelage.contract import SCHEMA_VERSION, arrow_schema
from tutelage.errors import Mistake
from tutelage.shards.folder import RunFolder, existing
from tutelage.storage import Location, opened, reason

_REQUIRED: Mapping[str, type] = {
    "run_id": str,
    "row_schema": str,
    "balance": dict,
    "dialogues": dict,
    "solved_at": dict,
    "files": dict,
    "splits": dict,
}
_AGAIN = "run the command that made the run once more, which rewrites it"
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Sound:
    """A published run whose shards agree with its manifest."""

    folder: RunFolder
    manifest: dict[str, Any]
    files: list[Location]
    """Its shards, sorted."""
    rows: dict[Location, int]
    """Number of rows in each shard."""


def sound(run: str) -> Sound:
    """The run, if its shards agree with its manifest.

    Raises:
        Mistake: `run` is not a published run, a shard is missing, cut short or of another version,
            or the manifest was edited.
    """
    folder = existing(run)
    manifest = _manifest(run, folder)
    listed = {
        str(path): rows for path, rows in manifest["files"].items() if path.startswith("shards/")
    }
    present = {
        f"shards/{path.parent.name}/{path.name}": path for path in folder.shards.glob("*/*.parquet")
    }
    for path in sorted(listed.keys() ^ present.keys()):
        difference = "is missing" if path in listed else "is not in manifest.json"
        raise Mistake(f"{path} of {run!r} {difference}: put it back as it was, or {_AGAIN}")
    files = [present[path] for path in sorted(present)]
    with ThreadPoolExecutor(_AT_ONCE) as readers:
        footers = list(readers.map(footer, files))
    rows = {}
    for path, file, (schema, count) in zip(sorted(present), files, footers, strict=True):
        if fault := schema_fault(schema):
            raise Mistake(f"{path} of {run!r} {fault}")
        if listed[path] != count:
            raise Mistake(
                f"manifest.json of {run!r} says {listed[path]} rows in {path}, which has {count}: "
                f"one of the two was changed; put it back as it was, or {_AGAIN}"
            )
        rows[file] = count
    return Sound(folder, manifest, files, rows)


def footer(path: Location) -> tuple[Any, int]:
    """(Arrow schema, number of rows) of a shard.

    Raises:
        Mistake: it is cut short or is not a Parquet file.
    """
    try:
        with opened(path) as source, pq.ParquetFile(source) as file:
            return file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise broken(path, error) from error


def broken(path: Location, error: Exception) -> Mistake:
    """The mistake to raise for a shard that Arrow cannot read."""
    return Mistake(
        f"{path} is cut short or not a Parquet file ({reason(error).partition('. ')[0]}): put it "
        f"back as it was, or {_AGAIN}"
    )


def schema_fault(schema: Any) -> str:
    """How the columns of a shard differ from the contract's; empty if they do not."""
    wanted = arrow_schema()
    version = (schema.metadata or {}).get(b"schema_version", SCHEMA_VERSION.encode()).decode()
    cure = "read it with the version that wrote it, or generate it again"
    if version != SCHEMA_VERSION:
        return f"has rows of {version}, wanted {SCHEMA_VERSION}: {cure}"
    if schema.equals(wanted):
        return ""
    fields = {name: str(schema.field(name).type) for name in schema.names}
    contract = {name: str(wanted.field(name).type) for name in wanted.names}
    differ = [name for name in {**contract, **fields} if fields.get(name) != contract.get(name)]
    names = ", ".join(differ[:3]) + (", ..." if len(differ) > 3 else "")
    return f"has columns of an earlier {SCHEMA_VERSION} ({names}): {cure}"


def _manifest(run: str, folder: RunFolder) -> dict[str, Any]:
    if not (folder.root / "manifest.json").exists():
        raise Mistake(f"{run!r} is not published yet: {_AGAIN}")
    manifest: Any = folder.read_json("manifest.json")
    fault = ""
    if not isinstance(manifest, dict):
        fault = f"is a {type(manifest).__name__}, not an object"
    elif (version := manifest.get("schema_version")) != "manifest.v1":
        fault = f"is of version {version!r}, wanted 'manifest.v1'"
    else:
        fault = _unbalanced(manifest)
    if fault:
        raise Mistake(f"manifest.json of {run!r} {fault}: put it back as it was, or {_AGAIN}")
    return dict(manifest)


def _unbalanced(manifest: Mapping[str, Any]) -> str:
    """What does not add up in a manifest; empty if everything does."""
    for name, kind in _REQUIRED.items():
        if not isinstance(manifest.get(name), kind):
            return f"has no {name}"
    files, balance, dialogues = manifest["files"], manifest["balance"], manifest["dialogues"]
    counts = [*files.values(), *balance.values(), *manifest["solved_at"].values()]
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        return "has a count that is not a number"
    rows = sum(count for path, count in files.items() if path.startswith("shards/"))
    fates = sum(count for fate, count in balance.items() if fate != "input")
    checks = {
        "rows of the shards": (rows, dialogues.get("kept")),
        "input": (balance.get("input"), fates),
        "solved": (dialogues.get("solved"), sum(manifest["solved_at"].values())),
    }
    unequal = [f"{name}: {a} and {b}" for name, (a, b) in checks.items() if a != b]
    return f"does not add up ({'; '.join(unequal)})" if unequal else ""
