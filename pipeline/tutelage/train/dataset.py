"""What is learnt from: a run's rows, chosen, tokenised and put into groups.

A group is what an optimiser step takes `batch` of: in RL the dialogues of one problem under one
arm, in SFT a single dialogue. Samples
are held in memory (about 11 bytes a token). Nothing is left out in silence: every row that is not
learnt from is counted in `Dataset.left_out` under its reason.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tutelage.errors import SettingsError
from tutelage.shards.contaminated import marked
from tutelage.shards.sql import whole_groups
from tutelage.specials import neutralise
from tutelage.train import rows as shard_rows
from tutelage.train.groups import advantages, gathered, returned, speaking
from tutelage.train.recipe import Recipe
from tutelage.train.tokens import Encoder, Piece, Sample

Row = dict[str, Any]
Group = tuple[Sample, ...]


@dataclass(slots=True)
class Dataset:
    """What a training run learns from, and how it was chosen."""

    groups: list[Group]
    validation: list[Sample] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Rows, or groups where it says so, by the reason why they are not learnt from."""
    read: int = 0
    """Rows read of the training split."""
    returns: list[float] = field(default_factory=list)
    """Of all rows read, skipped groups included: the policy's own success."""
    temperatures: Counter[float] = field(default_factory=Counter)
    """At which the student was sampled."""
    contaminated: frozenset[str] = frozenset()
    """Problems that decontamination marked and left in the run."""

    @property
    def samples(self) -> Iterator[Sample]:
        """All samples, group by group."""
        return (sample for group in self.groups for sample in group)


def prepare(recipe: Recipe, encoder: Encoder, length: int) -> Dataset:
    """The dataset of `recipe` with sequences of at most `length` tokens.

    Raises:
        SettingsError: nothing is left to learn from, or a sequence is too long and may not be
            dropped.
    """
    dataset = Dataset([], contaminated=marked(recipe.run))
    make = _groups if recipe.kind == "rl" else _dialogues
    for group in make(recipe, encoder, dataset):
        _admit(recipe, group, length, dataset)
        if recipe.limit and len(dataset.groups) == recipe.limit:
            break
    if recipe.kind == "sft":
        dataset.validation = _validation(recipe, encoder, length, dataset)
    if not dataset.groups:
        why = ", ".join(f"{n} {reason}" for reason, n in dataset.left_out.most_common())
        raise SettingsError(
            f"nothing to learn from in {recipe.run}: {dataset.read} rows read"
            + (f", left out: {why}" if why else "")
        )
    return dataset


def _dialogues(recipe: Recipe, encoder: Encoder, dataset: Dataset) -> Iterator[Group]:
    """SFT: the solved dialogues of the training split, or their problems with gold solutions."""
    rows = shard_rows.read(recipe.run, "train", solved=not recipe.control, where=recipe.where)
    for row in _chosen(recipe, dataset, _noted(rows, dataset), dataset.left_out):
        yield (encoder.sample(row, recipe.loss),)


def _validation(recipe: Recipe, encoder: Encoder, length: int, dataset: Dataset) -> list[Sample]:
    rows = shard_rows.read(recipe.run, "validation", solved=not recipe.control, where=recipe.where)
    samples = [
        encoder.sample(row, recipe.loss) for row in _chosen(recipe, dataset, rows, Counter())
    ]
    kept = [sample for sample in samples if sample.trained and sample.longest <= length]
    dataset.left_out["validation: too long or untrained"] += len(samples) - len(kept)
    return kept


def _chosen(
    recipe: Recipe, dataset: Dataset, rows: Iterable[Row], left_out: Counter[str]
) -> Iterator[Row]:
    seen: set[str] = set()
    for row in rows:
        if recipe.arms and row["arm"] not in recipe.arms:
            left_out["other arm"] += 1
        elif row["problem_id"] in dataset.contaminated:
            left_out["contaminated"] += 1
        elif recipe.control:
            if row["problem_id"] in seen:
                continue
            seen.add(row["problem_id"])
            if row["privileged_context"].strip():
                yield single(row)
            else:
                left_out["no gold solution"] += 1
        elif row["duplicate_of"] is not None:
            left_out["duplicate"] += 1
        elif row["leak"]["any"] and not recipe.keep_leaks:
            left_out["leaked"] += 1
        else:
            yield row


def single(row: Row) -> Row:
    """The row's problem as one turn: the statement, and the gold solution as the reply.

    A system prompt stays, so that nothing but the dialogue is different.
    """
    system = [i for i, message in enumerate(row["messages"]) if message["role"] == "system"][:1]
    blank = {"form": "", "token_ids": [], "logprobs": [], "reasoning": "", "finish_reason": "stop"}
    posed = {"speaker": "teacher", "act": "problem", "turn": 0, "train": False} | blank
    solved = {"speaker": "student", "act": "attempt", "turn": 1, "train": True} | blank
    return row | {
        "dialogue_id": row["problem_id"],
        "messages": [row["messages"][i] for i in system]
        + [
            {"role": "user", "content": neutralise(row["statement"])[0]},
            {"role": "assistant", "content": neutralise(row["privileged_context"])[0]},
        ],
        "trail": [row["trail"][i] for i in system] + [posed, solved],
    }


def _groups(recipe: Recipe, encoder: Encoder, dataset: Dataset) -> Iterator[Group]:
    """RL: every group with a signal, with its advantages.

    Reads twice, so that no text is held: first the returns of all rows, then the dialogues.
    """
    where = whole_groups(recipe.where) if recipe.where else ""
    rows = shard_rows.read(recipe.run, "train", shard_rows.FACTS, where=where)
    facts = _noted(rows, dataset)
    wanted = (row for row in facts if _admissible(recipe, row, dataset))
    weights: dict[str, float] = {}
    sizes: Counter[str] = Counter()
    for group in speaking(gathered(wanted, dataset.left_out), dataset.left_out):
        drawn = advantages([returned(row) for row in group], recipe.std_floor)
        weights |= {row["dialogue_id"]: a for row, a in zip(group, drawn, strict=True)}
        sizes[group[0]["group_id"]] = len(group)
        if recipe.limit and len(sizes) == recipe.limit:
            break
    open_: dict[str, list[Sample]] = {}
    for row in shard_rows.read(recipe.run, "train"):
        if row["dialogue_id"] not in weights:
            continue
        sample = encoder.sample(row, recipe.loss, weights[row["dialogue_id"]])
        sample = replace(_drawn(sample, row, recipe.old == "stored"), return_=returned(row))
        members = open_.setdefault(row["group_id"], [])
        members.append(sample)
        if len(members) == sizes[row["group_id"]]:
            yield tuple(open_.pop(row["group_id"]))


def _drawn(sample: Sample, row: Row, stored: bool) -> Sample:
    """The sample with only those tokens trained that the policy drew in this very dialogue.

    A question that took the place of an attempt (Q-priming) was drawn after another prompt. Where
    the stored log-probabilities are wanted, a token without one cannot be compared.
    """
    primed = np.array(row["primed_turns"], np.int16)

    def own(p: Piece) -> Piece:
        train = p.train & ~np.isin(p.turn, primed)
        return Piece(
            p.ids, train & np.isfinite(p.logprobs) if stored else train, p.turn, p.logprobs
        )

    pieces = (own(piece) for piece in sample.pieces)
    return replace(sample, pieces=tuple(piece for piece in pieces if piece.train.any()))


def _admissible(recipe: Recipe, row: Row, dataset: Dataset) -> bool:
    if recipe.arms and row["arm"] not in recipe.arms:
        why = "other arm"
    elif row["problem_id"] in dataset.contaminated:
        why = "contaminated"
    elif row["leak"]["any"] and not recipe.keep_leaks:
        why = "leaked"
    else:
        return True
    dataset.left_out[why] += 1
    return False


def _noted(rows: Iterable[Row], dataset: Dataset) -> Iterator[Row]:
    for row in rows:
        dataset.read += 1
        dataset.returns.append(returned(row))
        dataset.temperatures[row["sampling"]["student"]["temperature"]] += 1
        yield row


def _admit(recipe: Recipe, group: Group, length: int, dataset: Dataset) -> None:
    """Takes the group in, without samples that are too long or have nothing to train on."""

    def fits(sample: Sample) -> bool:
        return sample.longest <= length

    for sample in group:
        if not fits(sample) and recipe.too_long == "refuse":
            raise SettingsError(
                f"dialogue {sample.key} has {sample.longest} tokens, the limit is {length}: "
                "raise --length or let long dialogues be dropped"
            )
    kept = tuple(sample for sample in group if fits(sample) and sample.trained)
    stored = recipe.kind == "rl" and recipe.old == "stored"
    empty = "no sampled tokens to train on (see --old)" if stored else "no trained tokens"
    dataset.left_out["too long"] += sum(not fits(sample) for sample in group)
    dataset.left_out[empty] += sum(fits(s) and not s.trained for s in group)
    if kept:
        dataset.groups.append(kept)
