"""`tutelage plan`: what a run will take, from a sample of it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from tutelage.cli import generate
from tutelage.errors import SettingsError

_NO_PRICE = "give prices.engine_hour, or price_in and price_out of a player"
_LEFT_OUT = ("out", "resume", "quiet", "limit", "engine", "preview")


@click.command(
    "plan",
    params=[option for option in generate.command.params if option.name not in _LEFT_OUT],
    epilog="Example: tutelage plan gsm8k.jsonl --true 20 --samples 8 "
    "--set student.model=Qwen/Qwen3-8B --set prices.engine_hour=1.2",
)
@click.option("--limit", type=click.IntRange(1), help="At most so many problems of each corpus.")
@click.option("--sample", type=click.IntRange(2), default=200, show_default=True,
              help="Problems of each corpus that scripted players play.")  # fmt: skip
@click.option("--true", "true_sample", type=click.IntRange(2), metavar="N",
              help="Play N problems of each corpus with the engine itself instead.")  # fmt: skip
@click.option("--tokens-per-s", type=click.FloatRange(min=0, min_open=True),
              help="What one engine writes a second, where it is another than this one.")  # fmt: skip
@click.option("--out", metavar="RUN", help="The run that is planned: keep the plan in its folder, so "
              "that `tutelage inspect RUN` has it beside the truth.")  # fmt: skip
@click.option("--beside", metavar="RUN", help="A run that was played: its truth beside the plan.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def command(
    corpora: tuple[str, ...],
    config: str,
    sets: tuple[str, ...],
    mapping: str | None,
    arm: str | None,
    limit: int | None,
    sample: int,
    true_sample: int | None,
    tokens_per_s: float | None,
    out: str | None,
    beside: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Say beforehand what a run takes: calls, tokens, engine hours, storage, cost.

    The first problems of each corpus are played, by scripted players in seconds or, with --true, by
    the engine itself, and what they took is reckoned up to the whole corpus. Ranges are 95 %
    intervals over problems. Prices are the run file's: prices.engine_hour, prices.gigabyte_month, and
    price_in and price_out of the players.
    """
    planned_for = _unbegun(out) if out else None
    engine = None if true_sample else "scripted"
    given, beam_args = generate.split(corpora)
    settings = generate.resolved(
        given, config, sets, mapping, arm, {**options, "limit": limit, "engine": engine}
    )
    total = _rows(settings)
    from tutelage.session import estimate
    from tutelage.session.shard_sizes import ShardSizes
    from tutelage.shards import RunFolder, read_rows
    from tutelage.shards.figures import figures
    from tutelage.shards.folder import PLAN, existing

    small = settings.model_copy(update={"limit": min(true_sample or sample, limit or 10**12)})
    with TemporaryDirectory(prefix="tutelage-plan-") as scratch:
        sampled = str(Path(scratch) / "sample")
        inputs = generate.checked(small, sampled)
        from tutelage.flow import run

        manifest = run(small, sampled, beam_args, inputs=inputs)
        folder = RunFolder(Path(sampled))
        balance = manifest["balance"]
        problems = round(total * balance["kept"] / max(1, balance["input"]))
        rate = tokens_per_s or 0.0
        if true_sample and not rate:
            rate = folder.read_json("telemetry.json")["tokens_per_s"]
        rows = list(read_rows(sampled))
        sums = estimate.counts(rows, settings)
        dialogues = problems * settings.samples * len(settings.arms)
        sizes = ShardSizes.of(rows, settings.shards.compression_level)
        shard_bytes = sizes.total(dialogues, settings.shards.rows)
        plan = estimate.estimate(sums, folder, shard_bytes, problems, dialogues, rate, settings)
    if planned_for:
        planned_for.write_json(PLAN, estimate.record(plan, settings))
    truth = estimate.truth(figures(beside), existing(beside), settings) if beside else {}
    size = {"rows": total, "problems": problems, "dialogues": dialogues}
    _show(size, plan, truth, as_json)


def _show(
    size: Mapping[str, int], plan: Any, truth: Mapping[str, float | None], as_json: bool
) -> None:
    """The plan as JSON, or as a table below the run's size."""
    if as_json:
        shown = {"rows": size["rows"], "plan": asdict(plan), "truth": truth}
        click.echo(json.dumps(shown, indent=2))
        return
    click.echo(
        "{rows} rows, {problems} problems to be played, {dialogues} dialogues\n".format(**size)
    )
    for line in _lines(plan.figures(), truth):
        click.echo(line)


def _lines(figures: Iterable[tuple[str, Any]], truth: Mapping[str, float | None]) -> Iterator[str]:
    """The table; before it what is not known, and which option gives it."""
    from tutelage.session.estimate import TITLES

    known = {}
    for name, figure in figures:
        if figure is None:
            why = "give --tokens-per-s or --true" if name == "hours" else _NO_PRICE
            yield f"{TITLES[name]:18}{'-':>10}  ({why})"
        else:
            known[name] = figure
    yield from table(known, truth)


def table(plan: Mapping[str, Any], truth: Mapping[str, float | None]) -> Iterator[str]:
    """A line a figure: what was planned, between what, and what it was, if that is known.

    Args:
        plan: an `estimate.Range` for each name of a figure.
        truth: by the same names.
    """
    from tutelage.session.estimate import TITLES, short

    heads = ("plan", "from", "to", *(("truth", "of plan") if truth else ()))
    yield f"{'':18}" + "".join(f"{head:>10}" for head in heads)
    for name, figure in plan.items():
        cells = [short(cell) for cell in (figure.value, figure.low, figure.high)]
        if (value := truth.get(name)) is not None:
            cells += [short(value), f"{value / figure.value:.0%}" if figure.value else "-"]
        yield f"{TITLES[name]:18}" + "".join(f"{cell:>10}" for cell in cells)


def _unbegun(run: str) -> Any:
    """The folder of a run that has not begun.

    Raises:
        SettingsError: it has: what it takes is known by then, and no plan.
    """
    from tutelage.shards import RunFolder
    from tutelage.shards.journal import files
    from tutelage.storage import location

    folder = RunFolder(location(run))
    if files(folder.journal):
        raise SettingsError(
            f"--out {run} has begun: a plan is made before; compare by --beside {run}"
        )
    return folder


def _rows(settings: Any) -> int:
    """Rows of all corpora, as far as the limit goes."""
    from itertools import islice

    from tutelage.corpora import open_corpus

    total = 0
    for spec in settings.corpora:
        rows = open_corpus(spec, settings.map, settings.format).rows()
        total += sum(1 for _ in islice(rows, settings.limit or None))
    return total
