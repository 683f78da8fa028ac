"""The gold probe: does the model's loss on the gold answer fall as the dialogue goes on?

After each teacher message, the loss on the gold answer is computed as if it were the model's next
reply (SML, section on in-context learning). The dialogues are fixed and the same for every model:
those of one reference model that were never solved. If solved dialogues dropped out, the remaining
ones would get harder from turn to turn, and losses would not be comparable across turns.

    loss(t) = -1/G * sum over the G gold tokens of log p(token | dialogue up to the teacher's turn t)

Turn 0 is the problem alone. The only module of this package that loads a model; it imports torch.
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
"""The form in which our students end a reply."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Losses of one model, (problems, turns); the first column is before any feedback."""

    problems: tuple[str, ...]
    losses: Array


def fixed(rows: Iterable[RowDict], most: int) -> list[RowDict]:
    """The dialogues of a probe: unsolved, one per problem (the first by id), all of the same
    length.

    Golds that are not text, such as tests, have no loss.
    """
    chosen: dict[str, RowDict] = {}
    for row in sorted(rows, key=lambda row: row["dialogue_id"]):
        is_text = row["gold"].get("kind", "answer") == "answer"
        if is_text and row["outcome"]["solved_turn"] is None:
            chosen.setdefault(row["problem_id"], row)
    turns = max((row["outcome"]["turns"] for row in chosen.values()), default=0)
    longest = [row for row in chosen.values() if row["outcome"]["turns"] == turns]
    return longest[:most]


def probe(model: str, rows: Sequence[RowDict], form: str = FORM) -> Probe:
    """The losses of a model folder on these dialogues."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = models.resolve(model)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    weights = AutoModelForCausalLM.from_pretrained(folder).eval()
    losses = []
    with torch.no_grad():
        for row in rows:
            teacher_indices = [
                index for index, entry in enumerate(row["trail"]) if entry["speaker"] == "teacher"
            ]
            losses.append([
                _loss(weights, tokenizer, row["messages"][: index + 1], row["gold"]["value"], form)
                for index in teacher_indices
            ])  # fmt: skip
    width = min((len(line) for line in losses), default=0)
    return Probe(
        tuple(row["problem_id"] for row in rows), np.array([line[:width] for line in losses])
    )


def slope(probes: Sequence[Probe]) -> Interval:
    """Change of the loss per turn: least squares over each dialogue; several probes are seeds."""
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
        students: label -> model folders, one per training seed.
        most: maximum number of dialogues per set.
    """
    sets: dict[str, Any] = {}
    for name in dict.fromkeys(condition.set for condition in cells):
        chosen = next(condition for condition in cells if condition.set == name)
        rows = fixed(chosen.seeds[0], most)
        sets[name] = {"dialogues": len(rows), "of": chosen.model, "by_turn": {}, "slopes": {}}
        for label, folders in students.items() if rows else ():
            probes = [probe(folder, rows) for folder in folders]
            pooled = np.stack([model_probe.losses for model_probe in probes])
            sets[name]["by_turn"][label] = [
                plain(intervals.mean(pooled[:, :, turn])) for turn in range(pooled.shape[2])
            ]
            sets[name]["slopes"][label] = plain(slope(probes))
    return sets


def _loss(weights: Any, tokenizer: Any, messages: Sequence[Any], gold: str, form: str) -> float:
    """Mean loss on the tokens of `gold` in a reply that ends these messages."""
    import torch

    chat = [*messages, {"role": "assistant", "content": form.format(gold=gold)}]
    text = tokenizer.apply_chat_template(chat, tokenize=False)
    start = text.rindex(gold)
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    gold_indices = [
        index
        for index, (low, high) in enumerate(encoding["offset_mapping"])
        if high > start and low < start + len(gold)
    ]
    ids = torch.tensor([encoding["input_ids"]])
    scores = weights(ids).logits[0, [index - 1 for index in gold_indices]].log_softmax(-1)
    gold_scores = scores.gather(1, ids[0, gold_indices, None])
    return -float(gold_scores.mean())
