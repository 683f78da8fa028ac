"""`reverify`: judges stored dialogues again, with the current verifiers and leak gate.

Two passes. The first judges every dialogue and stores the rows that changed in a temporary file;
after it the shard of each row is known. The second writes the run. Near-duplicate marks and splits
stay as they are (`republish` computes them again).
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from tutelage.contract import arrow_schema
from tutelage.dedup.splits import HELD
from tutelage.derive import stream
from tutelage.derive.judging import Gate, Judged, Verify, rejudge
from tutelage.derive.parents import Parents, open_parents
from tutelage.derive.republish import changed
from tutelage.derive.writing import Fates, Operation, Progress, unmoved, write
from tutelage.leaks import find_leak
from tutelage.records import Leak, Problem
from tutelage.settings import Settings, altered
from tutelage.shards import RunFolder
from tutelage.storage import location
from tutelage.verifiers import VerifierPool

CHANGES = "changes.jsonl"
"""File of the run with one line for each change: its dialogue, turn, before and after."""
STATUSES = ("correct", "incorrect", "unjudged")
_SHOWN = 5
_FREE = ("verifier.", "leaks.")


@dataclass(slots=True)
class Findings:
    """The changes that the first pass found."""

    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(status before, status now) -> number of attempts."""
    behind: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """(status before, another status now) -> ids of the first dialogues with such an attempt."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Kind of change, see `_outcome` -> number of dialogues."""
    leaks: Counter[str] = field(default_factory=Counter)
    """`found`, `gone`, `other kind` -> number of messages."""
    reworded: int = 0
    """Number of dialogues in which only the wording of a verdict changed."""

    def record(self) -> dict[str, Any]:
        """The findings in the manifest's form."""
        return {
            "verdicts": {f"{a} -> {b}": n for (a, b), n in sorted(self.verdicts.items())},
            "dialogues": {f"{a} -> {b}": names for (a, b), names in sorted(self.behind.items())},
            "outcomes": dict(sorted(self.outcomes.items())),
            "leaks": dict(sorted(self.leaks.items())),
            "reworded": self.reworded,
        }


def reverify(
    run: str,
    out: str,
    sets: Sequence[str] = (),
    progress: Progress = lambda done, total: None,
    verify: Verify | None = None,
) -> tuple[dict[str, Any], Findings]:
    """Judges a run again, writes the result to `out`, and returns the manifest and the changes.

    Args:
        run: folder or URL.
        out: folder of the new run.
        sets: settings of `verifier` and `leaks`, as for `generate --set`.
        progress: called with the number of dialogues judged or written, and the total.
        verify: replaces the verifiers that the settings name.

    Raises:
        SettingsError: a setting belongs to another section, or the verifier does not exist.
        Mistake: the run cannot be used.
    """
    parents = open_parents([run])
    before = parents.runs[0].settings
    settings = altered(before, sets)
    changes = changed(before, settings, _FREE)
    with ExitStack() as stack:
        verify = verify or _verifiers(settings, stack)
        spool = _Spool(stack.enter_context(tempfile.TemporaryFile()))
        findings = Findings()
        bins, bin_of = unmoved(parents)
        dropped = 0
        lines = []
        for row_index, judged in _judged(parents, verify, _gate(settings), settings, progress):
            name = judged.row["dialogue_id"]
            _count(findings, judged)
            lines += [{"dialogue_id": name, **change.record()} for change in judged.changes]
            if settings.leaks.policy == "drop" and judged.row["leak"]["any"]:
                bin_of[row_index], dropped = -1, dropped + 1
            elif judged.is_changed:
                spool.put(row_index, judged.row)
                bin_of[row_index] = _bin(bins, judged.row)
        fates = Fates(bins, bin_of, {"leak": dropped} if dropped else {})
        operation = Operation("reverify", {"settings": changes}, {"changes": findings.record()})
        manifest = write(out, parents, operation, fates, settings, spool.onto, progress)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    RunFolder(location(out)).write_text(CHANGES, text)
    return manifest, findings


def _verifiers(settings: Settings, stack: ExitStack) -> Verify:
    wanted = settings.verifier
    pool = stack.enter_context(
        VerifierPool(
            wanted.timeout_s, wanted.workers, wanted.memory_mb, wanted.name, wanted.by_corpus
        )
    )
    return pool.verify


def _gate(settings: Settings) -> Gate | None:
    if settings.leaks.policy == "off":
        return None

    def gate(problem: Problem, history: tuple[tuple[str, str], ...], text: str) -> Leak:
        return find_leak(
            problem.domain,
            problem.gold,
            problem.statement,
            history,
            text,
            problem.privileged_context,
            settings.leaks.expression,
        )

    return gate


def _judged(
    parents: Parents, verify: Verify, gate: Gate | None, settings: Settings, progress: Progress
) -> Iterator[tuple[int, Judged]]:
    """Every dialogue with its row index, judged by as many threads as there are verifiers."""

    def judge(row: dict[str, Any]) -> Judged:
        refuses_flaws = settings.verifier.flaws == "refuse"
        return rejudge(row, verify, gate, settings.loss, refuses_flaws)

    done = 0
    with ThreadPoolExecutor(settings.verifier.workers) as threads:
        for source in parents.sources:
            for table in stream.rows([source]):
                row_indices = table[stream.ROW_INDEX].to_pylist()
                rows = table.drop_columns([stream.ROW_INDEX]).to_pylist()
                judged: Iterable[Judged] = threads.map(judge, rows)
                yield from zip(row_indices, judged, strict=True)
                done += len(rows)
                progress(done, parents.rows)


def _count(findings: Findings, judged: Judged) -> None:
    name = judged.row["dialogue_id"]
    findings.verdicts.update(judged.verdicts)
    for change in judged.changes:
        if change.what == "verdict":
            names = findings.behind.setdefault((change.before, change.after), [])
            if len(names) < _SHOWN and name not in names:
                names.append(name)
        elif change.what == "outcome":
            findings.outcomes[_outcome(change.before, change.after)] += 1
        else:
            kinds = {(True, False): "gone", (False, True): "found"}
            findings.leaks[kinds.get((bool(change.before), bool(change.after)), "other kind")] += 1
    findings.reworded += judged.is_changed and not judged.changes


def _outcome(before: str, after: str) -> str:
    if after == "not solved":
        return "no longer solved"
    return "newly solved, cut there" if before == "not solved" else "solved earlier, cut there"


def _bin(bins: list[tuple[str, str]], row: dict[str, Any]) -> int:
    """The index of the row's bin; a bin that is not in `bins` yet is appended."""
    good = row["outcome"]["solved_turn"] is not None and row["duplicate_of"] is None
    row_bin = (row["split"], "solved" if good and row["split"] != HELD else "rest")
    if row_bin not in bins:
        bins.append(row_bin)
    return bins.index(row_bin)


class _Spool:
    """The rows that changed, in a file; memory holds only the offset and size of each."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._spans: dict[int, tuple[int, int]] = {}

    def put(self, row_index: int, row: dict[str, Any]) -> None:
        """Stores the new row for `row_index`."""
        text = json.dumps(row).encode()
        self._spans[row_index] = (self._file.seek(0, 2), len(text))
        self._file.write(text)

    def onto(self, table: pa.Table) -> pa.Table:
        """The table with the stored rows in place of the old ones."""
        row_indices = table[stream.ROW_INDEX].to_pylist()
        if not any(row_index in self._spans for row_index in row_indices):
            return table
        rows = table.drop_columns([stream.ROW_INDEX]).to_pylist()
        for number, row_index in enumerate(row_indices):
            if row_index in self._spans:
                offset, size = self._spans[row_index]
                self._file.seek(offset)
                rows[number] = json.loads(self._file.read(size))
        rewritten = pa.Table.from_pylist(rows, schema=arrow_schema())
        return rewritten.append_column(
            stream.ROW_INDEX, pa.array(np.asarray(row_indices, np.int64))
        )
