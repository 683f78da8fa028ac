"""The gold probe: does a model come to expect the right answer as the dialogue goes on?

After each of the teacher's messages the model is asked for its loss on the gold answer, put as its
own next reply (SML, section on in-context learning). The dialogues are fixed, and the same for every
model: those of one reference model that were solved at no turn. Over survivors, which grow harder
from turn to turn, the same loss would mean something else at every turn.

    loss(t) = -1/G * sum over the G gold tokens of log p(token | dialogue up to the teacher's turn t)

Turn 0 is the problem alone. The one module of this room that loads a model; imports torch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tutelage import intervals, models
from tutelage.evaluate.conditions import Condition
from tutelage.evaluate.figures import plain
from tutelage.intervals import Array, Interval

RowDict = Mapping[str, Any]
FORM = "The answer is {gold}."
"""How a student of ours ends a reply."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Losses of one model, (problems, turns); the first column is before any feedback."""

    problems: tuple[str, ...]
    losses: Array


def fixed(rows: Iterable[RowDict], most: int) -> list[RowDict]:
    """The dialogues of a probe: unsolved, one a problem, the first by id; all went as far.

    Golds that are no text, such as tests, have no loss.
    """
    chosen: dict[str, RowDict] = {}
    for row in sorted(rows, key=lambda row: row["dialogue_id"]):
        is_text = row["gold"].get("kind", "answer") == "answer"
        if is_text and row["outcome"]["solved_turn"] is None:
            chosen.setdefault(row["problem_id"], row)
    turns = max((row["outcome"]["turns"] for row in chosen.values()), default=0)
    whole = [row for row in chosen.values() if row["outcome"]["turns"] == turns]
    return whole[:most]


def probe(model: str, rows: Sequence[RowDict], form: str = FORM) -> Probe:
    """The losses of a model folder on these dialogues."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = models.resolve(model)
    words = AutoTokenizer.from_pretrained(folder)
    weights = AutoModelForCausalLM.from_pretrained(folder).eval()
    losses = []
    with torch.no_grad():
        for row in rows:
            ends = [
                place for place, entry in enumerate(row["trail"]) if entry["speaker"] == "teacher"
            ]
            losses.append([
                _loss(weights, words, row["messages"][: place + 1], row["gold"]["value"], form)
                for place in ends
            ])  # fmt: skip
    width = min((len(line) for line in losses), default=0)
    return Probe(
        tuple(row["problem_id"] for row in rows), np.array([line[:width] for line in losses])
    )


def slope(probes: Sequence[Probe]) -> Interval:
    """Change of the loss a turn: least squares over each dialogue; several probes are seeds."""
    turns = np.arange(probes[0].losses.shape[1], dtype=float)
    centred = turns - turns.mean()
    slopes = [probe.losses @ centred / (centred @ centred) for probe in probes]
    return intervals.mean(np.stack(slopes))


def of_models(
    cells: Sequence[Condition], students: Mapping[str, Sequence[str]], most: int
) -> dict[str, Any]:
    """The probe of each set, as a part of a report.

    Args:
        cells: the conditions of a report; the dialogues are the first model's, under the method
            or else the first arm.
        students: label -> model folders, one a training seed.
        most: dialogues of a set at most.
    """
    sets: dict[str, Any] = {}
    for name in dict.fromkeys(condition.set for condition in cells):
        chosen = next(condition for condition in cells if condition.set == name)
        rows = fixed(chosen.seeds[0], most)
        sets[name] = {"dialogues": len(rows), "of": chosen.model, "by_turn": {}, "slopes": {}}
        for label, folders in students.items() if rows else ():
            probes = [probe(folder, rows) for folder in folders]
            pooled = np.stack([one.losses for one in probes])
            sets[name]["by_turn"][label] = [
                plain(intervals.mean(pooled[:, :, turn])) for turn in range(pooled.shape[2])
            ]
            sets[name]["slopes"][label] = plain(slope(probes))
    return sets


def _loss(weights: Any, words: Any, messages: Sequence[Any], gold: str, form: str) -> float:
    """Mean loss on the tokens of `gold` in a reply that ends these messages."""
    import torch

    chat = [*messages, {"role": "assistant", "content": form.format(gold=gold)}]
    text = words.apply_chat_template(chat, tokenize=False)
    start = text.rindex(gold)
    coded = words(text, add_special_tokens=False, return_offsets_mapping=True)
    within = [
        place
        for place, (low, high) in enumerate(coded["offset_mapping"])
        if high > start and low < start + len(gold)
    ]
    ids = torch.tensor([coded["input_ids"]])
    scores = weights(ids).logits[0, [place - 1 for place in within]].log_softmax(-1)
    picked = scores.gather(1, ids[0, within, None])
    return -float(picked.mean())
