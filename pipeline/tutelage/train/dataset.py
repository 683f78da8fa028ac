"""What is learnt from: the rows of runs, chosen, tokenised and put into groups.

A group is what an optimiser step takes `batch` of: in RL the dialogues of one problem under one
arm, in SFT a single dialogue. Samples are held in memory (about 11 bytes a token). Nothing is left
out in silence: every row that is not learnt from is counted in `Dataset.left_out` under its reason.

In RL a group is learnt from whole or not at all. Its advantages compare its members; one that is
dropped after that, such as the longest, which are failures more often than not, would leave the
others praised for beating nobody.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tutelage.contract.sampling import altered_by
from tutelage.errors import SettingsError
from tutelage.seeds import digest
from tutelage.shards.contaminated import marked
from tutelage.shards.sql import whole_groups
from tutelage.specials import neutralise
from tutelage.train import rows as shard_rows
from tutelage.train.groups import advantages, gathered, returned, speaking
from tutelage.train.recipe import Recipe
from tutelage.train.tokens import Encoder, Piece, Sample

Row = dict[str, Any]
Group = tuple[Sample, ...]

REMEDIES = {
    "groups of one": "generate several dialogues a problem: --samples 8",
    "groups all": "no two returns of a group differ: other problems, or --samples 16",
    "sampled tokens": "no log-probabilities are stored: --old start",
    "too long": "raise --length, if the model takes more",
    "other arm": "name an arm that the run has with --arm",
    "leaked": "keep dialogues in which an answer leaked with --keep-leaks",
    "worked solution": "the single-turn control wants a corpus with worked solutions",
}
"""What helps where nothing is left, by a part of the commonest reason."""


@dataclass(slots=True)
class Dataset:
    """What a training run learns from, and how it was chosen."""

    groups: list[Group] = field(default_factory=list)
    validation: list[Sample] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Rows, or groups where it says so, by the reason why they are not learnt from."""
    read: int = 0
    """Rows read of the training split."""
    returns: list[float] = field(default_factory=list)
    """Of all rows read, skipped groups included: the policy's own success."""
    temperatures: Counter[float] = field(default_factory=Counter)
    """At which the student was sampled."""
    partial: int = 0
    """Groups that are smaller than the run's largest: some member failed, leaked, or is missing."""
    seen: set[str] = field(default_factory=set)
    """Digests of the dialogues taken: runs may be made of one another."""

    @property
    def samples(self) -> Iterator[Sample]:
        """All samples, group by group."""
        return (sample for group in self.groups for sample in group)


def prepare(recipe: Recipe, encoder: Encoder, length: int) -> Dataset:
    """The dataset of `recipe` with sequences of at most `length` tokens.

    Raises:
        SettingsError: nothing is left to learn from, a sequence is too long and may not be
            dropped, or RL would learn from truncated sampling.
    """
    dataset = Dataset()
    for run in recipe.runs:
        contaminated = marked(run)
        source = _Source(recipe, encoder, length, dataset, run, contaminated)
        for group in source.groups() if recipe.kind == "rl" else source.dialogues("train"):
            source.admit(group)
            if recipe.limit and len(dataset.groups) == recipe.limit:
                break
        if recipe.kind == "sft":
            dataset.validation += source.validation()
    if not dataset.groups:
        raise SettingsError(_nothing(recipe, dataset))
    return dataset


def _nothing(recipe: Recipe, dataset: Dataset) -> str:
    """Why nothing is left, and what would help."""
    where = ", ".join(recipe.runs)
    if not dataset.read and recipe.kind == "sft" and not recipe.control:
        return (
            f"nothing to learn from in {where}: no dialogue of its training split was solved; "
            "--control unfiltered learns from failures, `train rl` from groups"
        )
    if not dataset.read:
        return f"nothing to learn from in {where}: its training split is empty"
    reasons = [(reason, n) for reason, n in dataset.left_out.most_common() if n]
    why = ", ".join(f"{n} {reason}" for reason, n in reasons)
    most = reasons[0][0] if reasons else ""
    remedy = next((words for part, words in REMEDIES.items() if part in most), "")
    return (
        f"nothing to learn from in {where}: {dataset.read} rows read"
        + (f", left out: {why}" if why else "")
        + (f"; {remedy}" if remedy else "")
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """One run on its way into the dataset."""

    recipe: Recipe
    encoder: Encoder
    length: int
    dataset: Dataset
    run: str
    contaminated: frozenset[str]
    """Problems that decontamination marked and left in the run."""

    def dialogues(self, split: str) -> Iterator[Group]:
        """SFT: the solved dialogues of the split, or what the control wants in their place."""
        solved = not self.recipe.control
        rows: Iterable[Row] = shard_rows.read(
            self.run, split, solved=solved, where=self.recipe.where
        )
        if split == "train":
            rows = self._noted(rows)
        # What is left out is counted of the training split alone.
        left_out = self.dataset.left_out if split == "train" else Counter[str]()
        for row in self._chosen(rows, left_out):
            yield (self.encoder.sample(row, self.recipe.loss),)

    def validation(self) -> list[Sample]:
        """What the loss is looked at on."""
        samples = [sample for (sample,) in self.dialogues("validation")]
        fitting = [s for s in samples if s.trained and s.longest <= self.length]
        self.dataset.left_out["validation: too long or untrained"] += len(samples) - len(fitting)
        return fitting

    def _chosen(self, rows: Iterable[Row], left_out: Counter[str]) -> Iterator[Row]:
        control, posed = self.recipe.control, self.dataset.seen
        for row in rows:
            if why := self._inadmissible(row):
                left_out[why] += 1
            elif control == "single":
                if row["problem_id"] in posed:
                    continue
                posed.add(row["problem_id"])
                if row["privileged_context"].strip() in ("", row["gold"]["value"].strip()):
                    left_out["no worked solution"] += 1
                else:
                    yield single(row)
            elif row["outcome"]["status"] == "failed":
                left_out["failed"] += 1
            elif row["duplicate_of"] is not None:
                left_out["duplicate"] += 1
            elif self._repeated(row):
                left_out["in an earlier run as well"] += 1
            else:
                yield row

    def groups(self) -> Iterator[Group]:
        """RL: every group with a signal, with its advantages.

        Reads twice, so that no text is held: first the returns of all rows, then the dialogues.
        """
        recipe, left_out = self.recipe, self.dataset.left_out
        whole: Counter[str] = Counter()
        admitted = []
        where = whole_groups(recipe.where) if recipe.where else ""
        rows = shard_rows.read(self.run, "train", shard_rows.FACTS, where=where)
        for row in self._noted(rows):
            whole[row["group_id"]] += 1
            if why := self._inadmissible(row):
                left_out[why] += 1
            else:
                _refuse_altered(row)
                admitted.append(row)
        weights: dict[str, float] = {}
        sizes: Counter[str] = Counter()
        for members in speaking(gathered(admitted, left_out), left_out):
            drawn = advantages([returned(row) for row in members], recipe.std_floor)
            weights |= {row["dialogue_id"]: a for row, a in zip(members, drawn, strict=True)}
            sizes[members[0]["group_id"]] = len(members)
        largest = max(whole.values(), default=0)
        open_: dict[str, list[Sample]] = {}
        for row in shard_rows.read(self.run, "train"):
            if row["dialogue_id"] not in weights:
                continue
            sample = self.encoder.sample(row, recipe.loss, weights[row["dialogue_id"]])
            sample = replace(_drawn(sample, row, recipe), return_=returned(row))
            group = open_.setdefault(row["group_id"], [])
            group.append(sample)
            if len(group) == sizes[row["group_id"]]:
                self.dataset.partial += len(group) < largest
                yield tuple(open_.pop(row["group_id"]))

    def admit(self, group: Group) -> None:
        """Takes the group in, unless a member is too long or has nothing to train on."""
        recipe, left_out = self.recipe, self.dataset.left_out
        long = [sample for sample in group if sample.longest > self.length]
        if long and recipe.too_long == "refuse":
            raise SettingsError(
                f"dialogue {long[0].key} has {long[0].longest} tokens, the limit is "
                f"{self.length}: raise --length or let long dialogues be dropped"
            )
        member = "groups with a member that is " if recipe.kind == "rl" else ""
        stored = recipe.kind == "rl" and (recipe.old == "stored" or recipe.truncate > 0)
        if long:
            left_out[f"{member}too long"] += 1
        elif not all(sample.trained for sample in group):
            without = "without sampled tokens (see --old)" if stored else "no trained tokens"
            left_out[f"{member}{without}"] += 1
        else:
            self.dataset.groups.append(group)

    def _inadmissible(self, row: Row) -> str:
        """Why the row is not learnt from, whatever the objective; empty: it may be."""
        if self.recipe.arms and row["arm"] not in self.recipe.arms:
            return "other arm"
        if row["problem_id"] in self.contaminated:
            return "contaminated"
        if row["leak"]["any"] and not (self.recipe.keep_leaks or self.recipe.control == "single"):
            return "leaked"
        return ""

    def _repeated(self, row: Row) -> bool:
        """Whether the very dialogue came in another run; ids alone repeat with a run's seed."""
        if len(self.recipe.runs) < 2:
            return False
        name = digest(row["dialogue_id"], *(message["content"] for message in row["messages"]))
        known = name in self.dataset.seen
        self.dataset.seen.add(name)
        return known

    def _noted(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self.dataset.read += 1
            self.dataset.returns.append(returned(row))
            self.dataset.temperatures[row["sampling"]["student"]["temperature"]] += 1
            yield row


def single(row: Row) -> Row:
    """The row's problem as one turn: the statement, and the worked solution as the reply.

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


def _refuse_altered(row: Row) -> None:
    """RL compares probabilities of the whole distribution; a sampler that cuts off a part of it, or
    shifts it by what was said before, drew from another.

    Raises:
        SettingsError: the student was sampled so.
    """
    if fault := altered_by(row["sampling"]["student"]):
        raise SettingsError(
            f"the student was sampled with {fault}, from another distribution than the policy's: "
            "generate for rl without it"
        )


def _drawn(sample: Sample, row: Row, recipe: Recipe) -> Sample:
    """The sample with only those tokens trained that the policy drew in this very dialogue.

    A question that took the place of an attempt (Q-priming) was drawn after another prompt. Where
    the stored log-probabilities are wanted, a token without one cannot be compared.
    """
    primed = np.array(row["primed_turns"], np.int16)
    stored = recipe.old == "stored" or recipe.truncate > 0

    def own(piece: Piece) -> Piece:
        train = piece.train & ~np.isin(piece.turn, primed)
        return replace(piece, train=train & np.isfinite(piece.logprobs) if stored else train)

    pieces = (own(piece) for piece in sample.pieces)
    return replace(sample, pieces=tuple(piece for piece in pieces if piece.train.any()))
