"""The one place that writes a derived run: shards, manifest, card.

Where each row goes is known before the first is written (`Fates`), so every file gets its final
name at once, and the manifest, which comes last, is what makes the folder a run. A folder in which
the same command was interrupted is written anew; any other that is not empty is left alone.
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
from tutelage.derive import stream
from tutelage.derive.account import Counts, copy_contamination, derived_card, manifest_of
from tutelage.derive.parents import Parents, Source
from tutelage.errors import OutputError, RunFailed
from tutelage.seeds import digest
from tutelage.settings import Settings
from tutelage.shards import RunFolder
from tutelage.shards.folder import writing
from tutelage.shards.writer import Shard
from tutelage.storage import location

Bin = tuple[str, str]
"""(split, `solved` or `rest`)."""
Rewrite = Callable[[pa.Table], pa.Table]
Compare = Callable[[RunFolder], dict[str, Any]]
Progress = Callable[[int, int], None]
"""Told how many rows are written, and of how many."""


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of each row."""

    bins: list[Bin]
    to: npt.NDArray[np.int16]
    """int16 [rows], by row index: the bin that the row goes to, -1 where it is dropped."""
    dropped: dict[str, int]
    """Rule -> rows that it dropped."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What was done, as the manifest says it."""

    name: str
    arguments: dict[str, Any]
    """What was asked for; JSON."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What was found besides, such as changed verdicts; goes into the manifest."""
    manifest: dict[str, Any] = field(default_factory=dict)
    """Parts of the manifest that are other than the first parent's, such as `dedup`."""


def unmoved(parents: Parents) -> tuple[list[Bin], npt.NDArray[np.int16]]:
    """The bins of the parents, and the one that each row is in."""
    bins = sorted({(source.split, source.kind) for source in parents.sources})
    to = np.full(parents.rows, -1, np.int16)
    for source in parents.sources:
        to[source.begin : source.begin + source.rows] = bins.index((source.split, source.kind))
    return bins, to


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
        out: new or empty folder, or URL.
        parents: what it is made of.
        operation: what is done to them.
        fates: what becomes of each row.
        settings: of the run that it is; the card and `run.json` have them.
        rewrite: gives a table with other values in it: same rows, same columns, same order.
        progress: called now and then.
        compare: writes what overlaps with evaluation sets; what the parents know of it where None.

    Raises:
        OutputError: `out` is taken or cannot be written.
        RunFailed: the account does not hold.
    """
    folder = RunFolder(location(out))
    run_id = _identity(parents, operation)
    _begin(folder, run_id, parents, operation, settings)
    counts = Counts()
    files = _shards(folder, parents, fates, settings, rewrite, counts, progress)
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
    operated = json.dumps([operation.name, operation.arguments], sort_keys=True)
    return digest("derived", operated, *(p.manifest["run_id"] + p.digest for p in parents.runs))


def _begin(
    folder: RunFolder, run_id: str, parents: Parents, operation: Operation, settings: Settings
) -> None:
    """Makes the folder, or finds it to be of this very command.

    Raises:
        OutputError: it holds something else.
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
        raise OutputError(f"{folder.root} is what is read: choose another --out")
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
    counts: "Counts",
    progress: Progress,
) -> dict[str, int]:
    """Writes every shard; path below the run -> rows."""
    totals = np.bincount(fates.to[fates.to >= 0], minlength=len(fates.bins)).tolist()
    names = arrow_schema().names
    with ExitStack() as stack:
        outputs = [
            _Output(folder, *where, total, settings, stack)
            for where, total in zip(fates.bins, totals, strict=True)
        ]
        done = 0
        for table in stream.ahead(_streamed(parents, fates)):
            done += len(table)
            to = fates.to[table[stream.ROW_INDEX].to_numpy()]
            if (to >= 0).any():
                alive = table.filter(pa.array(to >= 0))
                rewritten = rewrite(alive).select(names)
                counts.add(rewritten)
                to = to[to >= 0]
                for number in np.unique(to).tolist():
                    whole = (to == number).all()
                    outputs[number].add(
                        rewritten if whole else rewritten.filter(pa.array(to == number))
                    )
            progress(done, parents.rows)
    return {path: rows for output in outputs for path, rows in output.files.items()}


def _streamed(parents: Parents, fates: Fates) -> Iterator[pa.Table]:
    """The rows source by source where each feeds a bin of its own, else merged into one order."""
    into: dict[int, list[Source]] = {}
    for source in parents.sources:
        to = np.unique(fates.to[source.begin : source.begin + source.rows])
        for number in to[to >= 0].tolist():
            into.setdefault(number, []).append(source)
    alone = all(len(sources) == 1 for sources in into.values())
    feeding = [source.begin for sources in into.values() for source in sources]
    if alone and len(set(feeding)) == len(feeding):
        for source in parents.sources:
            if source.begin in feeding:
                yield from stream.rows([source])
        return
    used = [source for source in parents.sources if source.begin in feeding]
    yield from stream.rows(used)


class _Output:
    """The files of one bin, none longer than the settings say."""

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
        """Writes rows, to the next file where one is full."""
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
