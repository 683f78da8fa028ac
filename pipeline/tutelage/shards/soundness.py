"""Whether a run is what its manifest says: every file there, whole, with the columns of today.

Footers alone are read, so it takes milliseconds a file. What is wrong is said in one line with what
to do about it; nothing is mended here.
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
_AGAIN = "give the command that made the run once more, which writes it anew"
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Sound:
    """A published run that holds together."""

    folder: RunFolder
    manifest: dict[str, Any]
    files: list[Location]
    """Its shards, sorted."""
    rows: dict[Location, int]
    """Of each shard."""


def sound(run: str) -> Sound:
    """The run, if its files are those of its manifest.

    Raises:
        Mistake: it is no run, it is not published, a shard is missing, cut short or of another
            version, or the manifest was changed by hand.
    """
    folder = existing(run)
    manifest = _manifest(run, folder)
    listed = {
        str(path): rows for path, rows in manifest["files"].items() if path.startswith("shards/")
    }
    there = {
        f"shards/{path.parent.name}/{path.name}": path for path in folder.shards.glob("*/*.parquet")
    }
    for path in sorted(listed.keys() ^ there.keys()):
        difference = "is missing" if path in listed else "is not in manifest.json"
        raise Mistake(f"{path} of {run!r} {difference}: put it back as it was, or {_AGAIN}")
    files = [there[path] for path in sorted(there)]
    with ThreadPoolExecutor(_AT_ONCE) as readers:
        footers = list(readers.map(footer, files))
    rows = {}
    for path, file, (schema, count) in zip(sorted(there), files, footers, strict=True):
        if fault := misfit(schema):
            raise Mistake(f"{path} of {run!r} {fault}")
        if listed[path] != count:
            raise Mistake(
                f"manifest.json of {run!r} says {listed[path]} rows in {path}, which has {count}: "
                f"one of them was changed; put it back as it was, or {_AGAIN}"
            )
        rows[file] = count
    return Sound(folder, manifest, files, rows)


def footer(path: Location) -> tuple[Any, int]:
    """The columns of a shard, and its rows.

    Raises:
        Mistake: it is cut short, or no Parquet at all.
    """
    try:
        with opened(path) as source, pq.ParquetFile(source) as file:
            return file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise broken(path, error) from error


def broken(path: Location, error: Exception) -> Mistake:
    """What to say of a shard that Arrow cannot read."""
    return Mistake(
        f"{path} is cut short or no Parquet file ({reason(error)}): put it back as it was, or "
        f"{_AGAIN}"
    )


def misfit(schema: Any) -> str:
    """Why these are not the columns that are read here; empty where they are."""
    wanted = arrow_schema()
    version = (schema.metadata or {}).get(b"schema_version", SCHEMA_VERSION.encode()).decode()
    cure = "read it with the version that wrote it, or generate it anew"
    if version != SCHEMA_VERSION:
        return f"has rows of {version}, wanted {SCHEMA_VERSION}: {cure}"
    if schema.equals(wanted):
        return ""
    fields = {name: str(schema.field(name).type) for name in schema.names}
    ours = {name: str(wanted.field(name).type) for name in wanted.names}
    differ = [name for name in {**ours, **fields} if fields.get(name) != ours.get(name)]
    words = ", ".join(differ[:3]) + (", ..." if len(differ) > 3 else "")
    return f"has columns of an earlier {SCHEMA_VERSION} ({words}): {cure}"


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
    """What does not add up in a manifest; empty where all does."""
    for name, kind in _REQUIRED.items():
        if not isinstance(manifest.get(name), kind):
            return f"has no {name}"
    files, balance, dialogues = manifest["files"], manifest["balance"], manifest["dialogues"]
    counts = [*files.values(), *balance.values(), *manifest["solved_at"].values()]
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        return "counts something that is no number"
    rows = sum(count for path, count in files.items() if path.startswith("shards/"))
    fates = sum(count for fate, count in balance.items() if fate != "input")
    checks = {
        "rows of the shards": (rows, dialogues.get("kept")),
        "input": (balance.get("input"), fates),
        "solved": (dialogues.get("solved"), sum(manifest["solved_at"].values())),
    }
    wrong = [f"{name}: {a} and {b}" for name, (a, b) in checks.items() if a != b]
    return f"does not add up ({'; '.join(wrong)})" if wrong else ""
