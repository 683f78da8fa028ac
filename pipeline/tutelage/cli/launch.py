"""`tutelage launch`: `generate` on Dataflow, its options filled in from a kind of GPU."""

import shlex
from typing import Any

import click
from click.core import ParameterSource

from tutelage.cli import generate
from tutelage.errors import SettingsError

_OURS = ("on", "project", "region", "gpu", "gpus", "workers", "image", "show_only")
_LEFT_OUT = ("preview",)
"""Options of `generate` that make sense on this machine only."""
_CHECK = "check"


@click.command(
    "launch",
    params=[option for option in generate.command.params if option.name not in _LEFT_OUT],
    epilog="Example: tutelage launch gs://bucket/gsm8k.jsonl --project my-project "
    "--region us-central1 --gpu l4 --workers 8 --image REGION-docker.pkg.dev/my-project/r/tutelage:1 "
    "--set student.model=Qwen/Qwen3-8B --samples 8 --out gs://bucket/first",
)
@click.option(
    "--on",
    type=click.Choice(["dataflow"]),
    default="dataflow",
    show_default=True,
    help="The runner.",
)
@click.option("--project", default="", metavar="NAME", help="Cloud project that is billed.")
@click.option("--region", default="", metavar="NAME", help="Such as us-central1.")
@click.option(
    "--gpu",
    type=click.Choice(["t4", "l4", "a100", "a100-80gb", "h100"]),
    help="Kind of GPU of the machines that play.  [default: none]",
)
@click.option("--gpus", type=click.IntRange(1), default=1, help="GPUs a machine.  [default: 1]")
@click.option(
    "--workers", type=click.IntRange(1), default=1, help="Machines at most.  [default: 1]"
)
@click.option(
    "--image", default="", metavar="IMAGE", help="Container of the workers; see Dockerfile."
)
@click.option(
    "--show", "show_only", is_flag=True, help="Print what would be launched, and launch nothing."
)
@click.pass_context
def command(
    context: click.Context,
    /,
    corpora: tuple[str, ...],
    out: str | None,
    config: str,
    sets: tuple[str, ...],
    quiet: bool,
    mapping: str | None,
    arm: str | None,
    resume: Any,
    **options: Any,
) -> None:
    """Generate on many machines.

    Equivalent to `tutelage generate` with Beam's options for Dataflow, which --show prints; further
    options of Beam may follow `--`. The workers get a wheel of the installed package. `tutelage launch
    check ...` checks versions, image, bucket, corpora, models and quotas, and launches nothing.
    """
    from tutelage.flow import dataflow

    ours = {name: options.pop(name) for name in _OURS}
    given, beam_args = generate.split(corpora)
    is_check = given[:1] == (_CHECK,)
    given = given[is_check:]
    where = dataflow.target(
        ours["project"],
        ours["region"],
        ours["gpu"] or "",
        ours["gpus"],
        ours["workers"],
        ours["image"],
        out,
    )
    sets = (*where.settings(), *sets)  # the user's own come later and take precedence
    settings = generate.resolved(given, config, sets, mapping, arm, options)
    flags = [*where.flags(), *beam_args]
    if is_check:
        return _check(where, settings)
    if ours["show_only"]:
        return _show(where, given, flags, _options(context))
    generate.play(settings, out, flags, quiet, resume)


def _show(where: Any, corpora: tuple[str, ...], flags: list[str], options: list[str]) -> None:
    """Prints the resolved options and the equivalent `generate` command."""
    from tutelage.flow import beam_options, dataflow

    beam_options.parse([flag for flag in flags if flag != "--runner=DataflowRunner"])
    if where.gpu:
        gpu = dataflow.GPUS[where.gpu]
        click.echo(f"play       {where.workers} x {where.gpus_a_machine} {gpu.type}, {gpu.min_ram}")
    else:
        click.echo(f"play       {where.workers} x {dataflow.MACHINE}, no GPU")
    click.echo(f"the rest   {dataflow.MACHINE}")
    click.echo(f"image      {where.image or 'Beam’s own'}, and our wheel")
    click.echo(f"run        {where.out}")
    sets = [word for setting in where.settings() for word in ("--set", setting)]
    words = ["tutelage", "generate", *corpora, *sets, *options, "--", *flags]
    click.echo(f"\n{shlex.join(words)}")


def _options(context: click.Context) -> list[str]:
    """The given options that `generate` has as well, as arguments of a command line."""
    words: list[str] = []
    for option in generate.command.params:
        source = context.get_parameter_source(option.name or "")
        if not isinstance(option, click.Option) or source is not ParameterSource.COMMANDLINE:
            continue
        value = context.params[option.name or ""]
        if option.is_flag:
            words.append(option.opts[0] if value else option.secondary_opts[0])
            continue
        values = value if option.multiple else [value]
        words += [word for one in values for word in (option.opts[0], str(one))]
    return words


def _check(where: Any, settings: Any) -> None:
    """Prints the result of each check on a line."""
    from tutelage.flow import dataflow

    checks = list(dataflow.check(where, settings))
    for check in checks:
        click.echo(f"{'ok     ' if check.is_sound else 'MISSING'} {check.subject}: {check.message}")
    if wrong := [check.subject for check in checks if not check.is_sound]:
        raise SettingsError(f"not ready to launch: {', '.join(wrong)}")
