"""An export from beginning to end: the run's rows, chosen, changed, measured and written."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tutelage import plugins
from tutelage.contract import LOSS_POLICIES
from tutelage.errors import Mistake, SettingsError
from tutelage.exports.lengths import Lengths
from tutelage.exports.selection import Selection, splits, units
from tutelage.exports.taker import Row, Shape, Taker, Task
from tutelage.exports.takers import TAKERS
from tutelage.exports.writing import write
from tutelage.shards.folder import existing
from tutelage.shards.reader import student
from tutelage.storage import Location, location


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for."""

    run: str
    to: str
    out: str
    """A file that ends in `.parquet` or `.jsonl`, or a folder, which gets a file a split."""
    shape: str = ""
    """Of the taker's; empty: its first."""
    loss: str = ""
    """Loss policy by which the trained messages are drawn anew."""
    split: str = ""
    """For a file: `train` where empty. For a folder: every split where empty."""
    arms: tuple[str, ...] = ()
    where: str = ""
    keep_leaks: bool = False
    tokenizer: str = ""
    """For token ids, the run's own student where empty; for exact lengths otherwise."""
    chat_template: str = ""


@dataclass(slots=True)
class Report:
    """What went out, and what somebody has to know about it."""

    taker: str
    shape: str
    rows: dict[str, int] = field(default_factory=dict)
    """By file."""
    left_out: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    advice: str = ""
    """How the taker is told to read it."""


def taker(name: str) -> Taker:
    """The taker of that name, or behind a dotted `package.module:NAME`.

    Raises:
        SettingsError: there is none; the nearest name is given.
    """
    wanted: Taker = plugins.load(name, TAKERS, "export", ("shapes",))
    return wanted


def export(request: Request) -> Report:
    """Writes the export and says what is in it.

    Raises:
        Mistake: the run, the taker, the shape or the place is not what it should be, the taker
            cannot do what is asked, or nothing is left to export.
    """
    wanted = taker(request.to)
    name, shape = _shape(wanted, request)
    if request.loss and request.loss not in LOSS_POLICIES:
        raise SettingsError(f"no loss policy {request.loss!r}: have {', '.join(LOSS_POLICIES)}")
    encoder = _encoder(request, shape)
    report = Report(request.to, name)
    lengths = Lengths(wanted, getattr(encoder, "tokenizer", None))
    run_id = str(existing(request.run).read_json("run.json").get("run_id", ""))
    about = {"run_id": run_id, "to": request.to, "shape": name, "loss": request.loss}
    for split, path in _files(request, shape):
        task = Task(split, request.loss, encoder if shape.tokens else None)
        task.other = "--as turns" if "turns" in wanted.shapes else task.other
        rows = _rows(request, wanted, shape, task, lengths)
        count = write(path, rows, shape.schema, about | {"split": split})
        if count:
            report.rows[str(path)] = count
        report.left_out += task.left_out
        report.notes += task.notes
    if not report.rows:
        why = ", ".join(f"{count} {reason}" for reason, count in report.left_out.most_common())
        others = [s for s in wanted.shapes if s != name]
        hint = f"; try --as {' or '.join(others)}" if others else ""
        raise Mistake(f"nothing to export from {request.run}: {why or 'no fitting rows'}{hint}")
    _finish(request, wanted, shape, lengths, report)
    return report


def _rows(
    request: Request, wanted: Taker, shape: Shape, task: Task, lengths: Lengths
) -> Iterator[Row]:
    selection = Selection(request.run, task.split, request.arms, request.where, request.keep_leaks)
    for unit in units(selection, shape.unit or wanted.unit, task.left_out):
        for row in shape.convert(unit, task):
            task.count += 1
            lengths.add(row, unit)
            yield row


def _shape(wanted: Taker, request: Request) -> tuple[str, Shape]:
    try:
        return wanted.shape(request.shape)
    except KeyError:
        raise SettingsError(
            f"{request.to} takes no rows as {request.shape!r}: it has {', '.join(wanted.shapes)}"
        ) from None


def _files(request: Request, shape: Shape) -> list[tuple[str, Location]]:
    """Each split with the file that it goes to."""
    if not request.out.strip():
        raise SettingsError("--out wants a file or a folder, got nothing")
    out = location(request.out)
    if out.suffix in (".parquet", ".jsonl", ".json"):
        if out.suffix not in shape.suffixes:
            raise SettingsError(
                f"{request.to} reads {' or '.join(shape.suffixes)}, got --out {request.out}"
            )
        return [(request.split or "train", out)]
    names = [request.split] if request.split else splits(request.run)
    return [(name, out / f"{name}{shape.suffixes[0]}") for name in names]


def _encoder(request: Request, shape: Shape) -> Any:
    """The tokenizer with its chat template, where the shape or the person wants one."""
    if not (shape.tokens or request.tokenizer):
        return None
    from tutelage.contract.tokens import Encoder
    from tutelage.train import model

    remedy = "say whose tokens with --tokenizer, or give text with --as"
    name = request.tokenizer or student([request.run], remedy)
    model.quiet()
    return Encoder(model.tokenizer(name, request.chat_template))


def _finish(
    request: Request, wanted: Taker, shape: Shape, lengths: Lengths, report: Report
) -> None:
    """Warnings, advice, and the files that a folder has beside its data."""
    if lengths.beyond:
        about = "" if lengths.exact else "about "
        report.warnings.append(
            f"{about}{lengths.beyond} of {lengths.count} rows have more than {wanted.limit} tokens "
            f"(the longest {about}{lengths.longest}), which {wanted.reads} "
            + wanted.beyond.format(length=lengths.room)
        )
    licences = _licences(request.run)
    paths = [location(path) for path in report.rows]
    first = paths[0]
    report.advice = shape.advice.format(
        path=first,
        folder=first.parent,
        stem=first.stem,
        kind="json" if first.suffix == ".jsonl" else "parquet",
        length=lengths.room,
        licence=", ".join(licences),
    )
    beside = wanted.beside([path.name for path in paths]) if wanted.beside else {}
    for name, text in beside.items():
        target = first.parent / name
        if Path(request.out).suffix or (target.exists() and target.read_text("utf-8") != text):
            report.warnings.append(f"put this into your {name}: {' '.join(text.split())}")
        else:
            target.write_text(text, "utf-8")


def _licences(run: str) -> list[str]:
    from tutelage.shards import table

    licences = table(run).execute("SELECT DISTINCT licence FROM dialogues ORDER BY licence")
    return [str(row[0]) for row in licences.fetchall()]
