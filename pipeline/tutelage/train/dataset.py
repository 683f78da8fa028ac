"""The training data: rows of runs, selected, tokenised and grouped.

A group is the unit of which an optimiser step takes `batch`: in RL the dialogues of one problem
under one arm, in SFT a single dialogue. Samples are held in memory (about 15 bytes per token).
Every row that is left out is counted in `Dataset.left_out` under its reason. RL uses whole groups
only, because advantages compare a group's members.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tutelage.contract.groups import FACTS, gathered, returned, speaking
from tutelage.contract.sampling import altered_by
from tutelage.contract.tokens import Encoder, Piece, Sample
from tutelage.errors import SettingsError
from tutelage.seeds import digest
from tutelage.shards import read_rows
from tutelage.shards.contaminated import marked
from tutelage.shards.sql import whole_groups
from tutelage.specials import neutralise
from tutelage.train.loss import advantages
from tutelage.train.recipe import Recipe

RowDict = dict[str, Any]
Group = tuple[Sample, ...]

TEXTS = ("statement", "gold", "privileged_context", "messages", "trail", "primed_turns")
"""Columns that are tokenised: most of a row's bytes."""
REMEDIES = {
    "groups of one": "generate several dialogues a problem: --samples 8",
    "groups all": "no two returns of a group differ: other problems, or --samples 16",
    "sampled tokens": "no log-probabilities are stored: --old start",
    "too long": "raise --length, if the model takes more",
    "other arm": "name an arm that the run has with --arm",
    "leaked": "keep dialogues in which an answer leaked with --keep-leaks",
    "worked solution": "the single-turn control wants a corpus with worked solutions",
}
"""Advice if no data is left, by a part of the most common reason."""


@dataclass(slots=True)
class Dataset:
    """The training data of a recipe, and how it was selected."""

    groups: list[Group] = field(default_factory=list)
    validation: list[Sample] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason -> number of rows (or groups, if it says so) that were left out."""
    returns: list[float] = field(default_factory=list)
    """Of all rows of the training split, skipped groups included: the policy's own success."""
    temperatures: Counter[float] = field(default_factory=Counter)
    """Sampling temperatures of the student."""
    partial: int = 0
    """Groups smaller than the run's largest: some member failed, leaked, or is missing."""
    seen: set[str] = field(default_factory=set)
    """Digests of the dialogues so far: runs may be derived from each other."""

    @property
    def samples(self) -> Iterator[Sample]:
        """All samples, group by group."""
        return (sample for group in self.groups for sample in group)


def prepare(recipe: Recipe, encoder: Encoder, length: int) -> Dataset:
    """The dataset of `recipe` with sequences of at most `length` tokens.

    Raises:
        SettingsError: no data is left, a sequence is too long and must not be dropped, or RL would
            use truncated sampling.
    """
    dataset = Dataset()
    for run in recipe.runs:
        source = _Source(recipe, encoder, length, dataset, run, marked(run))
        for group in source.groups() if recipe.kind == "rl" else source.dialogues("train"):
            source.admit(group)
            if recipe.limit and len(dataset.groups) == recipe.limit:
                break
        if recipe.kind == "sft":
            dataset.validation += source.validation()
    if not dataset.groups:
        raise SettingsError(
            f"nothing to learn from in {', '.join(recipe.runs)}: {_nothing(recipe, dataset)}"
        )
    return dataset


def _nothing(recipe: Recipe, dataset: Dataset) -> str:
    """Why no data is left, and advice."""
    if not dataset.returns and recipe.kind == "sft" and not recipe.control:
        return (
            "no dialogue of its training split was solved; --control unfiltered learns from "
            "failures, `train rl` from groups"
        )
    if not dataset.returns:
        return "its training split is empty"
    reasons = [f"{n} {reason}" for reason, n in dataset.left_out.most_common() if n] or ["none"]
    remedy = next((f"; {words}" for part, words in REMEDIES.items() if part in reasons[0]), "")
    return f"{len(dataset.returns)} rows read, left out: {', '.join(reasons)}{remedy}"


@dataclass(frozen=True, slots=True)
class _Source:
    """Reads one run into the dataset."""

    recipe: Recipe
    encoder: Encoder
    length: int
    dataset: Dataset
    run: str
    contaminated: frozenset[str]
    """Problems that decontamination marked and left in the run."""

    def dialogues(self, split: str) -> Iterator[Group]:
        """SFT: the solved dialogues of the split, or those of the control."""
        recipe, kind = self.recipe, "*" if self.recipe.control else "solved"
        rows: Iterable[RowDict] = read_rows(self.run, FACTS + TEXTS, recipe.where, (split,), kind)
        left_out: Counter[str] = Counter()  # reported for the training split only
        if split == "train":
            rows, left_out = self._counted(rows), self.dataset.left_out
        for row in rows:
            if reason := self._inadmissible(row) or self._unfit(row):
                left_out[reason] += 1
            else:
                used_row = single(row) if recipe.control == "single" else row
                yield (self.encoder.sample(used_row, recipe.loss),)

    def validation(self) -> list[Sample]:
        """The samples for the validation loss."""
        samples = [sample for (sample,) in self.dialogues("validation")]
        fitting = [s for s in samples if s.trained and s.longest <= self.length]
        self.dataset.left_out["validation: too long or untrained"] += len(samples) - len(fitting)
        return fitting

    def groups(self) -> Iterator[Group]:
        """RL: every group with differing returns, with its advantages.

        Reads the run twice, so that no text is held: first the returns of all rows, then the
        dialogues.
        """
        recipe, left_out = self.recipe, self.dataset.left_out
        sizes: Counter[str] = Counter()
        admitted = []
        where = whole_groups(recipe.where) if recipe.where else ""
        for row in self._counted(read_rows(self.run, FACTS, where, ("train",))):
            sizes[row["group_id"]] += 1
            if reason := self._inadmissible(row):
                left_out[reason] += 1
            else:
                _refuse_altered(row)
                admitted.append(row)
        weights: dict[str, float] = {}
        members: dict[str, int] = {}
        for rows in speaking(gathered(admitted, left_out), left_out):
            group_advantages = advantages([returned(row) for row in rows], recipe.std_floor)
            weights |= {
                row["dialogue_id"]: a for row, a in zip(rows, group_advantages, strict=True)
            }
            members[rows[0]["group_id"]] = len(rows)
        incomplete: dict[str, list[Sample]] = {}
        for row in read_rows(self.run, FACTS + TEXTS, "", ("train",)):
            if (weight := weights.get(row["dialogue_id"])) is not None:
                name, group = row["group_id"], incomplete.setdefault(row["group_id"], [])
                group.append(self._sampled_only(row, weight))
                if len(group) == members[name]:
                    self.dataset.partial += len(group) < max(sizes.values())
                    yield tuple(incomplete.pop(name))

    def _sampled_only(self, row: RowDict, advantage: float) -> Sample:
        """The row with only those tokens trained that the policy sampled in this dialogue.

        A question that replaced an attempt (Q-priming) was sampled after another prompt. If stored
        log-probabilities are needed, tokens without one are not trained.
        """
        primed = np.array(row["primed_turns"], np.int16)

        def own(piece: Piece) -> Piece:
            train = piece.train & ~np.isin(piece.turn, primed)
            known = np.isfinite(piece.logprobs) if self.recipe.stored else True
            return replace(piece, train=train & known)

        sample = self.encoder.sample(row, self.recipe.loss, advantage)
        pieces = tuple(piece for piece in map(own, sample.pieces) if piece.train.any())
        return replace(sample, pieces=pieces, return_=returned(row))

    def admit(self, group: Group) -> None:
        """Adds the group unless a member is too long or has no trained tokens."""
        long = [sample for sample in group if sample.longest > self.length]
        if long and self.recipe.too_long == "refuse":
            raise SettingsError(
                f"dialogue {long[0].key} has {long[0].longest} tokens, the limit is "
                f"{self.length}: raise --length or let long dialogues be dropped"
            )
        stored = self.recipe.stored
        untrained = "without sampled tokens (see --old)" if stored else "no trained tokens"
        reason = (
            "too long" if long else "" if all(sample.trained for sample in group) else untrained
        )
        member = "groups with a member that is " if self.recipe.kind == "rl" else ""
        if reason:
            self.dataset.left_out[f"{member}{reason}"] += 1
        else:
            self.dataset.groups.append(group)

    def _inadmissible(self, row: RowDict) -> str:
        """Why the row is not used with any objective; empty if it may be."""
        if self.recipe.arms and row["arm"] not in self.recipe.arms:
            return "other arm"
        if row["problem_id"] in self.contaminated:
            return "contaminated"
        if row["leak"]["any"] and not (self.recipe.keep_leaks or self.recipe.control == "single"):
            return "leaked"
        return ""

    def _unfit(self, row: RowDict) -> str:
        """Why SFT does not use the row; empty if it does."""
        if self.recipe.control == "single":
            if self._repeated(row["problem_id"]):
                return "of a problem that is there already"
            solution, answer = row["privileged_context"].strip(), row["gold"]["value"].strip()
            return "no worked solution" if solution in ("", answer) else ""
        if row["outcome"]["status"] == "failed":
            return "failed"
        if row["duplicate_of"] is not None:
            return "duplicate"
        # Ids alone repeat in runs with the same seed.
        texts = (message["content"] for message in row["messages"])
        several = len(self.recipe.runs) > 1
        repeated = several and self._repeated(digest(row["dialogue_id"], *texts))
        return "in an earlier run as well" if repeated else ""

    def _repeated(self, name: str) -> bool:
        is_repeated = name in self.dataset.seen
        self.dataset.seen.add(name)
        return is_repeated

    def _counted(self, rows: Iterable[RowDict]) -> Iterator[RowDict]:
        for row in rows:
            self.dataset.returns.append(returned(row))
            self.dataset.temperatures[row["sampling"]["student"]["temperature"]] += 1
            yield row


def single(row: RowDict) -> RowDict:
    """The row's problem as one turn: the statement, and the worked solution as the reply.

    Keeps the system prompt, so that only the dialogue differs.
    """
    system = [i for i, message in enumerate(row["messages"]) if message["role"] == "system"][:1]
    blank = {"form": "", "token_ids": [], "logprobs": [], "reasoning": "", "finish_reason": "stop"}
    posed = {"speaker": "teacher", "act": "problem", "turn": 0, "train": False} | blank
    solved = {"speaker": "student", "act": "attempt", "turn": 1, "train": True} | blank
    statement, solution = (neutralise(row[k])[0] for k in ("statement", "privileged_context"))
    return row | {
        "dialogue_id": row["problem_id"],
        "messages": [
            *(row["messages"][i] for i in system),
            {"role": "user", "content": statement},
            {"role": "assistant", "content": solution},
        ],
        "trail": [*(row["trail"][i] for i in system), posed, solved],
    }


def _refuse_altered(row: RowDict) -> None:
    """RL needs probabilities under the full distribution. A sampler that truncates it, or shifts it
    by earlier tokens, samples from another one.

    Raises:
        SettingsError: the student was sampled in such a way.
    """
    if fault := altered_by(row["sampling"]["student"]):
        raise SettingsError(
            f"the student was sampled with {fault}, from another distribution than the policy's: "
            "generate for rl without it"
        )
