"""Writes a derived run: shards, card and, last, the manifest, which makes the folder a run.

The file of each row is known before the first row is written (`Fates`), so every file has its final
name from the start. If the same command was interrupted in this folder, the folder is written again;
any other folder that is not empty is refused. What becomes of a row is decided elsewhere.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tutelage.contract import arrow_schema
from tutelage.dedup.splits import HELD
from tutelage.derive import stream
from tutelage.derive.account import Counts, copy_contamination, derived_card, manifest_of
from tutelage.derive.parents import Parents, Source
from tutelage.errors import OutputError, RunFailed
from tutelage.seeds import digest
from tutelage.settings import Settings
from tutelage.shards import RunFolder, with_solved
from tutelage.shards.folder import writing
from tutelage.shards.writer import Shard
from tutelage.storage import location

Bin = tuple[str, str]
"""(split, `solved` or `rest`)."""
Rewrite = Callable[[pa.Table], pa.Table]
Compare = Callable[[RunFolder], dict[str, Any]]
Progress = Callable[[int, int], None]
"""Called with the number of rows done, and the total."""


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of each row."""

    bins: list[Bin]
    bin_of: npt.NDArray[np.int16]
    """int16 [rows], by row index: the index of the row's bin, -1 if the row is dropped."""
    dropped: dict[str, int]
    """Rule -> number of rows that it dropped."""


@dataclass(frozen=True, slots=True)
class Operation:
    """The operation, as the manifest records it."""

    name: str
    arguments: dict[str, Any]
    """The options that the user gave; JSON."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Further entries of the manifest's section `derived`, such as changed verdicts."""
    manifest: dict[str, Any] = field(default_factory=dict)
    """Sections of the manifest that replace those of the first parent, such as `dedup`."""


def unmoved(parents: Parents) -> tuple[list[Bin], npt.NDArray[np.int16]]:
    """The bins of the parents, and the index of the bin that each row is in."""
    bins = sorted({(source.split, source.kind) for source in parents.sources})
    bin_of = np.full(parents.rows, -1, np.int16)
    for source in parents.sources:
        bin_of[source.begin : source.begin + source.rows] = bins.index((source.split, source.kind))
    return bins, bin_of


def write(
    out: str,
    parents: Parents,
    operation: Operation,
    fates: Fates,
    settings: Settings,
    rewrite: Rewrite = lambda table: table,
    progress: Progress = lambda done, total: None,
    compare: Compare | None = None,
) -> dict[str, Any]:
    """Writes the derived run and returns its manifest.

    Args:
        out: a new or empty folder, or URL.
        parents: the input runs.
        operation: what is done to them.
        fates: what becomes of each row.
        settings: settings of the new run, for its card and `run.json`.
        rewrite: returns a table with changed values, but the same rows and columns in the same order.
        progress: called after each table.
        compare: writes the report on evaluation sets; if None, the parents' reports are copied.

    Raises:
        OutputError: `out` is not empty or cannot be written.
        RunFailed: the account does not balance.
    """
    folder = RunFolder(location(out))
    run_id = _identity(parents, operation)
    _begin(folder, run_id, parents, operation, settings)
    counts = Counts()
    files = _shards(folder, parents, fates, settings, rewrite, counts, progress)
    files = with_solved(folder.root, {path.split("/")[1] for path in files} - {HELD}, files)
    kept = sum(files.values())
    balance = {"input": parents.rows, "kept": kept, "dropped": fates.dropped}
    if parents.rows != kept + sum(fates.dropped.values()):
        raise RunFailed(f"the derived run does not balance: {json.dumps(balance)}")
    manifest = manifest_of(run_id, parents, settings, files, counts) | operation.manifest
    manifest["derived"] = {
        "operation": operation.name,
        "arguments": operation.arguments,
        "parents": [parent.record() for parent in parents.runs],
        "balance": balance,
        **operation.notes,
    }
    if compare is None:
        copy_contamination(folder, parents)
    else:
        manifest["decontamination"] = compare(folder)
    folder.write_text("README.md", derived_card(settings, manifest, folder))
    folder.write_json("manifest.json", manifest)
    return manifest


def _identity(parents: Parents, operation: Operation) -> str:
    command = json.dumps([operation.name, operation.arguments], sort_keys=True)
    return digest("derived", command, *(p.manifest["run_id"] + p.digest for p in parents.runs))


def _begin(
    folder: RunFolder, run_id: str, parents: Parents, operation: Operation, settings: Settings
) -> None:
    """Creates the folder, or clears it if the same command was interrupted in it.

    Raises:
        OutputError: the folder contains something else.
    """
    before = folder.read_json("run.json")
    if before.get("run_id", run_id) != run_id or (
        not before and folder.root.is_dir() and any(folder.root.glob("*"))
    ):
        raise OutputError(
            f"wanted a new or empty folder, got {folder.root} with "
            f"{'another run' if before else 'files'} in it: choose another --out"
        )
    if any(str(parent.folder.root) == str(folder.root) for parent in parents.runs):
        raise OutputError(f"{folder.root} is the run that is read: choose another --out")
    with writing(folder.root):
        (folder.root / "manifest.json").unlink(missing_ok=True)
    folder.clear_published()
    folder.write_json(
        "run.json",
        {
            "schema_version": "settings.v1",
            "run_id": run_id,
            "shaping": settings.shaping(),
            "settings": settings.model_dump(mode="json"),
            "derived": {
                "operation": operation.name,
                "arguments": operation.arguments,
                "parents": [parent.record() for parent in parents.runs],
            },
        },
    )


def _shards(
    folder: RunFolder,
    parents: Parents,
    fates: Fates,
    settings: Settings,
    rewrite: Rewrite,
    counts: Counts,
    progress: Progress,
) -> dict[str, int]:
    """Writes every shard and returns path below the run -> number of rows."""
    totals = np.bincount(fates.bin_of[fates.bin_of >= 0], minlength=len(fates.bins)).tolist()
    names = arrow_schema().names
    with ExitStack() as stack:
        outputs = [
            _Output(folder, split, kind, total, settings, stack)
            for (split, kind), total in zip(fates.bins, totals, strict=True)
        ]
        done = 0
        for table in stream.ahead(_tables(parents, fates)):
            done += len(table)
            bin_of = fates.bin_of[table[stream.ROW_INDEX].to_numpy()]
            if (bin_of >= 0).any():
                kept = table.filter(pa.array(bin_of >= 0))
                rewritten = rewrite(kept).select(names)
                counts.add(rewritten)
                bin_of = bin_of[bin_of >= 0]
                for number in np.unique(bin_of).tolist():
                    chosen = bin_of == number
                    outputs[number].add(
                        rewritten if chosen.all() else rewritten.filter(pa.array(chosen))
                    )
            progress(done, parents.rows)
    return {path: rows for output in outputs for path, rows in output.files.items()}


def _tables(parents: Parents, fates: Fates) -> Iterator[pa.Table]:
    """The rows source by source if each source has a bin of its own, else merged into shard order."""
    sources_of: dict[int, list[Source]] = {}
    for source in parents.sources:
        bins = np.unique(fates.bin_of[source.begin : source.begin + source.rows])
        for number in bins[bins >= 0].tolist():
            sources_of.setdefault(number, []).append(source)
    one_source_per_bin = all(len(sources) == 1 for sources in sources_of.values())
    begins = [source.begin for sources in sources_of.values() for source in sources]
    used = [source for source in parents.sources if source.begin in begins]
    if one_source_per_bin and len(set(begins)) == len(begins):
        for source in used:
            yield from stream.rows([source])
        return
    yield from stream.rows(used)


class _Output:
    """The files of one bin, none with more rows than the settings allow."""

    def __init__(
        self,
        folder: RunFolder,
        split: str,
        kind: str,
        total: int,
        settings: Settings,
        stack: ExitStack,
    ) -> None:
        self.files: dict[str, int] = {}
        self._folder, self._stack = folder, stack
        self._most = settings.shards.rows
        self._level = settings.shards.compression_level
        self._left = total
        self._pieces = -(-total // self._most)
        self._name = f"shards/{split}/{kind}-{{:05d}}-of-{self._pieces:05d}.parquet"
        self._shard: Shard | None = None

    def add(self, table: pa.Table) -> None:
        """Writes rows; when a file is full, to the next one."""
        while len(table):
            if self._shard is None:
                self._path = self._name.format(len(self.files))
                self._shard = Shard(self._folder.root / self._path, self._level)
                self._stack.push(self._shard)
            room = self._most - self._shard.rows
            self._shard.write(table.slice(0, room))
            self._left -= min(room, len(table))
            table = table.slice(room)
            if self._shard.rows == self._most or not self._left:
                self.files[self._path] = self._shard.rows
                self._shard.close()
                self._shard = None
