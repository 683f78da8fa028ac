"""Trains the base model from random weights: next-token prediction of the student's words in the
chats.

A curriculum in three lessons: first short answers and a web on which most students listen, until
the model can look up a name; then the whole range of lengths; then the actual web, on which few
listen. The result is a model that can listen and mostly does not, like the paper's base.

Matrices are trained by Muon, the rest by AdamW. With AdamW alone it took twice as many steps until
the model followed a remark.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import tutelage.train  # noqa: F401  before torch, so that threads that wait sleep
from tutelage.replicate import toy_model
from tutelage.replicate.chats import Web, chat

Say = Callable[[str], None]
Table = Mapping[str, int]
"""Piece of text -> token id."""
_IGNORED = -100
MUON = 5.0
"""Muon's learning rate relative to AdamW's, because its steps have a different norm."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One part of the curriculum."""

    web: Web
    steps: int
    lr: float
    """Initial learning rate; in the last lesson it falls to a tenth."""


def curriculum(listen: float, steps: int) -> tuple[Lesson, Lesson, Lesson]:
    """Lessons with a fifth, a half and the rest of the steps; `listen` is for the last one's web."""
    eager = Web(listen=0.9, repeat=0.03, ask=0.03, single=0.05, early=0.75)
    web = Web(listen=listen, repeat=0.75 - listen)
    short, whole = max(1, steps // 5), max(1, steps // 2)
    return (
        Lesson(replace(eager, longest=4, turns=4), short, 4e-3),
        Lesson(eager, whole, 3e-3),
        Lesson(web, max(1, steps - short - whole), 2e-3),
    )


def pretrain(
    lessons: tuple[Lesson, ...], out: Path, say: Say, *, seed: int = 0, batch: int = 32,
    start: Path | None = None, threads: int = 0,
) -> None:  # fmt: skip
    """Trains on the lessons one after another and writes the model folder `out`.

    Args:
        start: a model folder to continue from; None for random weights.
    """
    import torch

    from tutelage.train import model as trained

    trained.quiet()
    if threads:
        torch.set_num_threads(threads)
    tokenizer = toy_model.tokenizer()
    if start is None:
        model = toy_model.fresh(len(tokenizer), seed)
    else:
        from transformers import LlamaForCausalLM

        model = LlamaForCausalLM.from_pretrained(start)
    model.train()
    source = random.Random(seed)
    for number, lesson in enumerate(lessons, 1):
        is_last = number == len(lessons)
        _learn(
            model,
            tokenizer.get_vocab(),
            lesson,
            source,
            batch,
            partial(_named, say, number),
            is_last,
        )
    model.eval()
    toy_model.save(model, tokenizer, out)


def _named(say: Say, number: int, words: str) -> None:
    say(f"lesson {number}: {words}")


def _learn(
    model: Any,
    table: Table,
    lesson: Lesson,
    source: random.Random,
    batch: int,
    say: Say,
    is_last: bool,
) -> None:
    import torch

    optimisers = _optimisers(model)
    start, tokens = time.monotonic(), 0
    for step in range(lesson.steps):
        rate = lesson.lr * min(1.0, (step + 1) / 50)
        if is_last:
            rate *= max(0.1, 1 - step / lesson.steps)
        ids, labels = _batch(table, lesson.web, source, batch)
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser, scale in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate * scale
            optimiser.step()
        model.zero_grad()
        tokens += int((ids != 0).sum())
        if step % 50 == 49 or step + 1 == lesson.steps:
            speed = tokens / (time.monotonic() - start)
            say(f"step {step + 1}/{lesson.steps}, loss {loss.item():.3f}, {speed:.0f} tokens/s")


def _optimisers(model: Any) -> list[tuple[Any, float]]:
    """(optimiser, its learning rate relative to the lesson's)."""
    import torch

    matrices: list[Any] = []
    rest: list[Any] = []
    for name, weight in model.named_parameters():
        is_matrix = weight.ndim == 2 and "embed" not in name
        (matrices if is_matrix else rest).append(weight)
    return [
        (torch.optim.Muon(matrices, momentum=0.95, weight_decay=0.0), MUON),
        (torch.optim.AdamW(rest, betas=(0.9, 0.98), weight_decay=0.0, fused=True), 1.0),
    ]


def _batch(table: Table, web: Web, source: random.Random, size: int) -> tuple[Any, Any]:
    """Token ids and labels, (B, longest), of chats of similar length, chosen from 4 B chats."""
    import torch

    chats = sorted((chat(web, source) for _ in range(4 * size)), key=lambda turns: len(str(turns)))
    first = source.randrange(len(chats) - size + 1)
    rows = [encoded(table, turns) for turns in chats[first : first + size]]
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.zeros(size, longest, dtype=torch.long)
    labels = torch.full((size, longest), _IGNORED)
    for row_index, (row, label) in enumerate(rows):
        ids[row_index, : len(row)] = torch.tensor(row)
        labels[row_index, : len(label)] = torch.tensor(label)
    return ids, labels


def encoded(table: Table, turns: list[tuple[str, str]]) -> tuple[list[int], list[int]]:
    """(token ids, labels) of a chat in the chat template; labels only where the student speaks."""
    ids: list[int] = []
    labels: list[int] = []
    for role, content in turns:
        body = [*toy_model.pieces(content), toy_model.END]
        body_ids = [table[piece] for piece in body]
        ids += [table[toy_model.ROLES[role]], *body_ids]
        labels += [_IGNORED] + (body_ids if role == "assistant" else [_IGNORED] * len(body))
    return ids, labels
