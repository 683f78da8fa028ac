"""Shards: the Parquet files of a run, written once and read by everybody.

    RUN/run.json            settings, and the digest that is the run's id
    RUN/journal/*.jsonl     each finished dialogue, appended the moment it ends; what a resume reads
    RUN/shards/SPLIT/       solved-*.parquet (solved, no duplicate) and rest-*.parquet (all others)
    RUN/shards/held/        rows that would tie two splits together; in no split
    RUN/splits.json         which problem fell into which split; what an extended run keeps to
    RUN/contamination.*     what overlaps with evaluation sets, where they were named
    RUN/rejects/            dead-, filtered- and duplicate-*.parquet, with the same columns
    RUN/manifest.json       what is in the run, and the balance of its inputs
    RUN/telemetry.json      what it took: time, tokens, the engine's own counters
    RUN/README.md           the run's card, with the configurations that `load_dataset` reads

RUN is a folder on disk or a URL of an object store; `storage` says what is different there. What has
to be on this machine (`folder.near`) lies in the cache then: the replies of unfinished dialogues,
without which a run that goes on elsewhere plays those anew, the engine's log, copies of the journal.

No Beam here: `flow` decides what goes into which file.
"""

from tutelage.shards.folder import RunFolder
from tutelage.shards.journal import Damage, Entry, Journal, entries, fetch
from tutelage.shards.reader import read_rows, table
from tutelage.shards.writer import write_shard

__all__ = [
    "Damage",
    "Entry",
    "Journal",
    "RunFolder",
    "entries",
    "fetch",
    "read_rows",
    "table",
    "write_shard",
]
