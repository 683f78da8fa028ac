"""How `tutelage train` is shown: a bar or lines while it runs, a dialogue with its trained parts."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import click

Watch = Callable[[str, dict[str, Any]], None]


def spans(piece: Any, tokenizer: Any) -> list[tuple[str, bool]]:
    """The piece as text, cut where training begins and ends: (text, whether it is trained on)."""
    marked = zip(piece.ids.tolist(), piece.train.tolist(), strict=True)
    return [
        (tokenizer.decode([token for token, _ in run]), trained)
        for trained, run in groupby(marked, key=lambda pair: pair[1])
    ]


def histogram(lengths: Sequence[int], bins: int = 8) -> list[tuple[int, int, int]]:
    """(from, to, how many) over equal bins, both ends inclusive.

    >>> histogram([1, 2, 3, 8], bins=2)
    [(1, 4, 3), (5, 8, 1)]
    """
    low, high = min(lengths), max(lengths)
    width = -(-(high - low + 1) // bins)
    edges = range(low, high + 1, width)
    return [(a, a + width - 1, sum(a <= n < a + width for n in lengths)) for a in edges]


def table(shape: Any, recipe: Any) -> str:
    """What each process needs in GiB, alone and with weights cut over several."""
    ways = {"1": (1, False), "8": (8, False), "2 --shard": (2, True), "8 --shard": (8, True)}
    needs = {title: shape.needs(recipe, *way) for title, way in ways.items()}
    lines = [f"{'GiB a process, of':20}" + "".join(f"{title:>12}" for title in ways)]
    for name in needs["1"]:
        cells = (f"{need[name] / 2**30:12.2f}" for need in needs.values())
        lines.append(f"  {name:18}" + "".join(cells))
    return "\n".join(lines)


def advice(shape: Any, recipe: Any, have: float) -> str:
    """What to do about memory; empty where the training fits into `have` bytes as it is."""
    total = shape.needs(recipe)["total"]
    if total <= have:
        return ""
    least = shape.needs(recipe, 1024, True)["total"]
    ways = []
    if least < have:
        count = 2 ** math.ceil(math.log2(max(2, (total - least) / max(1.0, have - least))))
        while shape.needs(recipe, count, True)["total"] > have:
            count *= 2
        ways.append(f"accelerate launch --num_processes {count} ... --shard")
    if not recipe.checkpointing:
        ways.append("--checkpointing")
    if recipe.states == "fp32" and not recipe.lora:
        ways.append("--states bf16")
    if not recipe.lora:
        ways.append("--lora 16")
    return (
        f"one process cannot: it needs {total / 2**30:.1f} GiB, this machine has "
        f"{have / 2**30:.1f}; try {', '.join(ways)}, or a smaller --pack"
    )


@contextmanager
def shown(kind: str) -> Iterator[Watch]:
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
        spoken = begun = time.monotonic()
        first = 0

        def watch(event: str, figures: dict[str, Any]) -> None:
            nonlocal spoken, begun, first
            now = time.monotonic()
            if event == "begin":
                spoken, begun, first = 0.0, now, figures["step"]
            if event == "step":
                line = _step(figures)
                bar.update(
                    task, completed=figures["step"], total=figures["steps"], description=line
                )
                if not console.is_terminal and (
                    now - spoken > 10 or figures["step"] == figures["steps"]
                ):
                    each = (now - begun) / (figures["step"] - first)
                    left = each * (figures["steps"] - figures["step"])
                    click.echo(
                        f"step {figures['step']}/{figures['steps']}  {line}  {span(left)} left",
                        err=True,
                    )
                    spoken = now
            elif line := _words(kind, event, figures):
                bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

        yield watch


def _words(kind: str, event: str, figures: dict[str, Any]) -> str:
    """One line for an event; empty where there is nothing to say."""
    if event == "dataset":
        return dataset(kind, figures)
    if event == "validation":
        turns = {k.rpartition("_")[2]: v for k, v in figures.items() if "/turn_" in k}
        by_turn = ", ".join(f"turn {turn}: {value:.3f}" for turn, value in turns.items())
        loss = figures["validation/loss"]
        return f"step {figures['step']}/{figures['steps']}  validation loss {loss:.4f} ({by_turn})"
    if event == "alarm":
        return f"warning, step {figures['step']}: {figures['words']}"
    if event == "begin":
        words = []
        if figures["step"]:
            words.append(f"goes on at step {figures['step']} of {figures['steps']}")
        if figures["processes"] > 1:  # a launcher may start fewer than it was asked for
            words.append(f"{figures['processes']} processes share each step")
        return "; ".join(words)
    if event == "saved":
        return f"saved {figures['folder']} (step {figures['step']})"
    if event == "finished":
        return f"finished already: {figures['folder']} (start anew with --fresh)"
    if event == "end":
        return f"done: {figures['folder']} is the trained model"
    return ""


def _step(figures: dict[str, Any]) -> str:
    names = ("loss", "return", "clip_fraction", "kl_sampler", "kl_reference", "entropy")
    values = "  ".join(f"{name} {figures[name]:.4f}" for name in names if name in figures)
    speed = f"{figures['tokens_per_s']:.0f} tokens/s"
    if "mfu" in figures:
        speed += f"  MFU {figures['mfu']:.1%}"
    return f"{values}  lr {figures['lr']:.1e}  {speed}"


def dataset(kind: str, facts: dict[str, Any]) -> str:
    """What was read, and what was left out of it and why."""
    groups = f"{facts['groups']} groups, " if kind == "rl" else ""
    words = [
        f"{facts['rows_read']} rows read: {groups}{facts['samples']} dialogues, "
        f"{facts['tokens']} tokens, {facts['trained_tokens']} of them trained"
    ]
    if kind == "rl":
        words.append(f"mean return {facts['return']:.3f}")
        if facts["partial_groups"]:
            words.append(f"{facts['partial_groups']} groups are partial (smaller than the largest)")
    elif facts["validation_samples"]:
        words.append(f"{facts['validation_samples']} dialogues for validation")
    else:
        words.append(
            "no dialogue for validation, so no best/ (generate with "
            "--set dedup.splits=train=0.95,validation=0.05)"
        )
    for title in ("left_out", "messages"):
        if facts[title]:
            counts = ", ".join(f"{n} {what}" for what, n in facts[title].items())
            words.append(f"{title.replace('_', ' ')}: {counts}")
    return "; ".join(words)


def span(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
