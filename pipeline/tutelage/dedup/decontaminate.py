"""Finds evaluation problems among training problems.

A text can match an evaluation text in one of four ways, tried in this order:

- `same`: equal words and signs.
- `run`: they share a run of 13 words. An evaluation text of 5 to 12 words is one run and must occur
  completely. Runs that occur in more than 10 evaluation texts are boilerplate and ignored.
- `near`: the Jaccard similarity of their sets of five-word shingles is at least the threshold.
- `contained`: at least that share of the evaluation text's shingles occurs in the text.

Words are runs of letters and digits with adjacent operators (`tokens`), so that punctuation and
markup hide nothing, and `3 - 4` is not `3 + 4`. Signs count in all four ways, also in long runs: 13
words of formulas can easily come from another exercise, while prose has no signs. In scripts
without spaces, a character is a token and counts as half a word in the numbers above. Texts of
fewer than 5 words match only as `same`. If several evaluation texts match, the earlier way wins,
then the higher score, then the order of the index.

For long texts, `near` and `contained` at 0.8 find little that `run` does not (one edit in every
twelve words lowers the similarity below 0.5); they are for short texts. A lower threshold begins to
match look-alikes, such as "the area of a cone" and "of a sphere".

Similarities are exact and no match is missed: evaluation sets are small enough to index every
shingle, so no sampling (MinHash) is needed.
"""

import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from typing import Literal

import numpy as np
import numpy.typing as npt

from tutelage.dedup.scheme import Scheme
from tutelage.dedup.sketches import Hashes, shingle_sets, shingles
from tutelage.dedup.tokens import Token, excerpt, length, longest_run, plain, signed, tokens
from tutelage.records import Problem

RUN = 13
"""Number of consecutive shared words that makes a match."""
SHINGLE = 5
"""Words in a shingle; also the minimum for matches other than `same`."""
COMMON = 10
"""A run in more evaluation texts than this is ignored."""
_LONG = 400
"""Maximum length of the evidence if it is a whole text, in characters."""

Way = Literal["same", "run", "near", "contained"]


@dataclass(frozen=True, slots=True)
class Match:
    """A match with an evaluation text, and its evidence."""

    evaluation: str
    """Name of the evaluation set."""
    eval_id: str
    way: Way
    score: float
    """`run`: number of tokens in the longest shared run; otherwise a similarity in [0, 1]."""
    ours: str
    """The matching part, as text made by `tokens.plain`; a run is in brackets, with context."""
    theirs: str
    """The same in the evaluation text."""
    field: str = "text"
    """The part of a problem that matched: `statement` or `solution`."""

    def record(self) -> dict[str, str | float]:
        """As JSON."""
        return asdict(self)

    @property
    def reason(self) -> str:
        """One line for people: what is shared with which evaluation problem."""
        part = {
            "same": "is that",
            "run": f"shares {self.score:.0f} words in a row with that",
            "near": f"is {self.score:.2f} alike to that",
            "contained": f"contains {self.score:.2f} of that",
        }[self.way]
        overlap = self.ours
        if self.way == "run":
            overlap = overlap[overlap.index("[") + 1 : overlap.rindex("]")]
        words = textwrap.shorten(overlap, 160, placeholder=" …")
        return f"its {self.field} {part} of {self.eval_id} in {self.evaluation}: {words}"

    def side_by_side(self, width: int = 100) -> str:
        """Both texts in two columns: the training text left, the evaluation text right."""
        half = (width - 3) // 2
        head = f"{self.field} · {self.way} {self.score:.3g} · {self.evaluation} {self.eval_id}"
        rows = zip_longest(
            textwrap.wrap(self.ours, half), textwrap.wrap(self.theirs, half), fillvalue=""
        )
        return "\n".join([head, *(f"{left:<{half}} | {right}".rstrip() for left, right in rows)])


@dataclass(frozen=True, slots=True, eq=False)
class _Postings:
    """Which texts have which hash: two arrays, sorted by hash. Fast to pickle."""

    hashes: Hashes
    owners: npt.NDArray[np.int32]
    """int32, aligned with `hashes`: a text that has the hash."""

    @classmethod
    def build(cls, texts: dict[int, str], size: int, most: int | None = None) -> "_Postings":
        """Indexes runs of `size` words; drops those that occur in more than `most` texts."""
        hashes, bounds = shingle_sets(list(texts.values()), Scheme(shingle=size))
        owners = np.repeat(np.asarray(list(texts), np.int32), np.diff(bounds))
        order = np.argsort(hashes, kind="stable")
        hashes, owners = hashes[order], owners[order]
        if most is not None:
            _, hash_index, count = np.unique(hashes, return_inverse=True, return_counts=True)
            rare = count[hash_index] <= most
            hashes, owners = hashes[rare], owners[rare]
        return cls(hashes, owners)

    def shared(self, hashes: Hashes) -> dict[int, int]:
        """How many of `hashes` each text has, for texts that have any."""
        low = np.searchsorted(self.hashes, hashes, "left")
        high = np.searchsorted(self.hashes, hashes, "right")
        owner_runs = [self.owners[a:b] for a, b in zip(low, high, strict=True) if b > a]
        if not owner_runs:
            return {}
        owners, counts = np.unique(np.concatenate(owner_runs), return_counts=True)
        return dict(zip(owners.tolist(), counts.tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """An index of evaluation texts. Picklable, so that it can be sent to workers."""

    names: list[tuple[str, str]]
    """Evaluation set and id of each text."""
    texts: list[str]
    """Texts made by `tokens.plain`."""
    same: dict[str, int]
    """The first text with these words and signs."""
    runs: dict[int, _Postings]
    """By length of run in tokens."""
    run: int
    near: _Postings
    sizes: list[int]
    """Number of distinct shingles of each text."""
    threshold: float

    @classmethod
    def build(
        cls,
        texts: Iterable[tuple[str, str, str]],
        threshold: float = 0.8,
        run: int = RUN,
    ) -> "Index":
        """Builds an index from (name of the evaluation set, id, text)."""
        names: list[tuple[str, str]] = []
        plain_texts: list[str] = []
        same: dict[str, int] = {}
        long: dict[int, str] = {}
        by_run: dict[int, dict[int, str]] = {}
        for number, (name, eval_id, text) in enumerate(texts):
            plain_texts.append(plain(text))
            names.append((name, eval_id))
            words = signed(tokens(plain_texts[number]))
            joined = " ".join(words)
            if words:
                same.setdefault(joined, number)
            if length(words) >= SHINGLE:
                long[number] = joined
                size = run if length(words) >= run else len(words)
                by_run.setdefault(size, {})[number] = joined
        near = _Postings.build(long, SHINGLE)
        return cls(
            names,
            plain_texts,
            same,
            {size: _Postings.build(by_run[size], size, COMMON) for size in sorted(by_run)},
            run,
            near,
            np.bincount(near.owners, minlength=len(names)).tolist(),
            threshold,
        )

    def match(self, text: str) -> Match | None:
        """The best match of `text` among the evaluation texts, if any."""
        ours = plain(text)
        text_tokens = tokens(ours)
        words = signed(text_tokens)
        number = self.same.get(" ".join(words))
        if number is not None:
            return self._whole(number, ours, "same", 1.0)
        if length(words) < SHINGLE:
            return None
        return self._run(ours, text_tokens, words) or self._near(ours, words)

    def _run(self, text: str, text_tokens: list[Token], words: list[str]) -> Match | None:
        """The longest run of words shared with any evaluation text."""
        best: tuple[int, int, int, int] | None = None
        for size, postings in self.runs.items():
            if size > len(words):
                continue
            for number in postings.shared(_hashes(words, size)):
                theirs = signed(tokens(self.texts[number]))
                shared, our_begin, their_begin = longest_run(words, theirs, size)
                if length(words[our_begin : our_begin + shared]) < min(self.run, length(theirs)):
                    continue
                if best is None or (shared, -number) > (best[0], -best[1]):
                    best = shared, number, our_begin, their_begin
        if best is None:
            return None
        shared, number, our_begin, their_begin = best
        other = self.texts[number]
        return Match(
            *self.names[number],
            "run",
            shared,
            excerpt(text, text_tokens, our_begin, shared),
            excerpt(other, tokens(other), their_begin, shared),
        )

    def _near(self, text: str, words: list[str]) -> Match | None:
        mine = _hashes(words, SHINGLE)
        ranked: list[tuple[bool, float, int]] = []
        for number, shared in self.near.shared(mine).items():
            jaccard = shared / (len(mine) + self.sizes[number] - shared)
            contained = shared / self.sizes[number]
            if jaccard >= self.threshold:
                ranked.append((True, jaccard, -number))
            elif contained >= self.threshold:
                ranked.append((False, contained, -number))
        if not ranked:
            return None
        near, value, number = max(ranked)
        return self._whole(-number, text, "near" if near else "contained", value)

    def _whole(self, number: int, text: str, way: Way, value: float) -> Match:
        return Match(*self.names[number], way, value, text[:_LONG], self.texts[number][:_LONG])


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Evaluations:
    """Evaluation problems: statements are compared with statements, gold solutions with gold
    solutions.

    A solution of fewer than 13 words (a bare answer, one step) resembles many others and proves
    nothing; it is ignored on both sides.
    """

    statements: Index
    solutions: Index

    @classmethod
    def build(
        cls, problems: Iterable[tuple[str, Problem]], threshold: float = 0.8, run: int = RUN
    ) -> "Evaluations":
        """Indexes (name of the evaluation set, problem)."""
        sets = list(problems)
        return cls(
            Index.build(((name, p.problem_id, p.statement) for name, p in sets), threshold, run),
            Index.build(
                (
                    (name, p.problem_id, p.privileged_context)
                    for name, p in sets
                    if _is_significant(p.privileged_context)
                ),
                threshold,
                run,
            ),
        )

    def match(self, problem: Problem) -> Match | None:
        """The match of the statement, or else of the gold solution."""
        matched = self.statements.match(problem.statement)
        if matched is not None:
            return replace(matched, field="statement")
        if not _is_significant(problem.privileged_context):
            return None
        matched = self.solutions.match(problem.privileged_context)
        return None if matched is None else replace(matched, field="solution")


def _is_significant(solution: str) -> bool:
    return length(signed(tokens(plain(solution)))) >= RUN


def _hashes(words: list[str], size: int) -> Hashes:
    return shingles(" ".join(words), Scheme(shingle=size))
