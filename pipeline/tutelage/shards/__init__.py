"""The files of a run: how its journal, shards and small files are written, read and checked.

    RUN/run.json            settings, and the digest that is the run's id
    RUN/journal/*.jsonl     each finished dialogue, appended as soon as it ends; a resumed run reads it
    RUN/shards/SPLIT/       solved-*.parquet (solved, no duplicate) and rest-*.parquet (all others)
    RUN/shards/held/        rows that would tie two splits together; in no split
    RUN/splits.json         the split of each problem, which an extended run keeps
    RUN/contamination.*     overlap with the evaluation sets, if any were named
    RUN/rejects/            dead-, filtered- and duplicate-*.parquet, with the same columns
    RUN/manifest.json       the contents of the run, and the balance of its inputs
    RUN/telemetry.json      time, tokens, the engine's own counters
    RUN/README.md           the run's card, with the configurations that `load_dataset` reads

RUN is a folder on disk or a URL of an object store (see `storage`). A run in a store keeps some files
in the cache of this machine (`folder.near`): the engine's log, copies of the journal, and the replies
of unfinished dialogues, which a run that is resumed on another machine plays again.

No Beam here: `flow` decides what goes into which file.
"""

from tutelage.shards.folder import RunFolder
from tutelage.shards.journal import Damage, Entry, Journal, entries, fetch
from tutelage.shards.reader import read_rows, table
from tutelage.shards.writer import with_solved, write_shard

__all__ = [
    "Damage",
    "Entry",
    "Journal",
    "RunFolder",
    "entries",
    "fetch",
    "read_rows",
    "table",
    "with_solved",
    "write_shard",
]
