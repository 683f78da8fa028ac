"""`tutelage show`: dialogues as a person reads them."""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from tutelage.cli.terminal import shortened, width, wrapped
from tutelage.controls import harmless, harmless_json

_COLOURS = {"student": "cyan", "teacher": "yellow", "system": "bright_black"}
RowDict = dict[str, Any]


@click.command(
    "show",
    epilog='Example: tutelage show outputs/demo --where "outcome.solved_turn = 2" --limit 5',
)
@click.argument("run")
@click.argument("dialogue_id", required=False)
@click.option(
    "--limit", default=3, type=click.IntRange(1), show_default=True, help="Dialogues at most."
)
@click.option("--where", default="", metavar="SQL", help="Condition over the columns.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="So many, drawn at random.")
@click.option("--seed", default=0, show_default=True, help="Of the draw.")
@click.option("--turns", is_flag=True, help="One line a turn.")
@click.option("--system", is_flag=True, help="Show the student's system prompt, too.")
@click.option("--html", default="", metavar="FILE", help="Write a page of them, in one file.")
@click.option("--json", "as_json", is_flag=True, help="Print whole rows, one JSON object a line.")
def command(
    run: str,
    dialogue_id: str | None,
    limit: int,
    where: str,
    sample: int | None,
    seed: int,
    turns: bool,
    system: bool,
    html: str,
    as_json: bool,
) -> None:
    """Print dialogues of a run, or the one whose id begins with DIALOGUE_ID.

    Of a run that is still playing, or was interrupted, those that have ended so far.
    """
    from itertools import islice

    from tutelage.errors import Mistake
    from tutelage.shards.live import viewed
    from tutelage.shards.reader import rows_of

    conditions = [_checked(where)] if where else []
    if dialogue_id:
        quoted = dialogue_id.replace("'", "''")
        conditions.append(f"starts_with(dialogue_id, '{quoted}')")
    with viewed(run) as view:
        if view.note:
            click.echo(f"{run}: {view.note}", err=True)
        if sample:
            conditions.append(_drawn(view.files, conditions, sample, seed))
        rows = islice(rows_of(view.files, where=" AND ".join(conditions)), sample or limit)
        page = _page(rows, html, run) if html else _shown(rows, turns, system, as_json)
    if not page:
        wanted = f"id {dialogue_id!r}" if dialogue_id else where or "a dialogue"
        raise Mistake(f"no dialogue of {run!r} has {wanted}: see `tutelage inspect {run}`")


def _checked(where: str) -> str:
    from tutelage.shards.sql import condition

    return condition(where)


def _drawn(files: Any, conditions: list[str], sample: int, seed: int) -> str:
    """The condition that holds of so many rows, the same ones for the same seed."""
    from tutelage.shards import sql
    from tutelage.shards.reader import connect

    rest = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    draw = f"ORDER BY md5(concat('{seed}:', dialogue_id)), dialogue_id LIMIT {sample}"
    query = f"SELECT dialogue_id FROM dialogues {rest} {draw}"
    ids = [name for batch in sql.selected(connect(files), query) for name in batch[0].to_pylist()]
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in ids) or "''"
    return f"dialogue_id IN ({listed})"


def _shown(rows: Iterable[RowDict], turns: bool, system: bool, as_json: bool) -> int:
    import json

    columns = width()
    count = 0
    for row in rows:
        count += 1
        if as_json:
            click.echo(harmless_json(json.dumps(row, ensure_ascii=False)))
        elif turns:
            _overview(row, columns)
        else:
            _print(row, system, columns)
    return count


def _page(rows: Iterable[RowDict], path: str, run: str) -> int:
    from pathlib import Path

    from tutelage.inspection import conversation
    from tutelage.shards.folder import writing

    shown = list(rows)
    if shown:
        target = Path(path)
        with writing(target):
            target.write_text(conversation.page(shown, run), "utf-8")
        click.echo(f"{len(shown)} dialogues in {path}")
    return len(shown)


def _print(row: RowDict, system: bool, columns: int) -> None:
    for line in wrapped(_title(row), columns):
        click.secho(line, bold=True)
    for content, known in _messages(row):
        if known["speaker"] == "system" and not system:
            continue
        turn = f" {known['turn']}" if known["turn"] else ""
        label = f"{known['speaker']}{turn} ({', '.join(_notes(known, columns))})"
        for line in wrapped(label, columns, "  "):
            click.secho(line, fg=_COLOURS.get(known["speaker"]))
        for line in wrapped(content, columns, "    "):
            click.echo(line)
    gold = shortened(row["privileged_context"], max(20, 2 * columns - 8))
    for line in wrapped(f"gold: {gold}", columns, "  "):
        click.secho(line, fg="bright_black")
    click.echo()


def _overview(row: RowDict, columns: int) -> None:
    """One line a turn: who did what, how it was judged, the first words."""
    click.secho(shortened(_title(row), columns), bold=True)
    for content, known in _messages(row):
        if known["speaker"] == "system":
            continue
        what = known["form"] if known["act"] == "feedback" and known["form"] else known["act"]
        status = known["verdict"]["status"] or ("leaks" if known["leak"]["kind"] else "")
        head = f"  {known['turn']:>2} {harmless(what)[:12]:<12} {status:<9} "
        if columns < 2 * len(head):
            click.echo(shortened(f"{head}{content}", columns))
            continue
        click.secho(head, fg=_COLOURS.get(known["speaker"]), nl=False)
        click.echo(shortened(content, columns - len(head)))
    click.echo()


def _title(row: RowDict) -> str:
    outcome = row["outcome"]
    turn = outcome["solved_turn"]
    how = f"solved at turn {turn}" if turn else outcome["status"]
    extra = f", near-duplicate of {row['duplicate_of']}" if row["duplicate_of"] else ""
    return (
        f"── {row['dialogue_id']}  {row['arm']}  {row['problem_id']}  {how}, "
        f"return {outcome['return']:g}{extra}"
    )


def _messages(row: RowDict) -> Iterator[tuple[str, RowDict]]:
    for message, known in zip(row["messages"], row["trail"], strict=True):
        yield message["content"], known


def _notes(known: RowDict, columns: int) -> list[str]:
    """What is known of a message, in a few words each."""
    notes = [known["act"], known["form"] if known["form"] != known["act"] else ""]
    verdict = known["verdict"]
    if verdict["status"]:
        # a program stands in the message already; how it failed does not
        is_program = "\n" in verdict["extracted"]
        reading = (not is_program and verdict["extracted"]) or verdict["reason"]
        words = shortened(reading, columns)
        notes.append(f"{verdict['status']}: {words}" if words else verdict["status"])
    if known["false_equation"]:
        notes.append(f"false: {shortened(known['false_equation'], 40)}")
    if known["finish_reason"] == "length":
        notes.append("cut at the length limit")
    if known["leak"]["kind"]:
        notes.append(f"leak {known['leak']['kind']}, {known['leak']['action'] or 'stands'}")
    return [note for note in notes if note]
