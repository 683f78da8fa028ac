"""`tutelage export`: a run as somebody else's trainer reads it."""

from typing import Any

import click

from tutelage.exports.takers import TAKERS


@click.command(
    "export",
    epilog="Example: tutelage export outputs/first --to trl-sft --out data/first.parquet",
)
@click.argument("run")
@click.option(
    "--to",
    required=True,
    metavar="TAKER",
    help=f"Who is to read it: {', '.join(TAKERS)}; or module:NAME of a Taker.",
)
@click.option(
    "--out",
    required=True,
    metavar="PATH",
    help="A file (.parquet, .jsonl), or a folder, which gets one file a split.",
)
@click.option(
    "--as",
    "shape",
    default="",
    metavar="SHAPE",
    help="Kind of row, where the taker reads several: turns (a row a trained reply), messages, "
    "tokens (ids and mask) and the like.  [default: the taker's first]",
)
@click.option(
    "--loss",
    default="",
    metavar="POLICY",
    help="Draw the trained messages anew: all_student, after_feedback, final_only, "
    "questions_and_final.",
)
@click.option("--split", default="", help="One split.  [default: train; of a folder, all]")
@click.option("--arm", "arms", multiple=True, help="This arm only; may be repeated.")
@click.option("--where", default="", metavar="SQL", help="Condition over the columns.")
@click.option("--keep-leaks", is_flag=True, help="Keep dialogues in which an answer leaked.")
@click.option(
    "--tokenizer",
    default="",
    metavar="MODEL",
    help="Whose token ids; for text, counts lengths exactly.  [default for ids: the run's student]",
)
@click.option("--chat-template", default="", metavar="FILE", help="In place of the tokenizer's.")
def command(**asked: Any) -> None:
    """Write RUN in the form that another trainer reads, with nothing lost in silence.

    Trainers that imitate get what `train sft` learns from; those that compare get whole groups;
    those that play by themselves get each problem once.
    """
    from tutelage.exports.exporting import Request, export, taker

    report = export(Request(**asked))
    for path, count in report.rows.items():
        click.echo(f"{path}: {count} rows ({report.shape}) for {taker(report.taker).reads}")
    for title, counts in (("left out", report.left_out), ("note", report.notes)):
        for reason, count in counts.most_common():
            click.echo(f"{title}: {count} {reason}")
    for warning in report.warnings:
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    click.echo(f"\nRead it with:\n{report.advice}")
