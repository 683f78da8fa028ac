"""Corpora: sources of problems. `open_corpus(spec).rows()` streams them.

A corpus is read from files through a format, or made by a generator. Both tables are open: wherever
a name is accepted, a dotted `package.module:Class` is too. A format has the methods of `Format`. A
generator has `open(spec, argument, options)`, which returns a `Corpus`, and `makes`, a description.
This package only yields problems: it judges no answers and removes no duplicates.

    row, problem              types of corpus, row and format; how a Problem is made
    paths, containers, files  finding files, reading their records, making rows of them
    gsm8k, svamp, ...         one module per format: converts a record to a problem
    hub                       a table of the columns of data sets on the hub
    fields, code_tests        values in their stored forms; code tests in all their forms
    starter, stories, gym     generated corpora
    evaluation                public evaluation sets by name
    mutants, near, check      right, wrong and nearly right answers for testing a verifier
    cuts                      cutting a problem into shards
    source                    parsing Python sources without running them
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tutelage import plugins
from tutelage.corpora.row import LONGEST_ROW, Corpus, Format, Record, Row
from tutelage.errors import BadRow, CorpusError

__all__ = ["FORMATS", "GENERATORS", "Corpus", "Format", "Record", "Row", "open_corpus"]

FORMATS: dict[str, str] = {
    "tutelage": "tutelage.corpora.native:Native",
    "lic": "tutelage.corpora.lic:Lic",
    "gsm8k": "tutelage.corpora.gsm8k:Gsm8k",
    "svamp": "tutelage.corpora.svamp:Svamp",
    "humaneval": "tutelage.corpora.humaneval:HumanEval",
    "mbpp": "tutelage.corpora.mbpp:Mbpp",
    "livecodebench": "tutelage.corpora.livecodebench:LiveCodeBench",
    "opencodeinstruct": "tutelage.corpora.opencodeinstruct:OpenCodeInstruct",
    "omni-math": "tutelage.corpora.competition:OmniMath",
    "hub": "tutelage.corpora.hub:Hub",
    "math": "tutelage.corpora.competition:Math",
    "generic": "tutelage.corpora.generic:Generic",
}
"""Format name -> class, in the order in which they are tried on an unknown file."""

GENERATORS: dict[str, str] = {
    "starter": "tutelage.corpora.starter:Starter",
    "reasoning-gym": "tutelage.corpora.gym:ReasoningGym",
    "eval": "tutelage.corpora.evaluation:EvaluationSet",
}
"""Generators of corpora: `name:argument?option=value&...`."""

_FORMAT = ("fits", "problem", "reads")
_FORCED = re.compile(r"([A-Za-z_][\w.:-]*)=(.+)", re.DOTALL)


def open_corpus(
    spec: str, fields: Mapping[str, str] = {}, format: str = "", longest_row: int = LONGEST_ROW
) -> Corpus:
    """Opens the corpus that a spec names.

    Args:
        spec: `starter?size=500`, a path, a glob, a URL, or one of these as `format=path`.
        fields: a mapping for the generic format, such as `{"statement": "question"}`.
        format: name of the format; empty to detect it from the first rows.
        longest_row: size limit of a row in bytes; a longer row becomes a dead letter.

    Raises:
        CorpusError: there is no such corpus, or its rows have no known format.
    """
    if generator := _generated(spec):
        if fields or format:
            raise CorpusError(f"{spec!r} is made, not read: it takes no format and no mapping")
        return generator
    try:
        return _read(spec, fields, format, longest_row)
    except OSError as error:
        raise CorpusError(f"{spec!r} cannot be read: {error}") from error


def _read(spec: str, fields: Mapping[str, str], format: str, longest_row: int) -> Corpus:
    path = spec
    if not format and (match := _FORCED.fullmatch(spec)) and not Path(spec).exists():
        format, path = match.groups()
    if format and fields and format != "generic":
        raise CorpusError(f"a mapping goes with the generic format, not with {format!r}: drop one")
    return _from_files(spec, path, dict(fields), "generic" if fields else format, longest_row)


def load(name: str, table: Mapping[str, str], kind: str, needs: tuple[str, ...] = ()) -> Any:
    """The class behind a name in a table, or behind a dotted `package.module:Class`.

    Raises:
        CorpusError: there is none, or it lacks one of the attributes in `needs`.
    """
    return plugins.load(name, table, kind, needs, CorpusError)


def _generated(spec: str) -> Corpus | None:
    head, _, query = spec.partition("?")
    name, _, argument = head.partition(":")
    if name not in GENERATORS:
        if not plugins.is_dotted(head) or Path(spec).exists():
            return None
        name, argument = head, ""
    options = dict(parse_qsl(query, keep_blank_values=True))
    corpus: Corpus = load(name, GENERATORS, "generator", ("open", "makes")).open(
        spec, argument, options
    )
    return corpus


def _from_files(
    spec: str, path: str, fields: dict[str, str], format: str, longest_row: int
) -> Corpus:
    from tutelage.corpora.files import Files, sample, stem
    from tutelage.corpora.generic import Generic
    from tutelage.corpora.paths import find

    reader: Format | None = None
    if format and format != "generic":
        reader = load(format, FORMATS, "format", _FORMAT)()
    if fields or format == "generic":
        reader = Generic(fields)
    try:
        paths = find(path)
    except CorpusError as error:
        raise CorpusError(f"{error}{plugins.nearest(spec, GENERATORS)}") from None
    records = sample(paths, spec, longest_row)
    if fields and reader and not any(reader.fits(record) for record in records):
        raise CorpusError(
            f"no row of {spec!r} has {fields.get('statement', 'statement')!r} for its statement: "
            f"its fields are {', '.join(sorted(records[0]))}"
        )
    if reader is None:
        reader = _recognised(records, spec)
    if isinstance(reader, Generic):
        reader = Generic(fields, stem(paths[0]))
        _refuse_no_text(reader, records, spec)
    return Files(spec, paths, reader, longest_row=longest_row)


def _refuse_no_text(reader: Format, records: list[Record], spec: str) -> None:
    """Raises the first reason if the mapping leads to no text in any of the first rows."""
    reasons = []
    for record in records:
        try:
            reader.problem(record, "train")
            return
        except BadRow as error:
            if error.failure != "no-text":
                return
            reasons.append(error.reason)
    raise CorpusError(f"{spec!r}: {reasons[0]}: say so with --map")


def _recognised(records: list[Record], spec: str) -> Format:
    """The first format in the table that fits the earliest of the records.

    Raises:
        CorpusError: no format fits any record.
    """
    known: list[Format] = [load(name, FORMATS, "format", _FORMAT)() for name in FORMATS]
    for record in records:
        for reader in known:
            if reader.fits(record):
                return reader
    raise CorpusError(
        f"the rows of {spec!r} are of no known format (fields: {', '.join(sorted(records[0]))}): "
        "say what is what with --map statement=FIELD,answer=FIELD, or see `tutelage corpus list`"
    )
