"""`tutelage train`: SFT and RL from the shards of a run."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import click

from tutelage.cli import train_words
from tutelage.train import recipe as recipes

_Option = tuple[str, str, dict[str, Any]]

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
    ("--pack", "Tokens of one forward pass; 0: one sequence a pass.", {}),
    ("--lr", "Highest learning rate.", {}),
    ("--schedule", "Course of the learning rate.", {"choice": True}),
    ("--warmup", "Share of the steps over which the learning rate rises.", {}),
    ("--weight-decay", "Of AdamW, on matrices only.", {}),
    ("--max-grad-norm", "Longer gradients are scaled down to it; 0: never.", {}),
    ("--dtype", "bf16: autocast over float32 weights.", {"choice": True}),
    ("--attention", "each or varlen, whichever is quicker here; or one of transformers'.", {}),
    ("--compile", "torch.compile the layers: pays on a GPU, after a slow first step.", {}),
    ("--checkpointing", "Recompute activations: less memory, more time.", {}),
    ("--shard", "Cut weights, gradients and optimiser over the processes (FSDP2).", {}),
    ("--states", "Type of the optimiser's states: 8, 4 or 2 bytes a weight.", {"choice": True}),
    ("--lora", "Rank of a LoRA adapter; 0: train all weights.", {}),
    ("--seed", "Of the order of the data, and of a fresh adapter.", {}),
    ("--threads", "CPU threads; 0: as torch decides.", {}),
    ("--eval-every", "Steps between validations; 0: after each epoch.", {}),
    ("--save-every", "Steps between saved states; 0: each epoch and half an hour.", {}),
    ("--wandb", "Report to this Weights & Biases project as well.", {}),
    ("--fresh", "Start anew where --out holds a training.", {}),
)
_SFT: tuple[_Option, ...] = (
    ("--control", "single: problem to solution. unfiltered: failures too.", {"choice": True}),
)
_RL: tuple[_Option, ...] = (
    ("--beta", "Weight of the KL divergence to the reference.", {}),
    ("--reference", "Frozen model of that divergence. Without it: the model.", {}),
    ("--ratio", "Importance ratio of a token, or of its sequence (GSPO).", {"choice": True}),
    ("--clip-low", "The ratio is clipped below 1 minus this.", {}),
    ("--clip-high", "The ratio is clipped above 1 plus this.", {}),
    ("--normaliser", "What the loss is divided by: tokens, trajectories.", {"choice": True}),
    ("--std-floor", "Least standard deviation that advantages are divided by.", {}),
    ("--old", "Log-probabilities of the ratio: the sampler's, or of the start.", {"choice": True}),
    ("--truncate", "Weigh tokens for a sampler of another precision, at most so much.", {}),
    ("--temperature", "Of the policy; 0: what the stored log-probabilities fit.", {}),
)


def _options(kind: recipes.Kind, wanted: tuple[_Option, ...]) -> Callable[[Any], Any]:
    """The options as a decorator; defaults and choices are the recipe's own."""

    def decorate(function: Any) -> Any:
        for flag, words, extra in reversed(wanted):
            field = extra.get("name", flag.removeprefix("--").replace("-", "_"))
            value = recipes.default(kind, field)
            option: dict[str, Any] = {"default": value, "help": words}
            if isinstance(value, bool):
                option["is_flag"] = True
            elif extra.get("multiple"):
                option["multiple"] = True
            elif "choice" in extra:
                option["type"] = click.Choice([c for c in recipes.CHOICES[field] if c])
                option["default"] = value or None
            else:
                option["type"] = type(value)
            option["show_default"] = not isinstance(value, bool) and value not in ("", ())
            function = click.option(flag, field, **option)(function)
        return function

    return decorate


@click.group(epilog="Example: tutelage train sft outputs/first --out outputs/first-sft")
def command() -> None:
    """Train a model on the dialogues of a run.

    For many GPUs: accelerate launch --num_processes 8 -m tutelage train sft ...; with --shard each
    holds only its part of weights, gradients and optimiser.
    """


@command.command(
    epilog="Example: tutelage train sft outputs/first --out outputs/first-sft --epochs 2 --lr 1e-4"
)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--out", default="", help="Folder for weights, state and metrics.")
@click.option("--dry-run", is_flag=True, help="Show what would be learnt, and the memory it wants.")
@click.option("--measure", is_flag=True, help="With --dry-run: run one step, for time and memory.")
@_options("sft", _COMMON + _SFT)
def sft(runs: tuple[str, ...], out: str, dry_run: bool, measure: bool, **given: Any) -> None:
    """Supervised: learn the student's turns of the solved dialogues.

    OUT/last and OUT/best are model folders that transformers and vLLM load. The same command goes
    on where it was interrupted.
    """
    _run("sft", runs, out, dry_run, measure, given)


@command.command(
    epilog="Example: tutelage train rl outputs/groups --out outputs/groups-rl --lr 1e-5 --beta 0.05"
)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--out", default="", help="Folder for weights, state and metrics.")
@click.option("--dry-run", is_flag=True, help="Show what would be learnt, and the memory it wants.")
@click.option("--measure", is_flag=True, help="With --dry-run: run one step, for time and memory.")
@_options("rl", _COMMON + _RL)
def rl(runs: tuple[str, ...], out: str, dry_run: bool, measure: bool, **given: Any) -> None:
    """Reinforcement: GRPO on whole groups, failures included.

    RUN wants several dialogues a problem (generate --samples 8) that hold the sampled tokens and
    their log-probabilities. The return is 0.7^(n-1) for a dialogue solved at turn n, else 0.
    """
    _run("rl", runs, out, dry_run, measure, given)


def _run(
    kind: recipes.Kind,
    runs: tuple[str, ...],
    out: str,
    dry_run: bool,
    measure: bool,
    given: dict[str, Any],
) -> None:
    from tutelage.errors import ModelError, SettingsError

    if measure and not dry_run:
        raise SettingsError("--measure is of --dry-run: give both, or neither")
    if not out and not dry_run:
        raise SettingsError("wanted a folder for the weights: give --out, or --dry-run to look on")
    options = {name: value for name, value in given.items() if value is not None}
    chosen = recipes.recipe(kind, runs, out, **options)
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ModelError(f"the trainer needs {', '.join(missing)}: pip install 'tutelage[train]'")
    if dry_run:
        _rehearse(chosen, measure)
        return
    from tutelage.train import loop

    with train_words.shown(kind) as watch:
        loop.train(chosen, watch)


def _rehearse(recipe: recipes.Recipe, measured: bool) -> None:
    from tutelage.train import dry_run, loop, model, packing
    from tutelage.train.learner import Learner

    model.quiet()
    name = loop.named(recipe)
    dataset, encoder = loop.prepared(recipe, name)
    sample = max(dataset.groups[0], key=lambda sample: sample.trained)
    click.echo(f"dialogue {sample.key}, weight {sample.weight:.3f}; trained on what is »marked«\n")
    for piece in sample.pieces:
        for text, trained in train_words.spans(piece, encoder.tokenizer):
            click.echo(click.style(f"»{text}«", fg="green") if trained else text, nl=False)
        click.echo("\n")
    click.echo(train_words.dataset(recipe.kind, loop.facts(dataset, encoder)))
    lengths = [len(piece) for sample in dataset.samples for piece in sample.pieces]
    click.echo("tokens a sequence:")
    for low, high, count in train_words.histogram(lengths):
        click.echo(f"  {low:6}-{high:<6} {count:7}  {'#' * -(-40 * count // len(lengths))}")
    steps = len(packing.order(len(dataset.groups), recipe.batch, recipe.epochs, recipe.seed))
    passes = dry_run.passes(recipe, dataset)
    click.echo(f"{steps} steps, {len(passes)} passes of up to {packing.tokens(passes[0])} tokens")
    shape = dry_run.shape(recipe, name, packing.packed(passes[0]))
    click.echo(f"{shape.numbers / 1e6:.1f} M weights, {shape.trained / 1e6:.1f} M of them trained")
    click.echo(train_words.table(shape, recipe))
    if words := train_words.advice(shape, recipe, dry_run.available()):
        click.echo(words)
    elif measured:
        with model.room():
            speed, peak = dry_run.measure(Learner(recipe, name), passes[0])
        span = train_words.span(recipe.epochs * sum(lengths) / speed)
        click.echo(
            f"about {span} at {speed:.0f} tokens/s, {peak / 2**30:.1f} GiB at the peak with all that "
            "this process holds (measured on one step)"
        )
    else:
        click.echo("for the time that it takes: --dry-run --measure runs one step")
