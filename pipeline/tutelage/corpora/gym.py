"""Any reasoning-gym data set as a corpus, with its own scorer as the verifier.

`reasoning-gym:chain_sum?size=500&seed=1&min_terms=3`: all options are the data set's own. The
gold's value is JSON that a verifier passes to the data set's `score_answer(answer, entry)`:

    {"dataset": "chain_sum", "answer": "-4", "entry": {...}, "literal": ""}

`answer` is null if the data set has only a scorer. JSON has no tuples. For scorers that compare
them (arc_agi and rearc compare grids of tuples), `literal` has the entry as a Python literal for
`ast.literal_eval`; otherwise it is empty.

Entries are generated one by one, so that a part of the corpus costs a part of the time.
"""

import ast
import importlib
import json
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tutelage import plugins, seeds
from tutelage.corpora.problem import make, plain
from tutelage.corpora.row import Corpus, Row
from tutelage.errors import BadRow, CorpusError
from tutelage.records import Gold, Problem


@dataclass(frozen=True, slots=True)
class ReasoningGym:
    """`reasoning-gym:NAME?size=1000&seed=0&...`."""

    spec: str
    dataset: str
    options: Mapping[str, object] = field(default_factory=dict)
    """Options of the data set; always contains `size` and `seed`."""
    makes: ClassVar[str] = "any of its data sets: reasoning-gym:NAME?size=1000&seed=0&OPTION=..."

    @property
    def name(self) -> str:
        """The data set's own name."""
        return self.dataset

    @classmethod
    def open(cls, spec: str, argument: str, options: Mapping[str, str]) -> Corpus:
        """The corpus of a spec.

        Raises:
            CorpusError: reasoning-gym is not installed, or has no such data set or option.
        """
        names = _names()
        if argument not in names:
            hint = plugins.nearest(argument, names) or "; some are chain_sum, graph_color"
            raise CorpusError(f"reasoning-gym has no data set {argument!r}{hint}")
        corpus = cls(spec, argument, {"size": 1000, "seed": 0} | _values(options))
        corpus.make()
        return corpus

    def rows(self, part: int = 0, parts: int = 1) -> Iterator[Row]:
        """See `Corpus`."""
        dataset = self.make()
        for index in range(part, len(dataset), parts):
            try:
                with _settled(self.dataset, self.options["seed"], index):
                    entry = dataset[index]
                problem = self._problem(entry)
            except BadRow as error:
                reason = f"{self.dataset}[{index}]: {error.reason}"
                yield Row(self.spec, index, None, error.failure, reason)
            else:
                yield Row(self.spec, index, problem)

    def make(self) -> Any:
        """Creates reasoning-gym's data set.

        Raises:
            CorpusError: it does not accept an option.
        """
        try:
            return _gym().create_dataset(self.dataset, **self.options)
        except (TypeError, ValueError, AssertionError) as error:
            raise CorpusError(
                f"{self.spec!r}: {self.dataset} refuses its options: {error}"
            ) from None

    def _problem(self, entry: Mapping[str, Any]) -> Problem:
        reference = _answer(entry)
        value = {
            "dataset": self.dataset,
            "answer": reference,
            "entry": dict(entry),
            "literal": repr(dict(entry)) if _tuples(entry) else "",
        }
        try:
            text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise BadRow("no-answer", f"the entry cannot be kept as JSON: {error}") from None
        return make(
            source=f"reasoning-gym-{self.dataset}",
            domain="reasoning",
            licence="Apache-2.0",
            statement=plain(entry.get("question")),
            gold=Gold("scorer", text),
            solution=f"The answer is {reference}." if reference else "",
        )


_EXAMPLES = ("example_answer", "example_correct_answer", "possible_answer")


def _answer(entry: Mapping[str, Any]) -> str | None:
    """The entry's answer, or the example in its metadata if many answers are right."""
    reference = entry.get("answer")
    for key in _EXAMPLES:
        reference = reference if reference is not None else entry.get("metadata", {}).get(key)
    return None if reference is None else plain(reference)


def _tuples(entry: Mapping[str, Any]) -> bool:
    """Whether the entry has a grid of tuples and consists of literals only."""
    values = entry.get("metadata", {}).values()
    if not any(
        isinstance(value, tuple) and value and isinstance(value[0], tuple) for value in values
    ):
        return False
    try:
        return bool(ast.literal_eval(repr(dict(entry))) == entry)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False


@contextmanager
def _settled(*parts: object) -> Iterator[None]:
    """Seeds Python's global random generator for one entry, because some data sets draw from it."""
    state = random.getstate()
    random.seed(seeds.seed(*map(str, parts)))
    try:
        yield
    finally:
        random.setstate(state)


def _values(options: Mapping[str, str]) -> dict[str, object]:
    """Parses numbers and booleans among the options; other values remain text."""
    values: dict[str, object] = {}
    for key, value in options.items():
        try:
            values[key] = json.loads(value.lower() if value in ("True", "False") else value)
        except ValueError:
            values[key] = value
    return values


def _gym() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("reasoning_gym")
    except ImportError:
        raise CorpusError(
            "reasoning-gym is not installed: pip install 'tutelage[reasoning]'"
        ) from None


def _names() -> list[str]:
    _gym()
    return sorted(importlib.import_module("reasoning_gym.factory").DATASETS)
