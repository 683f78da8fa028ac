"""`tutelage show`: dialogues as a person reads them."""

import textwrap
from typing import Any

import click

_VERDICT = 100
_COLOURS = {"student": "cyan", "teacher": "yellow", "system": "bright_black"}


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
@click.option("--system", is_flag=True, help="Show the student's system prompt, too.")
@click.option("--json", "as_json", is_flag=True, help="Print whole rows, one JSON object a line.")
def command(
    run: str, dialogue_id: str | None, limit: int, where: str, system: bool, as_json: bool
) -> None:
    """Print dialogues of a run, or the one whose id begins with DIALOGUE_ID."""
    import json
    from itertools import islice

    from tutelage.errors import Mistake
    from tutelage.shards import read_rows

    conditions = [f"({where}\n)"] if where else []
    if dialogue_id:
        quoted = dialogue_id.replace("'", "''")
        conditions.append(f"starts_with(dialogue_id, '{quoted}')")
    rows = read_rows(run, where=" AND ".join(conditions))
    found = 0
    for row in islice(rows, limit):
        found += 1
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            _print(row, system)
    if not found:
        wanted = f"id {dialogue_id!r}" if dialogue_id else where or "a dialogue"
        raise Mistake(f"no dialogue of {run!r} has {wanted}: see `tutelage inspect {run}`")


def _print(row: dict[str, Any], system: bool) -> None:
    outcome = row["outcome"]
    how = (
        f"solved at turn {outcome['solved_turn']}" if outcome["solved_turn"] else outcome["status"]
    )
    extra = f", near-duplicate of {row['duplicate_of']}" if row["duplicate_of"] else ""
    click.secho(
        f"── {row['dialogue_id']}  {row['arm']}  {row['problem_id']}  {how}, "
        f"return {outcome['return']:g}{extra}",
        bold=True,
    )
    for message, known in zip(row["messages"], row["trail"], strict=True):
        if known["speaker"] == "system" and not system:
            continue
        notes = [known["act"], known["form"] if known["form"] != known["act"] else ""]
        verdict = known["verdict"]
        if verdict["status"]:
            # a program stands in the message already; how it failed does not
            program = "\n" in verdict["extracted"]
            said = (not program and verdict["extracted"]) or verdict["reason"]
            said = textwrap.shorten(said, _VERDICT, placeholder=" …")
            notes.append(f"{verdict['status']}: {said}" if said else verdict["status"])
        if known["finish_reason"] == "length":
            notes.append("cut at the length limit")
        if known["leak"]["kind"]:
            notes.append(f"leak {known['leak']['kind']}, {known['leak']['action'] or 'stands'}")
        turn = f" {known['turn']}" if known["turn"] else ""
        label = f"{known['speaker']}{turn} ({', '.join(n for n in notes if n)})"
        click.secho(f"  {label}", fg=_COLOURS[known["speaker"]])
        for line in message["content"].splitlines() or [""]:
            click.echo(textwrap.fill(line, 96, initial_indent="    ", subsequent_indent="    "))
    gold = " ".join(row["privileged_context"].split())
    click.secho(f"  gold: {textwrap.shorten(gold, 160, placeholder=' …')}", fg="bright_black")
    click.echo()
