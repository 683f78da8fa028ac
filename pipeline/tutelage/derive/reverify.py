"""`reverify`: what is stored, judged by the verifier and the leak gate of today.

Two passes. The first judges every dialogue and keeps of those that are other now the new row, in a
file; then it is known which shard each goes to. The second writes. Near-duplicate marks and splits
stay as they are (`republish` finds them anew).
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
from tutelage.derive.judging import Judged, Look, Verify, judge_again
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
"""In the run: a line for each thing that is other now, by dialogue."""
STATUSES = ("correct", "incorrect", "unjudged")
_SHOWN = 5
_FREE = ("verifier.", "leaks.")


@dataclass(slots=True)
class Findings:
    """What the first pass found."""

    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(status before, status now) -> attempts."""
    behind: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """The same, where the two differ -> the first dialogues with such an attempt."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """`cut`, `newly solved`, `later`, `no longer solved` -> dialogues."""
    leaks: Counter[str] = field(default_factory=Counter)
    """`found`, `gone`, `other kind` -> messages."""
    reworded: int = 0
    """Dialogues in which nothing but the words of a verdict are other."""

    def record(self) -> dict[str, Any]:
        """For the manifest."""
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
    """Judges a run anew and writes the result to `out`; the manifest and what changed.

    Args:
        run: its name.
        out: folder of the new run.
        sets: `verifier.*` and `leaks.*`, as of `generate --set`.
        progress: told how many dialogues are judged, and how many are written.
        verify: in place of the verifiers that the settings name.

    Raises:
        SettingsError: a setting is another than of those two, or the verifier does not exist.
        Mistake: the run is not as wanted.
    """
    parents = open_parents([run])
    before = parents.runs[0].settings
    settings = altered(before, sets)
    asked = changed(before, settings, _FREE)
    with ExitStack() as stack:
        judge = verify or _verifiers(settings, stack)
        spool = _Spool(stack.enter_context(tempfile.TemporaryFile()))
        findings = Findings()
        bins, to = unmoved(parents)
        dropped = 0
        lines = []
        for row_index, judged in _judged(parents, judge, _gate(settings), settings, progress):
            name = judged.row["dialogue_id"]
            _count(findings, judged)
            lines += [{"dialogue_id": name, **change.record()} for change in judged.changes]
            if settings.leaks.policy == "drop" and judged.row["leak"]["any"]:
                to[row_index], dropped = -1, dropped + 1
            elif judged.is_other:
                spool.put(row_index, judged.row)
                to[row_index] = _bin(bins, judged.row)
        fates = Fates(bins, to, {"leak": dropped} if dropped else {})
        operation = Operation("reverify", {"settings": asked}, {"changes": findings.record()})
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


def _gate(settings: Settings) -> Look | None:
    if settings.leaks.policy == "off":
        return None

    def look(problem: Problem, history: tuple[tuple[str, str], ...], text: str) -> Leak:
        return find_leak(
            problem.domain,
            problem.gold,
            problem.statement,
            history,
            text,
            problem.privileged_context,
            settings.leaks.expression,
        )

    return look


def _judged(
    parents: Parents, verify: Verify, look: Look | None, settings: Settings, progress: Progress
) -> Iterator[tuple[int, Judged]]:
    """Every dialogue with its row index, judged by as many threads as there are verifiers."""

    def again(row: dict[str, Any]) -> Judged:
        refuses_flaws = settings.verifier.flaws == "refuse"
        return judge_again(row, verify, look, settings.loss, refuses_flaws)

    done = 0
    with ThreadPoolExecutor(settings.verifier.workers) as threads:
        for source in parents.sources:
            for table in stream.rows([source]):
                row_indices = table[stream.ROW_INDEX].to_pylist()
                rows = table.drop_columns([stream.ROW_INDEX]).to_pylist()
                judged: Iterable[Judged] = threads.map(again, rows)
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
    findings.reworded += judged.is_other and not judged.changes


def _outcome(before: str, after: str) -> str:
    if after == "not solved":
        return "no longer solved"
    return "newly solved, cut there" if before == "not solved" else "solved earlier, cut there"


def _bin(bins: list[tuple[str, str]], row: dict[str, Any]) -> int:
    good = row["outcome"]["solved_turn"] is not None and row["duplicate_of"] is None
    wanted = (row["split"], "solved" if good and row["split"] != HELD else "rest")
    if wanted not in bins:
        bins.append(wanted)
    return bins.index(wanted)


class _Spool:
    """Rows that are other now, in a file; of each the offset in it is held."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at: dict[int, tuple[int, int]] = {}

    def put(self, row_index: int, row: dict[str, Any]) -> None:
        """Keeps the row that stands at `row_index`."""
        text = json.dumps(row).encode()
        self._at[row_index] = (self._file.seek(0, 2), len(text))
        self._file.write(text)

    def onto(self, table: pa.Table) -> pa.Table:
        """The rows, those that are other now in place of what they were."""
        row_indices = table[stream.ROW_INDEX].to_pylist()
        if not any(row_index in self._at for row_index in row_indices):
            return table
        rows = table.drop_columns([stream.ROW_INDEX]).to_pylist()
        for number, row_index in enumerate(row_indices):
            if row_index in self._at:
                offset, size = self._at[row_index]
                self._file.seek(offset)
                rows[number] = json.loads(self._file.read(size))
        rewritten = pa.Table.from_pylist(rows, schema=arrow_schema())
        return rewritten.append_column(
            stream.ROW_INDEX, pa.array(np.asarray(row_indices, np.int64))
        )
