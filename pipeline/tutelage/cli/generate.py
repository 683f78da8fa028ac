"""`tutelage generate`: problems in, verified dialogues out."""

import gc
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from tutelage.errors import SettingsError

if TYPE_CHECKING:
    from tutelage.session.inputs import Inputs
    from tutelage.settings import Settings


@click.command(
    "generate",
    epilog="Example: tutelage generate problems.jsonl --map statement=question,answer=answer "
    "--set student.model=Qwen/Qwen3-8B --samples 8 --out outputs/first",
)
@click.argument("corpora", nargs=-1, metavar="CORPUS... [-- BEAM OPTIONS]")
@click.option(
    "--out",
    metavar="RUN",
    help="Folder of the run, or a URL (gs://, s3://); goes on if it began.  [default: a name by "
    "corpus and settings in outputs/]",
)
@click.option("--config", default="", metavar="FILE", help="Run file (TOML) with any setting.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Any setting, repeatable.")
@click.option("--limit", type=click.IntRange(1), help="At most so many problems of each corpus.")
@click.option(
    "--samples", type=click.IntRange(1), help="Dialogues a problem and arm.  [default: 1]"
)
@click.option("--turns", type=click.IntRange(1), help="Student turns at most.  [default: 4]")
@click.option(
    "--arm",
    metavar="NAMES",
    help="sml, or the controls retry, shuffled, blind, single; several with commas.  [default: sml]",
)
@click.option("--q-priming/--no-q-priming", default=None, help="Replace wrong turns by questions.")
@click.option("--engine", metavar="NAME", help="vllm, server, scripted, or module:Class.")
@click.option("--seed", type=int, help="Seed of the whole run.  [default: 0]")
@click.option("--map", "mapping", metavar="OURS=THEIRS,...", help="Fields of a generic corpus.")
@click.option("--format", metavar="NAME", help="Format of the corpora, where it is not recognised.")
@click.option(
    "--decontaminate",
    "decontaminate__paths",
    multiple=True,
    metavar="PATH",
    help="Evaluation set whose problems are left out: file, folder, eval:NAME, or eval:all for every "
    "named one at hand; repeatable.",
)
@click.option(
    "--splits",
    "splits__ratios",
    metavar="NAME=SHARE,...",
    help="Shares of the splits; no problem and no near-duplicate is in two.  [default: train=1]",
)
@click.option(
    "--resume",
    type=click.Choice(["auto", "never", "always"]),
    default="auto",
    show_default=True,
    help="Whether --out may hold this run already: either way, must not, must.",
)
@click.option(
    "--budget-tokens",
    "driver__budget_tokens",
    type=click.IntRange(1),
    metavar="N",
    help="Stop, resumably, when so many tokens are spent, prompts and replies.",
)
@click.option(
    "--budget-usd",
    "driver__budget_usd",
    type=click.FloatRange(0, min_open=True),
    metavar="USD",
    help="The same in money, by the prices of the players: --set teacher.price_in=0.15, a million.",
)
@click.option(
    "--preview",
    default=0,
    type=click.IntRange(0, 100),
    metavar="N",
    help="Play about N dialogues only, into OUT.preview, and show them in a page.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but the result.")
def command(
    corpora: tuple[str, ...],
    out: str | None,
    config: str,
    sets: tuple[str, ...],
    quiet: bool,
    mapping: str | None,
    arm: str | None,
    resume: Any,
    preview: int,
    **options: Any,
) -> None:
    """Turn problems into verified teacher-student dialogues.

    A CORPUS is `starter`, a file, a glob, or a generator such as `starter?size=500&seed=1`; see
    `tutelage corpus list`. The same command goes on with a run that was interrupted; with a larger
    --limit or more --samples it extends one.

    RUN may be in an object store. What was finished is in it within seconds, and the run can go on
    from another machine; dialogues that were half played are then played anew.
    """
    given, beam_args = split(corpora)
    settings = resolved(given, config, sets, mapping, arm, options)
    if preview:
        show_first(settings, out, preview, quiet)
        return
    play(settings, out, beam_args, quiet, resume)


def show_first(settings: "Settings", out: str | None, count: int, quiet: bool) -> None:
    """Plays about so many dialogues into a run of their own, and shows them in a page."""
    import webbrowser
    from pathlib import Path

    from tutelage.view import static

    here = f"outputs/{settings.name()}" if not out or "://" in out else out.rstrip("/")
    folder = Path(f"{here}.preview")
    limit = max(1, count // len(settings.arms))
    few = settings.model_copy(update={"limit": limit, "samples": 1})
    play(few, str(folder), [], quiet, "auto")
    page = folder / "preview.html"
    shown = static.write([str(folder)], str(page), count)
    click.echo(
        f"{page}: {shown} dialogues to look at; without --preview the same command plays all"
    )
    if sys.stdout.isatty():
        webbrowser.open(page.absolute().as_uri())


def resolved(
    corpora: tuple[str, ...],
    config: str,
    sets: tuple[str, ...],
    mapping: str | None,
    arm: str | None,
    options: dict[str, Any],
) -> "Settings":
    """The settings that these options amount to."""
    from tutelage import settings as settings_room

    engine = options.pop("engine")
    return settings_room.load(
        config,
        sets,
        corpora=corpora,
        arms=tuple(arm.split(",")) if arm else None,
        q_priming__enabled=options.pop("q_priming"),
        map=field_map(mapping) if mapping else None,
        student__engine=engine,
        teacher__engine=engine if engine == "scripted" else None,
        **options,
    )


def play(
    settings: "Settings", out: str | None, beam_args: list[str], quiet: bool, resume: Any
) -> None:
    """Runs it, with what a waiting person sees."""
    from tutelage.cli.progress import Live

    if out is None:
        out = f"outputs/{settings.name()}"
    elif not out.strip():
        raise SettingsError("--out wants a folder or a URL, got nothing: leave it out, or name one")

    try:
        with Live(quiet=quiet, out=out) as live:
            inputs = checked(settings, out, resume)
            from tutelage.flow import run

            gc.freeze()  # what Beam consists of is no garbage, neither now nor when the process ends
            manifest = run(settings, out, beam_args, live.watch, resume, inputs)
    except KeyboardInterrupt:
        live.interrupted()
        # What the pipeline still holds is dropped, so its threads are not waited for.
        os._exit(130)
    live.conclude(manifest)


def checked(settings: "Settings", out: str, resume: Any = "auto") -> "Inputs":
    """The opened inputs, after all checks of what a person can have got wrong: before Beam is imported,
    which takes seconds, and each before what the next one wants is imported.
    """
    from tutelage.session.inputs import open_inputs
    from tutelage.shards import RunFolder
    from tutelage.storage import location

    folder = RunFolder(location(out))
    inputs = open_inputs(settings, folder)
    from tutelage.session import admission, provenance

    admission.check(folder, settings, provenance.stamp(settings, inputs.pins), resume)
    return inputs


def split(words: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """Corpora before `--`, Beam's options after it."""
    beam_args = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    if beam_args and tuple(words[-len(beam_args) :]) == tuple(beam_args):
        words = words[: -len(beam_args)]
    return words, beam_args


def field_map(mapping: str) -> dict[str, str]:
    """What `--map` says: our field -> theirs.

    Raises:
        SettingsError: it is no list of pairs.
    """
    fields = {}
    for pair in mapping.split(","):
        ours, eq, theirs = pair.partition("=")
        if not eq:
            raise SettingsError(f"--map wants ours=theirs pairs with commas, got {pair!r}")
        fields[ours.strip()] = theirs.strip()
    return fields
