"""A whole training, from a run's shards to a model folder: `tutelage train sft` and `rl`.

    rows -> lessons -> steps, validations, saves -> OUT/last, OUT/best

Safe to repeat: one that was interrupted goes on, one that is finished is not done again. Rounds of
online RL are one call a round, each on a run of its own, in one process or in a process each:

    session = train(recipe(run=k, out=k), watch, session)
    train(recipe(run=k, out=k, carry=out of k - 1), watch)

After either, OUT/last holds the weights for the engine to load.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tutelage import __version__
from tutelage.train import checkpoint, data, lessons, model, packing
from tutelage.train.checkpoint import BEST, LAST, Progress
from tutelage.train.halt import Halt
from tutelage.train.lessons import Lessons, Unit
from tutelage.train.metrics import Metrics
from tutelage.train.recipe import Recipe
from tutelage.train.session import Session
from tutelage.train.tokens import Encoder, Piece, Sample

Watch = Callable[[str, dict[str, Any]], None]
"""Told of each event (`lessons`, `begin`, `step`, `validation`, `saved`, `end`) and its figures."""


def train(recipe: Recipe, watch: Watch, session: Session | None = None) -> Session | None:
    """Trains as `recipe` says, from where its output folder has got to.

    Args:
        recipe: What to train on what, and how.
        watch: Told of what happens, in the main process only.
        session: One that an earlier training left: its weights and optimiser go on. Its model,
            adapter and number formats stay, whatever `recipe` says of them.

    Returns:
        The session, for the next training; None where this one was finished already and no
        session was given.

    Raises:
        Mistake: something that the person can put right.
        KeyboardInterrupt: interrupted; the state was saved.
    """
    model.quiet()
    out = Path(recipe.out)
    checkpoint.writable(out)
    with checkpoint.alone(out):
        return _train(recipe, out, watch, session)


def _train(recipe: Recipe, out: Path, watch: Watch, session: Session | None) -> Session | None:
    if recipe.fresh:
        checkpoint.clear(out)  # by every process, before any of them writes
        if session is not None:
            session.accelerator.wait_for_everyone()
    name = named(recipe)
    found, encoder = prepared(recipe, name)
    plan = packing.order(len(found.units), recipe.batch, recipe.epochs, recipe.seed)
    progress = checkpoint.begun(recipe, found.samples, len(plan))
    if progress.finished and session is None:
        watch("finished", {"step": progress.step, "folder": str(out / LAST)})
        return None
    session = _opened(recipe, name, progress, session)
    if not session.main:
        watch = _silent
    watch("lessons", facts(found, encoder))
    if recipe.kind == "rl" and not progress.step:
        progress.temperature = recipe.temperature or _temperature(session, found)
    if session.main:
        _write(recipe, name, facts(found, encoder) | {"temperature": progress.temperature})
    _learn(session, _with_old(session, found, out), found.validation, plan, watch)
    return session


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
        return str(json.loads(file.read_text("utf-8"))["model"])
    return data.student(recipe.run)


def prepared(recipe: Recipe, name: str) -> tuple[Lessons, Encoder]:
    """The lessons, tokenised for the model `name`, and the encoder that made them."""
    text = model.config(name).get_text_config()
    takes = int(getattr(text, "max_position_embeddings", 1 << 30))
    encoder = Encoder(model.tokenizer(name, recipe.chat_template))
    return lessons.prepare(recipe, encoder, min(recipe.length or takes, takes)), encoder


def facts(found: Lessons, encoder: Encoder) -> dict[str, Any]:
    """What was found in the rows, in numbers."""
    samples = list(found.samples)
    returns = found.returns
    return {
        "rows_read": found.read,
        "units": len(found.units),
        "samples": len(samples),
        "tokens": sum(len(piece) for sample in samples for piece in sample.pieces),
        "trained_tokens": sum(sample.trained for sample in samples),
        "validation_samples": len(found.validation),
        "return": sum(returns) / len(returns) if returns else 0.0,
        "left_out": {reason: n for reason, n in found.left_out.items() if n},
        "messages": {how: n for how, n in encoder.notes.items() if n},
    }


def _learn(
    session: Session,
    units: Sequence[Unit],
    validation: Sequence[Sample],
    plan: Sequence[Sequence[int]],
    watch: Watch,
) -> None:
    """Every step of the plan that is still to be taken, with validations and saves between."""
    recipe, progress, out = session.recipe, session.progress, Path(session.recipe.out)
    epoch = len(plan) // recipe.epochs
    log = None
    if session.main:
        log = Metrics(out, progress.step, recipe.wandb, dataclasses.asdict(recipe))

    def note(event: str, figures: dict[str, Any]) -> None:
        if log:
            log.write(progress.step, figures)
        watch(event, {"step": progress.step, "steps": len(plan), **figures})

    def due(every: int) -> bool:
        return progress.step % every == 0 or progress.finished

    world = session.accelerator.num_processes
    watch("begin", {"step": progress.step, "steps": len(plan), "processes": world})
    try:
        with Halt() as halt:
            if validation and not progress.step:
                note("validation", session.validate(validation))
            while not progress.finished:
                samples = [s for i in plan[progress.step] for s in units[i]]
                lr = rate(progress.step, len(plan), recipe)
                figures = session.step(samples, lr, halt.asked)
                halted = figures.pop("halt") > 0
                progress.step += 1
                note("step", {"epoch": round(progress.step / epoch, 4), **figures})
                if validation and due(recipe.eval_every or epoch):
                    looked = session.validate(validation)
                    note("validation", looked)
                    _keep_best(session, looked["validation/loss"], out, watch)
                if halted or progress.finished or (recipe.save_every and due(recipe.save_every)):
                    session.export(out / LAST)  # first: a state says that all before it is there
                    session.save(out)
                    watch("saved", {"step": progress.step, "folder": str(out / LAST)})
                if halted and not progress.finished:
                    raise KeyboardInterrupt
    finally:
        if log:
            log.close()
    watch("end", {"step": progress.step, "steps": len(plan), "folder": str(out / LAST)})


def _keep_best(session: Session, value: float, out: Path, watch: Watch) -> None:
    best = session.progress.best
    if best is None or value < best:
        session.progress.best = value
        session.export(out / BEST)
        watch("saved", {"step": session.progress.step, "folder": str(out / BEST)})


def _opened(recipe: Recipe, name: str, progress: Progress, session: Session | None) -> Session:
    """A session with the weights to go on from."""
    if session is None:
        session = Session(recipe, name)
        if recipe.carry and not progress.step:
            checkpoint.restore(session.accelerator, checkpoint.found(Path(recipe.carry)))
    session.recipe, session.progress = recipe, progress
    if progress.step:
        checkpoint.restore(session.accelerator, checkpoint.found(Path(recipe.out)))
    return session


def _temperature(session: Session, found: Lessons) -> float:
    """Of the policy: the one that students were sampled at, or 1 where that fits them better."""
    sampled = [t for t, _ in found.temperatures.most_common(1) if t > 0] or [1.0]
    if session.recipe.old == "start":
        return sampled[0]
    return session.fitting(found.units[0], {sampled[0], 1.0})


def _with_old(session: Session, found: Lessons, out: Path) -> list[Unit]:
    """The units, with log-probabilities under the starting weights where those are wanted."""
    if session.recipe.kind == "sft" or session.recipe.old == "stored":
        return found.units
    samples = list(found.samples)
    if session.progress.step:
        scored = checkpoint.read_old(out)
    else:
        scored = session.score(samples, session.progress.temperature)
        if session.main:
            checkpoint.write_old(out, scored)

    def filled(piece: Piece, logp: Any) -> Piece:
        known = np.full(len(piece), np.nan, np.float32)
        known[piece.train] = logp
        return replace(piece, logprobs=known)

    known = iter(
        replace(s, pieces=tuple(filled(p, scored[f"{i}.{j}"]) for j, p in enumerate(s.pieces)))
        for i, s in enumerate(samples)
    )
    return [tuple(next(known) for _ in unit) for unit in found.units]


def _write(recipe: Recipe, name: str, found: dict[str, Any]) -> None:
    told = dataclasses.asdict(recipe) | {"model": name, "found": found, "code_version": __version__}
    file = Path(recipe.out) / "recipe.json"
    file.write_text(json.dumps(told, indent=2) + "\n", "utf-8")


def _silent(event: str, figures: dict[str, Any]) -> None:
    pass
