"""`tutelage train`: SFT and RL from the shards of a run."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import click

from tutelage.train import recipe as recipes

_Option = tuple[str, str, dict[str, Any]]
_Watch = Callable[[str, dict[str, Any]], None]

_NEEDED = ("torch", "transformers", "accelerate", "peft", "safetensors")

_COMMON: tuple[_Option, ...] = (
    ("--model", "Bundled name, local folder or hub id. Without it: the run's own student.", {}),
    ("--carry", "Go on with weights and optimiser of this earlier training's --out folder.", {}),
    ("--chat-template", "File with a chat template in place of the tokenizer's.", {}),
    ("--arm", "Read this arm only; may be repeated.", {"multiple": True, "name": "arms"}),
    ("--where", "Read rows of which this SQL condition is true; rl: whole groups.", {}),
    ("--limit", "Learn from so many dialogues (rl: groups) at most; 0: all.", {}),
    ("--loss", "Draw the trained messages anew by this loss policy.", {"choice": True}),
    ("--keep-leaks", "Keep dialogues in which an answer leaked.", {}),
    ("--length", "Tokens of a sequence at most; 0: what the model takes.", {}),
    ("--too-long", "Leave a longer sequence out, whole and counted, or stop.", {"choice": True}),
    ("--epochs", "Times that each dialogue is learnt from.", {}),
    ("--batch", "Dialogues (rl: groups) an optimiser step.", {}),
    ("--pack", "Tokens of one forward pass: less memory, or more speed.", {}),
    ("--lr", "Highest learning rate.", {}),
    ("--schedule", "Course of the learning rate.", {"choice": True}),
    ("--warmup", "Share of the steps over which the learning rate rises.", {}),
    ("--weight-decay", "Of AdamW, on matrices only.", {}),
    ("--max-grad-norm", "Longer gradients are scaled down to it; 0: never.", {}),
    ("--dtype", "bf16: autocast over float32 weights.", {"choice": True}),
    ("--attention", "each (every packed sequence by itself), or one of transformers' own.", {}),
    ("--checkpointing", "Recompute activations: less memory, more time.", {}),
    ("--lora", "Rank of a LoRA adapter; 0: train all weights.", {}),
    ("--seed", "Of the order of the data, and of a fresh adapter.", {}),
    ("--threads", "CPU threads; 0: as torch decides.", {}),
    ("--eval-every", "Steps between validations; 0: after each epoch.", {}),
    ("--save-every", "Steps between saved states; 0: at the end and when interrupted.", {}),
    ("--wandb", "Report to this Weights & Biases project as well.", {}),
    ("--fresh", "Start anew where --out holds a training.", {}),
)
_SFT: tuple[_Option, ...] = (
    ("--control", "single: learn problem to gold solution, from the same run.", {"choice": True}),
)
_RL: tuple[_Option, ...] = (
    ("--beta", "Weight of the KL divergence to the reference.", {}),
    ("--reference", "Frozen model of that divergence. Without it: the model.", {}),
    ("--clip-low", "The ratio is clipped below 1 minus this.", {}),
    ("--clip-high", "The ratio is clipped above 1 plus this.", {}),
    ("--normaliser", "What the loss is divided by: tokens, trajectories.", {"choice": True}),
    ("--std-floor", "Least standard deviation that advantages are divided by.", {}),
    ("--old", "Log-probabilities of the ratio: the sampler's, or of the start.", {"choice": True}),
    ("--temperature", "Of the policy; 0: what the stored log-probabilities fit.", {}),
)


def _options(kind: recipes.Kind, wanted: tuple[_Option, ...]) -> Callable[[Any], Any]:
    """The options as a decorator; defaults and choices are the recipe's own."""

    def decorate(function: Any) -> Any:
        for flag, words, extra in reversed(wanted):
            field = extra.get("name", flag.removeprefix("--").replace("-", "_"))
            value = recipes.default(kind, field)
            told: dict[str, Any] = {"default": value, "help": words}
            if isinstance(value, bool):
                told["is_flag"] = True
            elif extra.get("multiple"):
                told["multiple"] = True
            elif "choice" in extra:
                told["type"] = click.Choice([c for c in recipes.CHOICES[field] if c])
                told["default"] = value or None
            else:
                told["type"] = type(value)
            told["show_default"] = not isinstance(value, bool) and value not in ("", ())
            function = click.option(flag, field, **told)(function)
        return function

    return decorate


@click.group(epilog="Example: tutelage train sft outputs/first --out outputs/first-sft")
def command() -> None:
    """Train a model on the dialogues of a run.

    For many GPUs: accelerate launch -m tutelage train sft ...
    """


@command.command(
    epilog="Example: tutelage train sft outputs/first --out outputs/first-sft --epochs 2 --lr 1e-4"
)
@click.argument("run")
@click.option("--out", default="", help="Folder for weights, state and metrics.")
@click.option("--dry-run", is_flag=True, help="Show what would be learnt, at what cost.")
@_options("sft", _COMMON + _SFT)
def sft(run: str, out: str, dry_run: bool, **given: Any) -> None:
    """Supervised: learn the student's turns of the solved dialogues.

    OUT/last and OUT/best are model folders that transformers and vLLM load. The same command goes
    on where it was interrupted.
    """
    _run("sft", run, out, dry_run, given)


@command.command(
    epilog="Example: tutelage train rl outputs/groups --out outputs/groups-rl --lr 1e-5 --beta 0.05"
)
@click.argument("run")
@click.option("--out", default="", help="Folder for weights, state and metrics.")
@click.option("--dry-run", is_flag=True, help="Show what would be learnt, at what cost.")
@_options("rl", _COMMON + _RL)
def rl(run: str, out: str, dry_run: bool, **given: Any) -> None:
    """Reinforcement: GRPO on whole groups, failures included.

    RUN wants several dialogues a problem (generate --samples 8) that hold the sampled tokens and
    their log-probabilities. The return is 0.7^(n-1) for a dialogue solved at turn n, else 0.
    """
    _run("rl", run, out, dry_run, given)


def _run(kind: recipes.Kind, run: str, out: str, dry_run: bool, given: dict[str, Any]) -> None:
    from tutelage.errors import ModelError, SettingsError

    if not out and not dry_run:
        raise SettingsError("wanted a folder for the weights: give --out, or --dry-run to look on")
    asked = {name: value for name, value in given.items() if value is not None}
    chosen = recipes.recipe(kind, run, out, **asked)
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ModelError(f"the trainer needs {', '.join(missing)}: pip install 'tutelage[train]'")
    if dry_run:
        _rehearse(chosen)
        return
    from tutelage.train import loop

    with _shown(kind) as watch:
        loop.train(chosen, watch)


def _rehearse(recipe: recipes.Recipe) -> None:
    from tutelage.train import dry_run, loop, model, packing
    from tutelage.train.learner import Learner

    model.quiet()
    name = loop.named(recipe)
    found, encoder = loop.prepared(recipe, name)
    sample = max(found.groups[0], key=lambda sample: sample.trained)
    click.echo(f"dialogue {sample.key}, weight {sample.weight:.3f}; trained on what is »marked«\n")
    for piece in sample.pieces:
        for text, trained in dry_run.spans(piece, encoder.tokenizer):
            click.echo(click.style(f"»{text}«", fg="green") if trained else text, nl=False)
        click.echo("\n")
    click.echo(_dataset(recipe.kind, loop.facts(found, encoder)))
    lengths = [len(piece) for sample in found.samples for piece in sample.pieces]
    click.echo("tokens a sequence:")
    for low, high, count in dry_run.histogram(lengths):
        click.echo(f"  {low:6}-{high:<6} {count:7}  {'#' * -(-40 * count // len(lengths))}")
    steps = len(packing.order(len(found.groups), recipe.batch, recipe.epochs, recipe.seed))
    click.echo(
        f"{steps} steps, {dry_run.passes(recipe, found)} passes of up to {recipe.pack} tokens"
    )
    least, have = dry_run.least(recipe, dry_run.numbers(name)), dry_run.memory()
    if least > have:
        click.echo(
            f"this machine cannot: weights and optimiser need {least / 2**30:.1f} GiB, "
            f"it has {have / 2**30:.1f}; try --lora 16, or accelerate launch on more machines"
        )
        return
    cost = dry_run.measure(Learner(recipe, name), found)
    click.echo(
        f"{cost.weights / 1e6:.1f} M weights, {cost.trained / 1e6:.1f} M of them trained; "
        f"about {_span(cost.seconds)} at {cost.tokens_per_s:.0f} tokens/s, "
        f"{cost.gib:.1f} GiB at the peak (measured on one pass)"
    )


@contextmanager
def _shown(kind: recipes.Kind) -> Iterator[_Watch]:
    """A bar on a terminal; elsewhere a line every ten seconds, and for all that is not a step."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        said = begun = time.monotonic()
        first = 0

        def watch(event: str, figures: dict[str, Any]) -> None:
            nonlocal said, begun, first
            now = time.monotonic()
            if event == "begin":
                said, begun, first = 0.0, now, figures["step"]
            if event == "step":
                line = _step(figures)
                bar.update(
                    task, completed=figures["step"], total=figures["steps"], description=line
                )
                if not console.is_terminal and (
                    now - said > 10 or figures["step"] == figures["steps"]
                ):
                    each = (now - begun) / (figures["step"] - first)
                    left = each * (figures["steps"] - figures["step"])
                    click.echo(
                        f"step {figures['step']}/{figures['steps']}  {line}  {_span(left)} left",
                        err=True,
                    )
                    said = now
            elif line := _words(kind, event, figures):
                bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

        yield watch


def _words(kind: str, event: str, figures: dict[str, Any]) -> str:
    """One line for an event; empty where there is nothing to say."""
    if event == "dataset":
        return _dataset(kind, figures)
    if event == "validation":
        turns = {k.rpartition("_")[2]: v for k, v in figures.items() if "/turn_" in k}
        by_turn = ", ".join(f"turn {turn}: {value:.3f}" for turn, value in turns.items())
        loss = figures["validation/loss"]
        return f"step {figures['step']}/{figures['steps']}  validation loss {loss:.4f} ({by_turn})"
    if event == "begin":
        told = []
        if figures["step"]:
            told.append(f"goes on at step {figures['step']} of {figures['steps']}")
        if figures["processes"] > 1:  # a launcher may start fewer than it was asked for
            told.append(f"{figures['processes']} processes share each step")
        return "; ".join(told)
    if event == "saved":
        return f"saved {figures['folder']} (step {figures['step']})"
    if event == "finished":
        return f"finished already: {figures['folder']} (start anew with --fresh)"
    if event == "end":
        return f"done: {figures['folder']} is the trained model"
    return ""


def _step(figures: dict[str, Any]) -> str:
    names = ("loss", "return", "clip_fraction", "kl_sampler", "kl_reference", "entropy")
    told = "  ".join(f"{name} {figures[name]:.4f}" for name in names if name in figures)
    return f"{told}  lr {figures['lr']:.1e}  {figures['tokens_per_s']:.0f} tokens/s"


def _dataset(kind: str, found: dict[str, Any]) -> str:
    unit = "groups, " if kind == "rl" else ""
    count = f"{found['groups']} {unit}" if unit else ""
    told = [
        f"{found['rows_read']} rows read: {count}{found['samples']} dialogues, "
        f"{found['tokens']} tokens, {found['trained_tokens']} of them trained"
    ]
    if kind == "rl":
        told.append(f"mean return {found['return']:.3f}")
    else:
        told.append(f"{found['validation_samples']} dialogues for validation")
    for title in ("left_out", "messages"):
        if found[title]:
            words = ", ".join(f"{n} {what}" for what, n in found[title].items())
            told.append(f"{title.replace('_', ' ')}: {words}")
    return "; ".join(told)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
