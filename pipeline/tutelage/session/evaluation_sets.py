"""Opens the evaluation sets whose problems are to be left out."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tutelage.corpora import Corpus, evaluation, open_corpus
from tutelage.errors import CorpusError

Sets = list[tuple[str, Corpus]]
"""Evaluation sets by name."""

EVERY = "eval:all"
"""Every public evaluation set whose files are on this machine."""

_DATA = {".json", ".jsonl", ".ndjson", ".parquet"}
_ASKED = ("statement", "question", "problem", "prompt", "instruction", "text")
"""Fields that may hold the question of a record without an answer."""


def open_sets(paths: Iterable[str]) -> Sets:
    """The named evaluation sets. In a folder, each data file is a set.

    Raises:
        CorpusError: one of them does not exist, or contains no problem.
    """
    return [evaluation_set for path in paths for evaluation_set in _open(path)]


def _open(path: str) -> Sets:
    if path == EVERY:
        names = [f"eval:{name}" for name in evaluation.at_hand()]
        if not names:
            raise CorpusError(f"no evaluation set is at hand: {evaluation.absent('math-500')}")
        return [(name, open_corpus(name)) for name in names]
    if path.startswith("eval:"):
        return [(path, open_corpus(path))]
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return [(path if "://" in path else Path(path).name, _corpus(path))]
    files = sorted(
        file for file in folder.rglob("*") if file.is_file() and _DATA & set(file.suffixes)
    )
    if not files:
        raise CorpusError(f"no evaluation set in {path}: wanted JSONL, JSON or Parquet in it")
    return [(file.relative_to(folder).as_posix(), _corpus(str(file))) for file in files]


def _corpus(path: str) -> Corpus:
    """The corpus at `path`. Questions suffice: many evaluation sets are published without answers."""
    try:
        corpus = open_corpus(path)
        fault = _fault(corpus)
    except CorpusError as error:
        fault = str(error)
    if not fault:
        return corpus
    for field in _ASKED:
        with suppress(CorpusError):
            bare = open_corpus(path, {"statement": field, "answer": field})
            if not _fault(bare):
                return bare
    reason, unknown, _ = fault.partition(": say what is what")  # by --map, which is for corpora
    wanted = f": wanted a known format, or a question in one of {', '.join(_ASKED)}"
    raise CorpusError(f"no evaluation set: {reason}{wanted if unknown else ''}")


def _fault(corpus: Corpus) -> str:
    """Why none of the rows is a problem; empty if one is."""
    first = ""
    for row in corpus.rows():
        if row.problem is not None:
            return ""
        first = first or f"{row.failure}: {row.reason}"
    return first or "it has no rows"
