"""An export from start to end: selects the run's rows, converts, measures and writes them."""

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
from tutelage.exports.taker import RowDict, Shape, Taker, Task
from tutelage.exports.takers import TAKERS
from tutelage.exports.writing import write
from tutelage.shards.reader import student
from tutelage.shards.soundness import sound
from tutelage.storage import Location, location


@dataclass(frozen=True, slots=True)
class Request:
    """The options of `export`."""

    run: str
    to: str
    """Name of the taker."""
    out: str
    """A file that ends in `.parquet` or `.jsonl`, or a folder, which gets one file per split."""
    shape: str = ""
    """One of the taker's shapes; empty: its first."""
    loss: str = ""
    """Loss policy that replaces the run's; empty: as the rows have it."""
    split: str = ""
    """Empty: `train` for a file, every split for a folder."""
    arms: tuple[str, ...] = ()
    where: str = ""
    keep_leaks: bool = False
    tokenizer: str = ""
    """The model whose tokenizer makes token ids (empty: the run's student) or counts lengths."""
    chat_template: str = ""


@dataclass(slots=True)
class Report:
    """What was exported, and what its user has to know about it."""

    taker: str
    shape: str
    rows: dict[str, int] = field(default_factory=dict)
    """File -> number of rows."""
    left_out: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    advice: str = ""
    """How to make the taker read it."""


def taker(name: str) -> Taker:
    """The taker of that name, or of a dotted `package.module:NAME`.

    Raises:
        SettingsError: there is none; the message names the nearest one.
    """
    loaded: Taker = plugins.load(name, TAKERS, "export", ("shapes",))
    return loaded


def export(request: Request) -> Report:
    """Writes an export and reports what is in it.

    Raises:
        Mistake: the run, the taker, the shape or `out` is wrong, the taker cannot do what was
            requested, the run's shards do not agree with its manifest, or no row is left to export.
    """
    target = taker(request.to)
    name, shape = _shape(target, request)
    if request.loss and request.loss not in LOSS_POLICIES:
        raise SettingsError(f"no loss policy {request.loss!r}: have {', '.join(LOSS_POLICIES)}")
    encoder = _encoder(request, shape)
    report = Report(request.to, name)
    lengths = Lengths(target, getattr(encoder, "tokenizer", None))
    run_id = sound(request.run).manifest["run_id"]
    about = {"run_id": run_id, "to": request.to, "shape": name, "loss": request.loss}
    for split, path in _files(request, shape):
        task = Task(split, request.loss, encoder if shape.tokens else None)
        task.alternative = "--as turns" if "turns" in target.shapes else task.alternative
        rows = _rows(request, target, shape, task, lengths)
        count = write(path, rows, shape.schema, about | {"split": split})
        if count:
            report.rows[str(path)] = count
        report.left_out += task.left_out
        report.notes += task.notes
    if not report.rows:
        why = ", ".join(f"{count} {reason}" for reason, count in report.left_out.most_common())
        other_shapes = [shape_name for shape_name in target.shapes if shape_name != name]
        hint = f"; try --as {' or '.join(other_shapes)}" if other_shapes else ""
        raise Mistake(f"nothing to export from {request.run}: {why or 'no fitting rows'}{hint}")
    _finish(request, target, shape, lengths, report)
    return report


def _rows(
    request: Request, target: Taker, shape: Shape, task: Task, lengths: Lengths
) -> Iterator[RowDict]:
    selection = Selection(request.run, task.split, request.arms, request.where, request.keep_leaks)
    for unit in units(selection, shape.unit or target.unit, task.left_out):
        for row in shape.convert(unit, task):
            task.count += 1
            lengths.add(row, unit)
            yield row


def _shape(target: Taker, request: Request) -> tuple[str, Shape]:
    try:
        return target.shape(request.shape)
    except KeyError:
        raise SettingsError(
            f"{request.to} takes no rows as {request.shape!r}: it has {', '.join(target.shapes)}"
        ) from None


def _files(request: Request, shape: Shape) -> list[tuple[str, Location]]:
    """(split, its file) of each split to export."""
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
    """The tokenizer with its chat template, if the shape or the user requires one; else None."""
    if not (shape.tokens or request.tokenizer):
        return None
    from tutelage.contract.tokens import Encoder
    from tutelage.train import model

    remedy = "name the model of the tokens with --tokenizer, or choose text with --as"
    name = request.tokenizer or student([request.run], remedy)
    model.quiet()
    return Encoder(model.tokenizer(name, request.chat_template))


def _finish(
    request: Request, target: Taker, shape: Shape, lengths: Lengths, report: Report
) -> None:
    """Adds warnings and advice to the report, and writes the files that go beside the data."""
    if lengths.beyond:
        about = "" if lengths.exact else "about "
        report.warnings.append(
            f"{about}{lengths.beyond} of {lengths.count} rows have more than {target.limit} tokens "
            f"(the longest {about}{lengths.longest}), which {target.reads} "
            + target.beyond.format(length=lengths.suggested_limit)
        )
    paths = [location(path) for path in report.rows]
    first = paths[0]
    report.advice = shape.advice.format(
        path=first,
        folder=first.parent,
        stem=first.stem,
        kind="json" if first.suffix == ".jsonl" else "parquet",
        length=lengths.suggested_limit,
        licence=target.licence(_licences(request.run)),
    )
    companions = target.companions([path.name for path in paths]) if target.companions else {}
    for name, text in companions.items():
        file = first.parent / name
        if Path(request.out).suffix or (file.exists() and file.read_text("utf-8") != text):
            report.warnings.append(f"put this into your {name}: {' '.join(text.split())}")
        else:
            file.write_text(text, "utf-8")


def _licences(run: str) -> list[str]:
    from tutelage.shards import table

    licences = table(run).execute("SELECT DISTINCT licence FROM dialogues ORDER BY licence")
    return [str(row[0]) for row in licences.fetchall()]
