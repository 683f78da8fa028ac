"""`tutelage dedup`: mark near-duplicates in runs, or in any Parquet or JSONL."""

import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from tutelage.errors import Mistake

_SHINGLE = 5


@click.command(
    epilog="Example: tutelage dedup outputs/first outputs/second --out marked; "
    "tutelage dedup rows.jsonl more.parquet --id id --text text --out marked",
)
@click.argument("inputs", nargs=-1, required=True, metavar="RUN...|FILE...")
@click.option("--text", help="Column with text or messages.  [default: text; runs: messages]")
@click.option(
    "--id",
    "id_",
    metavar="COLUMN",
    help="Unique ids.  [default: the row number, from 0; runs: dialogue_id]",
)
@click.option(
    "--within",
    metavar="COLUMN",
    help="Compare only rows that have the same text in it.  [default: none; runs: arm]",
)
@click.option("--out", required=True, metavar="DIR", help="New or empty folder for the results.")
@click.option(
    "--threshold",
    default=0.8,
    show_default=True,
    help="Jaccard similarity of word runs from which on texts are duplicates.",
)
@click.option("--shingle", default=_SHINGLE, show_default=True, help="Words in a run of words.")
@click.option(
    "--threads",
    type=click.IntRange(0),
    default=0,
    help="Default: one for each core. Does not change results.",
)
def command(
    inputs: tuple[str, ...],
    text: str | None,
    id_: str | None,
    within: str | None,
    out: str,
    threshold: float,
    shingle: int,
    threads: int,
) -> None:
    """Mark near-duplicates in runs, or in Parquet or JSONL files (also gzip, bzip2 or zstd).

    Of runs, what was said in the dialogues of one arm is compared, and DIR is a run of all of them
    (see `tutelage merge`) in which duplicate_of names the dialogue that stays. Of files, each gets a
    Parquet file in DIR with the same rows and columns in the same order and two columns:
    duplicate_of, the id of the row that this one repeats (null where it stays), and cluster_id. The
    smallest id of duplicates stays. manifest.json tells how it was done and what was counted.
    """
    from tutelage.dedup.annotate import annotate
    from tutelage.dedup.scheme import Scheme
    from tutelage.dedup.tables import open_table
    from tutelage.processes import cores

    if any(_is_folder(path) for path in inputs):
        if text or id_ or within or shingle != _SHINGLE:
            raise Mistake(
                "--text, --id, --within and --shingle are for files: a run has its own columns"
            )
        _runs(inputs, out, threshold)
        return
    scheme = Scheme.at(threshold, shingle)
    tables = [open_table(file) for file in inputs]
    options: dict[str, Any] = {"text": text or "text", "id": id_, "within": within}
    line = _Line()
    try:
        manifest = annotate(
            tables, out, scheme, threads=threads or cores(), progress=line.show, **options
        )
    finally:
        line.end()
    counts = manifest["counts"]
    click.echo(
        f"{manifest['rows']:,} rows: {counts['exact']:,} exact and {counts['near']:,} near "
        f"duplicates, {manifest['rows'] - counts['exact'] - counts['near']:,} stay, "
        f"{counts['clusters']:,} clusters"
    )
    if counts["capped"]:
        click.echo(
            f"{counts['hot_keys']:,} keys were shared by so many rows that {counts['capped']:,} "
            "comparisons under them were left out"
        )
    click.echo(f"written to {out}")


def _runs(paths: Sequence[str], out: str, threshold: float) -> None:
    """All of the runs as one run.

    Raises:
        Mistake: one of them is no run, or is named twice.
    """
    from tutelage.cli.deriving import account, bar, near_duplicates
    from tutelage.derive.merge import merge

    for path in paths:
        if not _is_folder(path):
            raise Mistake(f"wanted runs alone or files alone, got {path} among runs")
    with bar("comparing") as progress:
        manifest = merge(paths, out, "dedup", threshold, progress)
    click.echo(account(manifest))
    click.echo(near_duplicates(manifest))
    click.echo(f"written to {out}")


def _is_folder(path: str) -> bool:
    from tutelage.storage import location, reason

    try:
        return location(path).is_dir()
    except OSError as error:
        raise Mistake(f"cannot read {path}: {reason(error)}") from error


class _Line:
    """One line on standard error: rewritten in place on a terminal, every 10 s elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._next = time.monotonic() + (0.2 if self._terminal else 10.0)
        self._shown = False

    def show(self, stage: str, done: int, total: int) -> None:
        """Says that `done` rows, of `total` where that is known, were read, compared or written."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (0.2 if self._terminal else 10.0)
        of = f" of {total:,}" if total else ""
        words = f"{done:,}{of} rows {stage}"
        click.echo(f"\r{words}\x1b[K" if self._terminal else words, nl=not self._terminal, err=True)
        self._shown = True

    def end(self) -> None:
        """Leaves the line clean for what is printed next."""
        if self._terminal and self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
