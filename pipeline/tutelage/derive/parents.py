"""The runs that a derived run is made from, as one numbered list of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tutelage.errors import Mistake
from tutelage.seeds import digest
from tutelage.settings import Settings
from tutelage.shards import RunFolder, sql
from tutelage.shards.soundness import Sound, sound
from tutelage.storage import Location, Remote

Ints = npt.NDArray[np.int64]

_PER_RUN = ("run_id", "split", "cluster_id", "duplicate_of", "code_version")
"""Columns in which two copies of a dialogue may differ."""


@dataclass(frozen=True, slots=True)
class Source:
    """The files of one run that hold one kind of rows of one split, in shard order."""

    split: str
    kind: str
    """`solved` or `rest`."""
    files: list[Location]
    begin: int
    """Row index of its first row."""
    rows: int


@dataclass(frozen=True, slots=True)
class Parent:
    """A published run whose files agree with its manifest."""

    name: str
    """Name of its folder, without the path."""
    folder: RunFolder
    manifest: dict[str, Any]
    digest: str
    """Digest of the text of `manifest.json`."""
    settings: Settings
    rows: int

    def record(self) -> dict[str, Any]:
        """Its entry in the manifest of a run that is derived from it."""
        return {
            "name": self.name,
            "run_id": self.manifest["run_id"],
            "manifest": self.digest,
            "rows": self.rows,
        }


@dataclass(frozen=True, slots=True)
class Parents:
    """The runs and their rows, which are numbered from 0 across all runs: `row_index`."""

    runs: list[Parent]
    sources: list[Source]

    @property
    def files(self) -> list[Location]:
        """All shards, in the order of row indices."""
        return [file for source in self.sources for file in source.files]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(source.rows for source in self.sources)

    def connect(self) -> Any:
        """A locked SQL connection over all rows."""
        return sql.connect(self.files)


def open_parents(names: Sequence[str]) -> Parents:
    """Opens the runs that the user named.

    Raises:
        Mistake: one of them is not a complete run or is named twice, or they are in several stores.
    """
    runs, sources, opened = [], [], set()
    begin = 0
    for name in names:
        run = sound(name)
        root = run.folder.root
        where = str(root.resolve()) if not isinstance(root, Remote) else str(root)
        if where in opened:
            raise Mistake(f"wanted each run once, got {name!r} twice")
        opened.add(where)
        run_sources = _sources(run, begin)
        rows = sum(source.rows for source in run_sources)
        begin += rows
        sources += run_sources
        runs.append(
            Parent(
                root.name or "run",
                run.folder,
                run.manifest,
                digest((root / "manifest.json").read_text("utf-8")),
                _settings(name, run.folder),
                rows,
            )
        )
    stores = {file.store if isinstance(file, Remote) else "" for s in sources for file in s.files}
    if len(stores) > 1:
        raise Mistake(
            "wanted runs that are all on this disk or all in one store, got several stores: copy "
            "some of the runs"
        )
    return Parents(runs, sources)


def repeated(connection: Any) -> Ints:
    """Row indices of dialogues that an earlier run contains already, word for word.

    Raises:
        Mistake: two runs hold different dialogues under one id.
    """
    copies = "SELECT dialogue_id FROM numbered GROUP BY dialogue_id HAVING count(*) > 1"
    columns = ", ".join(
        f'"{name}"'
        for name in _columns(connection)
        if name not in (*_PER_RUN, "row_index", "trail")
    )
    # Two runs may have published the same dialogue under different loss policies.
    trail = "list_transform(trail, lambda t: struct_update(t, train := false))"
    query = (
        f"SELECT dialogue_id, run_id, row_index, hash({columns}, {trail}) AS content FROM numbered "
        f"WHERE dialogue_id IN ({copies})"
    )
    with sql.refused():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE copies AS {query}")
        clash = connection.execute(
            "SELECT dialogue_id, list(DISTINCT run_id ORDER BY run_id) FROM copies "
            "GROUP BY dialogue_id HAVING count(DISTINCT content) > 1 ORDER BY 1"
        ).fetchall()
    if clash:
        name, runs = clash[0]
        more = f", and {len(clash) - 1} more ids" if len(clash) > 1 else ""
        raise Mistake(
            f"dialogue {name}{more} is not the same in two of the runs ({', '.join(runs)}): they "
            "were played with one seed and other settings; generate one of them with another --seed"
        )
    later = connection.execute(
        "SELECT row_index FROM (SELECT row_index, row_number() OVER (PARTITION BY dialogue_id ORDER BY "
        "row_index) AS copy FROM copies) WHERE copy > 1 ORDER BY row_index"
    ).fetchnumpy()["row_index"]
    return np.asarray(later, np.int64)


def _columns(connection: Any) -> list[str]:
    return [str(row[0]) for row in connection.execute("DESCRIBE numbered").fetchall()]


def _sources(run: Sound, begin: int) -> list[Source]:
    """The files of a run by split and kind, those of solved dialogues first."""
    bins: dict[tuple[str, str], list[Location]] = {}
    for file in run.files:
        kind = file.name.partition("-")[0]
        bins.setdefault((file.parent.name, kind), []).append(file)
    sources = []
    for (split, kind), files in bins.items():
        rows = sum(run.rows[file] for file in files)
        sources.append(Source(split, kind, files, begin, rows))
        begin += rows
    return sources


def _settings(name: str, folder: RunFolder) -> Settings:
    from pydantic import ValidationError

    try:
        return Settings.model_validate(folder.read_json("run.json").get("settings", {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Mistake(
            f"run.json of {name!r} has settings of another version ({where}: {first['msg']}): read "
            "the run with the version that wrote it, or generate it again"
        ) from None
