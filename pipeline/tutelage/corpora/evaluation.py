"""Named evaluation sets: `eval:math-500` reads the public files if they are on this machine.

`eval:NAME?view=full` ignores the shards of sharded problems. A set is looked up, in this order, in

    $TUTELAGE_EVAL/NAME/       files provided by the user
    <cache>/eval/NAME/         this program's cache
    the hub's own cache        where `hf download` or `load_dataset` stores files

and if it is in none of them, the error says how to get it. Nothing is downloaded here, and no set
is part of this program. Every problem has the split `test`.

Omni-MATH has no splits. A digest of the statement selects 500 problems to hold out (`omni-math`);
the others may be trained on (`omni-math-train`), as the paper does with 2,000 of them.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from tutelage import models, plugins, seeds
from tutelage.corpora.row import Corpus, Row
from tutelage.errors import CorpusError

_HELD_OUT = 500


@dataclass(frozen=True, slots=True)
class Known:
    """A public evaluation set."""

    hub: str
    """Its repository on the Hugging Face hub."""
    licence: str
    about: str
    files: tuple[str, ...] = ("**/*.jsonl*", "**/*.json", "**/*.parquet")
    """Glob patterns of its data files; the first one with matches is used."""
    format: str = ""
    """Format of the files; empty to detect it from the first rows."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Mapping for the generic format, if no other format fits."""
    domain: str = ""
    """Keep only rows of this domain; empty for all."""
    held_out: bool | None = None
    """For a set without splits: true for the held-out part, false for the rest, None for all."""


_AIME = {"statement": "problem", "answer": "answer"}

SETS: dict[str, Known] = {
    "lic-math": Known(
        "microsoft/lost_in_conversation", "CDLA-Permissive-2.0",
        "Lost in Conversation, GSM8K in shards", format="lic", domain="math",
    ),
    "lic-code": Known(
        "microsoft/lost_in_conversation", "CDLA-Permissive-2.0",
        "Lost in Conversation, HumanEval and LiveCodeBench in shards", format="lic", domain="code",
    ),
    "livecodebench": Known(
        "livecodebench/code_generation_lite", "CC",
        "LiveCodeBench, code generation", ("**/test*.jsonl",), "livecodebench",
    ),
    "omni-math": Known(
        "KbsdJames/Omni-MATH", "Apache-2.0", "Omni-MATH, 500 held-out problems",
        format="omni-math", held_out=True,
    ),
    "omni-math-train": Known(
        "KbsdJames/Omni-MATH", "Apache-2.0", "Omni-MATH without the 500 that are held out",
        format="omni-math", held_out=False,
    ),
    "math-500": Known("HuggingFaceH4/MATH-500", "MIT", "500 test problems of MATH", format="math"),
    "aime-2024": Known("HuggingFaceH4/aime_2024", "unknown", "AIME I and II of 2024", fields=_AIME),
    "aime-2025": Known("math-ai/aime25", "unknown", "AIME I and II of 2025", fields=_AIME),
}  # fmt: skip
"""Name -> set. `omni-math-train` is not an evaluation set; it is listed next to its other part."""


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """`eval:NAME?view=shards|full`."""

    spec: str
    name: str
    view: str
    files: Corpus
    makes: ClassVar[str] = f"public evaluation sets: eval:NAME, NAME of {', '.join(SETS)}"

    @classmethod
    def open(cls, spec: str, argument: str, options: Mapping[str, str]) -> Corpus:
        """The corpus of a spec.

        Raises:
            CorpusError: there is no such set, it is not on this machine, or an option is wrong.
        """
        if argument not in SETS:
            hint = plugins.nearest(argument, SETS)
            raise CorpusError(
                f"no evaluation set is called {argument!r}{hint}; have {', '.join(SETS)}"
            )
        view = options.get("view", "shards")
        if set(options) - {"view"} or view not in ("shards", "full"):
            raise CorpusError(f"{spec!r}: the one option is view=shards or view=full")
        paths = files(argument)
        if not paths:
            raise CorpusError(absent(argument))
        return cls(spec, argument, view, _joined(spec, SETS[argument], paths))

    def rows(self, part: int = 0, parts: int = 1) -> Iterator[Row]:
        """See `Corpus`. Skips rows of other domains and of the other part."""
        known = SETS[self.name]
        kept = _held_out(self.files) if known.held_out is not None else frozenset()
        for row in self.files.rows(part, parts):
            if (problem := row.problem) is None:
                if row.failure != "unsupported-task":
                    yield replace(row, source=self.spec)
                continue
            if known.domain and problem.domain != known.domain:
                continue
            if known.held_out is not None and (problem.problem_id in kept) != known.held_out:
                continue
            hint_shards = () if self.view == "full" else problem.hint_shards
            split = "train" if known.held_out is False else "test"
            named = replace(problem, source=self.name, split=split, hint_shards=hint_shards)
            yield replace(row, source=self.spec, problem=named)


def at_hand() -> list[str]:
    """Names of the evaluation sets whose files are on this machine."""
    return [name for name, known in SETS.items() if known.held_out is not False and files(name)]


def absent(name: str) -> str:
    """How to get a set that is not on this machine, in one line."""
    known = SETS[name]
    return (
        f"eval:{name} ({known.about}; licence {known.licence}) is not on this machine: "
        f"`hf download {known.hub} --repo-type dataset`, or put its files into {_own()[-1] / name}"
    )


def files(name: str) -> list[Path]:
    """The data files of a set, sorted; empty if it is not on this machine."""
    known = SETS[name]
    for folder in [*(folder / name for folder in _own()), *_snapshots(known.hub)]:
        for pattern in known.files:
            if paths := sorted(path for path in folder.glob(pattern) if path.is_file()):
                return paths
    return []


def _own() -> list[Path]:
    named = os.environ.get("TUTELAGE_EVAL")
    return [*([Path(named).expanduser()] if named else []), models.cache() / "eval"]


def _snapshots(hub: str) -> list[Path]:
    """Snapshots of a data set in the hub's cache, newest first."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    folder = cache / f"datasets--{hub.replace('/', '--')}" / "snapshots"
    return sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)


def _joined(spec: str, known: Known, paths: list[Path]) -> Corpus:
    from tutelage import corpora
    from tutelage.corpora.files import Files
    from tutelage.corpora.generic import Generic

    if known.fields:
        return Files(spec, tuple(map(str, paths)), Generic(dict(known.fields), "eval"))
    reader = corpora.load(known.format, corpora.FORMATS, "format")()
    return Files(spec, tuple(map(str, paths)), reader)


def _held_out(corpus: Corpus) -> frozenset[str]:
    """The 500 problems with the lowest digests, whatever the order of the files."""
    statements = {
        row.problem.problem_id: row.problem.statement for row in corpus.rows() if row.problem
    }
    order = sorted(statements, key=lambda key: seeds.digest("held out", statements[key]))
    return frozenset(order[:_HELD_OUT])
