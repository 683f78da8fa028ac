"""`tutelage plan`: what a run will take, from a sample of it."""

import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from tutelage.cli import generate

_LEFT_OUT = ("out", "resume", "quiet", "limit", "engine", "preview")
_TITLES = {
    "calls": "calls",
    "prompt": "tokens in",
    "cached": "  of them cached",
    "completion": "tokens out",
    "hours": "engine hours",
    "cost": "cost",
    "journal_bytes": "journal",
    "shard_bytes": "shards",
}


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
    beside: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Say beforehand what a run takes: calls, tokens, engine hours, storage, cost.

    The first problems of each corpus are played, by scripted players in seconds or, with --true, by
    the engine itself, and what they took is reckoned up to the whole corpus. Ranges are 95 %
    intervals over problems. Prices are the run file's: prices.engine_hour, prices.gigabyte_month.
    """
    from tutelage.flow import run
    from tutelage.session import estimate
    from tutelage.shards import RunFolder, read_rows
    from tutelage.shards.folder import existing

    engine = None if true_sample else "scripted"
    given, beam_args = generate.split(corpora)
    settings = generate.resolved(
        given, config, sets, mapping, arm, {**options, "limit": limit, "engine": engine}
    )
    total = _rows(settings)
    small = settings.model_copy(update={"limit": min(true_sample or sample, limit or 10**12)})
    with TemporaryDirectory(prefix="tutelage-plan-") as scratch:
        out = str(Path(scratch) / "sample")
        manifest = run(small, out, beam_args)
        folder = RunFolder(Path(out))
        balance = manifest["balance"]
        problems = round(total * balance["kept"] / max(1, balance["input"]))
        rate = tokens_per_s or 0.0
        if true_sample and not rate:
            rate = folder.read_json("telemetry.json")["tokens_per_s"]
        sums = estimate.counts(read_rows(out))
        dialogues = problems * settings.samples * len(settings.arms)
        plan = estimate.estimate(sums, folder, problems, dialogues, rate, settings.prices)
    truth = None
    if beside:
        played = existing(beside)
        truth = estimate.truth(estimate.counts(read_rows(beside)), played, settings.prices)
    if as_json:
        click.echo(json.dumps({"rows": total, "plan": asdict(plan), "truth": truth}, indent=2))
        return
    click.echo(f"{total} rows, {problems} problems to be played, {dialogues} dialogues\n")
    click.echo(f"{'':18}{'plan':>10}{'from':>10}{'to':>10}{'truth':>10}".rstrip())
    _print(plan, truth)


def _print(plan: Any, truth: Any) -> None:
    """A line a figure: what is planned, its interval, and what it was beside it."""
    for name, figure in plan.lines():
        if figure is None:
            why = "give --tokens-per-s or --true" if name == "hours" else "give prices.engine_hour"
            click.echo(f"{_TITLES[name]:18}{'-':>10}  ({why})")
            continue
        cells = [figure.value, figure.low, figure.high]
        cells += [value] if truth and (value := truth[name]) is not None else []
        click.echo(f"{_TITLES[name]:18}" + "".join(f"{_short(cell):>10}" for cell in cells))


def _rows(settings: Any) -> int:
    """Rows of all corpora, as far as the limit goes."""
    from itertools import islice

    from tutelage.corpora import open_corpus

    total = 0
    for spec in settings.corpora:
        rows = open_corpus(spec, settings.map, settings.format).rows()
        total += sum(1 for _ in islice(rows, settings.limit or None))
    return total


def _short(value: float) -> str:
    """`1234567` as `1.23M`."""
    for letter in ("", "k", "M", "G", "T"):
        if abs(value) < 1000 or letter == "T":
            return f"{value:.3g}{letter}" if abs(value) < 100 else f"{value:.0f}{letter}"
        value /= 1000
    return ""
