"""From nothing to the base model: next-token prediction of the student's words in the toy's chats.

A curriculum. First short answers and a web on which most listen, until looking a name up is learnt;
then the whole range; then the web as it is, on which few do. What is left is a model that can
listen and mostly does not, as the paper's base.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import tutelage.train  # noqa: F401  before torch, so that threads that wait sleep
from tutelage.replicate import toy_model
from tutelage.replicate.chats import Web, chat

Say = Callable[[str], None]
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class Lesson:
    """One part of the curriculum."""

    web: Web
    steps: int
    lr: float
    """At its beginning; the last lesson's falls to a tenth."""


def curriculum(listen: float, steps: int) -> tuple[Lesson, Lesson, Lesson]:
    """Three lessons, of a third of the steps each, that end in a web with this share of listeners."""
    eager = Web(listen=0.85, repeat=0.05, ask=0.05, single=0.1)
    web = Web() if listen == Web().listen else Web(listen=listen, repeat=0.45 - listen / 2)
    third = max(1, steps // 3)
    return (
        Lesson(replace(eager, longest=4, turns=5), third, 3e-3),
        Lesson(eager, third, 3e-3),
        Lesson(web, steps - 2 * third, 2e-3),
    )


def pretrain(
    lessons: tuple[Lesson, ...], out: Path, say: Say, *, seed: int = 0, batch: int = 48,
    start: Path | None = None, threads: int = 0,
) -> None:  # fmt: skip
    """Learns the lessons one after another and writes the model folder `out`.

    Args:
        start: a model folder to go on from; None for random weights.
    """
    import torch

    from tutelage.train import model as trained

    trained.quiet()
    if threads:
        torch.set_num_threads(threads)
    words = toy_model.tokenizer()
    if start is None:
        model = toy_model.fresh(len(words), seed)
    else:
        from transformers import LlamaForCausalLM

        model = LlamaForCausalLM.from_pretrained(start)
    model.train()
    source = random.Random(seed)
    for number, lesson in enumerate(lessons, 1):
        is_last = number == len(lessons)
        _learn(model, words, lesson, source, batch, partial(_named, say, number), is_last)
    model.eval()
    toy_model.save(model, words, out)


def _named(say: Say, number: int, words: str) -> None:
    say(f"lesson {number}: {words}")


def _learn(
    model: Any,
    words: Any,
    lesson: Lesson,
    source: random.Random,
    batch: int,
    say: Say,
    is_last: bool,
) -> None:
    import torch

    optimiser = torch.optim.AdamW(
        model.parameters(), lr=lesson.lr, betas=(0.9, 0.98), weight_decay=0.0
    )
    begun, seen = time.monotonic(), 0
    for step in range(lesson.steps):
        rate = lesson.lr * min(1.0, (step + 1) / 50)
        if is_last:
            rate *= max(0.1, 1 - step / lesson.steps)
        for group in optimiser.param_groups:
            group["lr"] = rate
        ids, labels = _batch(words, lesson.web, source, batch)
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        seen += int((ids != 0).sum())
        if step % 50 == 49 or step + 1 == lesson.steps:
            speed = seen / (time.monotonic() - begun)
            say(f"step {step + 1}/{lesson.steps}, loss {loss.item():.3f}, {speed:.0f} tokens/s")


def _batch(words: Any, web: Web, source: random.Random, size: int) -> tuple[Any, Any]:
    """Token ids and labels, (B, longest), of chats of about one length: of four times as many, the
    neighbours of one that is drawn.
    """
    import torch

    chats = sorted((chat(web, source) for _ in range(4 * size)), key=lambda turns: len(str(turns)))
    first = source.randrange(len(chats) - size + 1)
    rows = [encoded(words, turns) for turns in chats[first : first + size]]
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.zeros(size, longest, dtype=torch.long)
    labels = torch.full((size, longest), _IGNORED)
    for place, (row, label) in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        labels[place, : len(label)] = torch.tensor(label)
    return ids, labels


def encoded(words: Any, turns: list[tuple[str, str]]) -> tuple[list[int], list[int]]:
    """(token ids, labels) of a chat: as the chat template has it, learnt where the student speaks."""
    ids: list[int] = []
    labels: list[int] = []
    for role, content in turns:
        head = [words.convert_tokens_to_ids(toy_model.ROLES[role])]
        body = words(content + toy_model.END, add_special_tokens=False)["input_ids"]
        ids += head + body
        labels += [_IGNORED] + (body if role == "assistant" else [_IGNORED] * len(body))
    return ids, labels
