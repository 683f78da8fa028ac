"""Rules as rows of tables (`rules.toml`), each of which can be taken out; and the lexicon."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import resources
from typing import TypeVar

_FOLDER = resources.files(__package__)
LEXICON = tomllib.loads(_FOLDER.joinpath("lexicon.toml").read_text("utf-8"))
"""Units, facts, lists of words, LaTeX's commands and Unicode's signs: see `lexicon.toml`."""
_RULES = tomllib.loads(_FOLDER.joinpath("rules.toml").read_text("utf-8"))
_FRAGMENTS = _RULES.pop("fragments")
Element = TypeVar("Element")


class Table:
    """Patterns, one a row, searched for as one. A row is named by its pattern."""

    def __init__(self, frame: str, rows: str, lower: bool = False) -> None:
        self._flags = re.NOFLAG if lower else re.I
        self._frame = _filled(frame.replace("\n", ""))
        self.rows = tuple(re.sub(r"\\\n\s*", "", rows).split())
        self._compile(self.rows)

    def _compile(self, rows: tuple[str, ...]) -> None:
        alternatives = _filled("|".join(rows)).replace("_", r"\s+") or "(?!)"
        pattern = re.compile(self._frame.replace("{}", f"(?:{alternatives})"), self._flags)
        self.search, self.match, self.finditer = pattern.search, pattern.match, pattern.finditer

    @contextmanager
    def without(self, row: str) -> Iterator[None]:
        """The table with one row less, for the test that asks whether the row is needed."""
        self._compile(tuple(other for other in self.rows if other != row))
        try:
            yield
        finally:
            self._compile(self.rows)


def _filled(pattern: str) -> str:
    for name, fragment in _FRAGMENTS.items():
        pattern = pattern.replace(f"<{name}>", fragment.replace("\n", ""))
    return pattern


TABLES = {name: Table(**rule) for name, rule in _RULES.items()}
"""All tables of `rules.toml`, by name."""
LETTER = _filled("<letter>")
FILL = _filled("<fill>")


def listed(name: str) -> list[str]:
    """The words of a list of the lexicon, in its order."""
    words: str = LEXICON["words"][name]
    return words.split()


def words(text: str) -> frozenset[str]:
    """The words of a list of the lexicon, or of one that is written as running text."""
    return frozenset(LEXICON["words"].get(text, text).split())


_WORD = re.compile(r"[a-z]+|\d+(?:,\d+)*(?:\.\d+)?|\.\d+|[^\w\s]")


@lru_cache(maxsize=4096)
def vocabulary(text: str) -> frozenset[str]:
    """The words of a text, in small letters, its figures and signs: what it lacks need not be looked
    for. Figures that commas join are there together and apart."""
    found = frozenset(_WORD.findall(text.lower()))
    joined = [word for word in found if "," in word[1:]] if "," in text else []
    return found.union(*(word.split(",") for word in joined))


def outermost(elements: Iterable[Element], most: int = 60) -> list[Element]:
    """The first and the last of very many: a text that repeats itself must not cost the run."""
    every = list(elements)
    return every if len(every) <= most else every[: most // 2] + every[-(most // 2) :]
