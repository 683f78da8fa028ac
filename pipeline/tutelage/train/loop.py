"""A whole training, from a run's shards to a model folder: `tutelage train sft` and `rl`.

    rows -> dataset -> steps, validations, saves -> OUT/last, OUT/best

Safe to repeat: one that was interrupted goes on, one that is finished is not done again. Rounds of
online RL are one call a round, each on a run of its own, in one process or in a process each:

    learner = train(recipe("rl", run_k, out_k), watch, learner)
    train(recipe("rl", run_k, out_k, carry=out_of_k_minus_1), watch)

After either, OUT/last holds the weights for the engine to load.
"""

import dataclasses
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tutelage import __version__
from tutelage.errors import SettingsError
from tutelage.train import checkpoint, model, packing, rows
from tutelage.train.alarms import Alarms
from tutelage.train.checkpoint import BEST, LAST, Progress
from tutelage.train.dataset import Dataset, Group, prepare
from tutelage.train.interruption import Interruption
from tutelage.train.learner import Learner
from tutelage.train.loss import truncated
from tutelage.train.metrics import Metrics
from tutelage.train.recipe import Recipe
from tutelage.train.tokens import Encoder, Piece, Sample

Watch = Callable[[str, dict[str, Any]], None]
"""Told of each event (`dataset`, `begin`, `step`, `validation`, `alarm`, `saved`, `end`) and its
figures."""
SAVE_S = 1800.0
"""Seconds after which the state is saved, where no number of steps is given."""


def train(recipe: Recipe, watch: Watch, learner: Learner | None = None) -> Learner | None:
    """Trains as `recipe` says, from where its output folder has got to.

    Args:
        recipe: What to train on what, and how.
        watch: Told of what happens, in the main process only.
        learner: One that an earlier training left: its weights and optimiser go on. Its model,
            adapter and number formats stay, whatever `recipe` says of them.

    Returns:
        The learner, for the next training; None where this one was finished already and no
        learner was given.

    Raises:
        Mistake: something that the person can put right.
        KeyboardInterrupt: interrupted; the state was saved.
    """
    model.quiet()
    out = Path(recipe.out)
    checkpoint.writable(out)
    with checkpoint.alone(out):
        return _train(recipe, out, watch, learner)


def _train(recipe: Recipe, out: Path, watch: Watch, learner: Learner | None) -> Learner | None:
    if recipe.fresh:
        checkpoint.clear(out)  # by every process, before any of them writes
        if learner is not None:
            learner.accelerator.wait_for_everyone()
    name = named(recipe)
    dataset, encoder = prepared(recipe, name)
    plan = packing.order(len(dataset.groups), recipe.batch, recipe.epochs, recipe.seed)
    progress = checkpoint.begun(recipe, dataset.samples, len(plan))
    if progress.finished and learner is None and (out / LAST / "config.json").is_file():
        watch("finished", {"step": progress.step, "folder": str(out / LAST)})
        return None
    learner = _opened(recipe, name, progress, learner)
    if not learner.main:
        watch = _silent
    watch("dataset", facts(dataset, encoder))
    if progress.finished and not (out / LAST / "config.json").is_file():
        learner.export(out / LAST)
    if recipe.kind == "rl" and not progress.step:
        progress.temperature = recipe.temperature or _temperature(learner, dataset)
    if learner.main:
        _write(recipe, name, facts(dataset, encoder) | {"temperature": progress.temperature})
    _learn(learner, _rescored(learner, dataset, out), dataset.validation, plan, watch)
    return learner


def rate(step: int, steps: int, recipe: Recipe) -> float:
    """Learning rate of the step with number `step`, from 0."""
    rising = math.ceil(recipe.warmup * steps) if recipe.schedule != "constant" else 0
    if step < rising:
        return recipe.lr * (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    left = {"linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
    return recipe.lr * left.get(recipe.schedule, 1.0)


def named(recipe: Recipe) -> str:
    """Name of the model that learns: the one given, the one that is carried on, or the run's."""
    if recipe.model:
        return recipe.model
    file = Path(recipe.carry) / "recipe.json"
    if recipe.carry and file.is_file():
        try:
            return str(json.loads(file.read_text("utf-8"))["model"])
        except (ValueError, KeyError) as error:
            raise SettingsError(f"{file} cannot be read ({error}): give --model") from None
    return rows.student(recipe.runs)


def prepared(recipe: Recipe, name: str) -> tuple[Dataset, Encoder]:
    """The dataset, tokenised for the model `name`, and the encoder that made it."""
    takes = model.context(model.config(name))
    encoder = Encoder(model.tokenizer(name, recipe.chat_template))
    return prepare(recipe, encoder, min(recipe.length or takes, takes)), encoder


def facts(dataset: Dataset, encoder: Encoder) -> dict[str, Any]:
    """What was found in the rows, in numbers."""
    samples = list(dataset.samples)
    returns = dataset.returns
    return {
        "rows_read": dataset.read,
        "groups": len(dataset.groups),
        "samples": len(samples),
        "tokens": sum(len(piece) for sample in samples for piece in sample.pieces),
        "trained_tokens": sum(sample.trained for sample in samples),
        "validation_samples": len(dataset.validation),
        "return": sum(returns) / len(returns) if returns else 0.0,
        "partial_groups": dataset.partial,
        "left_out": {reason: n for reason, n in dataset.left_out.items() if n},
        "messages": {how: n for how, n in encoder.notes.items() if n},
    }


def _learn(
    learner: Learner,
    groups: Sequence[Group],
    validation: Sequence[Sample],
    plan: Sequence[Sequence[int]],
    watch: Watch,
) -> None:
    """Every step of the plan that is still to be taken, with validations and saves between."""
    recipe, progress, out = learner.recipe, learner.progress, Path(learner.recipe.out)
    epoch = len(plan) // recipe.epochs
    log = None
    if learner.main:
        log = Metrics(out, progress.step, recipe.wandb, dataclasses.asdict(recipe))
    alarms, saved = Alarms(), time.monotonic()

    def note(event: str, figures: dict[str, Any]) -> None:
        if log:
            log.write(progress.step, figures)
        watch(event, {"step": progress.step, "steps": len(plan), **figures})

    def due(every: int) -> bool:
        return progress.step % every == 0 or progress.finished

    watch("begin", {"step": progress.step, "steps": len(plan), "processes": learner.world})
    try:
        with Interruption() as interruption:
            if validation and not progress.step:
                note("validation", learner.validate(validation))
            while not progress.finished:
                samples = [s for i in plan[progress.step] for s in groups[i]]
                lr = rate(progress.step, len(plan), recipe)
                old = not recipe.save_every and time.monotonic() - saved > SAVE_S
                figures = learner.step(samples, lr, (interruption.wanted, old))
                stop, old = figures.pop("wishes")
                progress.step += 1
                note("step", {"epoch": round(progress.step / epoch, 4), **figures})
                for words in alarms.heard(figures) if recipe.kind == "rl" else ():
                    watch("alarm", {"step": progress.step, "words": words})
                if validation and due(recipe.eval_every or epoch):
                    losses = learner.validate(validation)
                    note("validation", losses)
                    _keep_best(learner, losses["validation/loss"], out, watch)
                if stop or old or due(recipe.save_every or epoch):
                    learner.export(out / LAST)  # first: a state says that all before it is there
                    learner.save(out)
                    saved = time.monotonic()
                    watch("saved", {"step": progress.step, "folder": str(out / LAST)})
                if stop and not progress.finished:
                    raise KeyboardInterrupt
    finally:
        if log:
            log.close()
    watch("end", {"step": progress.step, "steps": len(plan), "folder": str(out / LAST)})


def _keep_best(learner: Learner, value: float, out: Path, watch: Watch) -> None:
    best = learner.progress.best
    if best is None or value < best:
        learner.progress.best = value
        learner.export(out / BEST)
        watch("saved", {"step": learner.progress.step, "folder": str(out / BEST)})


def _opened(recipe: Recipe, name: str, progress: Progress, learner: Learner | None) -> Learner:
    """A learner with the weights to go on from."""
    if learner is None:
        learner = Learner(recipe, name)
        if recipe.carry and not progress.step:
            learner.restore(Path(recipe.carry))
    learner.recipe, learner.progress = recipe, progress
    if progress.step:
        learner.restore(Path(recipe.out))
    return learner


def _temperature(learner: Learner, dataset: Dataset) -> float:
    """Of the policy: the one that students were sampled at, or 1 where that fits them better."""
    sampled = [t for t, _ in dataset.temperatures.most_common(1) if t > 0] or [1.0]
    if learner.recipe.old == "start":
        return sampled[0]
    return learner.fitting(dataset.groups[0], {sampled[0], 1.0})


def _rescored(learner: Learner, dataset: Dataset, out: Path) -> list[Group]:
    """The groups, with log-probabilities under the starting weights where those are wanted."""
    recipe = learner.recipe
    if not recipe.rescored:
        return dataset.groups
    samples = list(dataset.samples)
    if learner.progress.step:
        scores = checkpoint.read_scores(out)
    else:
        scores = learner.score(samples, learner.progress.temperature)
        if learner.main:
            checkpoint.write_scores(out, scores)

    def scored(piece: Piece, logp: Any) -> Piece:
        start, weights = np.full(len(piece), np.nan, np.float32), None
        start[piece.train] = logp
        if recipe.truncate:
            weights = truncated(start, piece.logprobs, recipe.truncate)
        return replace(piece, logprobs=start, correction=weights)

    rescored = iter(
        replace(s, pieces=tuple(scored(p, scores[f"{i}.{j}"]) for j, p in enumerate(s.pieces)))
        for i, s in enumerate(samples)
    )
    return [tuple(next(rescored) for _ in group) for group in dataset.groups]


def _write(recipe: Recipe, name: str, facts: dict[str, Any]) -> None:
    tree = dataclasses.asdict(recipe) | {"model": name, "found": facts, "code_version": __version__}
    file = Path(recipe.out) / "recipe.json"
    file.write_text(json.dumps(tree, indent=2) + "\n", "utf-8")


def _silent(event: str, figures: dict[str, Any]) -> None:
    pass
