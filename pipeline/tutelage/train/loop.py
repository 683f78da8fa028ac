"""A whole training, from a run's shards to a model folder: `tutelage train sft` and `rl`.

    rows -> dataset -> steps, validations, saves -> OUT/last, OUT/best

Safe to repeat: an interrupted training resumes, a finished one is not repeated. Online RL calls
this once per round, in one process or, with the recipe's `carry`, in a process each.
"""

import dataclasses
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tutelage import __version__
from tutelage.contract.tokens import Encoder, Piece, Sample
from tutelage.errors import SettingsError
from tutelage.shards.reader import student
from tutelage.train import checkpoint, model, packing
from tutelage.train.checkpoint import BEST, LAST
from tutelage.train.dataset import Dataset, Group, prepare
from tutelage.train.learner import Learner
from tutelage.train.loss import truncated
from tutelage.train.metrics import Alarms, Metrics
from tutelage.train.recipe import Recipe

Watch = Callable[[str, dict[str, Any]], None]
"""Called with each event (dataset, begin, step, validation, alarm, saved, end) and its figures."""
SAVE_S = 1800.0
"""Seconds between saved states if no number of steps is given."""


def train(recipe: Recipe, watch: Watch, learner: Learner | None = None) -> Learner | None:
    """Trains as `recipe` says, resuming from what its output folder has.

    `watch` is called in the main process only. A `learner` of an earlier training keeps its weights
    and optimiser. Returns None if the training was finished and no learner was given.

    Raises:
        Mistake: an error that the user can correct.
        KeyboardInterrupt: interrupted; the state was saved.
    """
    model.quiet()
    out = Path(recipe.out)
    checkpoint.writable(out)
    with checkpoint.alone(out), model.room():
        return _train(recipe, out, watch, learner)


def _train(recipe: Recipe, out: Path, watch: Watch, learner: Learner | None) -> Learner | None:
    if recipe.fresh:
        checkpoint.clear(out)  # by every process, before any of them writes
        if learner is not None:
            learner.accelerator.wait_for_everyone()
    name, is_exported = named(recipe), (out / LAST / "config.json").is_file()
    dataset, encoder = prepared(recipe, name)
    plan = packing.order(len(dataset.groups), recipe.batch, recipe.epochs, recipe.seed)
    progress = checkpoint.begun(recipe, dataset.samples, len(plan))
    if progress.finished and learner is None and is_exported:
        watch("finished", {"step": progress.step, "folder": str(out / LAST)})
        return None
    if learner is None:
        learner = Learner(recipe, name)
        if recipe.carry and not progress.step:
            learner.restore(Path(recipe.carry))
    learner.recipe, learner.progress, learner.scores = recipe, progress, {}
    if progress.step:
        learner.restore(out)
    if progress.finished and not is_exported:
        learner.export(out / LAST)
    if recipe.kind == "rl" and not progress.step:
        progress.temperature = recipe.temperature or _temperature(learner, dataset)
    report = facts(dataset, encoder)
    if learner.main:
        watch("dataset", report)
        report |= {"temperature": progress.temperature}
        tree = dataclasses.asdict(recipe) | {"model": name, "found": report}
        text = json.dumps(tree | {"code_version": __version__}, indent=2) + "\n"
        (out / "recipe.json").write_text(text, "utf-8")
    _learn(learner, _rescored(learner, dataset), dataset.validation, plan, watch)
    return learner


def rate(step: int, steps: int, recipe: Recipe) -> float:
    """Learning rate of step number `step`, counted from 0."""
    warmup_steps = math.ceil(recipe.warmup * steps) if recipe.schedule != "constant" else 0
    if step < warmup_steps:
        return recipe.lr * (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    factors = {"linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
    return recipe.lr * factors.get(recipe.schedule, 1.0)


def named(recipe: Recipe) -> str:
    """Name of the model to train: the given one, that of `carry`, or the run's student."""
    if recipe.model:
        return recipe.model
    file = Path(recipe.carry) / "recipe.json"
    if recipe.carry and file.is_file():
        try:
            return str(json.loads(file.read_text("utf-8"))["model"])
        except (ValueError, KeyError) as error:
            raise SettingsError(f"{file} cannot be read ({error}): give --model") from None
    return student(recipe.runs, "say which to train with --model")


def prepared(recipe: Recipe, name: str) -> tuple[Dataset, Encoder]:
    """The dataset, tokenised for the model `name`, and its encoder."""
    context = model.context(model.config(name))
    encoder = Encoder(model.tokenizer(name, recipe.chat_template))
    return prepare(recipe, encoder, min(recipe.length or context, context)), encoder


def facts(dataset: Dataset, encoder: Encoder) -> dict[str, Any]:
    """Figures of the rows."""
    samples, returns = list(dataset.samples), dataset.returns
    return {
        "rows_read": len(returns),
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
    """Takes the remaining steps of the plan, with validations and saves."""
    recipe, progress, out = learner.recipe, learner.progress, Path(learner.recipe.out)
    epoch, alarms, saved = len(plan) // recipe.epochs, Alarms(), time.monotonic()
    log = None
    if learner.main:
        log = Metrics(out, progress.step, recipe.wandb, dataclasses.asdict(recipe))

    def note(event: str, figures: dict[str, Any], logged: bool = False) -> None:
        if log:  # only the first process reports
            if logged:
                log.write(progress.step, figures)
            watch(event, {"step": progress.step, "steps": len(plan), **figures})

    def due(every: int) -> bool:
        return progress.step % every == 0 or progress.finished

    note("begin", {"processes": learner.world})
    try:
        with _interruptions() as interrupted:
            if validation and not progress.step:
                note("validation", learner.validate(validation), True)
            while not progress.finished:
                samples = [s for i in plan[progress.step] for s in groups[i]]
                lr = rate(progress.step, len(plan), recipe)
                is_save_due = not recipe.save_every and time.monotonic() - saved > SAVE_S
                figures = learner.step(samples, lr, (interrupted.is_set(), is_save_due))
                stop, is_save_due = figures.pop("wishes")
                progress.step += 1
                note("step", {"epoch": round(progress.step / epoch, 4), **figures}, True)
                for words in alarms.signs(figures) if recipe.kind == "rl" else ():
                    note("alarm", {"words": words})
                if validation and due(recipe.eval_every or epoch):
                    losses = learner.validate(validation)
                    note("validation", losses, True)
                    if progress.best is None or losses["validation/loss"] < progress.best:
                        progress.best = losses["validation/loss"]
                        learner.export(out / BEST)
                        note("saved", {"folder": str(out / BEST)})
                if stop or is_save_due or due(recipe.save_every or epoch):
                    # first, because a state asserts that everything before it is written
                    learner.export(out / LAST)
                    learner.save(out)
                    saved = time.monotonic()
                    note("saved", {"folder": str(out / LAST)})
                if stop and not progress.finished:
                    raise KeyboardInterrupt
    finally:
        if log:
            log.close()
    note("end", {"folder": str(out / LAST)})


@contextmanager
def _interruptions() -> Iterator[threading.Event]:
    """An event set by Ctrl-C and SIGTERM, so that the step is saved; a second Ctrl-C interrupts."""
    event, is_main_thread = threading.Event(), threading.current_thread() is threading.main_thread()

    def note(number: int, _: Any) -> None:
        if event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        event.set()

    numbers = (signal.SIGINT, signal.SIGTERM) if is_main_thread else ()
    handlers = {number: signal.signal(number, note) for number in numbers}
    try:
        yield event
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _temperature(learner: Learner, dataset: Dataset) -> float:
    """Temperature of the policy: the sampling's, or 1 if that fits the stored logprobs better."""
    sampled = next((t for t, _ in dataset.temperatures.most_common(1) if t > 0), 1.0)
    if learner.recipe.old == "start":
        return sampled
    return learner.fitting(dataset.groups[0], {sampled, 1.0})


def _rescored(learner: Learner, dataset: Dataset) -> list[Group]:
    """The groups, with log-probabilities under the starting weights if the recipe needs them."""
    recipe = learner.recipe
    if not recipe.rescored:
        return dataset.groups
    samples = list(dataset.samples)
    if not learner.progress.step:
        learner.scores = learner.score(samples, learner.progress.temperature)
    scores = learner.scores

    def scored(name: str, piece: Piece) -> Piece:
        start, weights = np.full(len(piece), np.nan, np.float32), piece.correction
        start[piece.train] = scores[name]
        if recipe.truncate:
            weights = truncated(start, piece.logprobs, recipe.truncate)
        return replace(piece, logprobs=start, correction=weights)

    rescored = iter(
        replace(s, pieces=tuple(scored(f"{i}.{j}", p) for j, p in enumerate(s.pieces)))
        for i, s in enumerate(samples)
    )
    return [tuple(next(rescored) for _ in group) for group in dataset.groups]
