"""`tutelage evaluate`: does it teach? Models under the method and its controls, in one report."""

import sys
from typing import Any

import click

from tutelage.cli import generate

_SHARED = ("corpora", "config", "sets", "limit", "samples", "seed", "mapping", "format")
"""Options of `generate` that mean the same here."""


@click.command(
    "evaluate",
    params=[option for option in generate.command.params if option.name in _SHARED],
    epilog="Example: tutelage evaluate starter --limit 100 --model base=smollm2-135m --model "
    'sft=outputs/first-sft/last --arm sml,retry,shuffled --expect "lift_over_retry[sft] > 0" '
    "--out outputs/report",
)
@click.option(
    "--out",
    default="outputs/evaluation",
    show_default=True,
    metavar="REPORT",
    help="Folder of the report; goes on if it began.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="[LABEL=]MODEL[,MODEL...]",
    help="A student; repeatable. Several after one label are seeds of one training; the i-th of two "
    "students are compared as a pair.",
)
@click.option(
    "--teacher",
    default="",
    metavar="T",
    help="Model or engine of the teacher, the same for all.  [default: the first model, or "
    "`worked` with the bundled one]",
)
@click.option("--turns", type=click.IntRange(1), help="Student turns at most.  [default: 10]")
@click.option(
    "--arm",
    metavar="NAMES",
    help="sml, retry, shuffled, blind, single, with commas.  [default: sml,retry]",
)
@click.option(
    "--against", default="", metavar="REPORT2", help="Compare with this report, problem by problem."
)
@click.option(
    "--expect",
    "expectations",
    multiple=True,
    metavar='"FIGURE > NUMBER"',
    help="Exit status 1 unless the figure's whole interval lies there; repeatable.",
)
@click.option(
    "--probe",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Also the loss on the gold answer after each turn, over N unsolved dialogues of the first "
    "model; loads every model.  [default: 0, no probe]",
)
@click.option("--quiet", is_flag=True, help="Say nothing but the result.")
def command(
    corpora: tuple[str, ...],
    out: str,
    models: tuple[str, ...],
    teacher: str,
    config: str,
    sets: tuple[str, ...],
    arm: str | None,
    mapping: str | None,
    against: str,
    expectations: tuple[str, ...],
    probe: int,
    quiet: bool,
    **options: Any,
) -> None:
    """Play models under the method and its controls, and report what they learn from feedback.

    OUT/report.html is the page, OUT/report.json every figure, OUT/runs/LABEL a run of each model for
    `show`, `filter` and `view`. The same command goes on where it was interrupted.

    A FIGURE is accuracy, gain, area, lift_over_ARM, lift_over_MODEL or a rate such as repeat_rate;
    @TURN or @tokens, [MODEL] and `on SET` may follow: "lift_over_retry@tokens[sft] > 0".
    """
    from tutelage import settings as settings_room
    from tutelage.cli.progress import Live
    from tutelage.evaluate import expectations as expected
    from tutelage.evaluate import plan as planning
    from tutelage.evaluate import report
    from tutelage.evaluate.play import play

    wanted = [expected.read(text) for text in expectations]
    students = [planning.student(given) for given in models or ("smollm2-135m",)]
    other = report.stored(against) if against else None
    given, beam_args = generate.split(corpora)
    settings = settings_room.load(
        config,
        sets,
        corpora=given,
        arms=tuple(arm.split(",")) if arm else None,
        map=generate.field_map(mapping) if mapping else None,
        **planning.players(students[0].models[0], teacher),
        **options,
    )
    chosen = planning.plan(out, settings, students)
    with Live(quiet=quiet, out=out) as live:
        played = play(chosen, live.watch, beam_args)
    figures = report.write(chosen.out, chosen.settings, played, wanted, other, probe)
    _conclude(figures, out)
    if not all(line["verdict"] == "holds" for line in figures["expectations"]):
        sys.exit(1)


def _conclude(figures: dict[str, Any], out: str) -> None:
    """The report in a few lines, on standard output."""
    for name, of in figures["sets"].items():
        click.echo(f"{name}: solved by turn 1, and by turn {of['turns']}")
        for line in of["conditions"]:
            first, last = line["curve"][0], line["curve"][-1]
            click.echo(
                f"  {line['model']:14} {line['arm']:9} {_words(first)}   {_words(last)}   "
                f"({line['problems']} problems, {line['dialogues']} dialogues)"
            )
        for line in of["lifts"]:
            click.echo(
                f"  {line['model']:14} {line['arm']} over {line['over']}: "
                f"{_words(line['by_turn'][-1])} at equal turns, "
                f"{_words(line['equal_tokens'])} at {line['budget']:.0f} student tokens each"
            )
    for line in figures["expectations"]:
        click.echo(
            f"expected   {line['text']}: {line['verdict']} for {line['where']} "
            f"({_words(line['figure'])})"
        )
    for warning in figures["warnings"]:
        click.echo(f"note: {warning}", err=True)
    click.echo(f"report     {out}/report.html")


def _words(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "nothing to count"
    sign = "+" if "detectable" in figure else ""
    return f"{figure['value']:{sign}.3f} [{figure['low']:{sign}.2f}, {figure['high']:{sign}.2f}]"
