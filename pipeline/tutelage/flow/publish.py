"""Second graph: the journal in, shards, rejects and manifest out.

    journal files ─ sketch ─ facts and sketches ─ plan ─┬─ lists ─ write each shard ─ manifest.json
                                                        └─ near-duplicates, splits, counts ─┘

One worker makes the plan (`session.plan`). Steps pass data in files (`session.spool`), which are
removed at the end; the rows themselves are read from the journal when their shard is written. Equal
dialogues give equal bytes.
"""

import ctypes
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

import apache_beam as beam
import pyarrow as pa

from tutelage import dedup
from tutelage.contract import RowDict, arrow_schema
from tutelage.dedup.splits import HELD
from tutelage.errors import RunFailed
from tutelage.flow import contamination
from tutelage.flow.collected import collected
from tutelage.session import mending, provenance, spool
from tutelage.session.plan import File, Notes, plan, scheme
from tutelage.session.publication import DAMAGED, MANIFEST, SPLITS, staging
from tutelage.settings import Dedup, Settings
from tutelage.shards import Damage, Entry, RunFolder, entries, fetch, with_solved, write_shard
from tutelage.shards.journal import Span, files
from tutelage.storage import Location, location

_MARKS = ("split", "cluster_id", "duplicate_of")
_BLOCK = 1_000

List = tuple[str, str]
"""(path of a shard below the run, file with the list of its rows)."""


def build(
    pipeline: beam.Pipeline,
    settings: Settings,
    folder: RunFolder,
    run_id: str,
    several: bool = True,
) -> None:
    """Adds the graph to `pipeline`; `several`: whether more than one worker writes shards."""
    names = (
        pipeline
        | "journal" >> beam.Create([str(path) for path in files(folder.journal)])
        | "sketch" >> beam.Map(sketch, settings.dedup, folder, run_id)
    )
    planned = collected(names, "plan", planned_files, settings, folder)
    # Two filters, and no step with two outputs, which Beam's Dask runner would take for one.
    notes = planned | "notes" >> beam.Filter(lambda item: isinstance(item, Notes))
    shards = planned | "shards" >> beam.Filter(lambda item: not isinstance(item, Notes))
    if several:
        shards |= "spread" >> beam.Reshuffle()
    written = shards | "write" >> beam.Map(write, folder, settings.shards.compression_level)
    parts = (notes, written) | "all of it" >> beam.Flatten()
    collected(parts, "manifest", manifest, settings, folder, run_id)


def sketch(file: str, settings: Dedup, folder: RunFolder, run_id: str = "") -> str:
    """Spools facts and sketches of one journal file; returns the name under which they lie."""
    rule = scheme(settings)
    journal = location(file)
    name = journal.stem
    with ExitStack() as stack:
        facts = stack.enter_context(spool.saving(_facts(folder, name), spool.FACTS))
        sketches = stack.enter_context(
            spool.saving(_sketches(folder, name), spool.sketch_schema(rule))
        )
        begin = 0
        damage: list[Damage] = []
        for block in in_blocks(entries(journal, damage.append, run_id)):
            facts_rows, ids, texts = [], [], []
            rows = fetch(entry.span for entry in block)
            for at, (entry, row) in enumerate(zip(block, rows, strict=True), begin):
                facts_rows.append(fact(entry, row))
                if settings.enabled and entry.kind == "kept":
                    ids.append(at)
                    texts.append(dedup.spoken(row["messages"]))
            facts.write_batch(pa.RecordBatch.from_pylist(facts_rows, spool.FACTS))
            sketches.write_batch(spool.packed(dedup.sketch(ids, texts, rule), rule))
            begin += len(block)
    set_aside(damage, journal, folder)
    return name


def set_aside(damage: list[Damage], journal: Location, folder: RunFolder) -> None:
    """Records the damaged lines of a journal file, if there are any."""
    if damage:
        lines = "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in damage)
        staging(folder).write_text(f"{DAMAGED}/{journal.stem}.jsonl", lines)


def planned_files(
    names: list[str], settings: Settings, folder: RunFolder
) -> Iterator[List | Notes]:
    """The lists of rows of all shards, spooled, and the notes. Splits stay as last published."""
    trim_heap()
    before = folder.read_json(SPLITS)
    recorded = {key: split for split, keys in before.items() for key in keys}
    for part in plan(*gathered(sorted(names), settings.dedup, folder), settings, recorded):
        if isinstance(part, File):
            listed = folder.spool / f"{part.path}.arrow"
            with spool.saving(listed, spool.LISTED) as stream:
                stream.write_table(part.rows)
            yield part.path, str(listed)
        else:
            yield part
    trim_heap()


def gathered(
    names: Sequence[str], settings: Dedup, folder: RunFolder
) -> tuple[Callable[..., pa.Table], Iterator[dedup.Sketches]]:
    """Facts and sketches that were spooled under these names, in that order, as arguments of `plan`."""

    def facts(*columns: str) -> pa.Table:
        wanted = columns or spool.FACTS.names
        tables = [spool.facts(_facts(folder, name), wanted) for name in names]
        none = spool.FACTS.empty_table().select(sorted(wanted, key=spool.FACTS.names.index))
        return pa.concat_tables([none, *tables]).unify_dictionaries()

    def sketches() -> Iterator[dedup.Sketches]:
        begin = 0
        for name in names:
            for batch in spool.reading(_sketches(folder, name)):
                block = spool.unpacked(batch, scheme(settings))
                yield replace(block, ids=[begin + int(place) for place in block.ids])
            begin += len(spool.facts(_facts(folder, name), ["offset"]))

    return facts, sketches()


def write(shard: List, folder: RunFolder, compression_level: int) -> tuple[str, int]:
    """Writes one file and returns (path, rows). Repeating it writes the same bytes."""
    path, listed = shard

    def rows() -> Iterator[RowDict]:
        for batch in spool.reading(location(listed)):
            lines = batch.to_pylist()
            spans = [Span(one["file"], one["offset"], one["length"]) for one in lines]
            for row, one in zip(fetch(spans), lines, strict=True):
                marks = _MARKS if one["split"] else ()
                yield row | {name: one[name] for name in marks}

    count = write_shard(staging(folder).root / path, rows(), compression_level)
    trim_heap()
    return path, count


def manifest(
    parts: Iterable[Notes | tuple[str, int]], settings: Settings, folder: RunFolder, run_id: str
) -> None:
    """Checks the account, and writes the manifest if it balances.

    Raises:
        RunFailed: an input or a dialogue is unaccounted for.
    """
    parts = list(parts)
    notes = next(part for part in parts if isinstance(part, Notes))
    rows = dict(part for part in parts if isinstance(part, tuple))
    rows = with_solved(staging(folder).root, {*notes.in_split} - {HELD}, rows)
    problems, dialogues = notes.problems, notes.dialogues
    total = int(folder.read_json("journal/input.json").get("rows", 0))
    dead_inputs = sum(n for path, n in rows.items() if path.startswith("rejects/dead"))
    dead_inputs -= dialogues["dead"]
    used = total - problems["filtered"] - problems["duplicate"] - dead_inputs
    planned = used * settings.samples * len(settings.arms)
    balance(total, problems, planned, dialogues, rows)
    if notes.splits:
        staging(folder).write_json(SPLITS, notes.splits)
    compared = {"scheme": scheme(settings.dedup).record(), "within": "arm"}
    staging(folder).write_json(
        MANIFEST,
        {
            "schema_version": "manifest.v1",
            "run_id": run_id,
            "row_schema": arrow_schema().metadata[b"schema_version"].decode(),
            "balance": {"input": total, **problems},
            "dialogues": {
                "planned": planned,
                **dialogues,
                "solved": sum(notes.solved_at.values()),
                "near_duplicates": notes.near_duplicates,
            },
            "solved_at": notes.solved_at,
            "files": rows,
            "dedup": {**compared, "counts": notes.comparing} if settings.dedup.enabled else {},
            "splits": {
                "ratios": settings.splits.ratios,
                "dialogues": notes.in_split,
                **({"checksum": mending.checksum(notes.splits)} if notes.splits else {}),
            },
            "decontamination": folder.read_json(contamination.SUMMARY),
            "code": provenance.source_code(),
            **_damaged(folder),
        },
    )


def balance(
    total: int,
    problems: dict[str, int],
    planned: int,
    dialogues: dict[str, int],
    rows: dict[str, int],
) -> None:
    """Checks that input = kept + filtered + duplicate + dead, and that every planned dialogue is in a
    shard or in a reject file.

    Raises:
        RunFailed: the account does not balance.
    """
    written = {
        kind: sum(n for path, n in rows.items() if path.startswith(kind))
        for kind in ("shards/", "rejects/dead", "rejects/filtered", "rejects/duplicate")
    }
    dead_inputs = written["rejects/dead"] - dialogues["dead"]
    checks = {
        "input = kept + filtered + duplicate + dead": (total, sum(problems.values())),
        "dialogues planned = kept + dead": (planned, sum(dialogues.values())),
        "rows in shards = dialogues kept": (written["shards/"], dialogues["kept"]),
        "rejects = filtered": (written["rejects/filtered"], problems["filtered"]),
        "rejects = duplicate": (written["rejects/duplicate"], problems["duplicate"]),
        "dead inputs are counted": (dead_inputs >= 0, True),
    }
    wrong = [f"{name}: {a} != {b}" for name, (a, b) in checks.items() if a != b]
    if wrong:
        raise RunFailed(f"the run does not balance: {'; '.join(wrong)}")


def _damaged(folder: RunFolder) -> dict[str, int]:
    """The number of damaged lines of the journal, for the manifest; empty if there are none."""
    files = (staging(folder).root / DAMAGED).glob("*.jsonl")
    count = sum(file.read_text("utf-8").count("\n") for file in files)
    return {"damaged_journal_lines": count} if count else {}


def trim_heap() -> None:
    """Makes glibc return freed memory to the system, most of which it would keep."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def in_blocks(stream: Iterable[Entry]) -> Iterator[list[Entry]]:
    """The entries, `_BLOCK` at a time."""
    stream = iter(stream)
    while block := list(islice(stream, _BLOCK)):
        yield block


def fact(entry: Entry, row: RowDict) -> dict[str, Any]:
    """The columns of `spool.FACTS` for an entry."""
    return {
        "key": entry.key,
        "kind": entry.kind,
        **entry.span._asdict(),
        "arm": row["arm"],
        "group": row["group_id"],
        "sample": row["sample"],
        "problem": row["problem_id"],
        "solved": row["outcome"]["solved_turn"],
    }


def _facts(folder: RunFolder, name: str) -> Location:
    return folder.spool / f"{name}.facts.arrow"


def _sketches(folder: RunFolder, name: str) -> Location:
    return folder.spool / f"{name}.sketches.arrow"
