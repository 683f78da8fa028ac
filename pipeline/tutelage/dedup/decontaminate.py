"""Finds evaluation problems among the problems to train on.

A text is a match for an evaluation text in one of four ways, looked for in this order:

- `same`: equal words and signs.
- `run`: they share a run of 13 words. An evaluation text of 5 to 12 words counts as one run and
  must occur whole. Runs that stand in more than 10 evaluation texts are boilerplate and ignored.
- `near`: the Jaccard similarity of their sets of five-word shingles is at the threshold or above.
- `contained`: that share of the evaluation text's shingles occurs in the text.

Words are runs of letters and digits with the operators at them (`tokens`), so that punctuation and
markup hide nothing, and `3 - 4` is not `3 + 4`. Signs count in all four ways, in long runs as well:
13 words of formulas are soon those of another exercise, while in prose there is no sign to differ.
A character of a script without spaces between words is a token by itself and half a word in the
numbers above. Texts of fewer than 5 words match only as `same`. Where two evaluation texts match,
the earlier way and then the higher score decides, then the order in which the index was built.

On long texts, `near` and `contained` at 0.8 find little that `run` has not found (an edit in
every twelve words brings the similarity below 0.5); they are for short ones. A lower threshold
begins to hit look-alikes, such as "the area of a cone" and "of a sphere".

Similarities are exact and none is missed: evaluation sets are small enough to index every
shingle, so that no sampling (MinHash) is needed here.
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
"""Words that, shared in a row, make a match."""
SHINGLE = 5
"""Words in a shingle; also the fewest with which anything but equality is looked for."""
COMMON = 10
"""A run in more evaluation texts than this says nothing."""
_LONG = 400
"""Characters of evidence where it is a whole text."""

Way = Literal["same", "run", "near", "contained"]


@dataclass(frozen=True, slots=True)
class Match:
    """An evaluation text that a text matches, and the evidence."""

    evaluation: str
    """Name of the evaluation set."""
    eval_id: str
    way: Way
    score: float
    """`run`: tokens in the longest shared run; otherwise a similarity in [0, 1]."""
    ours: str
    """What matches, in the text as `tokens.plain` has it; a run in brackets, words around it."""
    theirs: str
    """The same in the evaluation text."""
    field: str = "text"
    """Which part of a problem matched: `statement` or `solution`."""

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
        """Two columns to look at: the text left, the evaluation text right."""
        half = (width - 3) // 2
        head = f"{self.field} · {self.way} {self.score:.3g} · {self.evaluation} {self.eval_id}"
        rows = zip_longest(
            textwrap.wrap(self.ours, half), textwrap.wrap(self.theirs, half), fillvalue=""
        )
        return "\n".join([head, *(f"{left:<{half}} | {right}".rstrip() for left, right in rows)])


@dataclass(frozen=True, slots=True, eq=False)
class _Postings:
    """Which texts have which hash: two arrays, sorted by hash. Pickles in one go."""

    hashes: Hashes
    owners: npt.NDArray[np.int32]
    """int32, aligned with `hashes`: a text that has it."""

    @classmethod
    def build(cls, texts: dict[int, str], size: int, most: int | None = None) -> "_Postings":
        """Runs of `size` words of the texts; those that more than `most` texts have go."""
        hashes, bounds = shingle_sets(list(texts.values()), Scheme(shingle=size))
        owners = np.repeat(np.asarray(list(texts), np.int32), np.diff(bounds))
        order = np.argsort(hashes, kind="stable")
        hashes, owners = hashes[order], owners[order]
        if most is not None:
            _, place, count = np.unique(hashes, return_inverse=True, return_counts=True)
            rare = count[place] <= most
            hashes, owners = hashes[rare], owners[rare]
        return cls(hashes, owners)

    def shared(self, hashes: Hashes) -> dict[int, int]:
        """How many of `hashes` each text has, for those that have any."""
        low = np.searchsorted(self.hashes, hashes, "left")
        high = np.searchsorted(self.hashes, hashes, "right")
        owner_runs = [self.owners[a:b] for a, b in zip(low, high, strict=True) if b > a]
        if not owner_runs:
            return {}
        owners, counts = np.unique(np.concatenate(owner_runs), return_counts=True)
        return dict(zip(owners.tolist(), counts.tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Evaluation texts, ready to be matched against. Pickles, so that workers can have it."""

    names: list[tuple[str, str]]
    """Evaluation set and id of each text."""
    texts: list[str]
    """As `tokens.plain` has them."""
    same: dict[str, int]
    """First text with these words and signs."""
    runs: dict[int, _Postings]
    """By length of run in tokens."""
    run: int
    near: _Postings
    sizes: list[int]
    """Distinct shingles of each text."""
    threshold: float

    @classmethod
    def build(
        cls,
        texts: Iterable[tuple[str, str, str]],
        threshold: float = 0.8,
        run: int = RUN,
    ) -> "Index":
        """An index of (name of the evaluation set, id, text)."""
        names: list[tuple[str, str]] = []
        kept: list[str] = []
        same: dict[str, int] = {}
        long: dict[int, str] = {}
        by_run: dict[int, dict[int, str]] = {}
        for place, (name, eval_id, text) in enumerate(texts):
            kept.append(plain(text))
            names.append((name, eval_id))
            words = signed(tokens(kept[place]))
            joined = " ".join(words)
            if words:
                same.setdefault(joined, place)
            if length(words) >= SHINGLE:
                long[place] = joined
                size = run if length(words) >= run else len(words)
                by_run.setdefault(size, {})[place] = joined
        near = _Postings.build(long, SHINGLE)
        return cls(
            names,
            kept,
            same,
            {size: _Postings.build(by_run[size], size, COMMON) for size in sorted(by_run)},
            run,
            near,
            np.bincount(near.owners, minlength=len(names)).tolist(),
            threshold,
        )

    def match(self, text: str) -> Match | None:
        """The best match of `text` among the evaluation texts, if there is one."""
        ours = plain(text)
        text_tokens = tokens(ours)
        words = signed(text_tokens)
        same = self.same.get(" ".join(words))
        if same is not None:
            return self._whole(same, ours, "same", 1.0)
        if length(words) < SHINGLE:
            return None
        return self._run(ours, text_tokens, words) or self._near(ours, words)

    def _run(self, text: str, text_tokens: list[Token], words: list[str]) -> Match | None:
        """The longest run of words shared with any evaluation text."""
        best: tuple[int, int, int, int] | None = None
        for size, postings in self.runs.items():
            if size > len(words):
                continue
            for place in postings.shared(_hashes(words, size)):
                theirs = signed(tokens(self.texts[place]))
                shared, at, there = longest_run(words, theirs, size)
                if length(words[at : at + shared]) < min(self.run, length(theirs)):
                    continue
                if best is None or (shared, -place) > (best[0], -best[1]):
                    best = shared, place, at, there
        if best is None:
            return None
        shared, place, at, there = best
        other = self.texts[place]
        return Match(
            *self.names[place],
            "run",
            shared,
            excerpt(text, text_tokens, at, shared),
            excerpt(other, tokens(other), there, shared),
        )

    def _near(self, text: str, words: list[str]) -> Match | None:
        mine = _hashes(words, SHINGLE)
        ranked: list[tuple[bool, float, int]] = []
        for place, shared in self.near.shared(mine).items():
            jaccard = shared / (len(mine) + self.sizes[place] - shared)
            contained = shared / self.sizes[place]
            if jaccard >= self.threshold:
                ranked.append((True, jaccard, -place))
            elif contained >= self.threshold:
                ranked.append((False, contained, -place))
        if not ranked:
            return None
        near, value, place = max(ranked)
        return self._whole(-place, text, "near" if near else "contained", value)

    def _whole(self, place: int, text: str, way: Way, value: float) -> Match:
        return Match(*self.names[place], way, value, text[:_LONG], self.texts[place][:_LONG])


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Evaluations:
    """Evaluation problems: statements against statements, gold solutions against gold solutions.

    A solution of fewer than 13 words (a bare answer, one step) is like many others and proves
    nothing; it is left out on both sides.
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
                    if _telling(p.privileged_context)
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
        if not _telling(problem.privileged_context):
            return None
        matched = self.solutions.match(problem.privileged_context)
        return None if matched is None else replace(matched, field="solution")


def _telling(solution: str) -> bool:
    return length(signed(tokens(plain(solution)))) >= RUN


def _hashes(words: list[str], size: int) -> Hashes:
    return shingles(" ".join(words), Scheme(shingle=size))
